"""Laws of what recurs, held on random walks: whatever is asked, in whatever order, under whatever habits."""

import random

import pytest

from billing.sandbox.config import ConfigProblem
from billing.sandbox.payer import Deed, act
from billing.sandbox.recurring import AfterRetries, VoidedFirst
from billing.sandbox.subscription_ends import DEAD
from tests.sandbox.subscribing import DAY, HOUR, Subscriber, with_habits

STEPS, WALKS = 90, 16
CARDS = ("pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired", "pm_usBankAccount_success",
         "pm_usBankAccount_insufficientFunds", "pm_sandbox_decline_stolen_card")  # fmt: skip
FINAL = {"paid", "void"}


class Walk:
    """One platform that anything happens to; what was final is remembered."""

    def __init__(self, make_desk, seed):
        self.random = random.Random(seed)
        yes = [self.random.random() < 0.5 for _ in range(5)]
        self.payer = Subscriber(with_habits(
            make_desk, after_retries=self.random.choice(list(AfterRetries)), debit_activates=yes[0],
            cancel_voids=yes[1], voided_first=self.random.choice(list(VoidedFirst)), void_processing=yes[2],
            asks_payer=yes[3], nothing_invoiced=yes[4],
        ), self.random.choice(CARDS))  # fmt: skip
        self.sandbox = self.payer.services.sandbox
        self.account = self.payer.services.account
        self.final: dict[str, str] = {}

    def step(self):
        self.random.choice([
            self.open, self.open, self.pay, self.pay, self.void, self.cancel, self.change, self.replace_card,
            self.authenticate, self.confirm, self.wait, self.wait, self.wait,
        ])()  # fmt: skip
        self.check()

    def pick(self, prefix):
        rows = list(self.account[prefix])
        return self.random.choice(rows)["id"] if rows else f"{prefix}_none"

    def open(self):
        behavior = self.random.choice(["default_incomplete", "allow_incomplete", "error_if_incomplete"])
        now = int(self.sandbox.now)
        begin = self.random.choice([
            {}, {}, {"trial_period_days": self.random.randint(1, 40)}, {"billing_cycle_anchor": now + DAY},
            {"billing_cycle_anchor": now + 9 * DAY, "proration_behavior": "none", "cancel_at": now + 2 * DAY},
        ])  # fmt: skip
        self.payer.subscribe(payment_behavior=behavior, application_fee_percent=2.5, **begin)

    def pay(self):
        self.payer.pay(self.pick("in"), **self.random.choice([{}, {"payment_method": self.pick("pm")}]))

    def void(self):
        self.payer.void(self.pick("in"))

    def cancel(self):
        self.payer.cancel(self.pick("sub"))

    def change(self):
        self.payer.update(self.pick("sub"), **self.random.choice([
            {"cancel_at": "", "proration_behavior": "none"}, {"cancel_at_period_end": True}, {"trial_end": "now"},
            {"cancel_at": int(self.sandbox.now) + 3 * DAY, "proration_behavior": "none"},
            {"default_payment_method": self.pick("pm")}, {"default_payment_method": ""}, {"metadata": {"a": "b"}},
        ]))  # fmt: skip

    def replace_card(self):
        card = self.payer.card_of(self.random.choice(CARDS))
        self.payer.make_default(card)
        if self.random.random() < 0.3:
            self.payer.post(f"/v1/payment_methods/{self.pick('pm')}/detach")

    def authenticate(self):
        deed = self.random.choice([Deed.AUTHENTICATE, Deed.FAIL, Deed.PAY])
        try:
            act(self.sandbox.world, self.pick("pi"), deed, "pm_card_visa")
        except ConfigProblem:
            return

    def confirm(self):
        self.payer.services.confirm(self.pick("pi"), self.pick("pm"))

    def wait(self):
        self.sandbox.advance(self.random.choice([60, HOUR, 23 * HOUR, 3 * DAY, 31 * DAY]))

    def check(self):
        behind = {row["payment"]["payment_intent"]: row for row in self.account["inpay"]}
        paid = [row for row in self.account["ch"] if row["status"] == "succeeded"]
        assert len({row["payment_intent"] for row in paid}) == len(paid)
        for row in self.account["ch"]:
            intent = self.account["pi"].peek(row["payment_intent"])
            assert (row["status"] == "pending") <= (intent["status"] == "processing")
        by_invoice = {behind[row["payment_intent"]]["invoice"]: row for row in paid}
        for invoice in self.account["in"]:
            self.check_invoice(invoice, by_invoice.get(invoice["id"]))
        for subscription in self.account["sub"]:
            self.stays(subscription["id"], subscription["status"], DEAD)
            assert (subscription["ended_at"] is not None) == (subscription["status"] in DEAD)

    def check_invoice(self, invoice, charge):
        self.stays(invoice["id"], invoice["status"], FINAL)
        assert (invoice["status"] == "paid") == (charge is not None or (invoice["amount_due"] == 0 and
                                                 invoice["status"] != "draft")), invoice  # fmt: skip
        if charge is not None:
            assert (charge["amount"], charge["currency"]) == (invoice["amount_due"], invoice["currency"])
            assert charge["application_fee_amount"] == round(charge["amount"] * 0.025 + 1e-9)

    def stays(self, name, status, final):
        if name in self.final:
            assert status == self.final[name]
        elif status in final:
            self.final[name] = status


@pytest.mark.parametrize("seed", range(WALKS))
def test_an_invoice_is_paid_at_most_once_and_what_is_dead_or_void_stays_so(make_desk, seed):
    walk = Walk(make_desk, seed)
    for _ in range(STEPS):
        walk.step()
    books = walk.sandbox.books()
    assert sum(row.taken for row in books.subscriptions) == sum(row.taken for row in books.intents)
    assert books.orphans() == []


@pytest.mark.parametrize("seed", range(WALKS))
def test_once_all_is_cancelled_no_time_takes_any_money_but_of_debits_under_way(make_desk, seed):
    walk = Walk(make_desk, seed)
    for _ in range(STEPS // 2):
        walk.step()
    for subscription in list(walk.account["sub"]):
        walk.payer.cancel(subscription["id"])
    known = {row["id"] for row in walk.account["ch"]}
    walk.sandbox.advance(400 * DAY)
    walk.check()
    assert {row["id"] for row in walk.account["ch"]} == known
