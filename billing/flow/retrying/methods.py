"""Another payment method for a charge: one that is named, or the default that its customer has saved since."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import anyio

from billing.core.entries import ItemRecord, Move, Note
from billing.core.errors import InvalidInput, Problem
from billing.core.findings import charged_in
from billing.core.items import Kind
from billing.core.kinds import phase_of
from billing.core.kinds.charge import State
from billing.core.kinds.charge_rules import BLOCK_DAYS, BLOCKED, CARD_BLOCKED, method_used
from billing.core.life import Group, Phase
from billing.core.plans import reason_of
from billing.core.records import RunRecord
from billing.core.skips import HELD_BY_ANOTHER, OPERATORS, SKIPS
from billing.edge.stripe.found import LookupFailed, Method, Trouble
from billing.flow.engine.gather import gather
from billing.flow.kinds.charge.attempts import was_tried
from billing.flow.options import Selection
from billing.flow.planning.search import AT_ONCE, CHARGING, kept_of
from billing.flow.planning.sought import TROUBLES, mark_of
from billing.flow.services import Services

CHUNK = 500
# Names the ledger answers at once.
ASK_DAYS = 60
# A customer who has saved nothing else within so many days of the last try is not looked up any more.


@dataclass(frozen=True, slots=True)
class Named:
    """A payment method that a person names for a line; ``file`` and ``line`` say where, for a message."""

    reference: str
    method: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """The payment method with which an item goes on.

    Attributes:
        method: of the platform, saved for the item's customer.
        card: what stands behind it, as Stripe names it, or None.
        why: ``new_method`` or ``new_default``.
        at: when it was found; the next attempt is due from then on.
    """

    method: str
    card: str | None
    why: str
    at: datetime

    def move(self) -> Move:
        """Return what is recorded of it. What barred the next attempt was the other method's."""
        due = self.at.isoformat(timespec="seconds")
        facts = {"method": self.method, "fingerprint": self.card, "brand": None, "next_try": due}
        return Move(Note.METHOD_REPLACED, facts={**facts, "fence": None, "dead_clone": None})


class Methods:
    """Looks payment methods up, each once, and says what is wrong with one for an item."""

    def __init__(self, services: Services) -> None:
        """Begin with nothing looked up."""
        self._services, self._limiter = services, anyio.CapacityLimiter(AT_ONCE)
        self._methods: dict[str, Method | None] = {}
        self._lacking: dict[str, frozenset[str]] = {}
        self._defaults: dict[str, str] = {}

    async def named(self, record: RunRecord, wanted: Sequence[Named]) -> dict[int, Replacement]:
        """Return with which named method which item goes on, by ledger row; what is paid needs none.

        Raises:
            InvalidInput: some of it cannot be; all of that, with its places.
            CredentialsError, ProviderUnreachable: it cannot be looked up.
        """
        problems = twice(wanted)
        meant: list[tuple[Named, ItemRecord]] = []
        known = self._items(record, [each.reference for each in wanted])
        for each in wanted:
            item = known.get(each.reference)
            said = _cannot(item, record.run_id)
            if said:
                problems.append(_problem(each, *said))
            elif item is not None and _goes_on(item, each.method):
                meant.append((each, item))
        await self._look([each.method for each, _ in meant], [item.account for _, item in meant])
        for each, item in meant:
            if code := self._trouble(item, each.method):
                problems.append(_problem(each, code, f"{each.method}: {SKIPS[code].means}", SKIPS[code].what_to_do))
        if problems:
            raise InvalidInput(problems)
        return {item.id: self._replacement(each.method, "new_method") for each, item in meant}

    async def defaults(self, items: Iterable[ItemRecord]) -> dict[int, Replacement]:
        """Return which items go on with a default that their customers have saved since, by ledger row.

        One read for each customer, and one for each default that was never tried for the item.
        """
        asked = list(items)
        await gather(*(partial(self._default, payer) for payer in {item.payer for item in asked}))
        found = [(item, method) for item in asked if (method := self._defaults.get(item.payer, ""))]
        found = [(item, method) for item, method in found if not was_tried(self._services, item, method)]
        await self._look([method for _, method in found], [item.account for item, _ in found])
        return {
            item.id: self._replacement(method, "new_default")
            for item, method in found
            if not self._trouble(item, method)
        }

    def _items(self, record: RunRecord, references: Sequence[str]) -> dict[str, ItemRecord]:
        known: dict[str, ItemRecord] = {}
        for start in range(0, len(references), CHUNK):
            chunk = references[start : start + CHUNK]
            known |= self._services.ledger.obligations(record.platform, record.mode, record.period, chunk, Kind.CHARGE)
        return known

    async def _look(self, methods: Iterable[str], accounts: Iterable[str]) -> None:
        wanted = sorted({*methods} - self._methods.keys())
        await gather(*(partial(self._method, method) for method in wanted))
        if any(found is not None and found.type == "us_bank_account" for found in self._methods.values()):
            unknown = sorted({*accounts} - self._lacking.keys())
            await gather(*(partial(self._account, account) for account in unknown))

    async def _method(self, method: str) -> None:
        async with self._limiter:
            self._methods[method] = _shown(await self._services.gateway.payment_method(method))

    async def _account(self, account: str) -> None:
        async with self._limiter:
            found = _shown(await self._services.gateway.account(account))
        states = found.capabilities if found is not None else {}
        self._lacking[account] = frozenset(
            kind for kind, name in CHARGING.items() if states.get(name, "active") != "active"
        )

    async def _default(self, payer: str) -> None:
        async with self._limiter:
            found = _shown(await self._services.gateway.customer(payer))
        self._defaults[payer] = (found.default_method if found is not None else None) or ""

    def _trouble(self, item: ItemRecord, method: str) -> str:
        """Return why an item cannot be paid with a method (a code of `core.skips.SKIPS`), or an empty text."""
        found = self._methods.get(method)
        if found is None:
            return "method_unknown"
        if found.customer != item.payer:
            return "method_of_other_customer"
        mark = mark_of(kept_of(found), self._services.clock.now())
        if mark in TROUBLES:
            return mark
        if not charged_in(found.type, item.currency):
            return "method_not_for_currency"
        if found.type in self._lacking.get(item.account, ()):
            return "method_not_for_account"
        since = self._services.clock.days_ago(BLOCK_DAYS)
        return CARD_BLOCKED if self._services.ledger.lookups(BLOCKED, [method], since) else ""

    def _replacement(self, method: str, why: str) -> Replacement:
        found = self._methods[method]
        return Replacement(method, found.fingerprint if found else None, why, self._services.clock.now())


def _shown(found: Any) -> Any:  # noqa: ANN401  an account, a customer or a method
    """Return what a look-up shows, or None for what is not there.

    Raises:
        CredentialsError, ProviderUnreachable, RunStopped: it shows nothing either way.
    """
    if not isinstance(found, LookupFailed):
        return found
    if found.trouble in (Trouble.MISSING, Trouble.BARRED) or 200 <= found.status < 300:
        return None  # a name of Stripe's test methods is answered with another object
    raise found.as_error()


def waiting_for_customers(
    items: Iterable[ItemRecord], selection: Selection, now: datetime, *, closed: bool = False
) -> Iterator[ItemRecord]:
    """Yield the items that another default of their customers would help: no time helps them, and all is lately.

    A charge that failed was closed for good, and may have been paid otherwise since: it is taken only where that is
    asked for (``closed``).
    """
    helped = HELPED | CLOSED if closed else HELPED
    for item in items:
        last = item.facts.get("last_try")
        lately = last is None or now - datetime.fromisoformat(last) <= timedelta(days=ASK_DAYS)
        needs = item.facts.get("group") == Group.NEEDS_CUSTOMER or item.facts.get("remedy") == "never"
        if item.state in helped and needs and lately and selection.takes(item):
            yield item


HELPED, CLOSED = frozenset({State.UNPAID, State.RETURNED}), frozenset({State.FAILED})
# States in which another method of the customer may help; what failed, or came back, is begun anew.


def _goes_on(item: ItemRecord, method: str) -> bool:
    """Tell whether a method is news for an item: what is paid needs none, and what has it already keeps its time."""
    return item.state is not State.SUCCEEDED and method_used(item) != method


def _cannot(item: ItemRecord | None, run_id: str) -> tuple[str, str, str] | None:
    """Return why no other method helps an item: a code, what is so, and what would help; None where it does."""
    if item is None or item.run_id != run_id:
        return "reference_unknown", f"run {run_id} has no such line", "correct the reference"
    if phase_of(item.state) is Phase.SETTLING:
        return "on_its_way", "a payment of this line is on its way", "wait for its end with billing settle"
    if phase_of(item.state) in (Phase.MONEY, Phase.LOOKING, Phase.PARKED, Phase.CLOSING):
        return "in_doubt", "what became of the last try is not known yet", "billing resolve looks"
    if phase_of(item.state) in (Phase.WAITING, Phase.PREPARING):
        return "not_tried", "the line waits for a try that was begun", "billing run goes on with it"
    if item.state is State.SKIPPED or reason_of(item) in OPERATORS | HELD_BY_ANOTHER:
        return "left_out", f"the line was left out ({reason_of(item)})", "correct the sheet and run it again"
    return None


def _problem(named: Named, code: str, message: str, hint: str) -> Problem:
    return Problem(named.file, named.line, 1, code, f'"{named.reference}": {message}', hint, named.reference)


def twice(wanted: Sequence[Named]) -> list[Problem]:
    """Return a problem for each place at which a reference is named with another payment method than before."""
    first: dict[str, str] = {}
    return [
        _problem(each, "reference_twice", "is named with several payment methods", "name one")
        for each in wanted
        if first.setdefault(each.reference, each.method) != each.method
    ]
