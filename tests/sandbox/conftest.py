"""A desk in front of the sandbox: a seeded platform, one connected account, and short ways to ask for things."""

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from billing.core.wire import WireRequest
from billing.sandbox import answers, model
from billing.sandbox.config import Behaviour, Limits, SandboxConfig
from billing.sandbox.faults import Ending
from billing.sandbox.model import Pending, Sandbox
from billing.sandbox.scenario import connect, save_customer
from tests.sandbox.shapes import complaint

KEY = "sk_test_desk0000"
CARD = {"allowed_payment_method_types": ["card"]}


@dataclass
class Answer:
    """What came back, decoded; ``status`` 0 when nothing did."""

    status: int
    body: Any
    headers: dict[str, str]
    ending: Ending

    @property
    def error(self) -> dict[str, Any]:
        return self.body["error"]

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Services:
    """Requests as the SDK would encode them, without a network."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.account = connect(sandbox)
        self.customer, self.method = save_customer(sandbox)

    def request(self, method, path, params=None, *, account=None, key=None, api_key=KEY, headers=None) -> WireRequest:
        from stripe._encode import _api_encode

        encoded = urlencode(list(_api_encode(params or {})))
        all_headers = {"Authorization": f"Bearer {api_key}", **(headers or {})}
        if account:
            all_headers["Stripe-Account"] = account
        if key:
            all_headers["Idempotency-Key"] = key
        url = f"https://api.stripe.com{path}" + (f"?{encoded}" if method == "GET" and encoded else "")
        return WireRequest(method, url, all_headers, encoded.encode() if method == "POST" else b"")

    def ask(self, method, path, params=None, **how) -> Answer:
        return self.end(self.begin(method, path, params, **how))

    def begin(self, method, path, params=None, **how) -> Pending:
        return self.sandbox.begin(self.request(method, path, params, **how))

    def end(self, pending: Pending) -> Answer:
        reaction = self.sandbox.finish(pending)
        response = reaction.response
        if response is None or reaction.ending is not Ending.ANSWERED:
            return Answer(0, None, {}, reaction.ending)
        try:
            body = json.loads(response.body)
        except ValueError:
            body = response.body
        return Answer(response.status, body, dict(response.headers), reaction.ending)

    def get(self, path, params=None, **how) -> Answer:
        return self.ask("GET", path, params, **how)

    def post(self, path, params=None, **how) -> Answer:
        return self.ask("POST", path, params, **how)

    # -- the steps of one charge, on the connected account

    def open(self, amount=1000, currency="usd", *, key=None, **params) -> Answer:
        body = {"amount": amount, "currency": currency, **CARD, **params}
        return self.post("/v1/payment_intents", body, account=self.account.id, key=key)

    def clone(self, method=None, customer=None, *, key=None, **params) -> Answer:
        body = {"customer": customer or self.customer, "payment_method": method or self.method, **params}
        return self.post("/v1/payment_methods", body, account=self.account.id, key=key)

    def confirm(self, intent, method, *, key=None, **params) -> Answer:
        body = {"payment_method": method, "off_session": True, **params}
        return self.post(f"/v1/payment_intents/{intent}/confirm", body, account=self.account.id, key=key)

    def cancel(self, intent, **params) -> Answer:
        return self.post(f"/v1/payment_intents/{intent}/cancel", params, account=self.account.id)

    def intent(self, intent, **params) -> Answer:
        return self.get(f"/v1/payment_intents/{intent}", params, account=self.account.id)

    def charge(self, test_method="pm_card_visa", amount=1000, currency="usd", **params) -> tuple[str, Answer]:
        """Open, clone and confirm with a freshly saved method; the intent's id and the confirm's answer."""
        customer, method = save_customer(self.sandbox, test_method)
        kind = "us_bank_account" if "usBank" in test_method or "_debit_" in test_method else "card"
        intent = self.open(amount, currency, **({"allowed_payment_method_types": [kind]} | params))["id"]
        return intent, self.confirm(intent, self.clone(method, customer)["id"])

    def book(self, intent):
        return next(row for row in self.sandbox.books().intents if row.intent == intent)


@pytest.fixture
def make_desk():
    """Desks with habits of their own; limits are off unless asked for."""

    def make(*, limits=None, clock=None, faults=None, config=None, **behaviour) -> Services:
        base = config or SandboxConfig()
        made = replace(base, limits=limits or Limits.off(), behaviour=replace(Behaviour(), **behaviour))
        return Services(Sandbox(made, clock=clock, faults=faults))

    return make


@pytest.fixture(autouse=True)
def _every_true_answer_has_its_published_shape(monkeypatch):
    """Whatever the sandbox says of itself in any test of this folder is held against what Stripe publishes."""

    def answer(status, body, headers):
        assert (found := complaint(status, body)) is None, found
        return answers.answer(status, body, headers)

    def refused(said, headers):
        assert (found := complaint(said.status, {"error": said.error})) is None, found
        return answers.refused(said, headers)

    monkeypatch.setattr(model, "answer", answer)
    monkeypatch.setattr(model, "refused", refused)


@pytest.fixture
def services(make_desk) -> Services:
    return make_desk()


@pytest.fixture(scope="session", autouse=True)
def _parameter_types_loaded():
    """The SDK's parameter types take half a second once; no single test should pay for them."""
    assert stripe.params
