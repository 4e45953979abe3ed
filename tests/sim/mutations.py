"""Bugs planted on purpose. A simulation that does not catch every one of them proves nothing about the shipped code."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from billing.core import classify
from billing.core.entries import Move, Note, merged
from billing.core.kinds.charge import CHARGE_LIFE, CONFIRM, Event, State
from billing.core.outcomes import Cancelled, Lost, Made, Refused, Scope, Seen, Succeeded, Unconfirmed, Unsettled
from billing.edge.ledger import check
from billing.edge.ledger import drafts as writes
from billing.edge.ledger.sqlite import schema, tables
from billing.edge.stripe import gateway
from billing.edge.stripe.calls.charge import confirm_intent
from billing.flow.engine.context import Requeue
from billing.flow.kinds.charge import cancel as fence
from billing.flow.kinds.charge import confirm, prepare
from billing.flow.kinds.charge import find as finder
from billing.flow.kinds.charge import steps as charge

Patches = list[tuple[Any, Any, Any]]


@contextmanager
def planted(patches: Patches) -> Iterator[None]:
    """Put the bugs in, and take them out again."""
    originals = [(owner, name, _put(owner, name, bug)) for owner, name, bug in patches]
    try:
        yield
    finally:
        for owner, name, original in originals:
            _put(owner, name, original)


def _put(owner: Any, name: Any, value: Any) -> Any:
    """Set an attribute, or an item of a table; return what was there."""
    if isinstance(owner, dict):
        original, owner[name] = owner[name], value
    else:
        original = getattr(owner, name)
        setattr(owner, name, value)
    return original


def _seen(item: Any) -> Seen:
    return Seen(item.object_id or "", None, item.amount, None, "")


def no_fence() -> Patches:
    """An item is called failed without cancelling its intent."""

    async def skip_the_cancel(ctx, item):
        item = await ctx.record(item, Move(Event.CANCEL_STARTED))
        return await ctx.record(item, Move(Event.INTENT_CANCELLED))

    return [(fence, "start_cancel", skip_the_cancel)]


def unknown_is_unpaid() -> Patches:
    """A lost confirm is written down as a decline."""
    original = confirm.note_lost

    async def send(ctx, item):
        outcome = await ctx.services.gateway.send(item, confirm_intent(item))
        if isinstance(outcome, Lost):
            return await ctx.record(item, Move(Event.CHARGE_DECLINED, facts={"declines": 1, "group": "declined"}))
        return await original(ctx, item)

    return [(confirm, "_send_confirm", send)]


def lost_is_paid() -> Patches:
    """A lost confirm is written down as a success."""
    original = confirm.note_lost

    async def send(ctx, item):
        outcome = await ctx.services.gateway.send(item, confirm_intent(item))
        if isinstance(outcome, Lost):
            return await ctx.record(item, Move(Event.CHARGE_SUCCEEDED))
        return await original(ctx, item)

    return [(confirm, "_send_confirm", send)]


def success_before_the_request() -> Patches:
    """The result is written first and the request sent afterwards."""

    async def send(ctx, item):
        after = await ctx.record(item, Move(Event.CHARGE_SUCCEEDED))
        await ctx.services.gateway.send(item, confirm_intent(item))
        return after

    return [(confirm, "_send_confirm", send)]


def processing_is_paid() -> Patches:
    """A debit that the bank has not answered yet counts as paid."""
    original = confirm.sighting

    def sighting(ctx, item, outcome):
        move = original(ctx, item, outcome)
        return replace(move, name=Event.CHARGE_SUCCEEDED) if isinstance(outcome, Unsettled) else move

    return [(confirm, "sighting", sighting)]


def lost_cancel_is_cancelled() -> Patches:
    """A cancel whose answer was lost counts as done."""
    original = fence._concluded

    async def look(ctx, item, outcome):
        return item, Cancelled(_seen(item)) if isinstance(outcome, Lost) else outcome

    return [(fence, "_look", look), (fence, "_concluded", original)]


def lost_open_is_refused() -> Patches:
    """An open whose answer was lost counts as refused."""
    original = prepare._settle_pair

    async def settle(ctx, item, opened, cloned):
        if isinstance(opened, Lost):
            opened = Refused("lost", "", "", Scope.ITEM, "")
        return await original(ctx, item, opened, cloned)

    return [(prepare, "_settle_pair", settle)]


def any_body_is_believed() -> Patches:
    """Whatever comes with a 200 counts as the object that was asked for."""
    original = gateway.classify

    def believing(call, reply, expected):
        if call.op is CONFIRM and 200 <= (reply.status or 0) < 300:
            seen = Seen(expected.object_id or "", None, expected.amount, None, "")
            return Succeeded(seen, reply=reply)
        return original(call, reply, expected)

    return [(gateway, "classify", believing)]


def new_key_per_send() -> Patches:
    """Every send carries a key of its own."""
    count = itertools.count()
    original = gateway.idempotency_key
    return [(gateway, "idempotency_key", lambda *parts: f"{original(*parts)[:55]}-{next(count)}")]


def keys_trusted_for_ever() -> Patches:
    """An open whose key may be forgotten is sent again without looking."""
    return [(finder.Finder, "may_start", lambda self, item: True)]


def new_clone_while_unknown() -> Patches:
    """An item whose confirm was lost is continued with a fresh clone."""

    async def look(ctx, item):
        return await prepare.start_attempt(ctx, item)

    return [(charge.STEPS, State.UNKNOWN, look)]


def reads_show_nothing() -> Patches:
    """A paid intent is taken for an untouched one, and the item for one that failed."""
    original = confirm._read

    async def read(ctx, item):
        outcome = await original(ctx, item)
        return outcome if isinstance(outcome, Lost | Made) else Unconfirmed(_seen(item))

    return [(confirm, "_read", read)]


def last_writer_wins() -> Patches:
    """Nobody compares before writing: not state, attempt and version, not the intent that is on record."""

    def forced(item, move):
        to = next((edge.to for (_, event), edge in CHARGE_LIFE.edges.items() if event == move.name), item.state)
        fresh = move.attempt not in (None, item.attempt)
        return replace(
            item,
            state=to,
            attempt=item.attempt if move.attempt is None else move.attempt,
            ver=item.ver + 1,
            object_id=move.object_id or item.object_id,
            instrument_id=move.instrument_id or (None if fresh else item.instrument_id),
            facts=merged(item.facts, move.facts),
        )

    kept = tuple(guard for guard in schema.LAWS if not guard.name.startswith("items_"))
    return [
        (writes, "apply", forced),
        (check, "apply", forced),
        (writes, "_seen", lambda *_: True),
        (schema, "LAWS", kept),
        (tables, "LAWS", kept),
    ]


def key_per_process() -> Patches:
    """Every runner has keys of its own."""
    loops: dict[Any, int] = {}
    original = gateway.idempotency_key

    def key(*parts):
        number = loops.setdefault(asyncio.get_running_loop(), len(loops))
        return f"{original(*parts)[:55]}-{number}"

    return [(gateway, "idempotency_key", key)]


def limited_is_declined() -> Patches:
    """A limiter's no to a confirm counts as the issuer's."""
    original = confirm._send_confirm

    async def send(ctx, item):
        try:
            return await original(ctx, item)
        except Requeue as back:
            return await ctx.record(back.item, Move(Event.CONFIRM_STARTED), Move(Event.CHARGE_DECLINED))

    return [(confirm, "_send_confirm", send)]


def key_never_renewed() -> Patches:
    """A key under which the provider keeps a server error is sent again and again."""

    def same(item, op, _desk):
        return Move(Note.KEY_RENEWED, facts={"op": str(op)})

    return [(prepare, "renewal", same), (fence, "renewal", same)]


def parked_is_failed() -> Patches:
    """What the provider would not say counts as not paid."""

    async def exhausted(ctx, item):
        return await ctx.record(item, Move(Event.INTENT_CANCELLED))

    return [(confirm, "_exhausted", exhausted)]


def drain_abandons() -> Patches:
    """A draining runner calls what it has in flight failed."""
    original = charge.STEPS[State.UNKNOWN]

    async def abandon(ctx, item):
        if ctx.services.draining:
            return await ctx.record(item, Move(Event.INTENT_CANCELLED))
        return await original(ctx, item)

    return [(charge.STEPS, State.UNKNOWN, abandon)]


# --- bugs that only a second ledger can meet ----------------------------------------------------------------------


def accounts_never_listed() -> Patches:
    """Nothing is looked for before an open."""
    return [(finder.Finder, "may_start", lambda self, item: True)]


def lists_good_for_ever() -> Patches:
    """A list of last week is a licence, too, and what it did not show is opened."""
    return [(finder, "LIST_SECONDS", float("inf"))]


def nothing_taken_over() -> Patches:
    """What a list shows is opened again."""

    async def nothing(ctx, item):
        return None

    return [(charge.adopt, "taken_over", nothing), (prepare, "taken_over", nothing)]


def new_errors_are_stored_ones() -> Patches:
    """An open takes its next key after any server error, each ledger counts its own, and no list is believed."""

    def lost(asked, reply, expected):
        return Lost((reply.status or 0) >= 424, reply=reply)

    tables = [(classify.BY_STATUS, 424, lost), (classify, "_lost", lost)]
    return [*tables, (prepare, "taken_over", _nothing)]


async def _nothing(ctx, item):
    return None


PAIR_MUTATIONS: dict[str, tuple[Callable[[], Patches], int]] = {
    # the bug, and the number of seeds with two ledgers within which it must be caught
    "accounts_never_listed": (accounts_never_listed, 60),
    "lists_good_for_ever": (lists_good_for_ever, 400),
    "nothing_taken_over": (nothing_taken_over, 60),
    "new_errors_are_stored_ones": (new_errors_are_stored_ones, 200),
}

MUTATIONS: dict[str, tuple[Callable[[], Patches], int]] = {
    # the bug, and the number of seeds within which it must be caught
    "no_fence": (no_fence, 5),
    "unknown_is_unpaid": (unknown_is_unpaid, 20),
    "lost_is_paid": (lost_is_paid, 20),
    "success_before_the_request": (success_before_the_request, 5),
    "processing_is_paid": (processing_is_paid, 20),
    "lost_cancel_is_cancelled": (lost_cancel_is_cancelled, 200),
    "lost_open_is_refused": (lost_open_is_refused, 60),
    "any_body_is_believed": (any_body_is_believed, 60),
    "new_key_per_send": (new_key_per_send, 60),
    "keys_trusted_for_ever": (keys_trusted_for_ever, 60),
    "new_clone_while_unknown": (new_clone_while_unknown, 20),
    "reads_show_nothing": (reads_show_nothing, 200),
    "last_writer_wins": (last_writer_wins, 60),
    "limited_is_declined": (limited_is_declined, 60),
    "key_never_renewed": (key_never_renewed, 60),
    "parked_is_failed": (parked_is_failed, 60),
    "drain_abandons": (drain_abandons, 200),
}

HEALED: dict[str, tuple[Callable[[], Patches], Callable[[], Patches], int]] = {
    # the bug, what must be gone so that it is not healed, and the number of seeds within which it must be caught
    "key_per_process": (key_per_process, keys_trusted_for_ever, 60),
}
