"""Bugs planted in the flow of cancellations. A simulation that does not catch every one proves nothing of the flow."""

from collections.abc import Callable
from typing import Any

from billing.core.entries import Move
from billing.core.kinds import cancellation
from billing.core.kinds.cancellation import Event, State
from billing.core.objects import cancellation as objects
from billing.flow.kinds.cancellation import conclude, look, send, steps
from tests.sim.mutations import Patches


def the_answer_decides() -> Patches:
    """A round that was answered is the end, and nothing is read after it."""

    async def believed(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, Move(Event.SUBSCRIPTION_OVER))

    return [(steps.STEPS, State.READY, believed)]


def invoices_are_left() -> Patches:
    """What is over is done with, whatever of it is open."""
    return [(look, "with_latest", lambda _seen, _listed: ())]


def drafts_are_left() -> Patches:
    """Only open invoices are made void."""
    return [(look, "COLLECTABLE", (objects.OPEN,)), (look, "with_latest", lambda _seen, listed: tuple(listed))]


def the_share_is_kept() -> Patches:
    """The platform's percentage is not cleared."""
    left = cancellation.left

    def without(*args: Any, **said: Any) -> Any:
        return tuple(one for one in left(*args, **said) if one[0] is not cancellation.CLEAR_FEE)

    return [(look, "left", without)]


def doubt_is_forgotten() -> Patches:
    """What is refused has failed, whatever else was sent."""

    async def failed(ctx: Any, item: Any, why: Any, _seen: Any) -> Any:
        return await ctx.record(item, Move(Event.CANCEL_REFUSED, facts=why))

    return [(conclude, "refused", failed)]


def refusals_are_believed() -> Patches:
    """A refusal is believed without a look."""

    async def failed(ctx: Any, item: Any, refused: Any, _asked: Any) -> Any:
        return await ctx.record(item, Move(Event.CANCEL_REFUSED, facts=conclude.failure(refused)))

    return [(send, "_refused", failed)]


def an_end_later_is_an_end_now() -> Patches:
    """What was to end with its period is cancelled at once."""
    ended = cancellation.END_NOW

    def now(when: Any, seen: Any, invoices: Any, standing: Any, *, clear_fee: bool) -> Any:
        asked = cancellation.left(when, seen, invoices, standing, clear_fee=clear_fee)
        return tuple((ended if op is cancellation.END_LATER else op, name) for op, name in asked)

    return [(look, "left", now)]


MUTATIONS: dict[str, tuple[Callable[[], Patches], int]] = {
    # bug -> (how it is planted, within how many seeds it must be caught)
    "the answer decides": (the_answer_decides, 40),
    "invoices are left": (invoices_are_left, 40),
    "drafts are left": (drafts_are_left, 60),
    "the share is kept": (the_share_is_kept, 40),
    "refusals are believed": (refusals_are_believed, 60),
    "an end later is an end now": (an_end_later_is_an_end_now, 40),
}
