"""The link, step by step: the payer's customer on the account, a copy of the payment method, attached, its default.

Nothing of it counts: each step may be repeated, and what a lost answer leaves behind does no harm.
"""

from billing.core.calls import Call, Op
from billing.core.entries import ItemRecord, Move
from billing.core.exits import Exit
from billing.core.kinds.subscription import ATTACH, COPY, CUSTOMER, DEFAULT, Event, State
from billing.core.outcomes import Halt, Lost, Made, Outcome, Refused, Undecided, Unsent
from billing.edge.stripe.calls import subscription as calls
from billing.flow.engine.context import (
    Halted,
    ItemContext,
    Requeue,
    key_facts,
    key_number,
    key_outlived,
    renewal,
)
from billing.flow.engine.standing import Reach
from billing.flow.kinds.subscription.begin_open import open_started
from billing.flow.kinds.subscription.conclude import refusal
from billing.flow.kinds.subscription.links import Link, Links
from billing.flow.kinds.subscription.looked_up import found


async def go_on(ctx: ItemContext, item: ItemRecord, link: Link | None) -> ItemRecord:
    """Record the next step of a link, by what is there of it: no customer, no copy, or nothing more to do."""
    first = 1 if item.state is State.PLANNED else None
    if link is None:
        return await ctx.record(item, Move(Event.LINK_STARTED, first, facts=key_facts(CUSTOMER, 0, ctx.services)))
    shelf = ctx.services.shared(Links)
    copy = found(ctx, item, await shelf.copy(item.account, link, str(item.content["payment_method"])))
    if copy is None:
        facts = {"connected_customer": link.customer, **key_facts(COPY, 0, ctx.services)}
        return await ctx.record(item, Move(Event.CLONE_STARTED, first, facts=facts))
    return await open_started(ctx, item, link, copy)


async def find(ctx: ItemContext, item: ItemRecord, *, anew: bool = False) -> Link | None:
    """Return the link of a line, as far as it is there.

    Raises:
        StillUnresolved: the account cannot be listed.
        Halted: the key may not list.
    """
    return found(ctx, item, await ctx.services.shared(Links).find(item.account, item.payer, anew=anew))


async def make_customer(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Make the payer's customer on the account, under a key that names the link; or see that it is there."""
    link = await find(ctx, item)
    if link is not None:
        return await go_on(ctx, item, link)
    personal = found(ctx, item, await ctx.services.gateway.who_is(item.payer))
    item, outcome = await _send(ctx, item, CUSTOMER, calls.make_customer(item, personal))
    match outcome:
        case Made(object_id=customer):
            link = ctx.services.shared(Links).made(item.account, item.payer, customer)
            return await go_on(ctx, item, link)
        case Refused():
            return await _refused(ctx, item, CUSTOMER, outcome)
        case Undecided() | Lost():
            # Its answer was lost, or its key was used with another name: if the customer was made, it is listed.
            link = await find(ctx, item, anew=True)
            if link is not None:
                return await go_on(ctx, item, link)
            spent = isinstance(outcome, Undecided) or outcome.renew
            return await ctx.record(item, renewal(item, CUSTOMER, ctx.services)) if spent else item
        case _:
            return item


async def clone(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Copy the payment method; a copy that is not used costs nothing, so its key is renewed without a look."""
    link, copy = await _standing(ctx, item)
    if copy is not None:
        return await open_started(ctx, item, link, copy)
    item, outcome = await _send(ctx, item, COPY, calls.clone_for(item))
    match outcome:
        case Made(object_id=made):
            return await ctx.record(
                item, Move(Event.ATTACH_STARTED, facts={"clone": made, **key_facts(ATTACH, 0, ctx.services)})
            )
        case Refused():
            return await _refused(ctx, item, COPY, outcome)
        case Lost(renew=True):
            return await ctx.record(item, renewal(item, COPY, ctx.services))
        case _:
            return item


async def _standing(ctx: ItemContext, item: ItemRecord) -> tuple[Link, str | None]:
    """Return the link of a line whose customer is on record, and the copy that is attached there already.

    A line that goes on after a pause has forgotten what other lines of its link have done meanwhile. Two copies of one
    method would be two defaults: a sync moves the customer's alone.
    """
    shelf, customer = ctx.services.shared(Links), str(item.facts["connected_customer"])
    link = found(ctx, item, await shelf.on_record(item.account, item.payer, customer))
    return link, found(ctx, item, await shelf.copy(item.account, link, str(item.content["payment_method"])))


async def attach(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Attach the copy, unless another line has attached one of the same method meanwhile: that one pays for both.

    One that cannot be attached any more (an old answer named it) is followed by another, once.
    """
    link, _ = await _standing(ctx, item)
    async with link.attaching:
        _, copy = await _standing(ctx, item)
        if copy is not None:
            return await _attached(ctx, item, link, copy)
        item, outcome = await _send(ctx, item, ATTACH, calls.attach(item))
        if isinstance(outcome, Made):
            return await _attached(ctx, item, link, str(item.facts["clone"]))
    match outcome:
        case Refused() if await _is_attached(ctx, item):
            return await _attached(ctx, item, link, str(item.facts["clone"]))
        case Refused() if not item.facts.get("recloned"):
            facts = {"recloned": True, **key_facts(COPY, key_number(item, COPY) + 1, ctx.services)}
            return await ctx.record(item, Move(Event.CLONE_STARTED, facts=facts))
        case Refused():
            return await _refused(ctx, item, ATTACH, outcome)
        case Lost(renew=True):
            return await ctx.record(item, renewal(item, ATTACH, ctx.services))
        case _:
            return item


async def _is_attached(ctx: ItemContext, item: ItemRecord) -> bool:
    """Tell whether the copy is the customer's already: an earlier send has attached it, and its answer was lost."""
    rows = await ctx.services.gateway.methods_of(item.account, str(item.facts["connected_customer"]))
    return item.facts["clone"] in {str(row["id"]) for row in found(ctx, item, rows)}


async def _attached(ctx: ItemContext, item: ItemRecord, link: Link, copy: str) -> ItemRecord:
    """Go on from an attached copy: it becomes the default of a customer that has none, and moves no other one."""
    link.copies = (link.copies or {}) | {str(item.content["payment_method"]): copy}
    if link.default:
        return await open_started(ctx, item, link, copy)
    facts = {"clone": copy, **key_facts(DEFAULT, 0, ctx.services)}
    return await ctx.record(item, Move(Event.DEFAULT_STARTED, facts=facts))


async def make_default(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Make the copy the customer's default."""
    item, outcome = await _send(ctx, item, DEFAULT, calls.make_default(item))
    copy = str(item.facts["clone"])
    match outcome:
        case Made():
            link, _ = await _standing(ctx, item)
            link.default = copy
            return await open_started(ctx, item, link, copy)
        case Refused():
            return await _refused(ctx, item, DEFAULT, outcome)
        case Lost(renew=True):
            return await ctx.record(item, renewal(item, DEFAULT, ctx.services))
        case _:
            return item


async def _send(ctx: ItemContext, item: ItemRecord, op: Op, call: Call) -> tuple[ItemRecord, Outcome]:
    """Send one step of a link within the budget of a visit; a key that Stripe may have forgotten is renewed first.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the budget is spent.
        Halted: an answer stops the run.
    """
    ctx.spend(item.state, item)
    if not op.single and key_outlived(item, op, ctx.services):
        item = await ctx.record(item, renewal(item, op, ctx.services))
    # What must be made once is not sent again before a list: an error that Stripe has kept nowhere may have made it.
    once = ctx.services.gateway.send if op.single else ctx.send
    outcome = await once(item, call, key_number(item, op))
    match outcome:
        case Unsent():
            raise Requeue(item, outcome)
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case _:
            return item, outcome


async def _refused(ctx: ItemContext, item: ItemRecord, op: Op, refused: Refused) -> ItemRecord:
    """End a line whose link cannot be made, unless it is the account that refuses everything."""
    reach = ctx.services.standing.reach(item, op, refused)
    if reach is not Reach.ITEM:
        return await ctx.set_aside(item, refused, reach)
    return await ctx.record(item, Move(Event.LINK_REFUSED, facts=refusal(refused)))
