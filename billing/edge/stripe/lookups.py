"""Reading what Stripe knows: accounts, customers, payment methods, lists of intents. Nothing here moves anything."""

import asyncio
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt
from tenacity.wait import wait_random_exponential

from billing.core.replies import Reply
from billing.edge.stripe.found import (
    UNEXPANDED,
    Account,
    Customer,
    LookupFailed,
    Method,
    Trouble,
    account_in,
    customer_in,
    method_in,
    object_in,
    page_in,
    personal_in,
)

LOOKUP_SENDS = 5
# A look-up may be repeated freely; five tries outlast a short outage, the breaker handles a long one.
PAGE = 100
# The most Stripe gives at once: one read for a hundred objects spares the monthly allowance of reads.

DEFAULT = "invoice_settings.default_payment_method"
DEFAULTS = f"data.{DEFAULT}"
# What a customer, or a list of them, is asked to show whole. (docs.stripe.com/api/expanding_objects)


class Lookups:
    """The reading half of the gateway."""

    @abstractmethod
    async def _get(self, endpoint: str, path: str, account: str, params: Mapping[str, Any]) -> Reply:
        """Send one ``GET``, once."""

    async def own_account(self) -> Account | LookupFailed:
        """Return the platform's own account."""
        found = await self._object("read_account", "/v1/account", "account")
        return found if isinstance(found, LookupFailed) else account_in(found)

    async def account(self, account: str) -> Account | LookupFailed:
        """Return a connected account."""
        found = await self._object("read_account", f"/v1/accounts/{_safe(account)}", "account", named=account)
        return found if isinstance(found, LookupFailed) else account_in(found)

    async def customer(self, customer: str) -> Customer | LookupFailed:
        """Return a platform customer; a deleted one is a result, too."""
        found = await self._object("read_customer", f"/v1/customers/{_safe(customer)}", "customer", named=customer)
        return found if isinstance(found, LookupFailed) else customer_in(found)

    async def payment_method(self, method: str) -> Method | LookupFailed:
        """Return a platform payment method."""
        found = await self._object(
            "read_method", f"/v1/payment_methods/{_safe(method)}", "payment_method", named=method
        )
        return found if isinstance(found, LookupFailed) else method_in(found)

    async def customer_methods(self, customer: str) -> tuple[Method, ...] | LookupFailed:
        """Return the payment methods attached to a platform customer, at most a page of them."""
        path = f"/v1/customers/{_safe(customer)}/payment_methods"
        found = await self._object("list_methods", path, "list", params={"limit": PAGE})
        return found if isinstance(found, LookupFailed) else tuple(method_in(one) for one in page_in(found))

    async def account_pages(self) -> AsyncIterator[list[Account] | LookupFailed]:
        """Yield all connected accounts, the newest first, a page at a time; a failure is the last thing yielded."""
        async for page in self._pages("list_accounts", "/v1/accounts"):
            yield page if isinstance(page, LookupFailed) else [account_in(one) for one in page]

    async def customer_pages(self) -> AsyncIterator[list[Customer] | LookupFailed]:
        """Yield all customers of the platform with their defaults, a page at a time; a failure is the last thing.

        Defaults come as objects, which spares a look-up each. A key or a provider that does not allow that is asked for
        plain customers.
        """
        for params in ({"expand": [DEFAULTS]}, {}):
            async for page in self._pages("list_customers", "/v1/customers", params=params):
                if isinstance(page, LookupFailed) and params and page.trouble in UNEXPANDED:
                    break
                yield page if isinstance(page, LookupFailed) else [customer_in(one) for one in page]
            else:
                return

    async def method_pages(self) -> AsyncIterator[list[Method] | LookupFailed]:
        """Yield all payment methods of the platform, a page at a time; a failure is the last thing yielded."""
        async for page in self._pages("list_all_methods", "/v1/payment_methods"):
            yield page if isinstance(page, LookupFailed) else [method_in(one) for one in page]

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

    def made_customer_pages(self) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield all customers of the platform as they are shown, by the page; a failure is the last thing yielded."""
        return self._pages("list_customers", "/v1/customers")

    def setup_pages(self, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the platform's SetupIntents since an epoch second, with their methods, by the page; a failure last."""
        params = {"created": {"gte": created_gte}, "expand": ["data.payment_method"]}
        return self._pages("list_setups", "/v1/setup_intents", "", params)

    def subscriptions_since(self, account: str, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the subscriptions of a connected account, dead ones too, each with its latest invoice, by the page."""
        params = {"status": "all", "created": {"gte": created_gte}, "expand": ["data.latest_invoice"]}
        return self._pages("list_all_subscriptions", "/v1/subscriptions", account, params)

    def customers_of(self, account: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the customers of a connected account, the newest first, by the page; a failure is the last thing."""
        return self._pages("list_connected_customers", "/v1/customers", account)

    async def methods_of(self, account: str, customer: str) -> list[dict[str, Any]] | LookupFailed:
        """Return the payment methods attached to a customer of a connected account, at most a page of them."""
        path = f"/v1/customers/{_safe(customer)}/payment_methods"
        found = await self._object("list_copies", path, "list", account, {"limit": PAGE})
        return found if isinstance(found, LookupFailed) else page_in(found)

    def products_of(self, account: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the products of a connected account that are sold, by the page; a failure is the last thing."""
        return self._pages("list_products", "/v1/products", account, {"active": "true"})

    async def price(self, account: str, price: str) -> Mapping[str, Any] | LookupFailed:
        """Return a price of a connected account."""
        return await self._object("read_price", f"/v1/prices/{_safe(price)}", "price", account, named=price)

    async def who_is(self, customer: str) -> Mapping[str, Any] | LookupFailed:
        """Return who a platform customer is: name, e-mail, telephone, address; for requests and nothing else."""
        found = await self._object("read_customer", f"/v1/customers/{_safe(customer)}", "customer", named=customer)
        return found if isinstance(found, LookupFailed) else personal_in(found)

    def dispute_pages(self, account: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the disputes of a connected account, inquiries included, by the page; a failure is the last thing."""
        return self._pages("list_disputes", "/v1/disputes", account)

    async def dispute(self, account: str, dispute: str) -> Mapping[str, Any] | LookupFailed:
        """Return a dispute of a connected account, its charge with it."""
        path, params = f"/v1/disputes/{_safe(dispute)}", {"expand": ["charge"]}
        return await self._object("read_dispute", path, "dispute", account, params, dispute)

    def refunds_since(self, account: str, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the refunds of a connected account made since then, by the page; a failure is the last thing."""
        return self._pages("list_refunds", "/v1/refunds", account, {"created": {"gte": created_gte}})

    async def customer_body(self, customer: str, account: str = "") -> Mapping[str, Any] | LookupFailed:
        """Return a customer of the platform or of an account whole, its default method with it; it says who it is."""
        path, params = f"/v1/customers/{_safe(customer)}", {"expand": [DEFAULT]}
        return await self._object("read_customer", path, "customer", account, params, customer)

    def subscription_pages(self, account: str, customer: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the subscriptions of a connected customer that are not cancelled, by the page; a failure is last."""
        return self._pages("list_subscriptions", "/v1/subscriptions", account, {"customer": customer})

    def renewal_pages(self, account: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield all subscriptions of a connected account, dead ones too, each with its latest invoice, by the page."""
        params = {"status": "all", "expand": ["data.latest_invoice"]}
        return self._pages("list_renewals", "/v1/subscriptions", account, params)

    def attached_pages(self, account: str, customer: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the payment methods attached to a connected customer, by the page; a failure is the last thing."""
        return self._pages("list_methods", f"/v1/customers/{_safe(customer)}/payment_methods", account)

    def event_pages(self, types: Sequence[str], created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the platform's events of these types (at most 20) since an epoch second, by the page, newest first.

        Stripe tells of the last 30 days. (docs.stripe.com/api/events/list)
        """
        return self._pages("list_events", "/v1/events", params={"types": list(types), "created": {"gte": created_gte}})

    def charged_pages(self, account: str, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the intents of a connected account, each with its latest charge, by the page; a failure is last."""
        params = {"created": {"gte": created_gte}, "expand": ["data.latest_charge"]}
        return self._pages("list_intents", "/v1/payment_intents", account, params)

    async def charged_intent(self, account: str, intent: str) -> Mapping[str, Any] | LookupFailed:
        """Return an intent of a connected account with its latest charge."""
        path, params = f"/v1/payment_intents/{_safe(intent)}", {"expand": ["latest_charge"]}
        return await self._object("read_intent", path, "payment_intent", account, params, intent)

    def balance_pages(self, account: str, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield what moved on an account's balance, each with its source, by the page; a failure is the last thing."""
        params = {"created": {"gte": created_gte}, "expand": ["data.source"]}
        return self._pages("list_movements", "/v1/balance_transactions", account, params)

    def carried_pages(self, account: str, payout: str) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield what a completed automatic payout carries, by the page; a failure is the last thing yielded."""
        return self._pages("list_movements", "/v1/balance_transactions", account, {"payout": payout})

    def payout_pages(self, account: str, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the payouts of a connected account, by the page; a failure is the last thing yielded."""
        return self._pages("list_payouts", "/v1/payouts", account, {"created": {"gte": created_gte}})

    def disputes_since(self, account: str, created_gte: int) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the disputes of an account, inquiries included, opened since then, by the page; a failure is last."""
        return self._pages("list_disputes", "/v1/disputes", account, {"created": {"gte": created_gte}})

    def endpoint_pages(self) -> AsyncIterator[list[dict[str, Any]] | LookupFailed]:
        """Yield the platform's webhook endpoints a page at a time, or why they cannot be listed."""
        return self._pages("list_endpoints", "/v1/webhook_endpoints")

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
            page = page_in(found)
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
            return object_in(await self._get(endpoint, path, account, params or {}), object_type, named)

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


def _safe(object_id: str) -> str:
    """Return an id that cannot lead to another path.

    Raises:
        ValueError: it holds anything but letters, digits and ``_``; run files refuse such ids long before.
    """
    if re.fullmatch(r"[A-Za-z0-9_]{1,255}", object_id) is None:
        raise ValueError("not an object id")
    return object_id
