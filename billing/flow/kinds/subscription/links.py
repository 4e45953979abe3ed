"""The links of payers with an account: the customer a payer has there, and the copies attached to it.

An account's customers are listed once by each process, however many lines there are. What a process has made or seen
it remembers, so that the second line of a link costs two requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from billing.core.objects.link import METHOD
from billing.core.objects.linked import default_of, has_credit
from billing.edge.stripe.calls.subscription import PAYER, PRODUCT
from billing.edge.stripe.found import LookupFailed
from billing.flow.services import Services


@dataclass(slots=True)
class Link:
    """What is known of one payer on one account.

    Attributes:
        customer: its id there.
        default: what it pays with by default, or empty.
        credit: whether it has a credit balance, or a discount of its own.
        copies: platform payment method -> its newest attached copy; None before they were read.
        attaching: one line at a time looks for a copy and attaches its own.
    """

    customer: str
    default: str = ""
    credit: bool = False
    copies: dict[str, str] | None = None
    attaching: anyio.Lock = field(default_factory=anyio.Lock, compare=False)


@dataclass(slots=True)
class _Account:
    links: dict[str, Link] = field(default_factory=dict)
    listed: bool = False
    products: dict[str, str] | None = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Links:
    """Tells, and remembers, what a payer has on an account."""

    def __init__(self, services: Services) -> None:
        """Begin with nothing known."""
        self._gateway = services.gateway
        self._accounts: dict[str, _Account] = {}

    async def find(self, account: str, payer: str, *, anew: bool = False) -> Link | LookupFailed | None:
        """Return the link of a payer, None where it has no customer there; ``anew`` lists the account again."""
        known = self._accounts.setdefault(account, _Account())
        async with known.lock:
            if anew or not known.listed:
                listed = await self._list(account)
                if isinstance(listed, LookupFailed):
                    return listed
                known.links = listed | {name: link for name, link in known.links.items() if link.copies}
                known.listed = True
        return known.links.get(payer)

    def made(self, account: str, payer: str, customer: str) -> Link:
        """Remember the customer that this process has made for a payer on an account: nothing is attached to it."""
        links = self._accounts.setdefault(account, _Account()).links
        if payer not in links or links[payer].customer != customer:
            links[payer] = Link(customer, copies={})
        return links[payer]

    async def on_record(self, account: str, payer: str, customer: str) -> Link | LookupFailed:
        """Return the link of a customer that a line has on record, which another process may have made.

        So what it pays with, and what is attached to it, is read and not supposed.
        """
        known = await self.find(account, payer)
        if isinstance(known, LookupFailed):
            return known
        return known if known is not None and known.customer == customer else Link(customer)

    async def copy(self, account: str, link: Link, method: str) -> str | LookupFailed | None:
        """Return the attached copy of a platform payment method, None where the customer has none."""
        if link.copies is None:
            rows = await self._gateway.methods_of(account, link.customer)
            if isinstance(rows, LookupFailed):
                return rows
            link.copies = {_of(row): str(row["id"]) for row in reversed(rows) if _of(row)}
        return link.copies.get(method)

    async def product(self, account: str, name: str) -> str | LookupFailed | None:
        """Return the product of an account that is sold under a name of ours, None where there is none."""
        known = self._accounts.setdefault(account, _Account())
        async with known.lock:
            if known.products is None:
                found: dict[str, str] = {}
                async for page in self._gateway.products_of(account):
                    if isinstance(page, LookupFailed):
                        return page
                    found |= {_said(row, PRODUCT): str(row["id"]) for row in page if _said(row, PRODUCT)}
                known.products = found
        return known.products.get(name)

    def sells(self, account: str, name: str, product: str) -> None:
        """Remember a product that was made."""
        known = self._accounts.setdefault(account, _Account())
        known.products = (known.products or {}) | {name: product}

    async def _list(self, account: str) -> dict[str, Link] | LookupFailed:
        """List the customers; of several of one payer, which a forgotten key may leave, the oldest is everybody's."""
        found: dict[str, tuple[int, str, Link]] = {}
        async for page in self._gateway.customers_of(account):
            if isinstance(page, LookupFailed):
                return page
            for row in page:
                payer = _said(row, PAYER)
                one = (
                    _whole(row.get("created")),
                    str(row["id"]),
                    Link(str(row["id"]), default_of(row), has_credit(row)),
                )
                if payer and (payer not in found or one[:2] < found[payer][:2]):
                    found[payer] = one
        return {payer: link for payer, (_, _, link) in found.items()}


def _of(row: Mapping[str, Any]) -> str:
    return _said(row, METHOD)


def _said(row: Mapping[str, Any], name: str) -> str:
    metadata = row.get("metadata")
    told = metadata.get(name) if isinstance(metadata, Mapping) else None
    return told if isinstance(told, str) else ""


def _whole(value: object) -> int:
    return value if type(value) is int else 0
