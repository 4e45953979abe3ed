"""The entries an item would have, told again from what its intent shows: each an edge of the table of states."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from billing.core.declines import decline_of
from billing.core.entries import Facts, ItemRecord, Move, Note
from billing.core.kinds.charge import CHARGE_LIFE, Event
from billing.core.life import Group
from billing.core.outcomes import Cancelled, Declined, Succeeded, Unconfirmed, Unsettled
from billing.flow.engine.context import ItemContext, skipped
from billing.flow.kinds.charge.confirm import decline_facts, sighting
from billing.flow.kinds.charge.rebuilding.intents import Intent, reading


@dataclass(frozen=True, slots=True)
class Tale:
    """Why entries are written of what happened without them.

    Attributes:
        facts: among those of each of these entries.
        code: the reason of an item whose intent is found cancelled and does not say why.
        reason: its sentence.
    """

    facts: Facts
    code: str
    reason: str


REBUILT = Tale(
    facts={"rebuilt": True},
    code="canceled",
    reason="the intent was found cancelled when the ledger was rebuilt; why, it does not say",
)


def moves_for(
    ctx: ItemContext, item: ItemRecord, intent: Intent, *, clone: bool = True, tale: Tale = REBUILT
) -> tuple[Move, ...]:
    """Return the entries that bring a planned item to what its intent shows, each by an edge of the table of states.

    Args:
        ctx: whose dunning says what follows a decline.
        item: the item as planned.
        intent: the one to put on record.
        clone: whether what it was paid with is a clone of this item alone.
        tale: why these entries are written now.
    """
    method = intent.clone if clone else None
    opened = datetime.fromtimestamp(intent.created, UTC).isoformat(timespec="seconds")
    keys = {"open_n": 0, "open_born": intent.created, "clone_n": 0, "clone_born": intent.created}
    started = Move(Event.PREPARE_STARTED, attempt=item.attempt + 1, facts={**keys, **tale.facts})
    match reading(intent, item.amount, item.currency, item.content.get("application_fee"), ctx.services.mode):
        case Unconfirmed():
            return started, Move(Note.PART_PREPARED, object_id=intent.id, facts=tale.facts)
        case Declined() as declined:
            confirm = {"confirm_n": 0, "confirm_born": intent.created, "first_try": opened}
            return (
                started,
                Move(Event.PREPARED, object_id=intent.id, instrument_id=method, facts=tale.facts),
                Move(Event.CONFIRM_STARTED, facts={**confirm, **tale.facts}),
                _seen(sighting(ctx, item, declined), tale),
            )
        case Cancelled() as cancelled:
            end = _seen(sighting(ctx, item, cancelled), tale, **_why_cancelled(ctx, item, intent, tale))
            return started, replace(end, object_id=intent.id, instrument_id=method)
        case Succeeded() | Unsettled() as moved:
            end = _seen(sighting(ctx, item, moved), tale, first_try=opened)
            return started, replace(end, object_id=intent.id, instrument_id=method)
        case other:
            raise AssertionError(f"{other} was to be refused as a disagreement")


def _seen(move: Move, tale: Tale, **facts: Any) -> Move:  # noqa: ANN401  a fact is any JSON value
    """Return a sighting as it is recorded afterwards: a list has no id of a request to name."""
    return replace(move, facts={**move.facts, **facts, **tale.facts, "request_id": None})


def _why_cancelled(ctx: ItemContext, item: ItemRecord, intent: Intent, tale: Tale) -> Mapping[str, Any]:
    """Return why the item failed: the decline that its intent still shows, if it shows one."""
    if intent.error is None:
        return {"group": str(Group.FAILED), "reason_code": tale.code, "reason": tale.reason}
    return {**decline_facts(ctx, item, decline_of(intent.error)), "next_try": None, "fence": None}


def given_up(item: ItemRecord) -> Move:
    """Return the entry of an item that is never started, because its account cannot be looked at any more."""
    move = skipped(
        CHARGE_LIFE, "account_unknown", f"{item.account} lets nobody see what was paid there; given up by the operator"
    )
    return replace(move, facts={**move.facts, **REBUILT.facts})
