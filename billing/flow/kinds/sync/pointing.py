"""Let everything name this attempt's copy: the customer first, then each subscription that names another of ours."""

import json

from billing.core.calls import Call
from billing.core.entries import ItemRecord, Move
from billing.core.kinds.sync import REPOINT, Event, State
from billing.core.kinds.sync_rules import CUSTOMER_DELETED, SKIPS
from billing.core.objects.link import Look, astray, differing
from billing.core.objects.link_reads import CustomerSeen
from billing.core.outcomes import Refused
from billing.edge.stripe.calls import sync as calls
from billing.flow.engine.context import ROUNDS, ItemContext, key_facts
from billing.flow.kinds.sync import conclude, copying
from billing.flow.kinds.sync.reads import Gone, copies_now, customer_now, of_the_link, payer_now, subscriptions_now
from billing.flow.kinds.sync.sending import sent


async def send_repoint(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Make the copy the customer's default; what differs of the carried fields goes with it."""
    ctx.spend(State.REPOINTING, item)
    fields = await differing_now(ctx, item) if item.facts.get("fields") else {}
    if isinstance(fields, ItemRecord):
        return fields
    answer = fields if isinstance(fields, Gone) else await sent(ctx, item, _repoint(ctx, item, fields))
    match answer:
        case ItemRecord():
            return answer
        case Gone(refused=refused):
            return await conclude.gone(ctx, item, refused)
        case Refused():
            return await _unless_dead(ctx, item, answer)
        case _:
            return await move(ctx, await ctx.record(item, Move(Event.MOVE_STARTED)))


async def differing_now(ctx: ItemContext, item: ItemRecord) -> dict[str, object] | Gone | ItemRecord:
    """Read both customers and return the platform's fields that differ, ready to be sent; they are kept nowhere."""
    payer = await payer_now(ctx, item)
    if isinstance(payer, ItemRecord):
        return payer
    customer = await customer_now(ctx, item)
    if not isinstance(customer, CustomerSeen):
        return customer
    return {} if payer.deleted else differing(payer.fields, customer.fields)


def _repoint(ctx: ItemContext, item: ItemRecord, fields: dict[str, object]) -> Call:
    """Return the request; its key has of the fields what nobody but the ledger can tell them by."""
    told = ctx.services.ledger.keyed(json.dumps(fields, sort_keys=True).encode()) if fields else ""
    return calls.repoint(item, fields, told)


async def move(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Let each subscription that names another copy of ours name this one; one that names none follows the customer."""
    ctx.spend(State.MOVING, item)
    listed = await subscriptions_now(ctx, item)
    if isinstance(listed, ItemRecord):
        return listed
    if isinstance(listed, Gone):
        return await conclude.gone(ctx, item, listed.refused)
    named = {name: method for name, method in listed.named.items() if method != item.instrument_id}
    wrong: tuple[str, ...] = ()
    if named:
        copies = await copies_now(ctx, item)
        if isinstance(copies, ItemRecord):
            return copies
        if isinstance(copies, Gone):
            return await conclude.gone(ctx, item, copies.refused)
        wrong = astray(Look("", "", named, of_the_link(copies, listed)), item.payer, str(item.instrument_id))
    for subscription in wrong:
        answer = await sent(ctx, item, calls.move(item, subscription))
        if isinstance(answer, ItemRecord):
            return answer
        if isinstance(answer, Refused):
            return await _unless_dead(ctx, item, answer)
    moved = int(item.facts.get("moved", 0)) + len(wrong)
    return await ctx.record(item, Move(Event.MOVED, facts={"moved": moved}))


async def _unless_dead(ctx: ItemContext, item: ItemRecord, refused: Refused) -> ItemRecord:
    """Go on from a refusal: with a fresh copy where this one is dead, else once more, and at last not at all."""
    copies = await copies_now(ctx, item)
    if isinstance(copies, ItemRecord):
        return copies
    if isinstance(copies, Gone):
        return await conclude.gone(ctx, item, copies.refused)
    if item.instrument_id not in {copy.id for copy in copies}:
        return await copying.fresh(ctx, item)
    if ctx.rounds[State(item.state)] < ROUNDS:
        return item  # a subscription may have ended since it was listed
    return await conclude.leave(ctx, item, refused.code, refused.message, refused.request_id)


async def update(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Carry over the fields of a link whose copy is in step: read both, send what differs, read both again."""
    ctx.spend(State.UPDATING, item)
    payer = await payer_now(ctx, item)
    if isinstance(payer, ItemRecord):
        return payer
    if payer.deleted:
        return await conclude.leave(ctx, item, CUSTOMER_DELETED, SKIPS[CUSTOMER_DELETED].means)
    if payer.method and payer.change != item.content["change"]:
        return await copying.fresh(ctx, item)
    fields = await differing_now(ctx, item)
    if isinstance(fields, ItemRecord):
        return fields
    if isinstance(fields, Gone):
        return await conclude.gone(ctx, item, fields.refused)
    if not fields:
        return await ctx.record(item, Move(Event.IN_STEP))
    if ctx.rounds[State.UPDATING] > 1:
        item = await conclude.next_key(ctx, item, REPOINT)
    answer = await sent(ctx, item, _repoint(ctx, item, fields))
    if isinstance(answer, Refused):
        return await conclude.leave(ctx, item, answer.code, answer.message, answer.request_id)
    return answer if isinstance(answer, ItemRecord) else item


async def start_update(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Write that the fields alone are about to be carried over."""
    now = ctx.services.clock.now().isoformat(timespec="seconds")
    facts = {"first_try": now, "last_try": now, **key_facts(REPOINT, 0, ctx.services)}
    return await ctx.record(item, Move(Event.UPDATE_STARTED, attempt=1, facts=facts))
