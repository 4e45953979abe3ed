"""Reading what Stripe knows: accounts, customers, payment methods, lists of intents. Nothing here moves anything."""

import asyncio
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt
from tenacity.wait import wait_random_exponential

from billing.core.classify import lacking_permission, refuses_account
from billing.core.errors import BillingError, CredentialsError, ProviderUnreachable, RunStopped
from billing.core.findings import MOST_PREFIX
from billing.core.redaction import quoted
from billing.core.replies import Reply

LOOKUP_SENDS = 5
# A look-up may be repeated freely; five tries outlast a short outage, the breaker handles a long one.
PAGE = 100
# The most Stripe gives at once: one read for a hundred objects spares the monthly allowance of reads.

DEFAULTS = "data.invoice_settings.default_payment_method"
# What a list of customers is asked to show whole. (docs.stripe.com/api/expanding_objects)


class Trouble(StrEnum):
    """Why a look-up has no result."""

    MISSING = "missing"  # there is no such object for this key, account and mode
    BARRED = "barred"  # the account does not let this key in
    CREDENTIALS = "credentials"  # the key is refused, or lacks a permission
    REFUSED = "refused"  # the request itself was wrong
    UNANSWERED = "unanswered"  # no usable answer within the budget


UNEXPANDED = frozenset({Trouble.REFUSED, Trouble.CREDENTIALS})
# Troubles of a list that shows payment methods inside customers which a plain list of customers may not have.


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """A look-up without a result.

    Attributes:
        message: holds no key; for a missing permission it names it.
        status: the HTTP status, or 0 when no complete answer came.
    """

    trouble: Trouble
    code: str
    message: str
    request_id: str = ""
    status: int = 0

    def as_error(self) -> BillingError:
        """Return the exception for a caller that cannot go on without the result."""
        text = f"{self.message or self.code} ({self.code})"
        match self.trouble:
            case Trouble.CREDENTIALS:
                return CredentialsError(text)
            case Trouble.UNANSWERED:
                return ProviderUnreachable(text)
            case _:
                return RunStopped(text)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as far as charging it goes.

    Attributes:
        capabilities: names such as ``card_payments`` -> ``active``, ``inactive`` or ``pending``.
        prefix_length: characters that its own start of a card's statement descriptor takes; the text itself may be
            somebody's name and is not kept.
    """

    id: str
    country: str
    default_currency: str
    charges_enabled: bool
    capabilities: Mapping[str, str] = field(default_factory=dict)
    prefix_length: int = 0


@dataclass(frozen=True, slots=True)
class Method:
    """A platform payment method; expiry and fingerprint are None for what is no card."""

    id: str
    type: str
    customer: str | None
    livemode: bool
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """A platform customer.

    Attributes:
        default_method: the payment method of its invoice settings, or None.
        default: that payment method itself where the answer held it, else None.
    """

    id: str
    deleted: bool
    default_method: str | None
    livemode: bool
    default: Method | None = None


class Lookups:
    """The reading half of the gateway."""

    @abstractmethod
    async def _get(self, endpoint: str, path: str, account: str, params: Mapping[str, Any]) -> Reply:
        """Send one ``GET``, once."""

    async def own_account(self) -> Account | LookupFailed:
        """Return the platform's own account."""
        found = await self._object("read_account", "/v1/account", "account")
        return found if isinstance(found, LookupFailed) else _account(found)

    async def account(self, account: str) -> Account | LookupFailed:
        """Return a connected account."""
        found = await self._object("read_account", f"/v1/accounts/{_safe(account)}", "account", named=account)
        return found if isinstance(found, LookupFailed) else _account(found)

    async def customer(self, customer: str) -> Customer | LookupFailed:
        """Return a platform customer; a deleted one is a result, too."""
        found = await self._object("read_customer", f"/v1/customers/{_safe(customer)}", "customer", named=customer)
        return found if isinstance(found, LookupFailed) else _customer(found)

    async def payment_method(self, method: str) -> Method | LookupFailed:
        """Return a platform payment method."""
        found = await self._object(
            "read_method", f"/v1/payment_methods/{_safe(method)}", "payment_method", named=method
        )
        return found if isinstance(found, LookupFailed) else _method(found)

    async def customer_methods(self, customer: str) -> tuple[Method, ...] | LookupFailed:
        """Return the payment methods attached to a platform customer, at most a page of them."""
        path = f"/v1/customers/{_safe(customer)}/payment_methods"
        found = await self._object("list_methods", path, "list", params={"limit": PAGE})
        return found if isinstance(found, LookupFailed) else tuple(_method(one) for one in _page(found))

    async def account_pages(self) -> AsyncIterator[list[Account] | LookupFailed]:
        """Yield all connected accounts, the newest first, a page at a time; a failure is the last thing yielded."""
        async for page in self._pages("list_accounts", "/v1/accounts"):
            yield page if isinstance(page, LookupFailed) else [_account(one) for one in page]

    async def customer_pages(self) -> AsyncIterator[list[Customer] | LookupFailed]:
        """Yield all customers of the platform with their defaults, a page at a time; a failure is the last thing.

        Defaults come as objects, which spares a look-up each. A key or a provider that does not allow that is asked for
        plain customers.
        """
        for params in ({"expand": [DEFAULTS]}, {}):
            async for page in self._pages("list_customers", "/v1/customers", params=params):
                if isinstance(page, LookupFailed) and params and page.trouble in UNEXPANDED:
                    break
                yield page if isinstance(page, LookupFailed) else [_customer(one) for one in page]
            else:
                return

    async def method_pages(self) -> AsyncIterator[list[Method] | LookupFailed]:
        """Yield all payment methods of the platform, a page at a time; a failure is the last thing yielded."""
        async for page in self._pages("list_all_methods", "/v1/payment_methods"):
            yield page if isinstance(page, LookupFailed) else [_method(one) for one in page]

    async def list_intents(self, account: str, created_gte: int) -> AsyncIterator[dict[str, Any]]:
        """Yield the intents of a connected account created at or after an epoch second, newest first.

        Raises:
            BillingError: a page could not be read; what was yielded so far is not the whole list.
        """
        async for page in self.intent_pages(account, created_gte):
            if isinstance(page, LookupFailed):
                raise page.as_error()
            for intent in page:
                yield intent

    def intent_pages(self, account: str, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the same by the page, at least one; why it broke off is the last thing yielded."""
        return self._pages("list_intents", "/v1/payment_intents", account, {"created": {"gte": created_gte}})

    def dispute_pages(self, account: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the disputes of a connected account, inquiries included, by the page; a failure is the last thing."""
        return self._pages("list_disputes", "/v1/disputes", account)

    async def _pages(
        self, endpoint: str, path: str, account: str = "", params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield a list page by page, the newest first; why it broke off is the last thing yielded."""
        asked: dict[str, Any] = {"limit": PAGE, **(params or {})}
        ends: set[str] = set()
        while True:
            found = await self._object(endpoint, path, "list", account, asked)
            if isinstance(found, LookupFailed):
                yield found
                return
            page = _page(found)
            yield page
            if not page or found.get("has_more") is not True:
                return
            last = page[-1]["id"]
            if last in ends:
                yield LookupFailed(Trouble.UNANSWERED, "list_repeats", f"the list {path} does not move on")
                return
            ends.add(last)
            asked["starting_after"] = last

    async def _object(
        self,
        endpoint: str,
        path: str,
        object_type: str,
        account: str = "",
        params: Mapping[str, Any] | None = None,
        named: str = "",
    ) -> Mapping[str, Any] | LookupFailed:
        """Return the object of this type (and id, if one was ``named``), repeating the read while unanswered."""

        async def once() -> Mapping[str, Any] | LookupFailed:
            return _found(await self._get(endpoint, path, account, params or {}), object_type, named)

        retrying = AsyncRetrying(
            retry=retry_if_result(_unanswered),
            stop=stop_after_attempt(LOOKUP_SENDS),
            wait=wait_random_exponential(multiplier=0.5, max=8),
            sleep=asyncio.sleep,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        found: Mapping[str, Any] | LookupFailed = await retrying(once)
        return found


def _unanswered(found: Mapping[str, Any] | LookupFailed) -> bool:
    return isinstance(found, LookupFailed) and found.trouble is Trouble.UNANSWERED


def _is_what_was_asked(body: Mapping[str, Any], object_type: str, named: str) -> bool:
    """Tell whether a body is the very object that was asked for; another one of its kind teaches nothing."""
    if body.get("object") != object_type:
        return False
    if object_type == "list":
        # A list that is not whole is no list: what it lacks would be taken for what is not there.
        return isinstance(body.get("has_more"), bool) and _all_objects(body.get("data"))
    return isinstance(body.get("id"), str) and named in ("", body["id"])


def _all_objects(data: object) -> bool:
    return isinstance(data, list) and all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in data)


def _found(reply: Reply, object_type: str, named: str) -> Mapping[str, Any] | LookupFailed:
    """Return the object a reply holds, or why there is none."""
    body, status = reply.body or {}, reply.status or 0
    if 200 <= status < 300 and _is_what_was_asked(body, object_type, named):
        return body
    error = reply.error or {}
    code = str(error.get("code") or error.get("type") or reply.detail or f"http_{status}")
    message = quoted(str(error.get("message") or ""))
    trouble = _trouble(reply)
    if status == 403 and trouble is Trouble.CREDENTIALS:
        message = lacking_permission(error)
    return LookupFailed(trouble, code, message, reply.request_id, status)


def _trouble(reply: Reply) -> Trouble:
    if reply.error is None or (reply.error.get("code") in ("rate_limit", "lock_timeout")):
        return Trouble.UNANSWERED
    if reply.status == 403 and refuses_account(reply.error):
        return Trouble.BARRED
    if reply.status == 404 and not reply.error.get("code"):
        return Trouble.REFUSED  # a route that is not there says nothing about the object
    by_status = {401: Trouble.CREDENTIALS, 403: Trouble.CREDENTIALS, 404: Trouble.MISSING, 400: Trouble.REFUSED}
    return by_status.get(reply.status or 0, Trouble.UNANSWERED)


def _safe(object_id: str) -> str:
    """Return an id that cannot lead to another path.

    Raises:
        ValueError: it holds anything but letters, digits and ``_``; run files refuse such ids long before.
    """
    if re.fullmatch(r"[A-Za-z0-9_]{1,255}", object_id) is None:
        raise ValueError("not an object id")
    return object_id


def _page(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(found["data"])


def _account(found: Mapping[str, Any]) -> Account:
    capabilities = found.get("capabilities")
    return Account(
        id=found["id"],
        country=str(found.get("country") or ""),
        default_currency=str(found.get("default_currency") or ""),
        charges_enabled=found.get("charges_enabled") is not False,
        capabilities={str(k): str(v) for k, v in capabilities.items()} if isinstance(capabilities, Mapping) else {},
        prefix_length=_prefix_length(found.get("settings")),
    )


def _prefix_length(settings: object) -> int:
    """Return how long the start of a card's statement descriptor is; without one of its own it is the account's whole
    descriptor, cut to ten characters. (docs.stripe.com/get-started/account/statement-descriptors)
    """  # fmt: skip
    own = _text_in(settings, "card_payments", "statement_descriptor_prefix")
    return len(own) or len(_text_in(settings, "payments", "statement_descriptor")[:MOST_PREFIX])


def _text_in(found: object, *names: str) -> str:
    """Return the text under these names, one inside the other, or an empty text."""
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _customer(found: Mapping[str, Any]) -> Customer:
    settings = found.get("invoice_settings")
    default = settings.get("default_payment_method") if isinstance(settings, Mapping) else None
    whole = _method(default) if isinstance(default, Mapping) and isinstance(default.get("id"), str) else None
    named = default if isinstance(default, str) else None
    return Customer(
        id=found["id"],
        deleted=found.get("deleted") is True,
        default_method=named if whole is None else whole.id,
        livemode=found.get("livemode") is True,
        default=whole,
    )


def _method(found: Mapping[str, Any]) -> Method:
    card = found.get("card") if isinstance(found.get("card"), Mapping) else {}
    bank = found.get("us_bank_account") if isinstance(found.get("us_bank_account"), Mapping) else {}
    details: Mapping[str, Any] = card or bank or {}
    owner = found.get("customer")
    return Method(
        id=found["id"],
        type=str(found.get("type") or ""),
        customer=owner.get("id") if isinstance(owner, Mapping) else owner if isinstance(owner, str) else None,
        livemode=found.get("livemode") is True,
        exp_month=details.get("exp_month"),
        exp_year=details.get("exp_year"),
        fingerprint=details.get("fingerprint"),
    )
