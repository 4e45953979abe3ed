"""Walk the protocol of subscribing, and what walks must come to: ``python -m tests.model.subscribe_walks [--deep]``.

An exhaustive model of one line that is to be subscribed, after the ones of a charge and a refund, from which it has the
explorers. Driven, not copied: the table of states, where a subscription stands by what two reads show of it
(``core.objects.subscription``), what is written then (``core.kinds.subscription.shows``), and the meaning of every
answer to a payment (``core.objects.invoice``, ``core.classify``). Copied by hand, and to be kept in step: the decisions
of the flow of subscriptions.

Modelled
    One line; one or two runners on one ledger without a lock, or a ledger each; kills between any two steps; requests
    and answers lost, requests that arrive at any later time; limiters, refusals, 5xx stored or not; keys forgotten at
    any moment, never known, or by their age; debits that are with the bank, and refused or paid later, with renewals
    paid meanwhile; incomplete subscriptions that expire, fuses that burn; somebody who cancels in the Dashboard; an
    operator who gives up at any moment; cancelling that voids the open invoice or not, voiding that kills an incomplete
    subscription, leaves it, or makes it active.

Abstracted, each towards more behaviour
    The two reads of a look are of different moments. Budgets and versions are as in the model of a charge. The steps
    before the open leave nothing behind that counts, and are walked in one setting only.

Bounded
    Two subscriptions of the line; requests on their way without a sender (``delayed``); two attempts; one renewal; one
    growth of a payment's key.

Assumed
    Commits are atomic and durable. An invoice is paid at most once, and never after it is void. A dead subscription
    never lives again. An incomplete one is dead before its key may be forgotten: 23 hours against 24. Nobody pays the
    invoice of a subscription that no ledger has on record.

Laws
    ``double``      two subscriptions of the line were paid, or will be
    ``hidden``      failed or skipped, and one was paid or will be; elsewhere, and ours was or will be
    ``charged``     a subscription renews that nobody has paid for or started: it was being given up
    ``false``       called subscribed, and it was neither paid nor started; ended, and the same, or alive
    ``impossible``  the table refused what the flow wanted to write
    ``stuck``       a state from which no end can be reached without a further fault

What it showed
    In no walk do two ledgers come to have two subscriptions on record, so that ``found_elsewhere`` is never written:
    like a charge's licence for the confirm it is the second line of defence, for requests that are a day late.
    Two ledgers with something due *and* requests that are late came to no end: six million states, none of them wrong.
"""

import sys

from tests.model import subscribe_rejected as without
from tests.model.explorer import Found
from tests.model.pairs import PairWalk
from tests.model.subscribe_rejected import TwoLedgers
from tests.model.subscribe_runner import Shipped
from tests.model.subscribe_stripe import Rules
from tests.model.walking import Walk, main


def side_by_side(walk: Walk) -> Found:
    """Walk two ledgers, each with the states of the other."""
    return PairWalk(walk.design, stop=bool(walk.caught)).explore()


def walk_of(design: Shipped | TwoLedgers, caught: str = "") -> Walk:
    """Return the walk of a design as its ledgers ask for it."""
    return Walk(design, caught, side_by_side) if isinstance(design, TwoLedgers) else Walk(design, caught)


def one(**setting: object) -> Rules:
    """Return a setting of one runner."""
    return Rules(runners=1, **setting)  # type: ignore[arg-type]


def apart(**setting: object) -> Rules:
    """Return a setting of two ledgers, in which ages decide what is forgotten."""
    return Rules(keys="aged", **setting)  # type: ignore[arg-type]


CHANGE: tuple[Walk, ...] = tuple(
    walk_of(design)
    for design in (
        Shipped(one(linking=True, dashboard=True, attempts=2, refusals=True)),
        Shipped(Rules(losses=False, operator=False, kills=False)),
        Shipped(one(keys="pruned", delays=False, errors=True)),
        Shipped(one(debits=True, attempts=2, dashboard=True, voiding="revives")),
        Shipped(Rules(debits=True, losses=False, delays=False, voiding="nothing", cancel_voids=True)),
        Shipped(one(due=False, dashboard=True, errors=True, keys="pruned")),
        Shipped(Rules(due=False, dashboard=True)),
        TwoLedgers(Shipped(apart(delays=False, same=False))),
        TwoLedgers(Shipped(apart(delays=False, losses=False, kills=False, due=False, dashboard=True))),
    )
)
# The shipped design, on every change: each in seconds. Kills, lost answers and late sends are part of most.

DEEP: tuple[Walk, ...] = tuple(
    walk_of(design)
    for design in (
        Shipped(Rules()),
        Shipped(Rules(losses=False, operator=False)),
        Shipped(Rules(losses=False, debits=True)),
        Shipped(one(keys="pruned", errors=True)),
        Shipped(Rules(debits=True, attempts=2, dashboard=True, losses=False, delays=False)),
        TwoLedgers(Shipped(apart(delays=False, dashboard=True))),
        TwoLedgers(Shipped(apart(losses=False, operator=False, due=False))),
        TwoLedgers(Shipped(apart(delays=False, losses=False, debits=True))),
    )
)
# With --deep: minutes.

REJECTED: tuple[Walk, ...] = (
    walk_of(without.OneCallUnlisted(one(keys="pruned")), "double"),
    walk_of(without.OneCall(one()), "double"),
    walk_of(without.CancelOnly(one()), "hidden"),
    walk_of(without.VoidFirst(one(voiding="revives")), "charged"),
    walk_of(without.FirstInvoiceOnly(one(debits=True)), "hidden"),
    walk_of(without.NoFence(one(dashboard=True)), "stuck"),
    walk_of(without.NoFuse(one(due=False)), "double"),
    walk_of(without.NoMark(one(due=False, dashboard=True)), "hidden"),
    walk_of(without.LostIsFailed(one()), "hidden"),
    walk_of(without.WithoutCompareAndSet(Rules()), "hidden"),
    walk_of(TwoLedgers(without.Unlisted(apart())), "double"),
    walk_of(TwoLedgers(without.Grown(apart(errors=True, delays=False, losses=False, operator=False))), "double"),
)


if __name__ == "__main__":
    sys.exit(main("subscribe_walks", "One line, one Stripe.", (*CHANGE, *REJECTED), DEEP, sys.argv[1:]))
