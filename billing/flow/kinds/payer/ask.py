"""An invitation: written down before it is made, and on record before its payer sees it."""

from typing import Any

from billing.core.calls import Call
from billing.core.entries import ItemRecord, Move, Note
from billing.core.kinds.payer import INVITE, PAY, Event
from billing.core.life import Group
from billing.core.objects.setup import InvitationSeen, Standing, invitation_seen, where_it_stands
from billing.core.outcomes import Lost, Made, Refused
from billing.edge.stripe.calls.payer import list_payments, open_payment, open_session, open_setup
from billing.flow.engine.context import ItemContext, StillUnresolved, key_number, key_outlived
from billing.flow.kinds.payer.answers import NO_TROUBLE, failure, first_key, once_more, read, sent
from billing.flow.kinds.payer.seen import gone_move, saved_move

NEEDS_PAGE = {
    "group": str(Group.PENDING),
    "reason_code": "needs_public_url",
    "reason": "a first payment is taken on our own page, and no collect.public_url is set",
    "what_to_do": "Set collect.public_url and serve billing collect, then run the same command again.",
}
NEEDS_RETURN = {
    "group": str(Group.PENDING),
    "reason_code": "needs_return_url",
    "reason": "without collect.public_url a page of Stripe's asks, and the line has no return_url to send its payer to",
    "what_to_do": "Set collect.public_url and run the same command again; or give the line a return_url, with --amend.",
}


async def ask(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Invite a payer who has no link of ours: on a page of Stripe's, or at once for a test.

    Raises:
        StillUnresolved: the link is ours and the click is the payer's, or something is missing for any other way.
    """
    if ctx.services.answers_with:
        return await invite(ctx, item)
    if ctx.services.public_url and not item.facts.get("link_base"):
        facts = {**NO_TROUBLE, "link_base": ctx.services.public_url}
        item = await ctx.record(item, Move(Note.SET_ASIDE, facts=facts))
    if item.facts.get("link_base"):
        raise StillUnresolved(item)
    lacks = NEEDS_PAGE if item.amount else None if item.content.get("return_url") else NEEDS_RETURN
    if lacks is None:
        return await invite(ctx, item, hosted=True)
    if item.facts.get("reason_code") != lacks["reason_code"]:
        item = await ctx.record(item, Move(Note.SET_ASIDE, facts=lacks))
    raise StillUnresolved(item)


async def invite(ctx: ItemContext, item: ItemRecord, *, hosted: bool = False) -> ItemRecord:
    """Make an invitation, or take over the first payment that was asked for before.

    Raises:
        StillUnresolved: nothing more is to be started, or what there is cannot be listed.
    """
    if ctx.services.draining or ctx.closes:
        raise StillUnresolved(item)
    ctx.spend(item.state, item)
    if item.amount:
        return await _first_payment(ctx, item)
    item = await ctx.record(item, started(ctx, item, first_key(ctx, INVITE), hosted=hosted))
    return await send(ctx, item)


def started(ctx: ItemContext, item: ItemRecord, key: dict[str, Any], *, hosted: bool = False) -> Move:
    """Return the entry of the next invitation, before it leaves."""
    now = ctx.services.clock.now().isoformat(timespec="seconds")
    facts = {**key, "last_try": now, "hosted": hosted or None, "hosted_link": None, "hosted_until": None}
    if "first_try" not in item.facts:
        facts["first_try"] = now
    return Move(Event.INVITE_STARTED, attempt=item.attempt + 1, facts=facts)


async def _first_payment(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """List what was asked for of this payer before: nobody pays twice, whichever ledger has asked."""
    shown = await read(ctx, item, list_payments(item))
    assert isinstance(shown.found, tuple)  # noqa: S101  its call says so
    found = sorted(
        (one for one in shown.found if one.pays and one.item == item.item_id), key=lambda one: (one.created, one.id)
    )
    for one in found:
        if one.paid:
            saved = where_it_stands(one) is Standing.SAVED
            return await ctx.record(item, (saved_move if saved else gone_move)(one, shown.request_id))
    open_ones = [one for one in found if where_it_stands(one) in (Standing.OPEN, Standing.PROCESSING)]
    begun = started(ctx, item, first_key(ctx, PAY, len(found)))
    if open_ones:
        return await ctx.record(item, begun, opened_move(open_ones[0]))
    return await send(ctx, await ctx.record(item, begun))


async def send(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Make the invitation whose ``invite_started`` is durable; found so, the same request goes again.

    A first payment is not sent again by another process: its list would be too old.
    """
    op = PAY if item.amount else INVITE
    if key_outlived(item, op, ctx.services):
        return await lost(ctx, item)
    outcome = await sent(ctx, item, _call(item), key_number(item, op))
    if isinstance(outcome, Made):
        seen = invitation_seen(outcome.reply.body)
        assert seen is not None  # noqa: S101  it was made of that
        return await ctx.record(item, opened_move(seen))
    if isinstance(outcome, Refused):
        why = failure(outcome.code, outcome.message, "", outcome.request_id)
        return await ctx.record(item, Move(Event.INVITE_REFUSED), Move(Event.GIVEN_UP, facts=why))
    if item.amount or (isinstance(outcome, Lost) and outcome.renew):
        return await lost(ctx, item)
    return once_more(ctx, item)


async def lost(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Give an invitation up that nobody has seen: it stays unused, and the next one may be made."""
    return await ctx.record(item, Move(Event.INVITE_LOST))


async def take_up(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on from an invitation that another process has begun."""
    return await (lost if item.amount else send)(ctx, item)


def opened_move(seen: InvitationSeen) -> Move:
    """Return the entry with which an invitation is on record."""
    facts: dict[str, Any] = {**NO_TROUBLE, "payment_intent" if seen.pays else "setup_intent": seen.intent or None}
    if seen.url:
        facts |= {"hosted_link": seen.url, "hosted_until": seen.expires or None}
    return Move(Event.INVITATION_OPENED, instrument_id=seen.id, facts=facts)


def _call(item: ItemRecord) -> Call:
    if item.amount:
        return open_payment(item)
    return open_session(item) if item.facts.get("hosted") else open_setup(item)
