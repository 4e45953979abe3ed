"""Scenarios: the same seed builds the same platform, and every item ends as it was foretold."""

import csv
import io
from collections import Counter
from dataclasses import replace

import pytest

from billing.sandbox.config import ConfigProblem, Limits, SandboxConfig
from billing.sandbox.model import Sandbox
from billing.sandbox.scenario import OUTCOMES, USUAL_MIX, Expected, ScenarioSpec, build, major

ALL = ScenarioSpec(accounts=3, dead_accounts=2, items=80, mix=dict.fromkeys(OUTCOMES, 1.0))


def fresh():
    return Sandbox(SandboxConfig(limits=Limits.off()))


def test_the_same_seed_builds_the_same_down_to_the_ids():
    assert build(fresh(), ALL) == build(fresh(), ALL)
    assert build(fresh(), ALL) != build(fresh(), replace(ALL, seed=2))


def test_every_item_ends_as_it_was_foretold(services):
    scenario = build(services.sandbox, ALL)
    assert {row.outcome for row in scenario.rows} == set(OUTCOMES)
    intents = {}
    for row in scenario.rows:
        found = ended(services, row)
        assert found[0] == row.expected, (row, found)
        intents[row.reference] = found[1]
    services.sandbox.advance(7 * 86_400)
    after = {row.intent: row.status for row in services.sandbox.books().intents}
    for row in scenario.rows:
        if row.settled is not None:
            paid = after[intents[row.reference]] == "succeeded"
            assert paid is (row.settled is Expected.SUCCEEDED)


def ended(services, row):
    """How one item ends when it is simply charged, with its intent."""
    kind = "us_bank_account" if row.outcome.startswith("debit") else "card"
    params = {"amount": row.amount_minor, "currency": row.currency, "allowed_payment_method_types": [kind]}
    opened = services.post(
        "/v1/payment_intents", {**params, "application_fee_amount": row.fee_minor}, account=row.account
    )
    if opened.status != 200:
        return Expected.SKIPPED, None
    share = {"customer": row.customer, "payment_method": row.payment_method}
    clone = services.post("/v1/payment_methods", share, account=row.account)
    if clone.status != 200:
        return Expected.FAILED, opened["id"]
    path = f"/v1/payment_intents/{opened['id']}/confirm"
    answer = services.post(path, {"payment_method": clone["id"], "off_session": True}, account=row.account)
    if answer.status == 402:
        asks = {"authentication_required", "expired_card", "stolen_card"} & {
            answer.error["code"],
            answer.error.get("decline_code"),
        }
        return Expected.NEEDS_CUSTOMER if asks else Expected.DECLINED, opened["id"]
    return Expected(answer["status"]), opened["id"]


def test_the_mix_is_roughly_what_was_asked_for():
    rows = build(fresh(), ScenarioSpec(items=1000)).rows
    share = Counter(row.outcome for row in rows)
    assert abs(share["succeeds"] / 1000 - USUAL_MIX["succeeds"]) < 0.05
    assert len({row.reference for row in rows}) == 1000


def test_items_may_share_a_customer():
    rows = build(fresh(), ScenarioSpec(items=9, items_per_customer=4)).rows
    assert sorted(Counter(row.customer for row in rows).values()) == [1, 4, 4]


def test_a_scenario_is_a_run_file():
    scenario = build(fresh(), ScenarioSpec(items=30, accounts=6))
    lines = list(csv.DictReader(io.StringIO(scenario.as_csv())))
    assert [line["reference"] for line in lines] == [row.reference for row in scenario.rows]
    assert [line["amount"] for line in lines] == [major(row.amount_minor, row.currency) for row in scenario.rows]
    assert {line["currency"] for line in lines} == {"USD", "EUR", "GBP", "JPY"}


@pytest.mark.parametrize(("minor", "currency", "text"), [
    (1099, "usd", "10.99"), (1100, "eur", "11.00"), (1099, "jpy", "1099"), (1230, "kwd", "1.230"), (500, "isk", "5.00"),
])  # fmt: skip
def test_amounts_are_written_in_major_units(minor, currency, text):
    assert major(minor, currency) == text


@pytest.mark.parametrize("spec", [ScenarioSpec(mix={"miracle": 1.0}), ScenarioSpec(accounts=0)])
def test_an_impossible_scenario_is_refused(spec):
    with pytest.raises(ConfigProblem):
        build(fresh(), spec)
