"""A round of requests: write that they leave, send each, write that all were answered. A look says what came of it."""

from typing import Any, assert_never

from billing.core.calls import Op
from billing.core.entries import ItemRecord, Move
from billing.core.kinds.cancellation import CLEAR_FEE, VOID, Event, Request, State
from billing.core.objects.cancellation import Standing
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Halt,
    Lost,
    Made,
    Refused,
    Scope,
    Shown,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    Unsettled,
)
from billing.edge.stripe.calls.cancellation import asked_for
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved, key_facts, key_number
from billing.flow.engine.standing import Reach
from billing.flow.kinds.cancellation import conclude
from billing.flow.kinds.cancellation.look import Look, look


async def start(ctx: ItemContext, item: ItemRecord, seen: Look) -> ItemRecord:
    """Send the round that a look has shown to be left, once its entry is durable.

    Every round has keys of its own. What is asked for may be done twice, and a replayed answer would do nothing where
    somebody has taken the end back.

    Raises:
        StillUnresolved: nothing more is to be started, or the budget of this visit is spent.
        Requeue: a limiter said no.
        Halted: an answer stops the run.
    """
    if ctx.services.draining or ctx.closes:
        raise StillUnresolved(item)
    ctx.spend(State.READY, item)
    first = item.state is State.PLANNED
    move = Move(Event.CANCEL_STARTED, 1 if first else None, facts=_of_round(ctx, item, seen))
    return await _send(ctx, await ctx.record(item, move), seen.left)


def _of_round(ctx: ItemContext, item: ItemRecord, seen: Look) -> dict[str, Any]:
    """Return the facts with which a round begins; after one that has no answer the item stays in doubt for good."""
    now = ctx.services.clock.now().isoformat(timespec="seconds")
    facts: dict[str, Any] = {"last_try": now} | ({} if "first_try" in item.facts else {"first_try": now})
    if item.state is State.CANCELLING:
        facts["loose"] = True
    for op in dict.fromkeys(op for op, _ in seen.left if op.keyed):
        facts |= key_facts(op, _next(item, op), ctx.services)
    if any(op is CLEAR_FEE for op, _ in seen.left):
        facts["fee_cleared"] = True
    voids = [name for op, name in seen.left if op is VOID]
    if voids:
        facts["invoices_voided"] = list(dict.fromkeys((*item.facts.get("invoices_voided", ()), *voids)))
    return facts


def _next(item: ItemRecord, op: Op) -> int:
    return key_number(item, op) + 1 if f"{op}_n" in item.facts else 0


async def _send(ctx: ItemContext, item: ItemRecord, requests: tuple[Request, ...]) -> ItemRecord:
    """Send a round whose entry this process has just made durable: one request after the other, each once.

    A refusal speaks for its own send alone. Were there another one before it, without an answer, that might still
    arrive after the item was called failed.
    """
    for op, name in requests:
        outcome = await ctx.services.gateway.send(item, asked_for(item, op, name), key_number(item, op))
        match outcome:
            case Shown():
                continue
            case Undecided(refused=Refused() as refused):
                return await _refused(ctx, item, refused, (op, name))
            case Refused(scope=Scope.ACCOUNT):
                return await ctx.set_aside(item, outcome, Reach.ACCOUNT, Move(Event.ROUND_ANSWERED))
            case Refused():
                return await _refused(ctx, item, outcome, (op, name))
            case Unsent():
                raise Requeue(await ctx.record(item, Move(Event.ROUND_ANSWERED)), outcome)
            case Lost() | Busy() | Undecided():
                return item  # found so by the next step: it looks
            case Halt():
                raise Halted(outcome)
            case Made() | Succeeded() | Unsettled() | Cancelled() | Declined() | Unconfirmed():
                raise AssertionError(f"{outcome} cannot answer a cancellation")
            case _:
                assert_never(outcome)
    return await ctx.record(item, Move(Event.ROUND_ANSWERED))


async def _refused(ctx: ItemContext, item: ItemRecord, refused: Refused, asked: Request) -> ItemRecord:
    """Look before a refusal is believed: what it refuses may be done already, by an earlier send or by others."""
    seen = await look(ctx, item)
    if isinstance(seen, Refused):
        return await conclude.set_aside(ctx, item, conclude.failure(seen))
    after = await conclude.concluded(ctx, item, seen)
    if after is not None:
        return after
    if asked not in seen.left:
        return await ctx.record(item, Move(Event.ROUND_ANSWERED))
    if seen.standing is Standing.COLLECTABLE:
        return await conclude.waits(ctx, item, refused, seen)
    return await conclude.refused(ctx, item, conclude.failure(refused), seen)
