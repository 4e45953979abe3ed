"""How a sync ends, and what is written with it: in step, refused before it began, or left with what works."""

from collections.abc import Mapping
from typing import Any

from billing.core.calls import Op
from billing.core.entries import ItemRecord, Move, Note
from billing.core.items import Kind
from billing.core.kinds.sync import MOVE, REPOINT, Event, State
from billing.core.kinds.sync_rules import LINK_GONE, SKIPS
from billing.core.life import Group
from billing.core.outcomes import Refused
from billing.flow.engine.context import ItemContext, key_facts, key_number, renewal
from billing.flow.kinds.sync.links import COPY, MOST_NAMES, OWN
from billing.flow.kinds.sync.reads import Seen

NO_TROUBLE: Mapping[str, Any] = {"group": None, "reason_code": None, "reason": None, "what_to_do": None}
# Written when an attempt begins, and when it ends well, so that the reason of an earlier wait does not stand beside it.
LOOK = "See the customer on the connected account in Stripe; the next sync reads it again."
ENDS: Mapping[State, Event] = {State.CLONING: Event.CLONE_REFUSED, State.ATTACHING: Event.ATTACH_REFUSED}
# How a line ends of which no copy was ever named; every other one is left as it is.


async def in_step(ctx: ItemContext, item: ItemRecord, seen: Seen, *first: Move) -> ItemRecord:
    """Write that a link is in step, and on the item of each of its subscriptions, in the same commit, what pays it."""
    items = ctx.services.ledger.by_object(seen.subscriptions.all[:MOST_NAMES]) if seen.subscriptions.all else {}
    note = Move(Note.METHOD_MOVED, facts={COPY: item.instrument_id})
    follow = [each for each in items.values() if each.kind is Kind.SUBSCRIPTION and not each.facts.get(OWN)]
    beside = [(each, [note]) for each in follow]
    return await ctx.record_beside(item, [*first, Move(Event.IN_STEP, facts=NO_TROUBLE)], beside)


async def refuse(ctx: ItemContext, item: ItemRecord, event: Event, refused: Refused) -> ItemRecord:
    """End a line that was refused before anything named its copy, or leave one that was begun."""
    if item.facts.get("begun"):
        return await leave(ctx, item, refused.code, refused.message, refused.request_id)
    return await ctx.record(item, Move(event, facts=_why(refused.code, refused.message, refused.request_id)))


async def give_up(ctx: ItemContext, item: ItemRecord, code: str, reason: str) -> ItemRecord:
    """End, or leave, a line for which the platform has nothing to copy any more."""
    event = ENDS.get(State(item.state))
    if event is None or item.facts.get("begun"):
        return await leave(ctx, item, code, reason)
    return await ctx.record(item, Move(event, facts=_why(code, reason)))


async def gone(ctx: ItemContext, item: ItemRecord, refused: Refused | None) -> ItemRecord:
    """Leave a link whose customer the connected account does not have any more."""
    request_id = "" if refused is None else refused.request_id
    return await leave(ctx, item, LINK_GONE, SKIPS[LINK_GONE].means, request_id)


async def leave(ctx: ItemContext, item: ItemRecord, code: str, reason: str, request_id: str = "") -> ItemRecord:
    """Leave a line that was begun as it is: what its customer is charged with works."""
    facts = {**_why(code, reason, request_id), "group": str(Group.PARKED)}
    return await ctx.record(item, Move(Event.LEFT_AS_IT_IS, facts=facts))


async def repoint_started(ctx: ItemContext, item: ItemRecord, *, fields: bool) -> ItemRecord:
    """Write that the customer is about to be repointed.

    Whoever asks for it again has read that the last one did not hold: under its key it would only be replayed, so the
    number grows.
    """
    facts: dict[str, Any] = {"begun": True, "fields": fields or None}
    for op in (REPOINT, MOVE):
        facts |= key_facts(op, key_number(item, op) + 1, ctx.services)
    return await ctx.record(item, Move(Event.REPOINT_STARTED, facts=facts))


async def next_key(ctx: ItemContext, item: ItemRecord, op: Op) -> ItemRecord:
    """Give the next request of ``op`` the next key: a read has shown that under the last one nothing more happens."""
    return await ctx.record(item, renewal(item, op, ctx.services))


def _why(code: str, reason: str, request_id: str = "") -> dict[str, Any]:
    facts = {"group": str(Group.FAILED), "reason_code": code, "reason": reason, "what_to_do": LOOK}
    return facts | ({"request_id": request_id} if request_id else {})
