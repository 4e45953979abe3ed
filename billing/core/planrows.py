"""In which row of a plan a line's money stands: what can move now, what is done, what is left out and why."""

from collections.abc import Mapping
from types import MappingProxyType

from billing.core.entries import ItemRecord
from billing.core.kinds import ended_empty, life_of
from billing.core.life import Group, Phase
from billing.core.plans import Continue, Create, Replace, Skip, came_back, reason_of
from billing.core.skips import SKIPS, TAKEN_BACK

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
DONE: dict[tuple[Phase, Group], str] = {
    (Phase.FINAL, Group.SUCCEEDED): "paid",
    (Phase.SETTLING, Group.SUCCEEDED): "paid",
    (Phase.SETTLING, Group.PROCESSING): "processing",
    (Phase.PARKED, Group.PARKED): "parked",
    (Phase.FINAL, Group.PARKED): "parked",
    (Phase.CLOSING, Group.PENDING): CLOSING,
}
# What a plan leaves to others, by phase and group of an item's state.
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
    group, life = str(item.facts.get("group") or ""), life_of(item.state)
    meaning = life.meanings[item.state]
    if item.state is life.skipped:
        return reason_of(item)
    if ended_empty(item.state) and group == Group.SKIPPED:
        return reason_of(item)
    if came_back(item):
        return TAKEN_BACK
    if meaning.phase is Phase.RESTING and item.facts.get("fence"):
        again = item.facts.get("dead_clone") and not item.facts.get("recloned")
        return TO_CHARGE if again else CLOSING
    if meaning.phase is Phase.RESTING and meaning.group is Group.PROCESSING:
        return "processing"
    if ended_empty(item.state) or meaning.phase is Phase.RESTING:
        return group if group in (Group.DECLINED, Group.NEEDS_CUSTOMER) else "failed"
    if meaning.phase is Phase.FINAL and meaning.group is Group.SKIPPED and (reason := reason_of(item)) in SKIPS:
        return reason  # over, although it was begun: others have done it
    return DONE.get((meaning.phase, meaning.group), TO_CHARGE)
