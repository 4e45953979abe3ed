"""``expand``: ids replaced by the objects they name, in the answer alone; what may be expanded is a table."""

from collections.abc import Callable

from billing.sandbox.charges import refunds_of
from billing.sandbox.invoice_body import confirmation_secret, payments_of
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.shelves import list_of
from billing.sandbox.world import Account, Call

ANY = ""  # leads to whatever it is, or to nothing that is served
EXPANDABLE: dict[str, dict[str, str]] = {  # resource: its expandable fields, and the resource each leads to
    "application_fees": {
        "account": "accounts", "application": ANY, "balance_transaction": "balance_transactions", "charge": "charges",
        "originating_transaction": "charges",
    },
    "application_fees.refunds": {"balance_transaction": "balance_transactions", "fee": "application_fees"},
    "balance_transactions": {"source": ANY},
    "charges": {
        "application": ANY, "application_fee": "application_fees", "balance_transaction": "balance_transactions",
        "customer": "customers", "failure_balance_transaction": "balance_transactions", "on_behalf_of": "accounts",
        "payment_intent": "payment_intents", "refunds": "refunds", "review": ANY, "source_transfer": ANY,
        "transfer": ANY,
    },
    "customers": {
        "cash_balance": ANY, "default_source": ANY, "invoice_settings": "customers.invoice_settings", "sources": ANY,
        "subscriptions": ANY, "tax": ANY, "tax_ids": ANY, "test_clock": ANY,
    },
    "customers.invoice_settings": {"default_payment_method": "payment_methods"},
    "invoice_payments": {"invoice": "invoices", "payment": "invoice_payments.payment"},
    "invoice_payments.payment": {"charge": "charges", "payment_intent": "payment_intents", "payment_record": ANY},
    "invoices": {
        "account_tax_ids": ANY, "application": ANY, "confirmation_secret": ANY, "customer": "customers",
        "default_payment_method": "payment_methods", "default_source": ANY, "discounts": ANY,
        "latest_revision": "invoices", "lines": "invoices.lines", "on_behalf_of": "accounts",
        "parent": "invoices.parent", "payments": "invoice_payments", "test_clock": ANY, "total_discount_amounts": ANY,
    },
    "invoices.lines": {"discounts": ANY, "pricing": "invoices.lines.pricing", "subscription": "subscriptions"},
    "invoices.parent": {"subscription_details": "invoices.parent.subscription_details"},
    "invoices.lines.pricing": {"price_details": "invoices.lines.pricing.price_details"},
    "invoices.lines.pricing.price_details": {"price": "prices"},
    "invoices.parent.subscription_details": {"subscription": "subscriptions"},
    "prices": {"currency_options": ANY, "product": "products", "tiers": ANY},
    "products": {"default_price": "prices", "tax_code": ANY},
    "subscriptions": {
        "application": ANY, "customer": "customers", "default_payment_method": "payment_methods",
        "default_source": ANY, "discounts": ANY, "items": "subscriptions.items", "latest_invoice": "invoices",
        "on_behalf_of": "accounts", "pending_setup_intent": ANY, "schedule": ANY, "test_clock": ANY,
    },
    "subscriptions.items": {"discounts": ANY, "price": "prices"},
    "disputes": {"charge": "charges", "payment_intent": "payment_intents"},
    "payment_intents": {
        "application": ANY, "customer": "customers", "latest_charge": "charges", "on_behalf_of": "accounts",
        "payment_method": "payment_methods", "review": ANY, "source": ANY,
    },
    "payment_methods": {"customer": "customers"},
    "checkout.sessions": {"customer": "customers", "setup_intent": "setup_intents"},
    "mandates": {"payment_method": "payment_methods"},
    "payouts": {
        "balance_transaction": "balance_transactions", "destination": ANY,
        "failure_balance_transaction": "balance_transactions", "original_payout": "payouts", "reversed_by": "payouts",
    },
    "refunds": {
        "balance_transaction": "balance_transactions", "charge": "charges", "customer": "customers",
        "failure_balance_transaction": "balance_transactions", "payment_intent": "payment_intents",
        "payment_method": "payment_methods", "source_transfer_reversal": ANY, "transfer_reversal": ANY,
    },
    "radar.early_fraud_warnings": {"charge": "charges", "payment_intent": "payment_intents"},
    "setup_intents": {
        "application": ANY, "customer": "customers", "latest_attempt": ANY, "mandate": "mandates",
        "on_behalf_of": "accounts", "payment_method": "payment_methods", "single_use_mandate": "mandates",
    },
}  # fmt: skip
LISTS = frozenset(
    {"invoice_payments", "invoices.lines", "refunds", "subscriptions.items"}
)  # their steps begin with `data`
MAX_DEPTH = 4  # docs.stripe.com/api/expanding_objects


def _empty(path: str) -> Callable[[Account, Obj], Obj]:
    """A list of the customer's that is never filled here."""
    return lambda _, body: list_of([], f"/v1/customers/{body['id']}/{path}")


def _subscriptions(account: Account, body: Obj) -> Obj:
    """A customer's subscriptions that are not over."""
    rows = [row for row in account.of("sub", body["id"])[::-1] if not row["ended_at"]]
    return list_of(rows, f"/v1/customers/{body['id']}/subscriptions")


INCLUDED: dict[tuple[str, str], Callable[[Account, Obj], Obj | None]] = {  # fields that are there on request only
    ("charge", "refunds"): refunds_of,
    ("customer", "sources"): _empty("sources"),
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax_ids"): _empty("tax_ids"),
    ("invoice", "confirmation_secret"): confirmation_secret,
    ("invoice", "payments"): payments_of,
}


def check(operation: str, paths: list[str]) -> None:
    """Refuse a path that leads nowhere, before anything is carried out.

    Raises:
        Refusal: 400 naming ``expand``.
    """
    resource, _, verb = operation.rpartition(".")
    if resource not in EXPANDABLE:
        resource = resource.rpartition(".")[2]  # payment methods of a customer, refunds of a charge
    for path in paths:
        steps = path.split(".")
        if verb in ("list", "search"):
            steps = steps[1:] if steps[0] == "data" else [""]
        if len(steps) > MAX_DEPTH:
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property.", "expand")
        _walk(resource, steps, path)


def _walk(resource: str, steps: list[str], path: str) -> None:
    here = resource
    for step in steps:
        fields = EXPANDABLE.get(here, {})
        if step == "data" and here in LISTS:
            continue
        if here != ANY and step not in fields:
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        here = fields.get(step, ANY)


def expanded(call: Call, body: Obj, paths: list[str]) -> Obj:
    """A copy of the answer with each path (``latest_charge.customer``, ``data.customer``) filled in."""
    for path in paths:
        body = _fill(call, call.account, body, path.split("."))
    return body


def _fill(call: Call, account: Account, body: Obj, steps: list[str]) -> Obj:
    step, *rest = steps
    value = body.get(step)
    if isinstance(value, list):
        return body | {step: [_fill(call, account, each, rest) for each in value]} if rest else body
    if value is None and (include := INCLUDED.get((body.get("object", ""), step))):
        value = include(account, body)
    elif isinstance(value, str):
        account, value = _named(call, account, step, value)
    if value is None:
        return body
    return body | {step: _fill(call, account, value, rest) if rest else value}


def _named(call: Call, account: Account, step: str, wanted: str) -> tuple[Account, Obj | None]:
    """The object of an id and the account it is on: the fee of a charge is the platform's, its charge is not."""
    world = call.world
    if step == "application":
        return account, {"id": wanted, "object": "application", "name": world.platform.body["business_profile"]["name"]}
    if wanted.startswith("acct_"):
        other = world.account(wanted)
        return account, other.body if other else None
    places = [account, world.platform]
    if account is world.platform:
        places += world.accounts.values()
    for place in places:
        if (found := place.shown(wanted)) is not None:
            return place, found
    return account, None
