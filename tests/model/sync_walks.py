"""Walk the sync protocol, and what the walks must come to: ``python -m tests.model.sync_walks [--deep]``.

An exhaustive model of one link, after the one of a charge (``tests.model``), from which it has the explorer. Driven,
not copied: the table of states (``core.kinds.sync``), and what follows from a look: which copy is dead, who names
another, what may be detached (``core.objects.link``). Copied by hand, and to be kept in step: the decisions of
``flow.kinds.sync``.

Modelled
    One line of one link, whose platform method changes once or twice; one or two runners on one ledger without a lock,
    or a ledger each; kills between any two steps; requests and answers lost, requests of each kind that arrive at any
    later time; keys forgotten at any moment, or never known; a subscription that names the copy itself, or follows the
    customer; one that somebody makes meanwhile on any copy that is attached, and a default set by hand; refusals that
    no repeat changes; a look whose four reads are each of their own moment.

Abstracted, each towards more behaviour
    Clocks and budgets: who gives up may also go on. A clone of which nobody will ever learn the id is left out: it is
    attached to nothing. A refusal may come at any send.

Left out
    Names and addresses: they ride on the repoint, and a line of them alone makes no copy. Of 5xx only that the answer
    is lost: what is stored under a key is met by ``keys=kept``.

Bounded
    Copies (``copies``), late requests (``delayed``, one of each kind), subscriptions, growth of a key's number.

Assumed
    Commits are atomic and durable. A detached method is refused for ever, as a default too. A read shows what is there.

Laws
    ``none``        no copy is attached: nobody can pay
    ``dead``        called in step, and a default is a detached copy, now or later
    ``drift``       called in step, and a default is an older copy than the line's, or the platform was seen newer
    ``gap``         nothing went wrong, and yet a default was dead for a moment
    ``hidden``      called failed, and something names a copy of this line
    ``impossible``  the table refused what the flow wanted to write
    ``stuck``       a state from which no end can be reached without a further fault

Left, and known
    Where the platform changes twice: a repoint that is late by a whole sync and falls between the check and the
    detach, and the process is killed before its last read, and nobody continues it: then a default is dead until the
    next sync. Detaching cannot be made conditional; never detaching would leave removed cards chargeable.
"""

import sys

from tests.model import sync_rejected as without
from tests.model.sync_rejected import TwoLedgers
from tests.model.sync_runner import Shipped
from tests.model.sync_stripe import Rules
from tests.model.walking import Walk, main

EACH = 5
# One late request of each kind.


def two(**setting: object) -> Rules:
    """Return a setting of two runners."""
    return Rules(runners=2, **setting)  # type: ignore[arg-type]


CALM = Rules(losses=False, delays=False, kills=False)
CHANGE: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(CALM),
        Shipped(Rules(delayed=EACH, refusals=True, changes=2)),
        Shipped(Rules(delayed=EACH, own=False, changes=2)),
        Shipped(Rules(delayed=2, changes=2, made=1)),
        Shipped(Rules(delayed=2, keys="pruned", made=1)),
        Shipped(Rules(delayed=2, keys="kept", changes=2, meddles=True)),
        Shipped(two(delayed=EACH)),
        Shipped(two(changes=2, copies=4)),
        TwoLedgers(Shipped(two(copies=4))),
        TwoLedgers(Shipped(two(copies=4, own=False, delayed=2))),
        TwoLedgers(Shipped(two(copies=4, changes=2, strict=False, delays=False, losses=False))),
    )
)
# The shipped design, on every change: each in seconds. Kills, lost answers and late sends are part of most.

DEEP: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(Rules(delayed=EACH, changes=2, made=1, refusals=True)),
        Shipped(Rules(delayed=EACH, changes=3)),
        Shipped(two(delayed=2, changes=2)),
        Shipped(two(delayed=2, keys="pruned")),
        TwoLedgers(Shipped(two(delayed=EACH, copies=4))),
        TwoLedgers(Shipped(two(copies=4, changes=2, strict=False))),
        TwoLedgers(Shipped(two(copies=3, back=True, strict=False, own=False))),
    )
)
# With --deep: minutes.

REJECTED: tuple[Walk, ...] = (
    Walk(without.DetachFirst(CALM), "gap"),
    Walk(without.CheckDetachDone(Rules(changes=2, delayed=EACH)), "dead"),
    Walk(without.CheckDetachDone(Rules(made=1)), "dead"),
    Walk(TwoLedgers(without.EveryOtherIsDetached(two())), "none"),
    Walk(TwoLedgers(without.OldCopyIsReused(two(back=True, own=False, copies=3))), "dead"),
    Walk(without.PlatformIsRemembered(Rules(changes=2)), "drift"),
    Walk(without.SubscriptionsFollow(Rules()), "dead"),
    Walk(without.SameNumberAgain(Rules(keys="kept", meddles=True)), "stuck"),
    Walk(without.RefusedIsFailed(Rules(refusals=True, changes=2)), "hidden"),
)


if __name__ == "__main__":
    sys.exit(main("sync_walks", "One link, one Stripe.", (*CHANGE, *REJECTED), DEEP, sys.argv[1:]))
