"""Open the subscription, so that it counts for nothing yet, and record it before anything of it may be paid."""

from billing.core.entries import ItemRecord, Move, Note
from billing.core.exits import Exit
from billing.core.kinds.subscription import OPEN, SUBSCRIPTION_LIFE, Event, State
from billing.core.kinds.subscription_rules import HAS_CREDIT, SKIPS, STARTS_TOO_SOON, UNPRICED
from billing.core.objects.subscription_answers import Opened
from billing.core.outcomes import Busy, Halt, Lost, Outcome, Refused, Shown, Undecided, Unsent
from billing.edge.stripe.calls import subscription as calls
from billing.flow.engine.context import NO_TROUBLE, Halted, ItemContext, Requeue, StillUnresolved, skipped
from billing.flow.engine.standing import Reach
from billing.flow.kinds.subscription import link
from billing.flow.kinds.subscription.adopt import taken_over
from billing.flow.kinds.subscription.begin_open import LEAST, TooSoon, fuse
from billing.flow.kinds.subscription.conclude import EXPIRED, refusal, shown
from billing.flow.kinds.subscription.find import Subscriptions
from billing.flow.kinds.subscription.licence import licence
from billing.flow.kinds.subscription.pay import count

OPEN_WAITS = {
    "reason_code": "open_waits",
    "reason": "Stripe keeps a server error under this line's key, for a day; no subscription of it counts",
    "what_to_do": "Type the same command again in a day; it opens this line then.",
}


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Take over what is there already; else begin with the link, or skip what cannot be opened in safety.

    Raises:
        StillUnresolved: the account cannot be listed.
        Requeue: a limiter said no.
        Halted: an answer stops the run.
    """
    await licence(ctx, item)
    after = await taken_over(ctx, item)
    if after is not None:
        return after
    if "price" in item.content and not item.currency:
        return await _skip(ctx, item, UNPRICED)
    try:
        fuse(ctx, item)
    except TooSoon:
        return await _skip(ctx, item, STARTS_TOO_SOON)
    linked = await link.find(ctx, item)
    if linked is not None and linked.credit:
        return await _skip(ctx, item, HAS_CREDIT)
    return await link.go_on(ctx, item, linked)


async def _skip(ctx: ItemContext, item: ItemRecord, code: str) -> ItemRecord:
    return await ctx.record(item, skipped(SUBSCRIPTION_LIFE, code, SKIPS[code].means))


async def open_it(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Open the subscription under the line's first key, or take over one that a list shows.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the budget is spent, or the key is to be waited for.
        Halted: an answer stops the run.
    """
    ctx.spend(State.OPENING, item)
    await licence(ctx, item)
    after = await taken_over(ctx, item)
    if after is not None:
        return after
    if int(item.facts.get("fuse") or 0) and int(item.facts["fuse"]) - ctx.services.clock.epoch() < LEAST:
        # There is no time left to start it: what an earlier send may have opened is over, or ends by itself.
        return await ctx.record(item, Move(Event.OPEN_REFUSED, facts={**NO_TROUBLE, **EXPIRED}))
    outcome = await ctx.send(item, calls.open_subscription(item))
    match outcome:
        case Shown(found=Opened() as opened):
            return await _opened(ctx, item, opened, outcome)
        case Refused():
            return await _refused(ctx, item, outcome)
        case Undecided():
            return await _find_or_stop(ctx, item)
        case Lost(renew=True):
            return await _find_or_wait(ctx, item)
        case _:
            return await _unanswered(ctx, item, outcome)


async def _unanswered(ctx: ItemContext, item: ItemRecord, outcome: Outcome) -> ItemRecord:
    """Go round again after an open without an answer of its own, unless an answer stops the run."""
    match outcome:
        case Unsent():
            raise Requeue(item, outcome)
        case Halt(exit=Exit.CREDENTIALS):
            raise Halted(outcome)
        case Halt():
            return await ctx.contradicted(item, outcome)
        case Lost() | Busy():
            return item
        case _:
            raise AssertionError(f"{outcome} cannot answer an open")


async def _opened(ctx: ItemContext, item: ItemRecord, opened: Opened, outcome: Shown) -> ItemRecord:
    """Record what was opened, and go on to the request that counts in the same commit."""
    ctx.services.shared(Subscriptions).opened_by_us(outcome.reply.body)
    if not ctx.services.shared(Subscriptions).may_start(item):
        # The answer came so late that the list is too old: one may have been opened elsewhere meanwhile.
        await licence(ctx, item)
        after = await taken_over(ctx, item)
        if after is not None:
            return after
    ctx.services.standing.takes(item, OPEN)
    facts = {**NO_TROUBLE, **shown(opened.seen, outcome.request_id)} if "reason_code" in item.facts else {}
    facts = facts or shown(opened.seen, outcome.request_id)
    if opened.invoice is not None:
        facts |= {"first_invoice": opened.invoice.id, "payment_intent": opened.invoice.intent or None}
    return await count(ctx, item, Move(Event.OPENED, object_id=opened.seen.id, facts=facts))


async def _refused(ctx: ItemContext, item: ItemRecord, refused: Refused) -> ItemRecord:
    reach = ctx.services.standing.reach(item, OPEN, refused)
    if reach is not Reach.ITEM:
        return await ctx.set_aside(item, refused, reach)
    return await ctx.record(item, Move(Event.OPEN_REFUSED, facts=refusal(refused)))


async def _find_or_stop(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Take over what was opened under this line's key with other content: another ledger's customer, or method.

    Where a list shows nothing of it, a person looks: it is parked, and the run goes on without it.
    """
    ctx.services.log("key_used", reference=item.reference, account=item.account)
    await licence(ctx, item, anew=True)
    after = await taken_over(ctx, item)
    if after is not None:
        return after
    return await _leave(ctx, item, KEY_USED)


async def _find_or_wait(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Look for what an open has made that is answered with a stored server error; else wait until it is forgotten.

    Never the next key: two ledgers need not meet the same errors, and would open one each.
    """
    await licence(ctx, item, anew=True)
    after = await taken_over(ctx, item)
    if after is not None:
        return after
    ctx.services.log("open_waits", reference=item.reference, account=item.account)
    return await _leave(ctx, item, OPEN_WAITS)


async def _leave(ctx: ItemContext, item: ItemRecord, why: dict[str, str]) -> ItemRecord:
    if item.facts.get("reason_code") != why["reason_code"]:
        item = await ctx.record(item, Move(Note.SET_ASIDE, facts=why))
    raise StillUnresolved(item)


KEY_USED = {
    "group": "parked",
    "reason_code": "key_used",
    "reason": "its idempotency key was used before with other content, and no list shows what came of that",
    "what_to_do": "See the account's subscriptions in Stripe; in a day the same command opens the line.",
}
