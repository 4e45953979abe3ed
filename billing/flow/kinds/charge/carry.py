"""One charge, from whatever the ledger shows to an end: decide, write, send, write. The only loop that moves money."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.core.kinds import phase_of
from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.edge.ledger import LostRace
from billing.flow.engine.context import ItemContext, Requeue, StillUnresolved, skipped
from billing.flow.engine.goals import RESTS, Goal, may_be_in_flight
from billing.flow.kinds.charge import adopt, cards, confirm, licence, prepare
from billing.flow.kinds.charge import cancel as fence

Step = Callable[[ItemContext, ItemRecord], Awaitable[ItemRecord]]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """Where a visit to an item ended: what is known, and why it goes on later if it does.

    Attributes:
        item: the item as the ledger holds it.
        put_back: the answer of a limiter, when the item belongs at the head of its queue again.
        dead_account: why the item's account refuses everything, when an answer said so: Stripe's code.
        dead_words: the same in Stripe's words.
        alive: whether nothing speaks against starting the account's next items.
    """

    item: ItemRecord
    put_back: Requeue | None = None
    dead_account: str = ""
    dead_words: str = ""
    alive: bool = True


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Take over what another ledger has opened; else start, unless the payment method was declined for good lately."""
    await licence.licence(ctx, item)
    found = await adopt.taken_over(ctx, item)
    if found is not None:
        return found
    decline = ctx.services.blocks.why(item)
    if decline:
        reason = f"this payment method was declined for good ({decline}) less than {cards.DAYS} days ago"
        return await ctx.record(item, skipped("card_blocked", reason))
    return await prepare.start_attempt(ctx, item)


def wants_new_clone(item: ItemRecord) -> bool:
    """Tell whether Stripe would not take a clone that no attempt of ours shows on: that allows one more, once."""
    return bool(item.facts.get("dead_clone")) and not item.facts.get("recloned")


async def after_attempt(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on from an attempt that took nothing and must not rest: a new clone for a dead one, else the fence."""
    if wants_new_clone(item):
        return await prepare.start_attempt(ctx, item, recloned=True, fence=None)
    return await fence.start_cancel(ctx, item)


async def look_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Go on from an attempt that took nothing without another one: the fence if it is due, else a look."""
    if item.facts.get("fence"):
        return await fence.start_cancel(ctx, item)
    return await confirm.revisit(ctx, item)


STEPS: dict[StrEnum, Step] = {
    State.PLANNED: begin,
    State.PREPARING: prepare.prepare,
    State.READY: licence.pay,
    State.CONFIRMING: confirm.note_lost,  # found so: the process that sent it is gone
    State.UNKNOWN: confirm.look,
    State.PARKED: confirm.look,
    State.UNSETTLED: confirm.look,
    State.UNPAID: after_attempt,
    State.CANCELLING: fence.cancel,
}

LOOKS: dict[StrEnum, Step] = {
    State.CONFIRMING: confirm.note_lost,
    State.UNKNOWN: confirm.look,
    State.PARKED: confirm.look,
    State.UNSETTLED: confirm.look,
    State.UNPAID: look_again,
    State.CANCELLING: fence.cancel,
}
# What a command may do that only looks: nothing in this table can lead to a confirm.

TAKEN: dict[Goal, dict[StrEnum, Step]] = {
    Goal.RUN: STEPS,
    Goal.SWEEP: STEPS,
    Goal.RESOLVE: LOOKS,
    Goal.SETTLE: LOOKS,
}


def rests(goal: Goal, item: ItemRecord) -> bool:
    """Tell whether an item is where ``goal`` leaves it."""
    if item.state is not State.UNPAID or goal is Goal.CLOSE:
        return phase_of(item.state) in RESTS[goal]
    fenced = bool(item.facts.get("fence"))
    if TAKEN[goal] is STEPS:
        return not fenced
    if fenced:
        return wants_new_clone(item)  # an attempt more: the run's
    return goal is Goal.SETTLE and not waits_for_customer(item)


def waits_for_customer(item: ItemRecord) -> bool:
    """Tell whether an item rests until its customer does something: who has done it has perhaps paid already."""
    return item.facts.get("group") == Group.NEEDS_CUSTOMER


async def charge(
    ctx: ItemContext, item: ItemRecord, goal: Goal = Goal.RUN, steps: Mapping[StrEnum, Step] | None = None
) -> ItemResult:
    """Take one item as far as ``goal`` says, from whatever the ledger shows.

    Every turn of the loop decides by the state on record alone, so a killed process is continued by simply calling this
    again; a lost race begins anew from what the other runner wrote.

    Raises:
        Halted: an answer that stops the whole run.
        LedgerError: a commit failed; nothing more may be sent.
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    while not rests(goal, item):
        if ctx.services.draining and not may_be_in_flight(item.state):
            break
        try:
            item = await (steps or TAKEN[goal])[item.state](ctx, item)
        except LostRace as race:
            item = race.item
        except StillUnresolved as left:
            return _arrival(ctx, left.item)
        except Requeue as back:
            return _arrival(ctx, back.item, back)
    return _arrival(ctx, item)


def _arrival(ctx: ItemContext, item: ItemRecord, back: Requeue | None = None) -> ItemResult:
    return ItemResult(item, back, ctx.dead_account, ctx.dead_words, ctx.alive and not ctx.dead_account)
