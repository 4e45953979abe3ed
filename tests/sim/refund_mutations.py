"""Bugs planted in the flow of refunds. A simulation that does not catch every one proves nothing of the flow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from billing.core.entries import Move
from billing.core.kinds.refund import CONCLUDES, Event, State, ends
from billing.core.objects import refund as objects
from billing.core.objects.refund import Standing
from billing.flow.kinds.refund import conclude, disputes, send, steps
from tests.sim.mutations import Patches


def loose_is_forgotten() -> Patches:
    """An item of which nothing stands has failed, whatever else was sent."""

    def failed(events: Any, *, loose: bool) -> Any:
        return ends(events, loose=False)

    return [(conclude, "ends", failed)]


def lost_is_failed() -> Patches:
    """A lost answer counts as a no."""

    async def note(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, Move(Event.REFUND_REFUSED), Move(Event.GIVEN_UP))

    return [(steps.STEPS, State.REFUNDING, note), (steps.LOOKS, State.REFUNDING, note)]


def pending_is_failed() -> Patches:
    """A refund that its bank has not taken yet counts as one that came back."""
    return [(objects, "RETURNED", objects.RETURNED | objects.PENDING), (objects, "PENDING", frozenset())]


def success_is_the_end() -> Patches:
    """What succeeded is settled without another look."""

    async def settle(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, Move(Event.RETURN_PERIOD_OVER))

    return [(steps.STEPS, State.SUCCEEDED, settle), (steps.LOOKS, State.SUCCEEDED, settle)]


def result_before_the_request() -> Patches:
    """The result is written, then the request is sent."""
    original = send.start

    async def start(ctx: Any, item: Any, charge: Any) -> Any:
        moves = Move(Event.REFUND_STARTED, 1), Move(Event.REFUND_SUCCEEDED, object_id="re_0", facts={"refund": "re_0"})
        if item.state is not State.PLANNED:
            return await original(ctx, item, charge)
        after = await ctx.record(item, *moves)
        await ctx.send(item, send.make_refund(item))
        return after

    return [(send, "start", start)]


def disputes_are_not_read() -> Patches:
    """A refund leaves whatever the payer disputes."""

    async def never(self: Any, account: str, charge: Any) -> bool:
        return False

    return [(disputes.Disputes, "bar", never)]


def inquiries_are_no_disputes() -> Patches:
    """Only what has taken money counts as a dispute."""
    return [(disputes, "OVER", disputes.OVER | {"warning_needs_response"})]


def the_fee_is_kept() -> Patches:
    """Nobody says what becomes of the platform's share."""
    original = send.make_refund

    def made(item: Any) -> Any:
        call = original(item)
        kept = {name: value for name, value in call.params.items() if name != "refund_application_fee"}
        return replace(call, params=kept)

    return [(send, "make_refund", made)]


def refunds_are_nameless() -> Patches:
    """A refund does not say whose it is."""
    original = send.make_refund

    def made(item: Any) -> Any:
        call = original(item)
        return replace(call, params={**call.params, "metadata": {}})

    return [(send, "make_refund", made)]


def a_part_is_sent() -> Patches:
    """A refund carries an amount of half the charge, and takes it for all: nothing fences it."""
    original = send.make_refund

    def made(item: Any) -> Any:
        call = original(item)
        return replace(call, params={**call.params, "amount": item.amount // 2})

    return [(send, "make_refund", made), *((where, "contradiction", lambda *_: "") for where in (conclude, objects))]


def returned_still_stands() -> Patches:
    """What a bank has returned counts as given back."""
    return [(CONCLUDES, Standing.RETURNED, (Event.REFUND_SUCCEEDED,))]


MUTATIONS: dict[str, tuple[Callable[[], Patches], int]] = {
    # bug -> (how it is planted, within how many seeds it must be caught)
    "a lost refund is failed": (lost_is_failed, 60),
    "pending is failed": (pending_is_failed, 60),
    "settled without a look": (success_is_the_end, 60),
    "result before the request": (result_before_the_request, 60),
    "disputes are not read": (disputes_are_not_read, 60),
    "inquiries are no disputes": (inquiries_are_no_disputes, 60),
    "the fee is kept": (the_fee_is_kept, 60),
    "refunds are nameless": (refunds_are_nameless, 60),
    "half of the charge": (a_part_is_sent, 200),
    "what came back still stands": (returned_still_stands, 60),
}
