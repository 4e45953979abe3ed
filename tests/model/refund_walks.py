"""Walk the refund protocol, and what the walks must come to: ``python -m tests.model.refund_walks [--deep]``.

An exhaustive model of one refund, after the one of a charge (``tests.model``), from which it has the explorer. Driven,
not copied: the table of states, what a look concludes (``core.kinds.refund``), where a refund stands by all that a
charge and a list show, and the meaning of every answer (``core.objects.refund``, ``core.classify``). Copied by hand,
and to be kept in step: the decisions of ``flow.kinds.refund``.

Modelled
    One refund of one charge; one or two runners on one ledger without a lock, or a ledger each; kills between any two
    steps; requests and answers lost, refunds that arrive at any later time; limiters, refusals, 5xx stored or not; keys
    forgotten at any moment, or never known; lists that lack what was created lately and show what a refund was before;
    pending refunds, counted by the charge or not; refunds that banks return; refunds by others, of a part or of all;
    disputes that bar a refund and are won.

Abstracted, each towards more behaviour
    Budgets and clocks, versions and sending are as in the model of a charge. A list is never younger than the charge
    that is read after it. Requests of both ledgers arrive under the same keys.

Bounded
    Three refunds of a charge; refunds on their way without a sender (``delayed``); one dispute; one growth of a key.

Assumed
    Commits are atomic and durable. Stripe never gives back more than was charged. A bank returns no refund later than
    ``flow.kinds.refund.look.RETURN_DAYS`` says.

Laws
    ``beyond``      what stands of ours is more than was approved: twice, or more than was left
    ``hidden``      failed, moot or skipped, and a refund of ours stands, now or later
    ``misnamed``    called failed because others had given back all of it
    ``false``       called refunded, and none of ours was ever made; settled, and none of ours stands
    ``impossible``  the table refused what the flow wanted to write
    ``stuck``       a state from which no end can be reached without a further fault. Succeeded is none: it leads on
    ``blind``       two ledgers: given up while a refund of ours stood when it was last looked at
"""

import sys

from tests.model import refund_rejected as without
from tests.model.refund_rejected import TwoLedgers
from tests.model.refund_runner import Shipped
from tests.model.refund_stripe import Rules
from tests.model.walking import Walk, main


def one(**setting: object) -> Rules:
    """Return a setting of one runner."""
    return Rules(runners=1, **setting)  # type: ignore[arg-type]


CHANGE: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(Rules(errors=True, keys="pruned", refusals=True)),
        Shipped(Rules(delayed=2, dispute=True)),
        Shipped(one(foreign=2, pending=True, returns=True, errors=True, keys="kept", dispute=True)),
        Shipped(Rules(foreign=1, pending=True, returns=True, dispute=True)),
        Shipped(Rules(foreign=1, pending=True, returns=True, dispute=True, counted=False, again=False)),
        Shipped(Rules(stale=True, foreign=1, returns=True, pending=True)),
        TwoLedgers(Shipped(Rules(stale=True, foreign=1, delayed=2))),
        TwoLedgers(Shipped(Rules(errors=True, keys="pruned", dispute=True))),
        TwoLedgers(Shipped(Rules(foreign=1, pending=True, returns=True))),
    )
)
# The shipped design, on every change: each in seconds. Kills, lost answers and late sends are part of every one.

DEEP: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(Rules(delayed=2, errors=True, keys="pruned", refusals=True, dispute=True)),
        Shipped(one(delayed=2, foreign=2, pending=True, returns=True, errors=True, keys="pruned", dispute=True)),
        Shipped(one(stale=True, foreign=2, returns=True, errors=True, keys="kept", counted=False, pending=True)),
        TwoLedgers(Shipped(Rules(errors=True, keys="pruned", foreign=1, dispute=True))),
        TwoLedgers(Shipped(Rules(foreign=1, pending=True, returns=True, dispute=True))),
    )
)
# With --deep: minutes.

REJECTED: tuple[Walk, ...] = (
    Walk(without.RefusalIsFailure(one(dispute=True)), "hidden"),
    Walk(without.KillsAreForgotten(one(dispute=True)), "hidden"),
    Walk(without.TimeoutsAreForgotten(one(dispute=True)), "hidden"),
    Walk(without.LostIsFailed(one()), "hidden"),
    Walk(without.NothingLeftIsFailed(one(foreign=1)), "misnamed"),
    Walk(without.PendingIsFailed(one(pending=True)), "hidden"),
    Walk(without.SettledByCalendar(one(returns=True)), "false"),
    Walk(without.SuccessUnread(one()), "stuck"),
    Walk(without.OtherAmountRests(one(foreign=1, returns=True)), "stuck"),
    Walk(without.WithoutCompareAndSet(Rules(dispute=True)), "hidden"),
    Walk(without.RestAfterOthers(one(before=True, approved=1, returns=True)), "beyond"),
    Walk(without.PartByKey(one(approved=1, keys="pruned")), "beyond"),
    Walk(without.PartByList(one(approved=1)), "beyond"),
    Walk(TwoLedgers(without.LaggingListBelieved(Rules(stale=True))), "blind"),
    Walk(TwoLedgers(without.RefusalUnread(Rules())), "blind"),
)

SOUND: tuple[Walk, ...] = (Walk(without.MostByList(Rules(total=3, approved=2, errors=True, keys="pruned"))),)
# It holds, and is not offered: a part that others have begun to give back would need another table.


if __name__ == "__main__":
    sys.exit(main("refund_walks", "One refund, one Stripe.", (*CHANGE, *REJECTED, *SOUND), DEEP, sys.argv[1:]))
