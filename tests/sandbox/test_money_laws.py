"""Laws of money, held on random histories of charges, refunds, disputes, returns and payouts."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.sandbox import levers
from billing.sandbox.config import Behaviour, ConfigProblem, Limits, SandboxConfig
from billing.sandbox.control import command
from billing.sandbox.model import Sandbox
from billing.sandbox.money_books import GONE
from billing.sandbox.scenario import connect
from tests.sandbox.conftest import Services

DAY = 86_400
PLACES = (("US", "usd"), ("DE", "eur"), ("JP", "jpy"))
METHODS = ("pm_card_visa", "pm_card_bypassPending", "pm_card_refundFail", "pm_usBankAccount_success",
           "pm_usBankAccount_insufficientFunds", "pm_usBankAccount_dispute", "pm_card_createDispute")  # fmt: skip
ENDS = ("won", "lost", "warning_closed", "needs_response")
STEP = st.tuples(
    st.sampled_from(("charge", "charge", "charge", "wait", "wait", "refund", "refund", "dispute", "end", "return",
                     "refund_fail", "payout_fail", "pay_out", "take_back", "schedule", "fee_back")),
    st.integers(0, 2), st.integers(0, 30), st.integers(1, 100),
)  # fmt: skip


class Life:
    """Three accounts in three currencies and what happens to their money: a step takes an account and two numbers."""

    def __init__(self, *, other_habits):
        habits = replace(
            Behaviour(), refunds_wait=other_habits, debits_booked_at_once=other_habits, refund_after_failure=True
        )
        self.sandbox = Sandbox(SandboxConfig(limits=Limits.off(), behaviour=habits))
        self.desks = [Services(self.sandbox) for _ in PLACES]
        for desk, (country, currency) in zip(self.desks, PLACES, strict=True):
            desk.account = connect(self.sandbox, country=country, currency=currency)

    def step(self, what, place, which, part):
        desk = self.desks[place]
        try:
            getattr(self, what)(desk, which, part)
        except ConfigProblem:
            return

    def pick(self, desk, prefix, which):
        rows = list(desk.account[prefix])
        return rows[which % len(rows)]["id"] if rows else f"{prefix}_none"

    def charge(self, desk, which, part):
        method = METHODS[which % len(METHODS)]
        if "usBank" in method:
            desk = self.desks[0]
        currency = PLACES[part % 3][1] if method.startswith("pm_card") else "usd"
        desk.charge(method, amount=1000 + 7 * part, currency=currency, application_fee_amount=part)

    def wait(self, desk, which, part):
        self.sandbox.advance(which * DAY / 2)

    def refund(self, desk, which, part):
        charge = desk.account["ch"].peek(self.pick(desk, "ch", which))
        amount = charge["amount"] * part // 60 if charge else 1
        wanted = {"charge": charge["id"] if charge else "ch_none", "amount": max(amount, 1)}
        if part % 2:
            wanted["refund_application_fee"] = True
        desk.post("/v1/refunds", wanted, account=desk.account.id)

    def dispute(self, desk, which, part):
        charge = self.pick(desk, "ch", which)
        amount = None if part % 3 else part
        levers.open_dispute(self.sandbox, desk.account.id, charge, inquiry=part % 5 == 0, amount=amount)

    def end(self, desk, which, part):
        dispute = self.pick(desk, "dp", which)
        levers.end_dispute(self.sandbox, desk.account.id, dispute, ENDS[part % len(ENDS)])

    def refund_fail(self, desk, which, part):
        levers.fail_refund(self.sandbox, desk.account.id, self.pick(desk, "re", which))

    def payout_fail(self, desk, which, part):
        levers.fail_payout(self.sandbox, desk.account.id, self.pick(desk, "po", which))

    def pay_out(self, desk, which, part):
        held = desk.get("/v1/balance", account=desk.account.id)["available"][0]
        wanted = {"amount": max(held["amount"] * part // 100, 1), "currency": held["currency"]}
        desk.post("/v1/payouts", wanted, account=desk.account.id)

    def take_back(self, desk, which, part):
        desk.post(f"/v1/payouts/{self.pick(desk, 'po', which)}/cancel", account=desk.account.id)

    def schedule(self, desk, which, part):
        interval = "manual" if part % 2 else "daily"
        wanted = {"payments": {"payouts": {"schedule": {"interval": interval}}}}
        desk.post("/v1/balance_settings", wanted, account=desk.account.id)

    def fee_back(self, desk, which, part):
        fees = [fee["id"] for fee in self.sandbox.world.platform["fee"]]
        if fees:
            desk.post(f"/v1/application_fees/{fees[which % len(fees)]}/refunds", {"amount": part % 4 + 1})

    def returns(self, desk, which, part):
        levers.return_debit(self.sandbox, desk.account.id, self.pick(desk, "ch", which))


setattr(Life, "return", Life.returns)  # the lever is called so


def pages(desk, path, **params):
    """All of a list of the account's, as the API gives it."""
    found, more = [], {}
    while True:
        page = desk.get(path, {"limit": 100, **params, **more}, account=desk.account.id)
        assert page.status == 200, page.body
        found += page["data"]
        if not page["has_more"]:
            return found
        more = {"starting_after": found[-1]["id"]}


def check_balance(desk):
    """What was moved and not sent to the bank is what the account holds, to the minor unit."""
    rows, payouts = pages(desk, "/v1/balance_transactions"), pages(desk, "/v1/payouts")
    for row in rows:
        assert row["fee"] == sum(detail["amount"] for detail in row["fee_details"])
        assert row["amount"] - row["fee"] == row["net"]
    earned = sum(row["net"] for row in rows if not row["type"].startswith("payout"))
    sent = sum(payout["amount"] for payout in payouts if payout["status"] not in GONE)
    held = desk.get("/v1/balance", account=desk.account.id)
    assert held["available"][0]["amount"] + held["pending"][0]["amount"] == earned - sent


def check_payouts(desk, books):
    """An automatic payout is the sum of the rows it carries, and the books name the same ones."""
    for payout in pages(desk, "/v1/payouts"):
        if payout["automatic"] and payout["reconciliation_status"] == "completed":
            rows = pages(desk, "/v1/balance_transactions", payout=payout["id"])
            assert sum(row["net"] for row in rows if row["source"] != payout["id"]) == payout["amount"]
            assert {row["id"] for row in rows} == {row.row for row in books.rows if row.payout == payout["id"]}


def check_charges(desk, books):
    """What is left of a charge on the balance is what was taken less what went back, in a currency of one's own."""
    account = desk.account
    for book in (book for book in books.charges if book.account == account.id):
        charge, refunds = (
            account["ch"].peek(book.charge),
            [row for row in account["re"] if row["charge"] == book.charge],
        )
        standing = [row for row in refunds if row["status"] not in GONE]
        assert charge["amount_refunded"] == sum(row["amount"] for row in standing) == book.refunded
        waiting = sum(row["amount"] for row in standing if row["balance_transaction"] is None)
        left = sum(row.amount for row in books.rows if (row.charge, row.account) == (book.charge, account.id))
        if book.currency == account.body["default_currency"] and book.status != "pending":
            assert left == book.taken - book.refunded - book.disputed + waiting


def check_disputes(desk):
    """A dispute holds its money, or gave it back if it was won, or never took any as an inquiry."""
    for dispute in desk.account["dp"]:
        moved = [row["amount"] for row in dispute["balance_transactions"]]
        assert len(moved) == (0 if dispute["status"].startswith("warning") else 2 if dispute["status"] == "won" else 1)
        assert sum(moved) == 0 if len(moved) != 1 else moved[0] < 0


def check_fees(life, books):
    """What the platform keeps of its fees is what it collected less the refunds that are objects."""
    platform = life.sandbox.world.platform
    for fee in platform["fee"]:
        parts = [row["amount"] for row in platform["fr"] if row["fee"] == fee["id"]]
        assert fee["amount_refunded"] == sum(parts) == books.fees_given_back[fee["charge"]]


@pytest.mark.parametrize("other_habits", [False, True])
@settings(max_examples=15)
@given(steps=st.lists(STEP, min_size=5, max_size=30))
def test_every_minor_unit_is_on_the_balance_at_the_bank_or_gone_back(other_habits, steps):
    life = Life(other_habits=other_habits)
    for step in steps:
        life.step(*step)
    for _ in range(2):  # as it is now, and when everything that is under way has ended
        books = life.sandbox.books()
        for desk in life.desks:
            check_balance(desk)
            check_payouts(desk, books)
            check_charges(desk, books)
            check_disputes(desk)
        check_fees(life, books)
        life.sandbox.advance(200 * DAY)
    month_ago = life.sandbox.world.now - 30 * DAY
    old = {row["status"] for desk in life.desks for row in desk.account["po"] if row["created"] < month_ago}
    assert old <= {"paid", "failed", "canceled"}, "no payout travels for a month"


def test_the_books_tell_the_same_over_the_control_plane():
    life = Life(other_habits=False)
    life.charge(life.desks[0], 0, 3)
    life.sandbox.advance(9 * DAY)
    levers.open_dispute(life.sandbox, life.desks[0].account.id, life.pick(life.desks[0], "ch", 0))
    told = command(life.sandbox, "GET", "books", b"")
    (charge,) = told["charges"]
    assert (charge["taken"], charge["disputed"], charge["returned"], charge["warned"]) == (1021, 1021, 0, False)
    ours = [row for row in told["rows"] if row["account"] == life.desks[0].account.id]
    assert [row["category"] for row in ours] == ["charge", "payout", "dispute"]
    assert ours[0]["payout"] == ours[1]["payout"] == ours[1]["source"] == told["payouts"][-1]["payout"]
    assert ours[0]["fees"] == {"stripe_fee": 60, "application_fee": 3}
