"""In which row of a plan a line's money stands: what can move now, what is done, what is left out and why."""

from collections.abc import Mapping
from types import MappingProxyType

from billing.core.entries import ItemRecord
from billing.core.plans import SKIPS, Continue, Create, Replace, Skip, reason_of
from billing.core.states import Group, State

NOWHERE: Mapping[str, str] = MappingProxyType({})


def row_of(decision: Create | Replace | Continue | Skip, elsewhere: Mapping[str, str] = NOWHERE) -> str:
    """Return the row of the plan in which a line's money stands: ``to_charge``, what became of it, or a skip reason.

    Args:
        decision: what the file and the ledger say.
        elsewhere: item id -> the row of one that this ledger would charge, and that the lists of its account show paid,
            declined or closed.
    """
    match decision:
        case Create(new=new) | Replace(new=new):
            return new.skip or elsewhere.get(new.item_id, TO_CHARGE)
        case Skip(reason=reason):
            return reason
        case Continue(item=item, skip=skip):
            row = skip or standing(item)
            return elsewhere.get(item.item_id, row) if row == TO_CHARGE else row


TO_CHARGE, NOT_SELECTED, CLOSING = "to_charge", "not_selected", "closing"
# Rows of what can move now, of what could but was not selected, and of what is being closed unpaid.
DONE: dict[State, str] = {
    State.SUCCEEDED: "paid",
    State.UNSETTLED: "processing",
    State.PARKED: "parked",
    State.CANCELLING: CLOSING,
}
ROWS = (
    TO_CHARGE,
    NOT_SELECTED,
    "paid",
    "processing",
    "needs_customer",
    "declined",
    "failed",
    "parked",
    CLOSING,
    *SKIPS,
)
# Every row a plan can have, in its order.


def standing(item: ItemRecord) -> str:
    """Return the row of an item that this run holds, by where it stands."""
    group = str(item.facts.get("group") or "")
    match item.state:
        case State.SKIPPED:
            return reason_of(item)
        case State.FAILED:
            if group == Group.SKIPPED:
                return reason_of(item)
            return group if group in (Group.DECLINED, Group.NEEDS_CUSTOMER) else "failed"
        case State.UNPAID if item.facts.get("fence"):
            again = item.facts.get("dead_clone") and not item.facts.get("recloned")
            return TO_CHARGE if again else CLOSING
        case State.UNPAID:
            return group if group in (Group.DECLINED, Group.NEEDS_CUSTOMER) else "failed"
        case state:
            return DONE.get(state, TO_CHARGE)
