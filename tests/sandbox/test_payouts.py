"""Payouts: by schedule and by hand, on their way, arrived, returned, and what each of them carries."""

import json

import pytest

from billing.sandbox import levers
from billing.sandbox.config import START
from billing.sandbox.control import command

DAY = 86_400
HOUR = 3_600


def ask(services, path, **params):
    return services.get(path, params, account=services.account.id)


def post(services, path, **params):
    return services.post(path, params, account=services.account.id)


def rows_of(services, payout):
    return ask(services, "/v1/balance_transactions", payout=payout, limit=100)


def held(services):
    return ask(services, "/v1/balance")["available"][0]["amount"]


def told(services):
    """What the account's events say of payouts, oldest first."""
    events = ask(services, "/v1/events", type="payout.*", limit=100)["data"][::-1]
    return [event["type"].removeprefix("payout.") for event in events]


@pytest.fixture
def rich(services):
    """A desk whose account has 941 minor units available: a charge of 1000 less its fee, two business days later."""
    services.charge()
    services.sandbox.advance(2 * DAY)
    return services


def test_a_payout_goes_its_way_to_the_bank_of_the_account(rich):
    rich.sandbox.advance(DAY)
    made = ask(rich, "/v1/payouts")["data"][0]
    assert (made["status"], made["automatic"], made["trace_id"]["status"]) == ("pending", True, "pending")
    assert (made["amount"], made["arrival_date"]) == (941, START - START % DAY + 7 * DAY)  # Thursday, by Monday
    bank = rich.get(f"/v1/accounts/{rich.account.id}")["external_accounts"]["data"][0]
    assert made["destination"] == bank["id"]
    path = f"/v1/payouts/{made['id']}"
    rich.sandbox.advance(12 * HOUR)
    assert ask(rich, path)["status"] == "in_transit"
    rich.sandbox.advance(4 * DAY)
    arrived = ask(rich, path, expand=["destination"])
    assert (arrived["status"], arrived["trace_id"]["status"]) == ("paid", "supported")
    assert arrived["destination"] == bank
    assert told(rich) == ["created", "reconciliation_completed", "updated", "paid"]


def test_what_an_automatic_payout_carries_is_known_a_while_later_and_sums(rich):
    rich.sandbox.advance(14 * HOUR + 60)  # to just before the midnight of its making
    rich.charge(amount=500)  # not available yet
    rich.sandbox.advance(HOUR)
    payout = ask(rich, "/v1/payouts")["data"][0]
    assert payout["reconciliation_status"] == "in_progress"
    refused = rows_of(rich, payout["id"])
    assert (refused.status, refused.error["code"]) == (400, "payout_reconciliation_not_ready")
    rich.sandbox.advance(6 * HOUR)
    assert ask(rich, f"/v1/payouts/{payout['id']}")["reconciliation_status"] == "completed"
    rows = rows_of(rich, payout["id"])["data"]
    own = [row for row in rows if row["source"] == payout["id"]]
    assert [(row["id"], row["type"], row["net"]) for row in own] == [(payout["balance_transaction"], "payout", -941)]
    assert sum(row["net"] for row in rows if row not in own) == payout["amount"]
    assert len(rows) == 2


def test_nobody_can_tell_what_a_payout_by_hand_carries(rich):
    made = post(rich, "/v1/payouts", amount=500, currency="usd", metadata={"a": "b"}, description="by hand")
    assert (made["automatic"], made["reconciliation_status"], made["status"]) == (False, "not_applicable", "pending")
    assert (made["description"], made["metadata"], held(rich)) == ("by hand", {"a": "b"}, 441)
    refused = rows_of(rich, made["id"])
    assert (refused.status, refused.error["param"]) == (400, "payout")
    assert rows_of(rich, "po_none").error["code"] == "resource_missing"


def test_the_payout_after_one_by_hand_takes_what_is_left(rich):
    by_hand = post(rich, "/v1/payouts", amount=500, currency="usd")["id"]
    rich.sandbox.advance(2 * DAY)
    payout = ask(rich, "/v1/payouts")["data"][0]
    rows = rows_of(rich, payout["id"])["data"]
    assert payout["amount"] == 441
    assert sum(row["net"] for row in rows if row["source"] != payout["id"]) == 441
    assert by_hand in [row["source"] for row in rows]


def test_an_account_that_pays_out_by_hand_keeps_its_money_until_then(rich):
    schedule = {"payments": {"payouts": {"schedule": {"interval": "manual"}}}}
    assert post(rich, "/v1/balance_settings", **schedule)["payments"]["payouts"]["schedule"] == {"interval": "manual"}
    rich.sandbox.advance(7 * DAY)
    assert (ask(rich, "/v1/payouts")["data"], held(rich)) == ([], 941)
    schedule["payments"]["payouts"]["schedule"]["interval"] = "daily"
    post(rich, "/v1/balance_settings", **schedule)
    rich.sandbox.advance(DAY)
    assert [row["amount"] for row in ask(rich, "/v1/payouts")["data"]] == [941]


@pytest.mark.parametrize("payments", [
    {"debit_negative_balances": False}, {"payouts": {"statement_descriptor": "x"}},
    {"payouts": {"schedule": {"weekly_payout_days": ["monday"]}}}, {"payouts": {"schedule": {"interval": "weekly"}}},
])  # fmt: skip
def test_a_schedule_that_is_not_served_is_refused(services, payments):
    assert post(services, "/v1/balance_settings", payments=payments).status == 400
    assert ask(services, "/v1/balance_settings")["payments"]["payouts"]["schedule"] == {"interval": "daily"}


@pytest.mark.parametrize(("params", "said"), [
    ({"amount": 942}, "balance_insufficient"), ({"currency": "eur"}, "currency"), ({"amount": 0}, "amount"),
    ({"destination": "ba_x"}, "destination"), ({"method": "instant"}, "method"),
])  # fmt: skip
def test_a_payout_that_cannot_be_is_refused(rich, params, said):
    answer = post(rich, "/v1/payouts", **({"amount": 100, "currency": "usd"} | params))
    assert answer.status == 400
    assert said in (answer.error.get("code"), answer.error.get("param"))
    assert held(rich) == 941


def test_a_payout_by_hand_can_be_taken_back_until_the_bank_has_it(rich):
    made = post(rich, "/v1/payouts", amount=500, currency="usd")["id"]
    taken_back = post(rich, f"/v1/payouts/{made}/cancel")
    assert (taken_back["status"], held(rich)) == ("canceled", 941)
    row = ask(rich, f"/v1/balance_transactions/{taken_back['failure_balance_transaction']}")
    assert (row["type"], row["reporting_category"], row["net"]) == ("payout_cancel", "payout_reversal", 500)
    late = post(rich, "/v1/payouts", amount=500, currency="usd")["id"]
    rich.sandbox.advance(13 * HOUR)
    assert post(rich, f"/v1/payouts/{late}/cancel").status == 400
    rich.sandbox.advance(7 * DAY)
    assert ask(rich, f"/v1/payouts/{made}")["status"] == "canceled"
    assert post(rich, f"/v1/payouts/{ask(rich, '/v1/payouts')['data'][0]['id']}/cancel").status == 400


@pytest.mark.parametrize("days", [1, 10])
def test_a_payout_that_comes_back_brings_its_money_into_the_next(rich, days):
    rich.sandbox.advance(days * DAY)
    first = ask(rich, "/v1/payouts")["data"][0]
    levers.fail_payout(rich.sandbox, rich.account.id, first["id"], "no_account")
    rich.sandbox.advance(7 * DAY)
    second = ask(rich, "/v1/payouts")["data"][0]
    assert (ask(rich, f"/v1/payouts/{first['id']}")["status"], second["amount"]) == ("failed", first["amount"])
    rows = rows_of(rich, second["id"])["data"]
    assert {row["type"]: row["net"] for row in rows} == {"payout": -941, "payout_failure": 941}
    assert [row["type"] for row in rows_of(rich, first["id"])["data"]] == ["payout", "charge"]
    assert "failed" in told(rich)


def test_payouts_may_be_there_at_once(make_desk):
    services = make_desk(payout_business_days=0, payout_reconciliation_seconds=0)
    services.charge()
    services.sandbox.advance(3 * DAY)
    payout = ask(services, "/v1/payouts")["data"][0]
    assert (payout["status"], payout["reconciliation_status"]) == ("paid", "completed")


def test_a_payout_that_failed_may_stop_the_others_until_there_is_another_bank(make_desk):
    services = make_desk(failed_payout_stops=True)
    services.charge()
    services.sandbox.advance(3 * DAY)
    first = ask(services, "/v1/payouts")["data"][0]
    levers.fail_payout(services.sandbox, services.account.id, first["id"])
    services.sandbox.advance(7 * DAY)
    assert (len(ask(services, "/v1/payouts")["data"]), held(services)) == (1, 941)
    path = f"/v1/accounts/{services.account.id}"
    assert services.get(path)["external_accounts"]["data"][0]["status"] == "errored"
    command(
        services.sandbox, "POST", "accounts", json.dumps({"account": services.account.id, "new_bank": True}).encode()
    )
    services.sandbox.advance(DAY)
    second = ask(services, "/v1/payouts")["data"][0]
    bank = services.get(path)["external_accounts"]["data"][0]
    assert (second["amount"], second["destination"], bank["status"]) == (941, bank["id"], "new")
    assert second["destination"] != first["destination"]
    assert ask(services, f"/v1/payouts/{first['id']}", expand=["destination"])["destination"]["status"] == "errored"
