"""Bugs planted in the flow of subscriptions. A simulation that does not catch every one proves nothing of the flow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from billing.core.entries import Move
from billing.core.kinds.subscription import Event, State
from billing.core.listed_subscriptions import NOTHING
from billing.core.objects import subscription as objects
from billing.core.objects.subscription import Standing
from billing.flow.kinds.subscription import begin_open, fence, find, link, look, open, pay, steps  # noqa: A004
from billing.flow.kinds.subscription.links import Links
from tests.sim.mutations import Patches


def lost_is_failed() -> Patches:
    """A lost payment counts as a no."""

    async def note(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, pay.lost("runner"), Move(Event.SUBSCRIPTION_OVER))

    return [(steps.STEPS, State.PAYING, note), (steps.LOOKS, State.PAYING, note)]


def nothing_is_listed() -> Patches:
    """Whatever is there is opened anew."""
    return [(find.Subscriptions, "verdict", lambda _self, _item: NOTHING)]


def no_fuse() -> Patches:
    """What asks for nothing is opened as it shall be."""
    return [(each, "fuse", lambda _ctx, _item: None) for each in (begin_open, open)]


def ends_only() -> Patches:
    """The fence ends the subscription, and leaves its open invoice."""

    async def void(_ctx: Any, _item: Any, _seen: Any) -> bool:
        return True

    def stands(seen: Any, invoices: Any) -> Standing:
        standing = objects.where_it_stands(seen, invoices)
        return Standing.OVER if standing is Standing.HALF_OVER and seen.dead else standing

    return [(fence, "void_open", void), (look, "where_it_stands", stands)]


def nobody_is_found() -> Patches:
    """The customers of an account are not looked through, and a key names the line."""
    original = link.calls.make_customer

    async def find_none(_self: Any, _account: str, _payer: str, *, anew: bool = False) -> None:
        return None

    def made(item: Any, personal: Any) -> Any:
        return replace(original(item, personal), names=None)

    return [(Links, "find", find_none), (link.calls, "make_customer", made)]


MUTATIONS: dict[str, tuple[Callable[[], Patches], range, int]] = {
    # bug -> (how it is planted, among which seeds it must be caught, on how many ledgers)
    "a lost payment is failed": (lost_is_failed, range(30, 60), 1),
    "nothing is listed": (nothing_is_listed, range(20), 2),
    "a customer for each line": (nobody_is_found, range(20), 1),
}
