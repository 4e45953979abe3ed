"""Walk the cancellation protocol, and what the walks must come to: ``python -m tests.model.cancel_walks [--deep]``.

An exhaustive model of one cancellation, with the explorer of the charge's (``tests.model``). Driven, not copied: the
table of states, what a round consists of (``core.kinds.cancellation``), and where an end stands by all that a read and
a list show (``core.objects.cancellation``). Copied by hand, and to be kept in step: the decisions of
``flow.kinds.cancellation``.

Modelled
    One subscription to end, now or with its period; one or two runners on one ledger without a lock; kills between any
    two steps; requests and answers lost, and requests that arrive at any later time; limiters, refusals, 5xx that did
    the work or not; lists that lack the newest invoice; renewals, invoices that are opened, paid, or with a bank;
    others who cancel, or take an end back.

Abstracted, each towards more behaviour
    Budgets, clocks and versions are as in the model of a charge. A key is new in each round, so that every arrival does
    its work: keys save nothing here, and are left out.

Bounded
    Two invoices; ``delayed`` requests on their way without a sender; others meddle once.

Assumed
    Commits are atomic and durable. What is over never lives again and draws no invoice; what is void or paid stays so.

Laws
    ``hidden``       failed or skipped, and a request of ours has ended it, or does so later
    ``collectable``  cancelled now, and it runs, or an invoice of it may still be collected
    ``false``        cancelled with its period, and no end was ever set
    ``share``        the same, and the platform still takes its share, which was to be cleared
    ``impossible``   the table refused what the flow wanted to write
    ``stuck``        a state from which no end can be reached without a further fault
"""

import sys

from billing.core.items import When
from tests.model import cancel_rejected as without
from tests.model.cancel_runner import Shipped
from tests.model.cancel_stripe import Rules
from tests.model.walking import Walk, main


def one(**setting: object) -> Rules:
    """Return a setting of one runner."""
    return Rules(runners=1, **setting)  # type: ignore[arg-type]


LATER = When.PERIOD_END
CHANGE: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(Rules(invoices=1, errors=True)),
        Shipped(one(fee=True, errors=True, refusals=True, others=True, closing=True)),
        Shipped(one(stale=True, before="", bank_voids=True, delayed=2)),
        Shipped(Rules(invoices=1, before="", refusals=True, closing=True)),
        Shipped(Rules(when=LATER, fee=True, invoices=0, before="", others=True, refusals=True)),
        Shipped(one(when=LATER, fee=True, errors=True, others=True, closing=True, refusals=True, delayed=2)),
    )
)
# The shipped design, on every change. Kills, lost answers and late sends are part of every one.

DEEP: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(Rules(errors=True, refusals=True, others=True, stale=True)),
        Shipped(Rules(fee=True, invoices=1, errors=True, refusals=True, others=True, closing=True, delayed=2)),
        Shipped(Rules(when=LATER, fee=True, errors=True, refusals=True, others=True, closing=True, delayed=2)),
        Shipped(one(invoices=3, stale=True, errors=True, refusals=True, others=True, delayed=2)),
    )
)
# With --deep: minutes.

REJECTED: tuple[Walk, ...] = (
    Walk(without.AnswerDecides(one()), "collectable"),
    Walk(without.CancelAlone(one()), "collectable"),
    Walk(without.DraftsAreNothing(one(before="")), "collectable"),
    Walk(without.VoidFirst(one(before="")), "collectable"),
    Walk(without.ListBelieved(one(before="", stale=True)), "collectable"),
    Walk(without.RefusalIsFailure(one(before="", refusals=True)), "hidden"),
    Walk(without.RefusalUnread(one(before="")), "hidden"),
    Walk(without.KillsAreForgotten(one(before="", refusals=True)), "hidden"),
    Walk(without.ClosedInFlight(one(before="", closing=True)), "hidden"),
    Walk(without.OneKey(one(when=LATER, others=True, invoices=0, before="")), "stuck"),
    Walk(without.EndBeforeShare(one(when=LATER, fee=True)), "share"),
    Walk(without.WithoutCompareAndSet(Rules(before="", invoices=0, refusals=True)), "hidden"),
)


if __name__ == "__main__":
    sys.exit(main("cancel_walks", "One end, one Stripe.", (*CHANGE, *REJECTED), DEEP, sys.argv[1:]))
