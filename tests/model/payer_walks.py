"""Walk the protocol of payers, and what the walks must come to: ``python -m tests.model.payer_walks [--deep]``.

An exhaustive model of one payer, after the one of a refund (``tests.model.refund_walks``), with the explorer of a
charge. Driven, not copied: the table of states, what a read of an invitation concludes (``core.kinds.payer``), where an
invitation stands and which saved method is the newest (``core.objects.setup``), and the meaning of every answer
(``core.classify``). Copied by hand, and to be kept in step: the decisions of ``flow.kinds.payer``.

Modelled
    One payer; one or two runners on one ledger without a lock (a run, a click on the page, `settle`), or a ledger each;
    kills between any two steps; requests and answers lost, requests that arrive at any later time; 5xx, stored or not,
    of work done or not; keys forgotten after a day; lists of customers and of first payments that lack the youngest;
    invitations that their payer completes, that wait for a bank and are refused by it, that end by themselves; methods
    that are gone as soon as they are saved; first payments.

Abstracted, each towards more behaviour
    Budgets and clocks, versions and sending are as in the model of a charge. A click may come at any time, the last day
    of a link too. What a payer abandons is an invitation that stays open.

Bounded
    Two customers; two or three invitations; requests on their way without a sender (``delayed``); days on which keys
    are forgotten.

Assumed
    Commits are atomic and durable. A key is known for a day, and whatever was executed is known under it. A list lacks
    a created object no longer than its key is known. An intent that ended is never completed. A method that is not
    attached cannot become a default. Success and attaching are one moment.

Laws
    ``double``      more than one customer of one payer is on record
    ``paid_twice``  more than one first payment was taken
    ``hidden``      failed or skipped, and something was saved or paid by an invitation that the payer had
    ``dead``        succeeded, and the default is not a method that is attached
    ``older``       all is over, nothing is on its way, and the default is not the newest saved method
    ``impossible``  the table refused what the flow wanted to write
    ``stuck``       a state that is no end, and from which none can be reached without a further fault. Where the
                    payer's click, or the bank, comes next, it may rest
"""

import sys

from tests.model import payer_rejected as without
from tests.model.payer_rejected import TwoLedgers
from tests.model.payer_runner import Shipped
from tests.model.payer_stripe import Rules
from tests.model.walking import Walk, main


def one(**setting: object) -> Rules:
    """Return a setting of one runner."""
    return Rules(runners=1, **setting)  # type: ignore[arg-type]


def kept(**setting: object) -> Rules:
    """Return a setting in which keys are forgotten after a day; of a default, nothing arrives late."""
    return Rules(keys="pruned", late=False, **setting)  # type: ignore[arg-type]


CHANGE: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(one(errors=True, keys="pruned", stale=True, setups=1, attempts=1)),
        Shipped(one(errors=True, keys="pruned", delays=False, days=2)),
        Shipped(Rules(errors=True, keys="pruned", setups=1, attempts=1)),
        Shipped(Rules(vanishes=True, expires=True)),
        Shipped(Rules(pays=True, vanishes=True, waits=True, expires=True)),
        Shipped(one(detached=True, foreign=True, refusals=True)),
        Shipped(one(pays=True, vanishes=True, detached=True, foreign=True, refusals=True)),
        Shipped(one(waits=True, vanishes=True, delayed=2)),
        TwoLedgers(Shipped(kept(attempts=1, delays=False))),
        TwoLedgers(Shipped(kept(stale=True, setups=1, attempts=1))),
        TwoLedgers(Shipped(kept(pays=True, vanishes=True, attempts=1))),
    )
)
# The shipped design, on every change: each in seconds. Kills, lost answers and late sends are part of every one.

DEEP: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(Rules(waits=True, vanishes=True, expires=True, delayed=2)),
        Shipped(Rules(errors=True, keys="pruned", stale=True, vanishes=True)),
        Shipped(one(vanishes=True, expires=True, setups=3, attempts=3, waits=True)),
        Shipped(one(pays=True, vanishes=True, expires=True, delayed=2, setups=3, attempts=3)),
        TwoLedgers(Shipped(kept(attempts=1))),
        TwoLedgers(Shipped(kept(errors=True, setups=1, attempts=1))),
        TwoLedgers(Shipped(Rules(keys="kept", late=False))),
        TwoLedgers(Shipped(kept(pays=True, stale=True, attempts=1))),
        TwoLedgers(Shipped(Rules(keys="kept", late=False, pays=True, expires=True))),
        TwoLedgers(Shipped(kept(pays=True, days=2))),
    )
)
# With --deep: minutes.

REJECTED: tuple[Walk, ...] = (
    Walk(TwoLedgers(without.NoLook(kept(setups=1, attempts=1))), "double"),
    Walk(TwoLedgers(without.OldList(kept(setups=1, attempts=1))), "double"),
    Walk(without.SecretFirst(one()), "hidden"),
    Walk(without.NoFence(one()), "hidden"),
    Walk(without.AnswerIsTheEnd(one()), "hidden"),
    Walk(without.OverByCalendar(one()), "hidden"),
    Walk(without.MethodUnread(one(vanishes=True)), "dead"),
    Walk(without.SameKey(one(errors=True, keys="kept", delays=False, late=False, setups=1, attempts=1)), "stuck"),
    Walk(without.PaidAgain(one(pays=True, vanishes=True)), "paid_twice"),
    Walk(without.WithoutCompareAndSet(Rules()), "hidden"),
    Walk(TwoLedgers(without.OwnMethod(Rules(keys="kept", late=False))), "older"),
    Walk(TwoLedgers(without.NoOffers(kept(pays=True))), "paid_twice"),
)

LEFT: tuple[Walk, ...] = (Walk(TwoLedgers(Shipped(Rules(keys="kept", delays=False))), "older"),)
# What is known to be left: two ledgers, two methods of one payer, and a default that arrives later than all of it. The
# older one wins; it works, and is the payer's own.


if __name__ == "__main__":
    sys.exit(main("payer_walks", "One payer, one Stripe.", (*CHANGE, *REJECTED, *LEFT), DEEP, sys.argv[1:]))
