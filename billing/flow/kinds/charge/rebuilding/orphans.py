"""What a rebuild leaves to a person: intents beside the one on record, and lines of which several are not closed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from billing.core.entries import ItemRecord
from billing.core.items import Kind
from billing.core.plans import reason_of
from billing.core.skips import HELD_BY_ANOTHER
from billing.flow.kinds.charge.rebuilding.generations import named
from billing.flow.kinds.charge.rebuilding.intents import Shown
from billing.flow.kinds.charge.rebuilding.stripe_listing import StripeListing
from billing.flow.planning.planned import Source
from billing.flow.services import Services

CHUNK = 500
# References asked of the ledger at once.


@dataclass(frozen=True, slots=True)
class Orphan:
    """An intent beside the one on record; it was not touched.

    Attributes:
        paid: money moved by it although it is not the one on record: the payer was charged twice.
    """

    reference: str
    intent: str
    account: str
    status: str
    recorded: str
    paid: bool

    def __str__(self) -> str:
        """``INV-1: pi_2 (succeeded) on acct_N1, beside pi_1``."""
        return (
            f"{self.reference}: {self.intent} ({self.status}) on {self.account}, "
            f"beside {self.recorded or 'none on record'}"
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that nothing charges, because intents of it are not closed that are not on record.

    Attributes:
        reason: its reason code, ``paid_elsewhere`` or ``opened_elsewhere``.
        intents: these intents, as a person reads them.
    """

    reference: str
    reason: str
    intents: str

    def __str__(self) -> str:
        """``INV-1 (opened_elsewhere): pi_1 (requires_payment_method) on acct_N1, ...``."""
        return f"{self.reference} ({self.reason}): {self.intents or 'nothing of it is open any more'}"


T = TypeVar("T")


def batched(each: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield so many at a time."""
    rest = iter(each)
    while chunk := list(islice(rest, size)):
        yield chunk


def strays(services: Services, stock: StripeListing, source: Source) -> Iterator[Orphan | LeftOut]:
    """Yield every intent that is not the one on record and could take money, or has, then lines left out for such."""
    run, of_file = source.run, (line.item.reference for line in source.lines() if line.item is not None)
    references = dict.fromkeys([one for one in of_file if one in stock.by_reference] + list(stock.by_reference))
    for chunk in batched(references, CHUNK):
        found = services.ledger.obligations(services.platform, run.mode, run.period, chunk, Kind.CHARGE)
        for reference in chunk:
            yield from _of_one(services, stock.by_reference[reference], found.get(reference))


def _of_one(services: Services, shown: Shown, item: ItemRecord | None) -> Iterator[Orphan | LeftOut]:
    if item is None:
        return
    alive = [intent for intent in shown.flat() if not intent.cancelled]
    if reason_of(item) in HELD_BY_ANOTHER:
        yield LeftOut(item.reference, reason_of(item), named(alive))
    if all(intent.id == item.object_id for intent in alive):
        return
    on_record = services.ledger.on_record([intent.id for intent in alive])
    recorded = next((intent.id for intent in alive if intent.id in on_record), item.object_id or "")
    if not recorded and alive:
        recorded = alive[0].id
    for intent in alive:
        if intent.id not in on_record and intent.id != recorded:
            yield Orphan(item.reference, intent.id, intent.account, intent.status, recorded, intent.paid)
