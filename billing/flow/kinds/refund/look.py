"""The look: what the refunds of an intent, and then its charge and disputes, show of an item."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing.core.entries import ItemRecord
from billing.core.exits import Exit
from billing.core.objects.refund import ChargeSeen, RefundSeen, Standing, where_it_stands
from billing.core.outcomes import Halt, Outcome, Refused, Scope, Shown, Unsent
from billing.core.replies import Reply
from billing.edge.stripe.calls.refund import list_refunds, read_charge
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved
from billing.flow.engine.standing import Reach
from billing.flow.kinds.refund.disputes import Disputes

RETURN_DAYS = 35
# Banks return a refund up to about 30 days after it succeeded. (docs.stripe.com/refunds)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look shows.

    Attributes:
        standing: where the refund stands.
        ours: the refund of ours that tells it, or None.
        charge: as it was read after the list; None when it was not needed, or could not be read.
        disputed: whether a dispute bars a refund.
        request_id: the provider's id of the request that showed it.
    """

    standing: Standing
    ours: RefundSeen | None = None
    charge: ChargeSeen | None = None
    disputed: bool = False
    request_id: str = ""


NOTHING_LEARNT = Look(Standing.UNSURE)


async def look(ctx: ItemContext, item: ItemRecord) -> Look:
    """List the refunds; where none of ours stands, read the charge after it, and its disputes.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the account refuses everything, or its disputes cannot be listed.
        Halted: the key is refused.
    """
    listed = await _read(ctx, item, await ctx.send(item, list_refunds(item)))
    if listed is None or not isinstance(listed.found, tuple):
        return NOTHING_LEARNT
    standing, ours = where_it_stands(item.item_id, listed.found, None)
    if ours is not None:
        return Look(standing, ours, request_id=listed.request_id)
    shown = await _read(ctx, item, await ctx.send(item, read_charge(item)))
    if shown is None or not isinstance(shown.found, ChargeSeen):
        return NOTHING_LEARNT
    charge = shown.found
    standing, ours = where_it_stands(item.item_id, listed.found, charge)
    barred = standing is Standing.UNTOUCHED and await is_disputed(ctx, item, charge)
    return Look(standing, ours, charge, barred, shown.request_id)


async def charge_of(ctx: ItemContext, item: ItemRecord) -> Shown | Refused | None:
    """Read the charge of an item that was not sent yet: ``Shown`` its `ChargeSeen` or None, why not, or nothing at all.

    Raises:
        Requeue, StillUnresolved, Halted: as `look`.
    """
    outcome = await ctx.send(item, read_charge(item))
    if isinstance(outcome, Refused) and outcome.scope is Scope.ITEM:
        return outcome
    return await _read(ctx, item, outcome)


async def is_disputed(ctx: ItemContext, item: ItemRecord, charge: ChargeSeen) -> bool:
    """Tell whether a dispute bars the refund of a charge.

    Raises:
        StillUnresolved: the account's disputes cannot be listed; the account is dead if its refusal says so.
        Halted: the key may not list them.
    """
    barred = await ctx.services.shared(Disputes).bar(item.account, charge)
    if not isinstance(barred, LookupFailed):
        return barred
    message = f"the disputes of {item.account} cannot be listed: {barred.message or barred.code} ({barred.code})"
    if barred.trouble is Trouble.CREDENTIALS:
        raise Halted(Halt(Exit.CREDENTIALS, message, reply=Reply(None)))
    if barred.trouble is not Trouble.UNANSWERED:
        ctx.dead_account = barred.code
    ctx.services.log("disputes_not_listed", account=item.account, code=barred.code, request_id=barred.request_id)
    raise StillUnresolved(item)


async def _read(ctx: ItemContext, item: ItemRecord, outcome: Outcome) -> Shown | None:
    """Return what a read showed, or None when it told nothing."""
    match outcome:
        case Shown():
            return outcome
        case Unsent():
            raise Requeue(item, outcome)
        case Halt():
            raise Halted(outcome)
        case Refused(scope=Scope.ACCOUNT):
            return await ctx.set_aside(item, outcome, Reach.ACCOUNT)
        case _:
            return None


def is_past_return(ctx: ItemContext, seen: RefundSeen) -> bool:
    """Tell whether a refund is so old that no bank returns it any more."""
    return ctx.services.clock.now() - datetime.fromtimestamp(seen.created, UTC) > timedelta(days=RETURN_DAYS)
