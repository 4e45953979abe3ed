"""What other people do at the provider meanwhile: accounts and prices, changed cards, issuers, customers renamed."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from billing.core.wire import WireRequest
from billing.sandbox.faults import FaultPlan
from billing.sandbox.issuer import NewCard, replace
from billing.sandbox.model import Sandbox
from billing.sandbox.scenario import connect
from billing.sandbox.world import Account
from tests.kills.recurring_people import renamed

COUNTRIES = (("US", "usd"), ("DE", "eur"), ("US", "usd"))
CENTS = 1_500
NEWEST = "pm_card_mastercard"
OTHER_NUMBER, OTHER_DATE = NewCard(7, 2033, "7007"), NewCard(8, 2034)


@dataclass(frozen=True, slots=True)
class Shop:
    """A connected account, and the price at which it sells to everybody."""

    account: str
    country: str
    currency: str
    price: str


def ask(sandbox: Sandbox, verb: str, path: str, account: str = "", **params: Any) -> dict[str, Any]:
    """Do something in the Dashboard, in fair weather."""
    headers = {"Authorization": "Bearer sk_test_dashboard000"} | ({"Stripe-Account": account} if account else {})
    weather, sandbox.faults = sandbox.faults, FaultPlan()
    wire = WireRequest(verb, f"https://api.stripe.com{path}", headers, urlencode(params).encode())
    response = sandbox.handle(wire).response
    sandbox.faults = weather
    assert response is not None
    body: dict[str, Any] = json.loads(response.body)
    assert response.status == 200, body
    return body


def open_shops(sandbox: Sandbox, count: int) -> list[Shop]:
    """Connect accounts; each has a monthly price of its own."""
    shops = []
    for number in range(count):
        country, currency = COUNTRIES[number % len(COUNTRIES)]
        account = connect(sandbox, country=country, currency=currency).id
        product = ask(sandbox, "POST", "/v1/products", account, name="Community")["id"]
        sold = {"unit_amount": CENTS, "currency": currency, "product": product, "recurring[interval]": "month"}
        shops.append(Shop(account, country, currency, ask(sandbox, "POST", "/v1/prices", account, **sold)["id"]))
    return shops


@dataclass(frozen=True, slots=True)
class Changed:
    """Platform customers to whom something happened, by what it was; ``saved`` with the card they saved."""

    saved: Mapping[str, str]
    reissued: Sequence[str]
    renamed: Sequence[str]


def change(sandbox: Sandbox, customers: Sequence[str], chance: random.Random, cards: int, names: int) -> Changed:
    """Let some save another card, and issuers replace the card of others; rename some, whoever they are."""
    carded = [customer for customer in customers if default_of(sandbox, customer)["type"] == "card"]
    chosen = chance.sample(carded, min(cards, len(carded)))
    half = (len(chosen) + 1) // 2
    saved: dict[str, str] = {}
    reissued, called = chosen[half:], chance.sample(list(customers), min(names, len(customers)))
    for customer in chosen[:half]:
        newest = saved[customer] = ask(sandbox, "POST", f"/v1/payment_methods/{NEWEST}/attach", customer=customer)["id"]
        ask(sandbox, "POST", f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": newest})
    for number, customer in enumerate(reissued):
        card = default_of(sandbox, customer)["id"]
        replace(sandbox.world, card, OTHER_DATE if number % 2 else OTHER_NUMBER)
    for customer in called:
        ask(sandbox, "POST", f"/v1/customers/{customer}", **renamed(list(customers).index(customer)))
    return Changed(saved, reissued, called)


def default_of(sandbox: Sandbox, customer: str) -> dict[str, Any]:
    """Return a platform customer's default payment method, as it is now."""
    platform = sandbox.world.platform
    row = platform["cus"].peek(customer)
    assert row is not None, customer
    method = platform["pm"].peek(row["invoice_settings"]["default_payment_method"] or "")
    assert method is not None, f"{customer} has no default"
    return method


def everyone(sandbox: Sandbox) -> list[Account]:
    """Return the connected accounts."""
    return list(sandbox.world.accounts.values())
