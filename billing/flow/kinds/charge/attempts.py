"""How often each card was tried, on record with the attempts themselves, and when it may be tried again.

An attempt is on record in the very commit that lets its confirm leave, by the platform's payment method and by the
card's fingerprint, each with the account: so it counts over items, runs and accounts, whatever is killed afterwards.
What is on its way to the disk counts, too. A first attempt is counted and never held back.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from billing.core.card_limits import Attempt, Wanted, allowed_from
from billing.core.entries import Facts, ItemRecord, Move, Note, merged
from billing.core.kinds.charge import Event, State
from billing.core.kinds.charge_rules import method_used
from billing.core.outcomes import Made
from billing.edge.ledger import Kept
from billing.flow.engine.context import ItemContext, StillUnresolved
from billing.flow.services import Services

ATTEMPTS = "attempts"
# The kind of look-up that keeps them, by card, account, item and number of the attempt.
_UNDONE = frozenset({Event.CHARGE_UNSENT, Event.CHARGE_REFUSED})
# The bank has certainly not heard of the attempt.
_TELLING = _UNDONE | {Event.CONFIRM_STARTED, Event.CHARGE_DECLINED}
_is_name = re.compile(r"[A-Za-z0-9_+=-]{1,100}").fullmatch

FULL = "the card has been tried as often as it may be for now"


class Attempts:
    """The attempts with each card, as the ledger has them and as this process is writing them."""

    def __init__(self, services: Services) -> None:
        """Begin; a process has one (`Services.shared`)."""
        self._ledger, self._clock = services.ledger, services.clock
        self._leaving: dict[str, Facts] = {}

    def of(self, item: ItemRecord, moves: Sequence[Move]) -> Kept:
        """Return what ``moves`` tell of an attempt, to be kept with them: that it may leave, and how it ended."""
        rows = self._rows(item, moves)
        return {ATTEMPTS: rows} if rows else {}

    @contextmanager
    def leaving(self, item: ItemRecord, moves: Sequence[Move]) -> Iterator[None]:
        """Count the attempt that ``moves`` begin from now on, until they are durable, or failed to be."""
        rows = self._rows(item, moves)
        self._leaving |= rows
        try:
            yield
        finally:
            for name in rows:
                self._leaving.pop(name, None)

    def allowed_from(self, item: ItemRecord) -> float:
        """Return the epoch second from which the next attempt of an item may leave: by its method and by its card.

        The attempt itself does not count, where it was on its way before. Nothing is awaited in here: whoever writes
        that the confirm leaves before anything else happens exceeds nothing.
        """
        now = self._clock.epoch()
        wanted = Wanted(item.account, item.amount, item.currency, str(item.facts.get("brand") or ""))
        return max((allowed_from(wanted, self._tries(card, item), now) for card in cards_of(item)), default=now)

    def waits(self, item: ItemRecord) -> datetime | None:
        """Return when the next attempt of an item may leave, or None if it may at once."""
        allowed = self.allowed_from(item)
        return None if allowed <= self._clock.epoch() else datetime.fromtimestamp(int(allowed) + 1, UTC)

    def _tries(self, card: str, item: ItemRecord) -> Iterator[Attempt]:
        begins, own = f"{card}/", f"/{item.item_id}/{item.attempt + (item.state is State.UNPAID)}"
        known = dict(self._ledger.kept(ATTEMPTS, begins))
        known |= {name: facts for name, facts in self._leaving.items() if name.startswith(begins)}
        for name, facts in known.items():
            if not facts.get("undone") and not name.endswith(own):
                account = name.split("/")[1]
                yield Attempt(facts["at"], account, facts["amount"], facts["currency"], bool(facts.get("declined")))

    def _rows(self, item: ItemRecord, moves: Sequence[Move]) -> dict[str, Facts]:
        events: list[StrEnum] = [move.name for move in moves if move.name in _TELLING]
        if not events:
            return {}
        after = item
        for move in moves:
            after = replace(after, facts=merged(after.facts, move.facts), attempt=move.attempt or after.attempt)
        row: dict[str, Any] = {"at": self._at(after), "amount": item.amount, "currency": item.currency}
        if events[-1] in _UNDONE:
            row["undone"] = True
        elif events[-1] is Event.CHARGE_DECLINED:
            row["declined"] = True
        return {f"{card}/{item.account}/{item.item_id}/{after.attempt}": row for card in cards_of(after)}

    def _at(self, item: ItemRecord) -> int:
        told = item.facts.get("last_try") or item.facts.get("first_try")
        return int(datetime.fromisoformat(told).timestamp() if told else self._clock.epoch())


def cards_of(item: ItemRecord) -> tuple[str, ...]:
    """Return by which names the next attempt of an item counts: the payment method, and the card where it is known."""
    names = (method_used(item), str(item.facts.get("fingerprint") or ""))
    return tuple(dict.fromkeys(name for name in names if _is_name(name)))


def was_tried(services: Services, item: ItemRecord, method: str) -> bool:
    """Tell whether an attempt of this very item was made with a method, whatever it was replaced with since."""
    tried = services.ledger.kept(ATTEMPTS, f"{method}/{item.account}/{item.item_id}/")
    return method == method_used(item) or any(True for _ in tried)


def shown_by(cloned: Made) -> dict[str, object]:
    """Return what the answer to a clone tells of the card or bank account itself; nothing without an answer."""
    body = cloned.reply.body or {}
    details = body.get(str(body.get("type")))
    if not isinstance(details, dict):
        return {}
    return {"fingerprint": _text(details.get("fingerprint")), "brand": _text(details.get("brand"))}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def is_repeat(item: ItemRecord) -> bool:
    """Tell whether the attempt of an item is a later one: one that had an earlier one which the bank may have heard of.

    A second clone after one that Stripe would not take is none.
    """
    firsts = 2 if item.facts.get("recloned") and "declines" not in item.facts else 1
    return item.attempt > firsts or bool(item.content.get("earlier_declines"))


async def wait_for_room(ctx: ItemContext, item: ItemRecord, until: datetime, *moves: Move) -> StillUnresolved:
    """Record until when an item waits for its card, with ``moves`` before it; return how its visit ends."""
    told = until.isoformat(timespec="seconds")
    if moves or item.facts.get("next_try") != told:
        item = await ctx.record(item, *moves, Move(Note.SET_ASIDE, facts={"next_try": told}))
    return StillUnresolved(item)
