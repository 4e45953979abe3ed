"""Bugs planted in the flow of syncs. A simulation that does not catch every one proves nothing of the flow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from billing.core.entries import Move
from billing.core.kinds.sync import Event, State
from billing.core.objects.link import Follows
from billing.flow.kinds.sync import changes, checking, conclude, pointing, steps
from billing.flow.kinds.sync import examine as examining
from tests.sim.mutations import Patches


def detached_before_it_is_read() -> Patches:
    """Older copies are let go as soon as the new one is attached."""
    original = conclude.repoint_started

    async def early(ctx: Any, item: Any, *, fields: bool) -> Any:
        copies = await checking.copies_now(ctx, item)
        if isinstance(copies, tuple):
            for copy in copies:
                if copy.id != item.instrument_id:
                    await checking.sent(ctx, item, checking.detach(item, copy.id))
        return await original(ctx, item, fields=fields)

    return [(conclude, "repoint_started", early)]


def done_without_a_look() -> Patches:
    """What was sent counts as done."""

    async def done(ctx: Any, item: Any) -> Any:
        return await ctx.record(item, Move(Event.IN_STEP))

    return [(steps.STEPS, State.MOVED, done), (checking, "check", done)]


def subscriptions_are_not_moved() -> Patches:
    """Only the customer is repointed, and nobody reads what subscriptions name."""
    return [(pointing, "astray", lambda *_: ()), (checking, "follows", _blind_to_subscriptions())]


def _blind_to_subscriptions() -> Callable[..., Follows]:
    original = checking.follows

    def blind(look: Any, *rest: Any) -> Follows:
        return original(replace(look, named={}), *rest)

    return blind


def fields_are_forgotten() -> Patches:
    """A copy is all that is brought in step."""
    return [(pointing, "differing", lambda *_: {})]


def nothing_is_let_go() -> Patches:
    """Old copies stay attached."""

    def none(*_: Any) -> Follows:
        follows = _original(*_)
        return Follows.NOTHING if follows is Follows.DETACH else follows

    _original = checking.follows
    return [(checking, "follows", none)]


def events_are_read_from_now_on() -> Patches:
    """The cursor is kept before what follows from the events is on record."""
    original = changes.changes_since

    async def early(services: Any, *, everybody: bool = False) -> Any:
        found = await original(services, everybody=everybody)
        await changes.keep_cursor(services, found, {})
        return replace(found, payers=frozenset(), methods=frozenset())

    from billing.flow import syncing

    return [(syncing, "changes_since", early)]


def what_was_never_looked_at_is_in_step() -> Patches:
    """A link that could not be read counts as read."""

    async def blind(services: Any, links: Any) -> Any:
        return {link: examining.Verdict() for link in links}

    from billing.flow import syncing

    return [(syncing, "examine", blind)]


MUTATIONS: dict[str, tuple[Callable[[], Patches], int]] = {
    # bug -> (how it is planted, within how many seeds it must be caught)
    "done without a look": (done_without_a_look, 40),
    "subscriptions are not moved": (subscriptions_are_not_moved, 40),
    "fields are forgotten": (fields_are_forgotten, 40),
    "nothing is let go": (nothing_is_let_go, 40),
    "the cursor before the work": (events_are_read_from_now_on, 40),
    "unread is in step": (what_was_never_looked_at_is_in_step, 40),
}
