"""What a request or a read of a payer came to, for the steps: what it showed, or that it told nothing."""

from typing import Any

from billing.core.calls import Call, Op
from billing.core.entries import ItemRecord
from billing.core.life import Group
from billing.core.outcomes import Busy, Halt, Lost, Made, Outcome, Refused, Shown, Unsent
from billing.flow.engine.context import (
    ItemContext,
    Requeue,
    StillUnresolved,
    key_facts,
    key_number,
    key_outlived,
    renewal,
)

NO_TROUBLE: dict[str, Any] = {"group": None, "reason_code": None, "reason": None, "what_to_do": None}
# Written with what goes well, so that the reason of an earlier wait does not stand beside it.


async def sent(ctx: ItemContext, item: ItemRecord, call: Call, number: int = 0) -> Made | Shown | Refused | Lost | Busy:
    """Send a call of a payer, and return an answer that the steps go on from.

    Raises:
        Requeue: a limiter said no.
        Halted: the key is refused, or an answer contradicts the item.
    """
    outcome: Outcome = await ctx.send(item, call, number)
    match outcome:
        case Made() | Shown() | Refused() | Lost() | Busy():
            return outcome
        case Unsent():
            raise Requeue(item, outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case _:
            raise AssertionError(f"{outcome} cannot answer {call.op}")


async def read(ctx: ItemContext, item: ItemRecord, call: Call) -> Shown:
    """Read something of a payer.

    Raises:
        StillUnresolved: no answer that tells anything.
        Requeue, Halted: as `sent`.
    """
    outcome = await sent(ctx, item, call)
    if not isinstance(outcome, Shown):
        raise StillUnresolved(item)
    return outcome


async def renewed(ctx: ItemContext, item: ItemRecord, op: Op, *, spent: bool) -> ItemRecord:
    """Return the item with the next key of a request, if Stripe has forgotten the last one or would only replay it."""
    if spent or key_outlived(item, op, ctx.services):
        return await ctx.record(item, renewal(item, op, ctx.services))
    return item


def first_key(ctx: ItemContext, op: Op, number: int = 0) -> dict[str, Any]:
    """Return the facts of a request's key as it leaves for the first time."""
    return key_facts(op, number, ctx.services)


def next_key(ctx: ItemContext, item: ItemRecord, op: Op) -> dict[str, Any]:
    """Return the facts of the key with which a request leaves that a read has asked for once more."""
    first = f"{op}_n" not in item.facts
    return key_facts(op, 0 if first else key_number(item, op) + 1, ctx.services)


def failure(code: str, reason: str, what_to_do: str = "", request_id: str = "") -> dict[str, Any]:
    """Return the facts of an item that came to nothing, or waits for a person."""
    told = {"reason_code": code, "reason": reason, "request_id": request_id or None, "what_to_do": what_to_do or None}
    return {"group": str(Group.FAILED), **told}


def once_more(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Return the item for another try, within the budget of a visit.

    Raises:
        StillUnresolved: it is spent.
    """
    ctx.spend(item.state, item)
    return item
