"""Short ways to what recurs: a customer who can pay on a connected account, a price, a subscription, its invoices."""

from dataclasses import replace

from billing.sandbox.config import SandboxConfig
from billing.sandbox.recurring import Recurring
from billing.sandbox.scenario import save_customer

DAY, HOUR = 86_400, 3_600


def with_habits(make_desk, **habits):
    """A desk whose subscriptions have habits of their own."""
    return make_desk(config=replace(SandboxConfig(), recurring=replace(Recurring(), **habits)))


class Subscriber:
    """One customer of the desk's connected account, with a default card; a monthly price of 10.00 dollars."""

    def __init__(self, services, test_method="pm_card_visa"):
        self.services, self.account = services, services.account.id
        self.customer = self.post("/v1/customers", {})["id"]
        self.card = self.card_of(test_method)
        self.make_default(self.card)
        self.product = self.post("/v1/products", {"name": "Membership"})["id"]
        self.price = self.priced()

    def post(self, path, params=None, **how):
        return self.services.post(path, params or {}, account=self.account, **how)

    def get(self, path, params=None):
        return self.services.get(path, params or {}, account=self.account)

    def card_of(self, test_method):
        """A copy of a platform's card, attached to this customer."""
        copy = self.services.clone(*reversed(save_customer(self.services.sandbox, test_method)))["id"]
        return self.post(f"/v1/payment_methods/{copy}/attach", {"customer": self.customer})["id"]

    def make_default(self, card):
        settings = {"invoice_settings": {"default_payment_method": card}}
        return self.post(f"/v1/customers/{self.customer}", settings)

    def priced(self, amount=1000, interval="month", **params):
        body = {"currency": "usd", "product": self.product, "unit_amount": amount, "recurring": {"interval": interval}}
        return self.post("/v1/prices", body | params)["id"]

    def subscribe(self, price=None, **params):
        """As a runner opens one: incomplete until its first invoice is paid."""
        body = {"customer": self.customer, "items": [{"price": price or self.price}],
                "payment_behavior": "default_incomplete", "expand": ["latest_invoice"]}  # fmt: skip
        return self.post("/v1/subscriptions", body | params)

    def running(self, **params):
        """A subscription whose first invoice is paid; its id."""
        made = self.subscribe(**{"payment_behavior": "error_if_incomplete"} | params)
        assert made.status == 200, made.body
        return made["id"]

    def read(self, subscription, **params):
        return self.get(f"/v1/subscriptions/{subscription}", params)

    def update(self, subscription, **params):
        return self.post(f"/v1/subscriptions/{subscription}", params)

    def cancel(self, subscription):
        return self.services.ask("DELETE", f"/v1/subscriptions/{subscription}", account=self.account)

    def pay(self, invoice, **params):
        return self.post(f"/v1/invoices/{invoice}/pay", params)

    def void(self, invoice):
        return self.post(f"/v1/invoices/{invoice}/void")

    def invoice(self, invoice, **params):
        return self.get(f"/v1/invoices/{invoice}", params)

    def invoices(self, subscription):
        """Oldest first."""
        rows = self.get("/v1/invoices", {"subscription": subscription, "limit": 100})["data"]
        return rows[::-1]

    def charges(self):
        """Paid charges of this customer, oldest first."""
        rows = self.get("/v1/charges", {"customer": self.customer, "limit": 100})["data"]
        return [row for row in rows[::-1] if row["status"] == "succeeded"]

    def statuses(self, subscription):
        """The subscription's status, and the statuses of its invoices, oldest first."""
        return self.read(subscription)["status"], [row["status"] for row in self.invoices(subscription)]
