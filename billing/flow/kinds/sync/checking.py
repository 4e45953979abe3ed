"""Read that all is in step, let older copies go, and read again: the last read comes after the last write."""

from typing import assert_never

from billing.core.entries import ItemRecord, Move
from billing.core.kinds.sync import NEXT, Event, State
from billing.core.objects.link import Follows, Look, follows, older
from billing.core.outcomes import Refused
from billing.edge.stripe.calls.sync import detach
from billing.flow.engine.context import ItemContext
from billing.flow.kinds.sync import conclude, copying
from billing.flow.kinds.sync.links import Paying
from billing.flow.kinds.sync.reads import Gone, Seen, copies_now, looked, of_the_link, subscriptions_now
from billing.flow.kinds.sync.sending import sent


async def check(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Read everything, and do what must follow. Before the first detach and after the last one it is the same look.

    Raises:
        StillUnresolved: the budget of this visit is spent.
    """
    ctx.spend(State(item.state), item)
    seen = await looked(ctx, item)
    if isinstance(seen, ItemRecord):
        return seen
    if isinstance(seen, Gone):
        return await conclude.gone(ctx, item, seen.refused)
    match then := _follows(item, seen):
        case Follows.CLONE:
            return await copying.anew(ctx, item, seen.payer)
        case Follows.REPOINT:
            return await conclude.repoint_started(ctx, item, fields=not seen.look.fields_agree)
        case Follows.DETACH:
            item = await ctx.record(item, Move(NEXT[then]))
            return await _let_go(ctx, item, _older(item, seen.look))
        case Follows.NOTHING:
            return await conclude.in_step(ctx, item, seen)
        case _:
            assert_never(then)


async def look_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Take up a link that a person asks about: it is in step by now, or the next run goes on with it."""
    ctx.spend(State.PARKED, item)
    seen = await looked(ctx, item)
    if isinstance(seen, ItemRecord):
        return seen
    if isinstance(seen, Seen) and _follows(item, seen) is Follows.NOTHING:
        return await conclude.in_step(ctx, item, seen, Move(Event.MOVED))
    return await ctx.record(item, Move(Event.MOVED))


async def let_go(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on with detaches that nobody knows the end of: those are left that are still attached and still older."""
    listed = await subscriptions_now(ctx, item)
    copies = listed if isinstance(listed, ItemRecord) else await copies_now(ctx, item)
    if isinstance(copies, ItemRecord):
        ctx.spend(State.DETACHING, item)
        return copies
    if isinstance(copies, Gone) or not isinstance(listed, Paying):
        return await _let_go(ctx, item, ())
    look = Look("", "", {}, of_the_link(copies, listed))
    return await _let_go(ctx, item, _older(item, look))


async def _let_go(ctx: ItemContext, item: ItemRecord, copies: tuple[str, ...]) -> ItemRecord:
    """Detach, and read at once: between the two a request that was late may have left a dead default.

    A refusal changes nothing: what is not attached any more is gone, and the read shows whatever else there is.
    """
    ctx.spend(State.DETACHING, item)
    gone = int(item.facts.get("detached", 0))
    for copy in copies:
        answer = await sent(ctx, item, detach(item, copy))
        if isinstance(answer, ItemRecord):
            return answer
        gone += not isinstance(answer, Refused)
    return await check(ctx, await ctx.record(item, Move(Event.DETACHED, facts={"detached": gone})))


def _follows(item: ItemRecord, seen: Seen) -> Follows:
    mine, change = item.instrument_id or "", str(item.facts.get("change", ""))
    return follows(seen.look, item.payer, mine, change, item.facts.get("copies", ()))


def _older(item: ItemRecord, look: Look) -> tuple[str, ...]:
    return older(look, item.payer, item.instrument_id or "", str(item.facts["change"]), item.facts.get("copies", ()))
