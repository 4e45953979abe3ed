"""What a subscription and its invoices show of an end that was asked for, and what is left to be asked for then."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from billing.core.calls import Call
from billing.core.classify import classify
from billing.core.items import When
from billing.core.kinds.cancellation import CLEAR_FEE, END_LATER, END_NOW, FINALIZE, READ_END, VOID, left
from billing.core.objects import cancellation as objects
from billing.core.objects.cancellation import (
    DONE,
    EndSeen,
    Standing,
    Uncollected,
    where_it_stands,
    with_latest,
)
from billing.core.objects.subscription import ALIVE, DEAD
from billing.core.outcomes import Expected, Lost, Shown, Undecided
from billing.core.replies import Reply

RUNS = EndSeen("sub_1", "active", "item", "gym-2026-10", period_end=900, fee=True)
OPEN, DRAFT = Uncollected("in_1", "open"), Uncollected("in_2", "draft")
EXPECTED = Expected("item", 0, "", False, None, None, 1)
INVOICE: dict[str, Any] = {
    "object": "invoice", "id": "in_1", "status": "open",
    "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
}  # fmt: skip
BODY: dict[str, Any] = {
    "object": "subscription", "id": "sub_1", "livemode": False, "status": "active", "cancel_at": None,
    "cancel_at_period_end": False, "canceled_at": None, "ended_at": None, "application_fee_percent": 7.5,
    "items": {"data": [{"current_period_end": 800}, {"current_period_end": 900}]},
    "metadata": {"billing_item": "item", "billing_run": "gym-2026-10"}, "latest_invoice": INVOICE,
}  # fmt: skip


def stands(when: When, seen: EndSeen, *invoices: Uncollected, clear_fee: bool = False) -> Standing:
    return where_it_stands(when, seen, invoices, clear_fee=clear_fee)


@pytest.mark.parametrize("status", sorted(DEAD))
def test_what_is_over_is_the_end_unless_it_was_to_end_now_and_may_still_be_collected(status):
    over = replace(RUNS, status=status)
    assert stands(When.NOW, over, OPEN) is Standing.COLLECTABLE
    assert {stands(When.NOW, over), stands(When.PERIOD_END, over, OPEN)} == {Standing.OVER}


@pytest.mark.parametrize("status", sorted(ALIVE))
def test_what_lives_runs_on_until_its_end_is_set_and_the_share_is_cleared_that_was_to_be(status):
    alive = replace(RUNS, status=status)
    ends = replace(alive, at_period_end=True)
    assert {stands(When.NOW, ends), stands(When.PERIOD_END, alive)} == {Standing.RUNNING}
    assert stands(When.PERIOD_END, ends) is Standing.ENDING
    assert stands(When.PERIOD_END, ends, clear_fee=True) is Standing.RUNNING
    assert stands(When.PERIOD_END, replace(ends, fee=False), clear_fee=True) is Standing.ENDING


@pytest.mark.parametrize(("at", "ends"), [(899, True), (900, True), (901, False), (None, False)])
def test_an_end_by_date_counts_if_it_comes_with_the_period_or_before(at, ends):
    assert replace(RUNS, ends_at=at).ends_with_period is ends
    assert not replace(RUNS, ends_at=at, period_end=None).ends_with_period


def test_a_status_that_nobody_knows_concludes_nothing():
    assert {stands(when, replace(RUNS, status="a_new_word"), OPEN) for when in When} == {Standing.UNSURE}


@pytest.mark.parametrize(
    ("when", "seen", "clear_fee", "asked"),
    [
        (When.NOW, RUNS, False, (END_NOW,)),
        (When.NOW, RUNS, True, (CLEAR_FEE, END_NOW)),
        (When.NOW, replace(RUNS, fee=False), True, (END_NOW,)),
        (When.PERIOD_END, RUNS, False, (END_LATER,)),
        (When.PERIOD_END, RUNS, True, (CLEAR_FEE, END_LATER)),
        (When.PERIOD_END, replace(RUNS, at_period_end=True), True, (CLEAR_FEE,)),
    ],
)
def test_the_share_is_cleared_before_the_end_and_nothing_is_asked_for_that_is_so_already(when, seen, clear_fee, asked):
    standing = where_it_stands(when, seen, (), clear_fee=clear_fee)
    assert left(when, seen, (), standing, clear_fee=clear_fee) == tuple((op, "sub_1") for op in asked)


def test_invoices_follow_the_end_and_a_draft_is_opened_before_it_is_made_void():
    found = left(When.NOW, RUNS, (OPEN, DRAFT), Standing.COLLECTABLE, clear_fee=True)
    assert found == ((VOID, "in_1"), (FINALIZE, "in_2"), (VOID, "in_2"))


def test_where_nothing_is_left_the_end_is_done_and_where_it_is_done_nothing_is_left():
    for when, status, ends, fee, invoices, clear in product(
        When, (*ALIVE, *DEAD), (True, False), (True, False), ((), (OPEN,)), (True, False)
    ):
        seen = replace(RUNS, status=status, at_period_end=ends, fee=fee)
        standing = where_it_stands(when, seen, invoices, clear_fee=clear)
        assert (standing in DONE) == (left(when, seen, invoices, standing, clear_fee=clear) == ())


def test_a_latest_invoice_that_the_list_lacks_is_no_less_there():
    assert with_latest(replace(RUNS, latest=OPEN), (DRAFT,)) == (DRAFT, OPEN)
    assert with_latest(replace(RUNS, latest=OPEN), (OPEN,)) == (OPEN,)
    assert with_latest(RUNS, (OPEN,)) == (OPEN,)


# --- the answers -----------------------------------------------------------------------------------------------------


def meaning(reply: Reply, reads=objects.end_of("sub_1")):  # noqa: B008  a value
    return classify(Call(READ_END, "", {}, reads), reply, EXPECTED)


def test_a_subscription_shows_whose_it_is_and_when_it_ends():
    shown = meaning(Reply(200, BODY))
    assert isinstance(shown, Shown)
    assert shown.found == replace(RUNS, latest=OPEN)
    later = meaning(
        Reply(200, BODY | {"cancel_at": 950, "ended_at": 940, "canceled_at": 930, "latest_invoice": "in_1"})
    )
    assert isinstance(later, Shown)
    assert later.found == replace(RUNS, ends_at=940, cancelled_at=930)


@pytest.mark.parametrize("changed", [{"id": "sub_2"}, {"livemode": True}, {"object": "customer"}, {"status": None}])
def test_another_object_is_no_such_subscription(changed):
    assert isinstance(meaning(Reply(200, BODY | changed)), Lost)


@pytest.mark.parametrize("name", sorted(set(BODY) - {"object", "id", "livemode", "status"}))
@pytest.mark.parametrize("value", [None, True, [], {}, "other", -1.5, [None]])
def test_a_field_in_another_form_is_never_taken_for_an_end(name, value):
    shown = meaning(Reply(200, BODY | {name: value}))
    assert isinstance(shown, Shown)
    assert isinstance(shown.found, EndSeen)
    if (name, value) != ("cancel_at_period_end", True):
        assert stands(When.PERIOD_END, shown.found) is Standing.RUNNING


@pytest.mark.parametrize(
    "changed",
    [
        {"object": "charge"}, {"status": "paid"}, {"id": "pi_1"}, {"parent": None},
        {"parent": {"subscription_details": {"subscription": "sub_2"}}},
    ],
)  # fmt: skip
def test_an_invoice_of_something_else_makes_the_list_worthless(changed):
    reads = objects.collectable_of("sub_1", "open")
    whole = meaning(Reply(200, {"object": "list", "data": [INVOICE], "has_more": True}), reads)
    assert isinstance(whole, Shown)
    assert whole.found == (OPEN,)
    assert isinstance(meaning(Reply(200, {"object": "list", "data": [INVOICE, INVOICE | changed]}), reads), Lost)


def test_an_answer_is_the_objects_own_and_a_refusal_is_looked_at_before_it_is_believed():
    call = Call(END_NOW, "", {}, objects.answered("subscription", "sub_1"))
    assert isinstance(classify(call, Reply(200, BODY), EXPECTED), Shown)
    assert isinstance(classify(call, Reply(200, BODY | {"id": "sub_2"}), EXPECTED), Lost)
    for status in (400, 402, 404):
        refused = classify(call, Reply(status, {"error": {"type": "invalid_request_error", "code": "x"}}), EXPECTED)
        assert isinstance(refused, Undecided)
        assert refused.refused is not None
