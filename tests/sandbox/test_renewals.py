"""What the clock does to subscriptions: renewals, failures, retries, trials that end, ends that were set."""

import itertools

import pytest

from tests.sandbox.subscribing import DAY, HOUR, Subscriber, with_habits

MONTH = 30 * DAY  # 2 November to 2 December
DECLINES = "pm_card_chargeCustomerFail"


@pytest.fixture
def payer(services):
    return Subscriber(services)


def broken(payer, **params):
    """A subscription whose renewals will be declined; its id."""
    made = payer.running(**params)
    payer.make_default(payer.card_of(DECLINES))
    return made


def test_a_renewal_is_drafted_with_the_period_and_charged_an_hour_later_with_its_share(payer):
    made = payer.running(application_fee_percent=2.5)
    clock = payer.services.sandbox
    clock.advance(MONTH - 1)
    assert payer.statuses(made) == ("active", ["paid"])
    clock.advance(1)
    draft = payer.invoices(made)[1]
    assert (draft["status"], draft["billing_reason"], payer.read(made)["latest_invoice"]) == (
        "draft", "subscription_cycle", draft["id"],
    )  # fmt: skip
    assert draft["automatically_finalizes_at"] == draft["created"] + HOUR
    clock.advance(HOUR)
    assert payer.statuses(made) == ("active", ["paid", "paid"])
    assert [(row["amount"], row["application_fee_amount"]) for row in payer.charges()] == [(1000, 25)] * 2


def test_a_share_that_is_cleared_is_taken_no_more(payer):
    made = payer.running(application_fee_percent=2.5)
    assert payer.update(made, application_fee_percent="")["application_fee_percent"] is None
    payer.services.sandbox.advance(MONTH + HOUR)
    assert [row["application_fee_amount"] for row in payer.charges()] == [25, None]


def test_renewals_follow_each_other_and_the_end_of_the_month(payer):
    made = payer.running(billing_cycle_anchor_config={"day_of_month": 31}, proration_behavior="none")
    payer.services.sandbox.advance(150 * DAY)
    starts = [row["lines"]["data"][0]["period"]["start"] for row in payer.invoices(made)]
    days = [(after - before) // DAY for before, after in itertools.pairwise(starts)]
    assert days == [28, 31, 31, 28, 31]  # until 30 November, then to 31 December, January, 28 February, 31 March
    assert [row["amount"] for row in payer.charges()] == [1000] * 5


@pytest.mark.parametrize("where", ["customer", "subscription"])
def test_a_renewal_is_charged_to_what_is_the_default_then_once(payer, where):
    made = payer.running()
    other = payer.card_of("pm_card_mastercard")
    if where == "customer":
        payer.make_default(other)
    else:
        payer.update(made, default_payment_method=other)
    payer.services.sandbox.advance(40 * DAY)
    assert [row["payment_method"] for row in payer.charges()] == [payer.card, other]


def test_the_own_default_of_a_subscription_goes_before_its_customers(payer):
    payer.running(default_payment_method=payer.card)
    payer.make_default(payer.card_of("pm_card_mastercard"))
    payer.services.sandbox.advance(40 * DAY)
    assert [row["payment_method"] for row in payer.charges()] == [payer.card] * 2


def test_a_failed_renewal_is_past_due_and_retried_by_the_table(payer):
    made, clock = broken(payer), payer.services.sandbox
    clock.advance(MONTH + HOUR)
    seen = []
    for days in (3, 5, 7):
        invoice = payer.invoices(made)[1]
        seen.append((payer.read(made)["status"], invoice["status"], invoice["attempt_count"]))
        assert invoice["next_payment_attempt"] == clock.now + days * DAY
        clock.advance(days * DAY)
    assert seen == [("past_due", "open", count) for count in (1, 2, 3)]
    assert clock.books().subscriptions[0].declined == 4


@pytest.mark.parametrize(("habit", "left"), [("canceled", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")])
def test_after_the_last_retry_the_accounts_setting_decides(make_desk, habit, left):
    payer = Subscriber(with_habits(make_desk, after_retries=habit))
    made = broken(payer)
    payer.services.sandbox.advance(MONTH + HOUR + 15 * DAY)
    invoice = payer.invoices(made)[1]
    assert (payer.read(made)["status"], invoice["status"], invoice["auto_advance"]) == (left, "open", False)
    assert invoice["next_payment_attempt"] is None


def test_an_unpaid_subscription_makes_invoices_that_nothing_collects(make_desk):
    payer = Subscriber(with_habits(make_desk, after_retries="unpaid"))
    made = broken(payer)
    payer.services.sandbox.advance(65 * DAY)
    assert payer.statuses(made) == ("unpaid", ["paid", "open", "draft"])
    payer.make_default(payer.card_of("pm_card_visa"))
    for invoice in payer.invoices(made)[1:]:
        payer.pay(invoice["id"])
    assert payer.statuses(made) == ("active", ["paid"] * 3)


def test_a_repaired_default_is_charged_by_the_next_retry_once(payer):
    made, clock = broken(payer), payer.services.sandbox
    clock.advance(MONTH + HOUR)
    payer.make_default(payer.card_of("pm_card_mastercard"))
    clock.advance(20 * DAY)
    assert payer.statuses(made) == ("active", ["paid", "paid"])
    assert len(payer.charges()) == 2


def test_a_failed_renewal_paid_by_hand_is_not_retried(payer):
    made, clock = broken(payer), payer.services.sandbox
    clock.advance(MONTH + HOUR)
    paid = payer.pay(payer.invoices(made)[1]["id"], payment_method=payer.card_of("pm_card_visa"))
    assert (paid["status"], payer.read(made)["status"]) == ("paid", "active")
    clock.advance(20 * DAY)
    assert len(payer.charges()) == 2


def test_an_attempt_by_hand_that_fails_neither_counts_nor_moves_the_next_one(payer):
    made, clock = broken(payer), payer.services.sandbox
    clock.advance(MONTH + HOUR)
    before = payer.invoices(made)[1]
    assert payer.pay(before["id"]).status == 402
    after = payer.invoices(made)[1]
    for name in ("attempt_count", "next_payment_attempt"):
        assert after[name] == before[name]


def test_no_retry_is_made_while_a_bank_has_a_payment_of_the_invoice(payer):
    made, clock = broken(payer), payer.services.sandbox
    clock.advance(MONTH + HOUR + 2 * DAY)
    invoice = payer.invoices(made)[1]["id"]
    payer.pay(invoice, payment_method=payer.card_of("pm_usBankAccount_insufficientFunds"))
    payer.make_default(payer.card_of("pm_card_visa"))
    clock.advance(2 * DAY)  # the retry falls due
    assert (payer.invoice(invoice)["status"], len(payer.charges())) == ("open", 1)
    clock.advance(20 * DAY)
    assert (payer.invoice(invoice)["status"], len(payer.charges())) == ("paid", 2)


def test_what_owes_two_invoices_is_past_due_until_both_are_paid(make_desk):
    payer = Subscriber(with_habits(make_desk, after_retries="past_due"))
    made = broken(payer)
    payer.services.sandbox.advance(65 * DAY)
    payer.make_default(payer.card_of("pm_card_visa"))
    statuses = []
    for invoice in payer.invoices(made)[1:]:
        payer.pay(invoice["id"])
        statuses.append(payer.read(made)["status"])
    assert statuses == ["past_due", "active"]


def test_a_card_that_may_not_be_tried_again_is_not(payer):
    made, clock = payer.running(), payer.services.sandbox
    payer.make_default(payer.card_of("pm_sandbox_decline_stolen_card"))
    clock.advance(MONTH + HOUR + 10 * DAY)
    invoice, book = payer.invoices(made)[1], clock.books().subscriptions[0]
    assert (invoice["attempt_count"], book.declined) == (3, 1)


def test_a_renewal_without_any_method_that_works_is_past_due_and_asks_no_bank(payer):
    made, clock = payer.running(), payer.services.sandbox
    payer.post(f"/v1/payment_methods/{payer.card}/detach")
    clock.advance(MONTH + HOUR)
    assert payer.statuses(made) == ("past_due", ["paid", "open"])
    assert clock.books().subscriptions[0].declined == 0


def test_voiding_what_is_past_due_makes_it_active_again(payer):
    made = broken(payer)
    payer.services.sandbox.advance(MONTH + HOUR)
    payer.void(payer.invoices(made)[1]["id"])
    assert payer.statuses(made) == ("active", ["paid", "void"])


def test_a_trial_ends_with_its_first_charge(payer):
    made = payer.running(trial_period_days=10)
    payer.services.sandbox.advance(10 * DAY)
    assert payer.statuses(made) == ("active", ["paid", "draft"])
    payer.services.sandbox.advance(HOUR)
    assert [row["amount"] for row in payer.charges()] == [1000]
    assert payer.statuses(made) == ("active", ["paid", "paid"])


@pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("create_invoice", "past_due")])
def test_a_trial_that_ends_without_a_method_ends_as_it_was_told(payer, behavior, status):
    settings = {"end_behavior": {"missing_payment_method": behavior}}
    other = payer.post("/v1/customers")["id"]
    made = payer.running(customer=other, trial_period_days=10, trial_settings=settings)
    payer.services.sandbox.advance(10 * DAY + HOUR)
    assert payer.read(made)["status"] == status


def test_a_trial_is_ended_or_moved_by_hand(payer):
    ended, moved = payer.running(trial_period_days=10), payer.running(trial_period_days=10)
    now = payer.services.sandbox.config.start
    assert payer.update(ended, trial_end="now")["status"] == "active"
    assert len(payer.charges()) == 1
    assert payer.update(moved, trial_end=now + 20 * DAY)["trial_end"] == now + 20 * DAY
    payer.services.sandbox.advance(19 * DAY)
    assert (payer.read(moved)["status"], len(payer.charges())) == ("trialing", 1)
    payer.services.sandbox.advance(DAY + HOUR)
    assert (payer.read(moved)["status"], len(payer.charges())) == ("active", 2)
    assert payer.update(moved, trial_end=now + 90 * DAY).error["param"] == "trial_end"


def test_what_is_to_end_with_its_period_is_not_renewed(payer):
    made = payer.running()
    payer.update(made, cancel_at_period_end=True)
    asked = payer.services.sandbox.now
    payer.services.sandbox.advance(MONTH)
    assert payer.statuses(made) == ("canceled", ["paid"])
    assert (payer.read(made)["canceled_at"], payer.read(made)["ended_at"]) == (asked, asked + MONTH)
    payer.services.sandbox.advance(90 * DAY)
    assert len(payer.charges()) == 1


def test_an_end_within_a_later_period_is_charged_in_part(payer):
    made = payer.running()
    payer.update(made, cancel_at=payer.services.sandbox.config.start + MONTH + 15 * DAY)
    payer.services.sandbox.advance(90 * DAY)
    assert payer.statuses(made) == ("canceled", ["paid", "paid"])
    assert [row["amount"] for row in payer.charges()] == [1000, 484]  # 15 days of 31


def test_a_cancelled_renewal_is_collected_no_more(payer):
    made = broken(payer)
    payer.services.sandbox.advance(MONTH + HOUR)
    payer.cancel(made)
    payer.make_default(payer.card_of("pm_card_visa"))
    payer.services.sandbox.advance(90 * DAY)
    assert payer.statuses(made) == ("canceled", ["paid", "open"])
    assert len(payer.charges()) == 1


def test_a_renewal_by_bank_debit_is_paid_or_past_due_days_later(services):
    payer = Subscriber(services)
    for debit, status in (("pm_usBankAccount_success", "active"), ("pm_usBankAccount_insufficientFunds", "past_due")):
        made = payer.running(default_payment_method=payer.card)
        payer.update(made, default_payment_method=payer.card_of(debit))
        end = payer.read(made)["items"]["data"][0]["current_period_end"]
        services.sandbox.advance(end + HOUR - services.sandbox.now)
        assert payer.statuses(made) == ("active", ["paid", "open"])
        services.sandbox.advance(8 * DAY)
        assert payer.read(made)["status"] == status


def test_an_account_that_cannot_charge_renews_past_due(payer):
    made = payer.running()
    payer.services.account.body["charges_enabled"] = False
    payer.services.sandbox.advance(MONTH + HOUR)
    assert payer.statuses(made) == ("past_due", ["paid", "open"])


def test_a_year_of_renewals_takes_twelve_months_and_once_each(payer):
    payer.running()
    payer.services.sandbox.advance(365 * DAY + HOUR)
    book = payer.services.sandbox.books().subscriptions[0]
    assert (book.paid, book.taken, book.status) == (13, 13_000, "active")


def test_the_books_tell_which_lines_have_two_subscriptions_that_count(payer):
    def book(item, **params):
        return payer.subscribe(metadata={"billing_item": item}, **params)

    for item in ("a", "b", "c"):
        payer.pay(book(item)["latest_invoice"]["id"])
    book("a")  # incomplete: it takes nothing, and dies
    payer.running(metadata={"billing_item": "b"}, trial_period_days=9)  # it will take money
    fuse = payer.services.sandbox.config.start + 5
    payer.running(metadata={"billing_item": "c"}, trial_period_days=9, cancel_at=fuse)
    books = payer.services.sandbox.books()
    assert (books.subscribed_twice(), books.orphans(), books.doubles()) == (["b"], [], [])
    assert [row.counts for row in books.subscriptions] == [True, True, True, False, True, False]


def test_the_books_tell_which_defaults_are_dead(payer):
    made = payer.running(default_payment_method=payer.card)
    assert payer.services.sandbox.books().dead_defaults == ()
    payer.post(f"/v1/payment_methods/{payer.card}/detach")
    owners = {row.owner for row in payer.services.sandbox.books().dead_defaults}
    assert made in owners
