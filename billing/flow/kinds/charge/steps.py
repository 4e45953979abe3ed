"""What is done with a charge in each state: decide, write, send, write. Only `STEPS` leads to a confirm."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds import phase_of
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.kinds.charge_rules import BLOCK_DAYS
from billing.core.life import Group, Phase
from billing.flow.engine.context import ItemContext, StillUnresolved, skipped
from billing.flow.engine.flow import Flow, Step, Steps
from billing.flow.engine.goals import RESTS, Goal
from billing.flow.kinds.charge import adopt, confirm, licence, prepare
from billing.flow.kinds.charge import cancel as fence
from billing.flow.kinds.charge.attempts import Attempts, is_repeat, wait_for_room
from billing.flow.kinds.charge.cards import Blocks, keeps
from billing.flow.kinds.charge.coming_back import find_returns
from billing.flow.kinds.charge.listing import INTENTS
from billing.flow.services import Services


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Take over what another ledger has opened; else start, unless the payment method was declined for good lately."""
    await licence.licence(ctx, item)
    found = await adopt.taken_over(ctx, item)
    if found is not None:
        return found
    decline = ctx.services.shared(Blocks).why(item)
    if decline:
        reason = f"this payment method was declined for good ({decline}) less than {BLOCK_DAYS} days ago"
        return await ctx.record(item, skipped(CHARGE_LIFE, "card_blocked", reason))
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


async def try_again(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Begin the next attempt once the schedule allows it, on the same intent; a card blocked meanwhile is left alone.

    Attempts that are spent end at the fence.

    Raises:
        StillUnresolved: its time has not come, or the card must not be tried, or not yet.
    """
    if item.facts.get("fence"):
        return await after_attempt(ctx, item)
    if ctx.services.clock.now() < datetime.fromisoformat(item.facts["next_try"]):
        raise StillUnresolved(item)
    if ctx.services.shared(Blocks).why(item):
        raise StillUnresolved(item)
    # Asked again when the confirm is about to leave; asked here so that no clone is made in vain.
    if until := ctx.services.shared(Attempts).waits(item):
        raise await wait_for_room(ctx, item, until)
    return await prepare.start_attempt(ctx, item)


async def pay(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Confirm a ready item, a later attempt of one only where its card may be tried: else it costs no request.

    Raises:
        StillUnresolved: the card must not be tried yet.
    """
    if is_repeat(item) and (until := ctx.services.shared(Attempts).waits(item)):
        raise await wait_for_room(ctx, item, until)
    return await licence.pay(ctx, item)


STEPS: dict[StrEnum, Step] = {
    State.PLANNED: begin,
    State.PREPARING: prepare.prepare,
    State.READY: pay,
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

TAKEN: dict[Goal, Steps] = {
    Goal.RUN: STEPS,
    Goal.SWEEP: STEPS,
    Goal.RESOLVE: LOOKS,
    Goal.SETTLE: LOOKS,
    Goal.RETRY: {**STEPS, State.UNPAID: try_again},
}


UNSENT = frozenset({Phase.WAITING, Phase.PREPARING})


def closing(why: Mapping[str, Any]) -> Steps:
    """Return what closing does with a charge in each state, given the facts of why; nothing here confirms."""

    async def skip(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts=why))

    async def give_up(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await fence.start_cancel(ctx, item, **why, what_to_do=None)

    return {
        State.PLANNED: skip,
        State.PREPARING: prepare.prepare,  # an open may be in flight: only its answer names the intent to cancel
        State.READY: give_up,
        State.CONFIRMING: confirm.note_lost,
        State.UNKNOWN: confirm.look,
        State.PARKED: confirm.look,
        State.UNPAID: give_up,
        State.CANCELLING: fence.cancel,
    }


def rests(goal: Goal, item: ItemRecord) -> bool:
    """Tell whether an item is where ``goal`` leaves it; a first attempt is the run's to make, never a retry's."""
    if goal is Goal.RETRY and phase_of(item.state) in UNSENT:
        return not (is_repeat(item) or reopened(item))
    if item.state is not State.UNPAID or goal is Goal.CLOSE:
        return phase_of(item.state) in RESTS[goal]
    fenced = bool(item.facts.get("fence"))
    if goal is Goal.RETRY:
        return not fenced and not item.facts.get("next_try")  # nothing that time would mend
    if TAKEN[goal] is STEPS:
        return not fenced
    if fenced:
        return wants_new_clone(item)  # an attempt more: the run's
    return goal is Goal.SETTLE and not waits_for_customer(item)


def reopened(item: ItemRecord) -> bool:
    """Tell whether an item is an obligation that a retry has begun anew."""
    return bool(item.content.get("earlier_declines"))


def waits_for_customer(item: ItemRecord) -> bool:
    """Tell whether an item rests until its customer does something: who has done it has perhaps paid already."""
    return item.facts.get("group") == Group.NEEDS_CUSTOMER


def look_up(services: Services, items: Iterable[ItemRecord]) -> None:
    """Ask the ledger, for a page of planned charges at once, whose payment methods were declined for good lately."""
    services.shared(Blocks).look_up(items)


CHARGES = Flow(
    life=CHARGE_LIFE,
    steps=TAKEN,
    closing=closing,
    rests=rests,
    waits_for_customer=waits_for_customer,
    rounds=(2, 1),  # open and clone, then the confirm
    look_up=look_up,
    keeps=keeps,
    listing=INTENTS,
    afterwards=find_returns,
)
