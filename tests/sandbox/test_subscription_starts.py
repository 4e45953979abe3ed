"""Subscriptions that begin otherwise than with a whole period: trials, anchors, free ones; and their fuse."""

import pytest

from tests.sandbox.subscribing import DAY, Subscriber, with_habits


@pytest.fixture
def payer(services):
    return Subscriber(services)


@pytest.fixture
def start(services):
    return services.sandbox.config.start


def period(subscription):
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


@pytest.mark.parametrize("days", [10, 100])
@pytest.mark.parametrize("by", ["days", "date"])
def test_a_trial_takes_nothing_and_has_a_paid_invoice_over_nothing(payer, start, by, days):
    end = start + days * DAY
    made = payer.subscribe(**{"trial_period_days": days} if by == "days" else {"trial_end": end})
    assert (made["status"], made["trial_start"], made["trial_end"]) == ("trialing", start, end)
    assert (made["billing_cycle_anchor"], period(made)) == (end, (start, end))
    assert (made["latest_invoice"]["status"], made["latest_invoice"]["total"], payer.charges()) == ("paid", 0, [])


def test_a_trial_ends_in_the_future_and_within_two_years(payer, start):
    for wanted in (
        {"trial_end": start},
        {"trial_end": start + 731 * DAY},
        {"trial_end": start + 9, "trial_period_days": 1},
    ):
        assert payer.subscribe(**wanted).status == 400
    assert payer.subscribe(trial_end="now")["status"] == "incomplete"


def test_a_future_anchor_is_charged_in_part_or_not_at_all(payer, start):
    anchor = start + 15 * DAY
    made = payer.subscribe(billing_cycle_anchor=anchor)
    assert (period(made), made["status"]) == ((start, anchor), "incomplete")
    assert made["latest_invoice"]["total"] == 484  # 15 days of the 31 from 17 October to 17 November
    free = payer.subscribe(billing_cycle_anchor=anchor, proration_behavior="none")
    assert (free["status"], free["latest_invoice"]["total"], free["latest_invoice"]["status"]) == ("active", 0, "paid")


def test_whether_a_free_time_has_an_invoice_is_a_habit(make_desk):
    payer = Subscriber(with_habits(make_desk, nothing_invoiced=False))
    anchor = payer.services.sandbox.config.start + DAY
    made = payer.subscribe(billing_cycle_anchor=anchor, proration_behavior="none")
    assert (made["status"], made["latest_invoice"]) == ("active", None)


def test_an_anchor_lies_within_the_first_period(payer, start):
    for wanted in (start, start - 1, start + 40 * DAY):
        assert payer.subscribe(billing_cycle_anchor=wanted).error["param"] == "billing_cycle_anchor"


def test_an_anchor_by_day_of_the_month_is_the_next_such_day(payer):
    made = payer.subscribe(billing_cycle_anchor_config={"day_of_month": 31, "hour": 0, "minute": 0, "second": 0})
    assert made["billing_cycle_anchor"] == 1_796_083_200 - DAY  # 30 November 2026, its last day
    assert made["billing_cycle_anchor_config"]["day_of_month"] == 31


def test_a_price_of_nothing_is_active_at_once(payer):
    made = payer.subscribe(payer.priced(0))
    assert (made["status"], made["latest_invoice"]["status"], made["latest_invoice"]["total"]) == ("active", "paid", 0)


@pytest.mark.parametrize("begins", [{"trial_period_days": 20}, {"billing_cycle_anchor": 1_793_610_000 + 20 * DAY}])
def test_a_fuse_that_is_not_cleared_ends_what_nothing_was_taken_for(payer, start, begins):
    fused = {"cancel_at": start + 2 * DAY, "proration_behavior": "none"} | begins
    burning, cleared = payer.subscribe(**fused), payer.subscribe(**fused)
    assert (burning["cancel_at"], burning["cancel_at_period_end"]) == (start + 2 * DAY, False)
    answer = payer.update(cleared["id"], cancel_at="", proration_behavior="none", metadata={"billing_started": "1"})
    assert (answer["cancel_at"], answer["canceled_at"], answer["metadata"]) == (None, None, {"billing_started": "1"})
    payer.services.sandbox.advance(2 * DAY)
    assert payer.read(burning["id"])["status"] == "canceled"
    assert payer.read(cleared["id"])["status"] == cleared["status"]
    assert payer.update(burning["id"], cancel_at="").status == 400
    assert payer.charges() == []


def test_an_end_within_a_paid_period_asks_for_no_proration_here(payer, start):
    made = payer.running()
    assert payer.update(made, cancel_at=start + DAY).error["param"] == "cancel_at"
    assert payer.update(made, cancel_at=start, proration_behavior="none").error["param"] == "cancel_at"
    assert payer.update(made, cancel_at=start + DAY, proration_behavior="none")["cancel_at"] == start + DAY
    payer.services.sandbox.advance(DAY)
    assert payer.read(made)["status"] == "canceled"


def test_the_end_of_the_period_can_be_set_and_taken_back(payer):
    made = payer.running()
    ending = payer.update(made, cancel_at_period_end=True)
    assert (ending["cancel_at_period_end"], ending["cancel_at"]) == (True, period(ending)[1])
    assert payer.update(made, cancel_at_period_end=False)["cancel_at"] is None
    assert payer.update(made, cancel_at="min_period_end", cancel_at_period_end=True).status == 400


def test_lists_show_the_living_unless_asked(payer, start):
    alive, dead, unpaid = payer.running(metadata={"n": "1"}), payer.running(), payer.subscribe(payer.priced(2000))["id"]
    payer.cancel(dead)

    def found(**wanted):
        return {row["id"] for row in payer.get("/v1/subscriptions", wanted)["data"]}

    assert found() == {alive, unpaid}
    assert found(status="all") == {alive, dead, unpaid}
    assert (found(status="canceled"), found(status="ended"), found(status="active")) == ({dead}, {dead}, {alive})
    assert found(price=payer.price) == {alive}
    assert found(customer=payer.post("/v1/customers")["id"], status="all") == set()
    assert found(status="all", created={"gte": start + 1}) == set()


def test_an_unpaid_subscription_changes_in_its_metadata_and_method_alone(payer):
    made = payer.subscribe()["id"]
    assert payer.update(made, metadata={"a": "b"}, default_payment_method=payer.card).status == 200
    for params in ({"cancel_at_period_end": True}, {"application_fee_percent": 1}, {"items": [{"price": payer.price}]}):
        assert payer.update(made, **params).status == 400


def test_items_change_from_the_next_period_on(payer):
    made = payer.running()
    item = payer.read(made)["items"]["data"][0]["id"]
    assert payer.update(made, items=[{"id": item, "quantity": 3}]).error["param"] == "proration_behavior"
    changed = payer.update(made, items=[{"id": item, "quantity": 3}], proration_behavior="none")
    assert changed["items"]["data"][0]["quantity"] == 3
    assert payer.update(made, items=[{"id": item, "deleted": True}], proration_behavior="none").status == 400
    payer.services.sandbox.advance(31 * DAY)
    assert [row["amount"] for row in payer.charges()] == [1000, 3000]


def test_a_customer_is_billed_in_one_currency(payer):
    payer.running()
    assert payer.subscribe(payer.priced(currency="eur")).error["param"] == "items"


def test_a_share_is_taken_on_connected_accounts_alone(services):
    customer = services.post("/v1/customers")["id"]
    product = services.post("/v1/products", {"name": "x"})["id"]
    data = {"currency": "usd", "product": product, "unit_amount": 500, "recurring": {"interval": "day"}}
    body = {"customer": customer, "items": [{"price_data": data}], "payment_behavior": "default_incomplete"}
    assert services.post("/v1/subscriptions", body)["application"] is None
    refused = services.post("/v1/subscriptions", body | {"application_fee_percent": 1})
    assert refused.error["code"] == "application_fees_not_allowed"
