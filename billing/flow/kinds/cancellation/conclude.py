"""What follows from a look, and is written: a table says it (`billing.core.kinds.cancellation.SHOWS`)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from billing.core.entries import ItemRecord, Move, Note
from billing.core.kinds import cancellation_rules as reasons
from billing.core.kinds.cancellation import CANCELLATION_LIFE, SHOWS, Event, State
from billing.core.life import Group
from billing.core.objects.cancellation import DONE, Standing
from billing.core.outcomes import Refused
from billing.flow.engine.context import ItemContext, StillUnresolved, skipped
from billing.flow.kinds.cancellation.look import Look

NO_TROUBLE: Mapping[str, Any] = {"group": None, "reason_code": None, "reason": None, "what_to_do": None}
# Written with what is certain, so that the reason of an earlier wait does not stand beside it.
BEFORE: Mapping[Standing, str] = {
    Standing.OVER: reasons.OVER_ALREADY,
    Standing.ENDING: reasons.ENDING_ALREADY,
}
# Why nothing is sent for an item that finds its subscription as it was to become.
WAITS = "Run it again once the bank has spoken, or make the invoice void in Stripe."
IN_DOUBT = "See the subscription in Stripe: if it runs on, end it there; the same command tries again."


async def concluded(ctx: ItemContext, item: ItemRecord, seen: Look) -> ItemRecord | None:
    """Write that nothing more is to be asked for; None where something is."""
    if seen.standing not in DONE:
        return None
    if item.state is State.PLANNED:
        code = BEFORE[seen.standing]
        why = {"group": str(Group.SKIPPED), "reason_code": code, "reason": reasons.SKIPS[code].means}
        return await ctx.record(item, Move(Event.FOUND_OVER, facts={**why, **_shown(seen)}))
    return await ctx.record(item, Move(SHOWS[seen.standing], facts={**NO_TROUBLE, **_shown(seen)}))


async def skip(ctx: ItemContext, item: ItemRecord, code: str) -> ItemRecord:
    """Leave an item that was never sent."""
    return await ctx.record(item, skipped(CANCELLATION_LIFE, code, reasons.SKIPS[code].means))


async def refused(ctx: ItemContext, item: ItemRecord, why: Mapping[str, Any], seen: Look) -> ItemRecord:
    """End an item whose subscription runs on although its end was asked for, and nothing of ours can still arrive.

    Raises:
        StillUnresolved: a send of ours has no answer and may still arrive: a person is told, and nothing is ended.
    """
    if item.facts.get("loose"):
        await set_aside(ctx, item, why)
    return await ctx.record(item, Move(Event.CANCEL_REFUSED, facts={**NO_TROUBLE, **why, **_shown(seen)}))


async def waits(ctx: ItemContext, item: ItemRecord, why: Refused, seen: Look) -> ItemRecord:
    """Leave an item that is over, and of which an invoice cannot be made void yet."""
    facts = {**NO_TROUBLE, **failure(why), "group": None, "what_to_do": WAITS, **_shown(seen)}
    return await ctx.record(item, Move(Event.VOID_REFUSED, facts=facts))


async def set_aside(ctx: ItemContext, item: ItemRecord, why: Mapping[str, Any]) -> NoReturn:
    """Tell a person of an item that cannot be called failed, and leave it where it is.

    Raises:
        StillUnresolved: always.
    """
    parked = {"group": str(Group.PARKED), "what_to_do": IN_DOUBT, "loose": True}
    raise StillUnresolved(await ctx.record(item, Move(Note.SET_ASIDE, facts={**why, **parked})))


def failure(why: Refused) -> dict[str, Any]:
    """Return the facts of a refusal that holds."""
    reason = {"reason_code": why.code, "reason": why.message, "request_id": why.request_id}
    return {"group": str(Group.FAILED), **reason}


def _shown(seen: Look) -> dict[str, Any]:
    return {
        "subscription_status": seen.seen.status,
        "cancelled_at": _moment(seen.seen.cancelled_at),
        "ends_at": _moment(_end(seen)),
        "request_id": seen.request_id,
    }


def _end(seen: Look) -> int | None:
    """Return when it ends, or has ended: with its period, where it says so and names no day."""
    end = seen.seen.ends_at
    return seen.seen.period_end if end is None and seen.seen.at_period_end else end


def _moment(second: int | None) -> str | None:
    return None if second is None else datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds")
