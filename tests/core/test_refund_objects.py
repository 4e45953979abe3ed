"""What a charge and its refunds show of a refund to make, and what an answer to one means."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from billing.core.calls import Call
from billing.core.classify import classify
from billing.core.exits import Exit
from billing.core.kinds import refund
from billing.core.objects import refund as objects
from billing.core.objects.refund import ChargeSeen, RefundSeen, Standing, adds_up, where_it_stands
from billing.core.outcomes import Expected, Halt, LookWhy, Lost, Shown, Undecided
from billing.core.replies import Reply

CHARGE = ChargeSeen("ch_1", "pi_1", 1000, "usd", 0, 100, False)
OURS = RefundSeen("re_1", "item", 1000, "usd", "succeeded", 1)
THEIRS = replace(OURS, id="re_2", item="", amount=400)
EXPECTED = Expected("item", 1000, "usd", False, None, None, 1, key="key")
BODY: dict[str, Any] = {
    "object": "refund", "id": "re_1", "amount": 1000, "currency": "usd", "status": "succeeded",
    "payment_intent": "pi_1", "created": 1, "metadata": {"billing_item": "item"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("listed", "refunded", "standing"),
    [
        ([], 0, Standing.UNTOUCHED),
        ([], 1000, Standing.UNSURE),
        ([OURS], 0, Standing.SUCCEEDED),  # a charge that lags behind takes nothing back
        ([replace(OURS, status="pending")], 1000, Standing.PENDING),
        ([replace(OURS, status="pending")], 0, Standing.PENDING),
        ([replace(OURS, status="failed")], 0, Standing.RETURNED),
        ([replace(OURS, status="failed")], 1000, Standing.UNSURE),
        ([replace(OURS, status="canceled"), replace(OURS, id="re_3")], 1000, Standing.SUCCEEDED),
        ([THEIRS], 400, Standing.TOUCHED),
        ([replace(THEIRS, status="pending")], 0, Standing.TOUCHED),
        ([replace(THEIRS, status="failed")], 0, Standing.UNTOUCHED),
        ([replace(THEIRS, amount=1000)], 1000, Standing.NOTHING_LEFT),
        ([THEIRS], 1000, Standing.UNSURE),
        ([THEIRS, replace(OURS, status="failed")], 400, Standing.RETURNED),
        ([replace(OURS, status="a_new_word")], 0, Standing.UNSURE),
        ([THEIRS, replace(THEIRS, id="re_4", status="a_new_word")], 400, Standing.UNSURE),
    ],
)
def test_where_a_refund_stands_by_all_that_is_shown(listed, refunded, standing):
    for order in permutations(listed):
        assert where_it_stands("item", order, replace(CHARGE, refunded=refunded))[0] is standing


def test_without_the_charge_only_one_of_ours_that_stands_is_believed():
    assert where_it_stands("item", [OURS], None) == (Standing.SUCCEEDED, OURS)
    assert where_it_stands("item", [], None) == (Standing.UNSURE, None)


def test_pending_refunds_are_counted_by_the_charge_or_not():
    pending = replace(THEIRS, status="pending")
    assert [adds_up([OURS, pending], sum_) for sum_ in (1000, 1400, 400, 0)] == [True, True, False, False]


def meaning(reply: Reply, reads=objects.made("pi_1")):  # noqa: B008  a value
    return classify(Call(refund.REFUND, "", {}, reads), reply, EXPECTED)


@pytest.mark.parametrize("status", ["succeeded", "pending", "requires_action"])
def test_the_refund_that_was_asked_for_is_shown(status):
    outcome = meaning(Reply(200, BODY | {"status": status}, key="key"))
    assert isinstance(outcome, Shown)
    assert outcome.found == replace(OURS, status=status)


@pytest.mark.parametrize("changed", [{"amount": 999}, {"currency": "eur"}])
def test_one_that_is_not_what_was_approved_stops_the_run(changed):
    outcome = meaning(Reply(200, BODY | changed, key="key"))
    assert isinstance(outcome, Halt)
    assert outcome.exit is Exit.STOPPED


@pytest.mark.parametrize("name", list(BODY))
@pytest.mark.parametrize("value", [None, True, [], {}, "other", -1.5])
def test_a_body_that_is_no_such_refund_is_never_a_success(name, value):
    outcome = meaning(Reply(200, BODY | {name: value}, key="key"))
    assert isinstance(outcome, Lost | Halt | Undecided)


def test_what_is_replayed_came_back_or_was_refused_decides_nothing():
    refused = {"error": {"type": "invalid_request_error", "code": "charge_already_refunded"}}
    for reply, why in (
        (Reply(200, BODY, replayed=True, key="key"), LookWhy.REPLAYED),
        (Reply(200, BODY | {"status": "failed"}, key="key"), LookWhy.STATE),
        (Reply(400, refused, key="key"), LookWhy.STATE),
        (Reply(400, refused, replayed=True, key="key"), LookWhy.REPLAYED),
    ):
        outcome = meaning(reply)
        assert isinstance(outcome, Undecided)
        assert outcome.why is why


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": [BODY], "has_more": True},
        {"object": "list", "data": [BODY | {"payment_intent": "pi_2"}], "has_more": False},
        {"object": "list", "data": None, "has_more": False},
        {"object": "list", "data": [BODY]},
        BODY,
    ],
)
def test_a_list_that_is_not_whole_or_of_another_intent_is_no_list(body):
    assert isinstance(meaning(Reply(200, body, key="key"), objects.refunds_of("pi_1")), Lost)


INTENT = {
    "object": "payment_intent", "id": "pi_1", "livemode": False, "status": "succeeded",
    "latest_charge": {
        "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount": 1000, "currency": "usd",
        "amount_refunded": 0, "disputed": False, "application_fee_amount": 100,
    },
}  # fmt: skip


def test_a_charge_is_read_with_its_intent_and_an_unpaid_one_has_none():
    shown = meaning(Reply(200, INTENT, key="key"), objects.charge_of("pi_1"))
    assert isinstance(shown, Shown)
    assert shown.found == CHARGE
    unpaid = meaning(Reply(200, INTENT | {"status": "canceled"}, key="key"), objects.charge_of("pi_1"))
    assert isinstance(unpaid, Shown)
    assert unpaid.found is None


@pytest.mark.parametrize("changed", [{"id": "pi_2"}, {"livemode": True}, {"latest_charge": "ch_1"}])
def test_another_intent_or_a_charge_that_did_not_come_is_no_charge(changed):
    assert isinstance(meaning(Reply(200, INTENT | changed, key="key"), objects.charge_of("pi_1")), Lost)
