"""Read one account: its intents, what moved on its balance, its payouts; by the page, at a pace of its own.

Intents come before rows: a payment that ends in between is then in the rows, and nothing that is paid looks missing.
A list that breaks off, or that holds a row which contradicts itself, ends the look: nothing is concluded from half a
list, and the next look begins where this one did.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiolimiter import AsyncLimiter

from billing.core.movements import Payout
from billing.core.reconciling.kept import Cursor
from billing.core.reconciling.payouts import Carried, Loose, carry, loose_of
from billing.core.reconciling.shown import (
    DisputeShown,
    IntentShown,
    Malformed,
    RowShown,
    dispute_in,
    intent_in,
    payout_in,
    row_in,
)
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.edge.stripe.gateway import Gateway

T = TypeVar("T")
Pages = AsyncIterator[list[dict[str, Any]] | LookupFailed]


class Unread(Exception):
    """An account could not be read to its end; nothing of it was believed."""

    def __init__(self, failed: LookupFailed) -> None:
        super().__init__(failed.code)
        self.failed = failed


@dataclass(slots=True)
class Reader:
    """Whoever reads lists of one account, and counts their pages."""

    gateway: Gateway
    account: str
    pace: AsyncLimiter
    pages: int = 0

    async def listed(self, pages: Pages, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
        """Read a list to its end, the newest first.

        Raises:
            Unread: it broke off, or a row of it cannot be believed.
        """
        found: list[T] = []
        while True:
            await self.pace.acquire()
            page = await anext(pages, None)
            if page is None:
                return found
            self.pages += 1
            if isinstance(page, LookupFailed):
                raise Unread(page)
            try:
                found += [read(row) for row in page]
            except Malformed as error:
                raise Unread(LookupFailed(Trouble.UNANSWERED, "list_malformed", str(error))) from error

    async def intents(self, since: int) -> list[IntentShown]:
        """Return the intents made since then."""
        return await self.listed(self.gateway.charged_pages(self.account, since), intent_in)

    async def rows(self, since: int) -> list[RowShown]:
        """Return what moved on the balance since then."""
        return await self.listed(self.gateway.balance_pages(self.account, since), row_in)

    async def payouts(self, since: int) -> list[Payout]:
        """Return the payouts made since then."""
        return await self.listed(
            self.gateway.payout_pages(self.account, since), lambda shown: payout_in(self.account, shown)
        )

    async def disputes(self, since: int) -> list[DisputeShown]:
        """Return the disputes and inquiries opened since then."""
        return await self.listed(self.gateway.disputes_since(self.account, since), dispute_in)

    async def intent(self, intent: str) -> IntentShown | None:
        """Return one intent, or None where Stripe knows none of this name.

        Raises:
            Unread: it cannot be read.
        """
        await self.pace.acquire()
        found = await self.gateway.charged_intent(self.account, intent)
        if not isinstance(found, LookupFailed):
            return intent_in(found)
        if found.trouble is Trouble.MISSING:
            return None
        raise Unread(found)

    async def carried(self, found: Carried, wanted: frozenset[str]) -> Carried:
        """Find out which rows payouts carry; Stripe is asked only where no sum proves it.

        Raises:
            Unread: a list broke off.
        """
        told: dict[str, Sequence[str] | None] = {}
        while True:
            known = carry(found, told, wanted)
            if known.ask is None:
                return known
            told[known.ask.id] = await self._told(known.ask)

    async def _told(self, payout: Payout) -> list[str] | None:
        """List what a payout carries, or None: a list that does not come to its amount is believed in nothing."""
        rows = await self.listed(self.gateway.carried_pages(self.account, payout.id), row_in)
        carried = [row for row in rows if row.source != payout.id or row.net != -payout.amount]
        return [row.id for row in carried] if sum(row.net for row in carried) == payout.amount else None


@dataclass(slots=True)
class Look:
    """What one look at an account showed.

    Attributes:
        began: epoch second at which it began, by Stripe's clock.
        intents, rows, payouts, disputes: as listed, rows without those that an earlier look has had.
        carried: which payout carries which row, as far as that is known now.
        pages: list pages that it took.
    """

    began: int
    intents: list[IntentShown]
    rows: list[RowShown]
    payouts: list[Payout]
    disputes: list[DisputeShown] = field(default_factory=list)
    carried: Carried | None = None
    pages: int = 0
    repeated: list[RowShown] = field(default_factory=list)


async def look_at(reader: Reader, cursor: Cursor, began: int) -> Look:
    """List an account from where the last look ended.

    Raises:
        Unread: a list broke off.
    """
    intents = await reader.intents(cursor.intents)
    rows = await reader.rows(cursor.rows)
    payouts = await reader.payouts(cursor.payouts)
    had = set(cursor.recent)
    fresh = [row for row in rows if row.id not in had]
    return Look(began, intents, fresh, payouts, pages=reader.pages, repeated=[row for row in rows if row.id in had])


def loose_after(cursor: Cursor, look: Look, payouts: Mapping[str, Payout]) -> dict[str, Loose]:
    """Return the rows that no payout was known to carry before this look, and those that it showed."""
    return {row[0]: Loose(*row) for row in cursor.loose} | loose_of(look.rows, payouts)
