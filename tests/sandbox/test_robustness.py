"""Whatever arrives, in whatever order, the sandbox answers in the provider's shape and keeps true books."""

import json
import random

import pytest

from billing.sandbox.payer import Deed, act
from billing.sandbox.routes import ROUTES
from billing.sandbox.specs import shape

ANSWERS = (200, 400, 402, 403, 404)
ODD = [
    "",
    "x",
    "1",
    "0",
    "-1",
    "9" * 21,
    "true",
    "usd",
    "a[b",
    "\x00",
    "é",
    {"a": "b"},
    {"0": "x"},
    ["x"],
    [{"a": "b"}],
]
PLAUSIBLE = {  # values of parameters, beside ids
    "allowed_payment_method_types": [["card"], ["card"], ["card", "us_bank_account"], ["us_bank_account"], ["link"]],
    "amount": [1000, 1000, 1000, 2500, 50, 1],
    "amount_to_capture": [1, 900],
    "application_fee_amount": [0, 10, 5000],
    "automatic_payment_methods": [{"enabled": True, "allow_redirects": "never"}],
    "billing_details": [{"email": "a@example.com"}],
    "cancellation_reason": ["abandoned"],
    "capture_method": ["automatic", "automatic_async", "manual"],
    "card": [
        {"token": "tok_visa"},
        {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030},
        {"token": "tok_x"},
    ],
    "confirm": [True, False],
    "created": [{"gte": 1}, {"lt": 5}, 7],
    "currency": ["usd", "usd", "usd", "eur", "jpy", "USD"],
    "expand": [["latest_charge"], ["data.latest_charge"], ["customer"], ["latest_charge.balance_transaction"]],
    "invoice_settings": [{"default_payment_method": "pm_x"}],
    "limit": [1, 3, 100],
    "mandate_data": [{"customer_acceptance": {"type": "offline", "offline": {}}}],
    "mode": ["setup", "setup", "payment"],
    "metadata": [{"billing_item": "i"}, {"a": ""}],
    "off_session": [True, True, False],
    "refund_application_fee": [True],
    "return_url": ["https://example.com"],
    "success_url": ["https://example.com"],
    "types": [["payment_method.attached", "customer.updated"]],
    "statement_descriptor_suffix": ["NOV26", "1"],
    "type": ["card"],
}
METHODS = [
    *["pm_card_visa"] * 8, "pm_card_chargeCustomerFail", "pm_card_authenticationRequired", "pm_sandbox_link",
    "pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds", "pm_card_createDispute",
]  # fmt: skip
USUAL = {  # what a request of this operation nearly always carries
    "payment_intents.create": ["amount", "currency"],
    "payment_intents.confirm": ["payment_method", "off_session"],
    "payment_methods.create": ["type", "card"],
    "payment_methods.attach": ["customer"],
    "refunds.create": ["payment_intent"],
    "setup_intents.create": ["customer", "allowed_payment_method_types"],
    "setup_intents.confirm": ["payment_method", "return_url"],
    "checkout.sessions.create": ["mode", "success_url", "customer", "currency"],
}
REFERENCES = {"payment_method": "pm", "customer": "cus", "payment_intent": "pi", "charge": "ch", "source": "ch"}
PATHS = {
    "customers": "cus", "payment_methods": "pm", "payment_intents": "pi", "charges": "ch", "setup_intents": "seti",
    "sessions": "cs",
}  # fmt: skip
OTHERS = [route for route in ROUTES if route.method != "DELETE"]  # else nobody is left to charge
MONEY = [route for route in ROUTES if route.operation in ("payment_intents.create", "payment_intents.confirm")]
SAVING = [route for route in ROUTES if route.operation.startswith(("setup_intents.", "checkout.", "payment_methods."))]


class Monkey:
    """Sends anything, mostly plausible, and remembers what it got."""

    def __init__(self, services, seed, *, often=MONEY, connected=0.9):
        self.services, self.chance, self.often, self.connected = services, random.Random(seed), often, connected
        self.met = {
            "pi": ["pi_x"], "pm": [], "cus": [services.customer], "ch": ["ch_x"], "seti": ["seti_x"], "cs": ["cs_x"],
        }  # fmt: skip

    def known(self, prefix):
        """An id it has met, rather a recent one."""
        if prefix == "pm" and (not self.met["pm"] or self.chance.random() < 0.6):
            return self.chance.choice(METHODS)
        return self.chance.choice(self.met[prefix][-8:])

    def value(self, name):
        if self.chance.random() < 0.02 or (name not in PLAUSIBLE and name not in REFERENCES):
            return self.chance.choice(ODD)
        return self.known(REFERENCES[name]) if name in REFERENCES else self.chance.choice(PLAUSIBLE[name])

    def parameters(self, route):
        names = list(shape(route.params)._types)
        known = [name for name in names if name in PLAUSIBLE or name in REFERENCES]
        chosen = set(self.chance.sample(known, min(len(known), self.chance.randint(0, 2))))
        chosen |= set(USUAL.get(route.operation, ()))
        if names and self.chance.random() < 0.03:
            chosen.add(self.chance.choice(names))
        return {name: self.value(name) for name in sorted(chosen)}

    def step(self):
        route = self.chance.choice(self.often if self.chance.random() < 0.6 else OTHERS)
        path = route.path
        while "{}" in path:
            kind = PATHS.get(path.split("/{}")[0].rsplit("/", 1)[1], "ch")
            path = path.replace("{}", self.known(kind), 1)
        account = self.services.account.id if self.chance.random() < self.connected else None
        key = f"k{self.chance.randint(0, 300)}" if self.chance.random() < 0.1 else None
        params = self.parameters(route)
        answer = self.services.ask(route.method, path, params, account=account, key=key)
        assert answer.status in ANSWERS, (route.operation, params, answer)
        assert answer.body["object" if answer.status == 200 else "error"]
        for found in (answer.body.get("id"), answer.body.get("latest_charge")):
            if isinstance(found, str) and found.split("_")[0] in self.met:
                self.met[found.split("_")[0]].append(found)


@pytest.mark.parametrize("seed", range(4))
def test_no_order_of_requests_brings_the_sandbox_down_or_its_books_out_of_true(services, seed):
    monkey = Monkey(services, seed)
    for n in range(2500):
        if n % 500 == 499:
            services.sandbox.advance(86_400 * 2)
        monkey.step()
    books = services.sandbox.books().intents
    assert sum(row.paid for row in books) > 20  # else nothing was tried
    assert sum(row.declined for row in books) > 5
    check_books(services)


@pytest.mark.parametrize("seed", range(2))
def test_no_order_of_requests_saves_a_method_twice_or_leaves_one_to_nobody(services, seed):
    monkey = Monkey(services, seed, often=SAVING, connected=0.1)
    for n in range(2000):
        if n % 250 == 249:
            payers_answer(services, monkey.chance)
            services.sandbox.advance(3_600)
        monkey.step()
    platform = services.sandbox.world.platform
    saved = [row for row in platform["seti"] if row["status"] == "succeeded" and row["customer"]]
    assert len(saved) > 10
    for row in saved:
        assert platform["pm"].peek(row["payment_method"])["customer"] in (row["customer"], None)
    check_feed(platform)
    for session in platform["cs"]:
        ends = platform["seti"].peek(session["setup_intent"])["status"]
        assert (session["status"] == "expired") == (ends == "canceled")
        assert session["status"] != "complete" or ends in ("succeeded", "processing", "requires_action")


def payers_answer(services, chance):
    """Every payer who is asked something answers, one way or another; some finish their session."""
    world = services.sandbox.world
    for row in [*world.platform["seti"], *world.platform["pi"]]:
        if row["status"] == "requires_action":
            act(world, row["id"], chance.choice([Deed.AUTHENTICATE, Deed.FAIL]), "")
    for row in [row for row in world.platform["cs"] if row["status"] == "open"][::2]:
        act(world, row["id"], Deed.PAY, "pm_card_visa")


def check_feed(account):
    """What is attached now was attached once and not detached; what is gone was told."""
    told = {}
    for event in account["evt"]:
        if event["type"] in ("payment_method.attached", "payment_method.detached"):
            told.setdefault(json.loads(event["data"])["object"]["id"], []).append(event["type"].rpartition(".")[2])
    assert all(each in (["attached"], ["attached", "detached"], ["detached"]) for each in told.values())
    for row in account["pm"]:
        if row["id"] in told:
            assert (row["customer"] is not None) == (told[row["id"]][-1] == "attached")


def check_books(services):
    """What must hold of the books after anything."""
    for row in services.sandbox.books().intents:
        assert row.paid + row.pending <= 1
        assert (row.status == "succeeded") == (row.taken > 0)
        assert 0 <= row.refunded <= row.taken <= row.amount
    for account in services.sandbox.world.everyone():
        for charge in account["ch"]:
            refunds = [
                row["amount"] for row in account["re"] if row["charge"] == charge["id"] and row["status"] != "failed"
            ]
            assert sum(refunds) == charge["amount_refunded"]
        taken = [row["source"] for row in account["txn"] if row["type"] == "charge"]
        assert len(taken) == len(set(taken))


def test_what_is_held_is_given_back_whatever_happens(services):
    intent = services.open(key="k")["id"]
    services.open(amount="x", key="k2")
    services.confirm(intent, "pm_none", key="k3")
    services.confirm(intent, services.clone()["id"], key="k4")
    assert not services.sandbox._locked
    assert set(services.sandbox.limiters._in_flight.values()) == {0}
    assert services.sandbox.keys.prune() == len(["k", "k3", "k4"])
