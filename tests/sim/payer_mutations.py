"""Bugs planted in the flow of payers. A simulation that does not catch every one proves nothing of the flow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from billing.core.entries import Move
from billing.core.kinds.payer import Event, State
from billing.core.objects import setup
from billing.core.objects.setup import Standing
from billing.flow.kinds.payer import ask, customers, default, fence, follow, invite, seen, steps
from tests.sim.mutations import Patches


def nobody_is_looked_for() -> Patches:
    """A customer is made without a list, under a key that names the attempt of nobody."""

    async def none(self: Any, names: Any, *, anew: bool = False) -> None:
        return None

    return [(customers.Customers, "of", none)]


def lists_are_good_for_ever() -> Patches:
    """A create without an answer is looked for on the list that came before it, under another key."""
    original = customers.create_customer
    made = [0]

    def another(item: Any, who: Any, name: str) -> Any:
        made[0] += 1
        return replace(original(item, who, name), names=f"{name}{made[0]}")

    async def none(self: Any, names: Any, *, anew: bool = False) -> None:
        return None

    return [(customers, "create_customer", another), (customers.Customers, "of", none)]


def no_fence() -> Patches:
    """What is given up is failed, and its invitation is left open."""

    async def over(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, Move(Event.INVITATION_OVER))

    return [(steps.STEPS, State.CANCELLING, over), (steps.LOOKS, State.CANCELLING, over)]


def the_method_is_not_read() -> Patches:
    """An intent that succeeded has saved a method, attached or not."""

    def stands(one: Any) -> Any:
        return Standing.SAVED if one.status == "succeeded" else setup_stands(one)

    setup_stands = setup.where_it_stands
    return [(where, "where_it_stands", stands) for where in (setup, follow, seen, fence, ask, invite)]


def success_is_not_made_the_default() -> Patches:
    """What was saved is taken for the default."""

    async def choose(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, Move(Event.DEFAULT_STARTED), Move(Event.DEFAULT_SET, facts={"default_set": True}))

    return [
        (steps.STEPS, State.SAVED, choose),
        (steps.LOOKS, State.SAVED, choose),
        (invite._INVITING, State.SAVED, choose),
    ]


def an_answer_is_the_default() -> Patches:
    """A default that was sent is set, whatever is answered."""

    async def uncertain(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, Move(Event.DEFAULT_SET, facts={"default_set": True}))

    return [(default, "uncertain", uncertain)]


def a_first_payment_is_asked_for_by_attempts() -> Patches:
    """Nobody lists the first payments that were asked for, and each attempt has a key of its own."""

    async def first(ctx: Any, item: Any) -> Any:
        begun = ask.started(ctx, item, ask.first_key(ctx, ask.PAY, item.attempt))
        return await ask.send(ctx, await ctx.record(item, begun))

    def again(seen_one: Any, request_id: str) -> Any:
        return Move(Event.METHOD_GONE)

    return [
        (ask, "_first_payment", first),
        (seen, "gone_move", again),
        (seen, "gone_event", lambda *, paid: Event.METHOD_GONE),
    ]


MUTATIONS: dict[str, tuple[Callable[[], Patches], int, int]] = {
    # bug -> (how it is planted, from which seed on it is looked for, on how many ledgers)
    "nobody is looked for": (nobody_is_looked_for, 0, 2),
    "a new key for each create": (lists_are_good_for_ever, 0, 2),
    "no fence": (no_fence, 15, 1),
    "the method is not read": (the_method_is_not_read, 2, 1),
    "saved is not made the default": (success_is_not_made_the_default, 0, 1),
    "first payments are not listed": (a_first_payment_is_asked_for_by_attempts, 14, 1),
}
MOST_SEEDS = 60
# Within which each must be caught.
