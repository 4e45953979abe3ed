"""Take over what another ledger has opened for an item: read the intent first, then go on from what it shows.

Nothing is concluded from the list alone, which may be a day old. What the read shows is recorded in one commit: paid is
paid, declined rests as it would have here, closed stays closed, and an intent that nobody has tried is simply used.
"""

from collections.abc import Sequence
from enum import StrEnum

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.life import Group
from billing.core.listed import Listed, yielding
from billing.core.outcomes import Unconfirmed
from billing.flow.engine.context import NO_TROUBLE, ItemContext, StillUnresolved, skipped
from billing.flow.kinds.charge.find import Finder
from billing.flow.kinds.charge.licence import look_at
from billing.flow.kinds.charge.rebuilding.intents import trimmed
from billing.flow.kinds.charge.rebuilding.reconstruct import Tale, moves_for

ADOPTED = Tale(
    facts={"adopted": True},
    code="closed_elsewhere",
    reason="its intent was cancelled elsewhere, by another ledger or in the Dashboard; it was not opened again",
)


async def taken_over(ctx: ItemContext, item: ItemRecord) -> ItemRecord | None:
    """Return the item as its intent shows it, if another ledger has opened one; None if it is ours to open.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the intent cannot be read, or the plan did not count the item among what it charges.
        Halted: an answer stops the run.
    """
    verdict = ctx.services.shared(Finder).verdict(item)
    if verdict.strangers:
        ctx.services.log("intents_not_ours", reference=item.reference, account=item.account, intents=verdict.strangers)
    if verdict.yields_to is not None:
        return await _stand_back(ctx, item, verdict.yields_to)
    if verdict.adopt is not None:
        return await _adopt(ctx, item, verdict.adopt)
    if item.item_id in ctx.services.shared(Finder).counted_out:
        raise _left(ctx, item)
    return None


def _left(ctx: ItemContext, item: ItemRecord) -> StillUnresolved:
    """Leave an item that the plan counted among what another ledger has, and that now seems to be this one's."""
    ctx.services.log("counted_out", reference=item.reference, account=item.account)
    return StillUnresolved(item)


async def _stand_back(ctx: ItemContext, item: ItemRecord, other: Listed) -> ItemRecord:
    """Leave an obligation alone that another ledger has opened with other content, or as a later generation.

    An item whose open may have left ends as refused: no intent is on record, so nothing of it can ever be confirmed.
    """
    code = yielding(other)
    reason = f"another ledger has opened {other.id} for this reference, with other content or corrected since"
    if item.state is State.PLANNED:
        return await ctx.record(item, skipped(CHARGE_LIFE, code, reason))
    facts = {**NO_TROUBLE, "group": str(Group.SKIPPED), "reason_code": code, "reason": reason}
    return await ctx.record(item, Move(Event.OPEN_REFUSED, facts=facts))


async def _adopt(ctx: ItemContext, item: ItemRecord, found: Listed) -> ItemRecord:
    outcome = await look_at(ctx, item, found.id)
    untried = isinstance(outcome, Unconfirmed) and outcome.earlier is None
    if untried and item.item_id in ctx.services.shared(Finder).counted_out:
        raise _left(ctx, item)
    shown = trimmed(item.account, outcome.reply.body or {})
    # Whose clone it was tried with is not recorded: it is not this ledger's, and may be another item's too.
    moves = moves_for(ctx, item, shown, clone=False, tale=ADOPTED)
    ctx.services.log("intent_adopted", reference=item.reference, account=item.account, intent=found.id)
    return await ctx.record(item, *_from(item.state, moves))


def _from(state: StrEnum, moves: Sequence[Move]) -> Sequence[Move]:
    """Return the moves, without the start of an attempt that is under way already."""
    return [move for move in moves if state is State.PLANNED or move.name is not Event.PREPARE_STARTED]
