"""What is done with a payer in each state: decide, write, send, write. Only `STEPS` leads to a new customer."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.kinds import phase_of
from billing.core.kinds.payer import PAYER_LIFE, Event, State
from billing.core.life import Phase
from billing.flow.engine.context import ItemContext, StillUnresolved
from billing.flow.engine.flow import Flow, Step, Steps
from billing.flow.engine.goals import RESTS, Goal
from billing.flow.kinds.payer import ask, customers, default, fence, follow
from billing.flow.kinds.payer.listing import INVITATIONS

LOOKS: dict[StrEnum, Step] = {
    State.READY: follow.wait,
    State.INVITING: ask.lost,  # found so: the process that sent it is gone, and nobody has seen its secret
    State.INVITED: follow.follow,
    State.SAVED: default.choose,
    State.DEFAULTING: default.uncertain,
    State.CANCELLING: fence.fence,
    State.PARKED: follow.look_again,
}
# What a command does that asks nobody: nothing in this table makes a customer or an invitation.

STEPS: dict[StrEnum, Step] = {
    **LOOKS,
    State.PLANNED: customers.begin,
    State.CREATING: customers.create,
    State.READY: ask.ask,
    State.INVITING: ask.take_up,
    State.INVITED: follow.answer,
}


def closing(why: Mapping[str, Any]) -> Steps:
    """Return what closing does with a payer in each state, given the facts of why; nothing here asks anybody."""

    async def skip(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.ITEM_SKIPPED, facts=why))

    async def give_up(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        return await ctx.record(item, Move(Event.GIVEN_UP, facts=why))

    async def end(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        after, _ = await follow.look(ctx, item)
        return await fence.begin(ctx, item, why) if after is None else after

    async def leave(_ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        raise StillUnresolved(item)

    return {
        **LOOKS,
        State.PLANNED: skip,
        State.CREATING: give_up,
        State.READY: give_up,
        State.INVITED: end,
        State.PARKED: leave,
    }


_ASKED = frozenset({State.READY, State.INVITED})
_NOT_FOLLOWED = frozenset({State.PLANNED, State.CREATING})


def rests(goal: Goal, item: ItemRecord) -> bool:
    """Tell whether an item is where ``goal`` leaves it: ``settle`` follows who was asked, the page who has a link."""
    match goal:
        case Goal.RUN | Goal.RETRY:
            waits = item.state is State.INVITED or (item.state is State.READY and "link_base" in item.facts)
            return waits or phase_of(item.state) in RESTS[goal]
        case Goal.SWEEP:
            return item.state in _ASKED or phase_of(item.state) in RESTS[Goal.RUN]
        case Goal.RESOLVE:
            return item.state in _ASKED or phase_of(item.state) in RESTS[goal]
        case Goal.SETTLE:
            return item.state in _NOT_FOLLOWED or phase_of(item.state) in (Phase.FINAL, Phase.PARKED)
        case Goal.CLOSE:
            return phase_of(item.state) in RESTS[goal]


def rests_answered(goal: Goal, item: ItemRecord) -> bool:
    """Tell the same of a run that answers for its payers: it takes up whoever was asked."""
    return rests(goal, item) and not (goal is Goal.RUN and item.state in _ASKED)


PAYERS = Flow(
    life=PAYER_LIFE,
    steps={Goal.RUN: STEPS, Goal.SWEEP: STEPS, Goal.RESOLVE: LOOKS, Goal.SETTLE: LOOKS, Goal.RETRY: LOOKS},
    closing=closing,
    rests=rests,
    waits_for_customer=lambda item: item.state in _ASKED,
    rounds=(1, 1),  # the customer, and where the page is Stripe's the invitation
    look_up=lambda _services, _items: None,
    answering=rests_answered,
    listing=INVITATIONS,
)
