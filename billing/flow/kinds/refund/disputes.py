"""The disputes of an account, listed once by each process: nothing is given back beside an open one.

An inquiry counts as well. Stripe would take a refund beside it, and when the bank turns the inquiry into a dispute, the
money is withdrawn a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from billing.core.objects.refund import ChargeSeen
from billing.edge.stripe.found import LookupFailed
from billing.flow.services import Services

OVER = frozenset({"won", "warning_closed"})
# A dispute that took nothing in the end. A lost one has given the payer the money already.


@dataclass(slots=True)
class _Shelf:
    """One account's disputes by charge and by intent, and whether each is over; None before the list was read."""

    of: Mapping[str, bool] | None = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Disputes:
    """Tells which charges are disputed."""

    def __init__(self, services: Services) -> None:
        """Begin with nothing listed."""
        self._gateway = services.gateway
        self._shelves: dict[str, _Shelf] = {}

    async def bar(self, account: str, charge: ChargeSeen) -> bool | LookupFailed:
        """Tell whether a dispute bars the refund of a charge, or why that cannot be known.

        A charge that says it is disputed, by a dispute that the list does not have, has the account listed anew; one
        that the list still lacks counts as open.
        """
        shelf = self._shelves.setdefault(account, _Shelf())
        async with shelf.lock:
            if shelf.of is None or (charge.disputed and charge.id not in shelf.of):
                found = await self._list(account)
                if isinstance(found, LookupFailed):
                    return found
                shelf.of = found
        return not shelf.of.get(charge.id, not charge.disputed)

    async def of(self, account: str) -> Mapping[str, bool] | LookupFailed:
        """Return the disputes of an account by charge and by intent, and whether each is over, as of now."""
        shelf = self._shelves.setdefault(account, _Shelf())
        async with shelf.lock:
            found = await self._list(account)
            if not isinstance(found, LookupFailed):
                shelf.of = found
        return found

    async def _list(self, account: str) -> Mapping[str, bool] | LookupFailed:
        over: dict[str, bool] = {}
        async for page in self._gateway.dispute_pages(account):
            if isinstance(page, LookupFailed):
                return page
            for dispute in page:
                for name in (str(dispute.get("charge")), str(dispute.get("payment_intent"))):
                    over[name] = over.get(name, True) and dispute.get("status") in OVER
        return over
