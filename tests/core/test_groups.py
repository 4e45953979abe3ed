"""How states are grouped, and what the groups are worth."""

import pytest

from billing.core.exits import Exit
from billing.core.groups import exit_for, in_sight
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.kinds.payer import PAYER_LIFE
from billing.core.kinds.payer import State as PayerState
from billing.core.life import Group
from billing.core.records import Tally


def tally(state: State, grouping: str = "", reason: str = "", items: int = 1) -> Tally:
    return Tally(state, grouping, reason, "usd", items, 100 * items)


PAID = tally(State.SUCCEEDED)
SETTLING = tally(State.UNSETTLED)
DECLINED = tally(State.UNPAID, "declined", "insufficient_funds")
FENCED = tally(State.FAILED, "declined", "stolen_card")
ASKED = tally(State.UNPAID, "needs_customer", "authentication_required")
REFUSED = tally(State.FAILED, "failed", "account_invalid")
REFUSED_OPEN = tally(State.UNPAID, "failed", "parameter_missing")


def test_only_what_was_not_paid_is_grouped_by_its_decline():
    assert CHARGE_LIFE.group(State.SUCCEEDED, "declined") is Group.SUCCEEDED
    assert CHARGE_LIFE.group(State.PREPARING, "declined") is Group.PENDING
    assert CHARGE_LIFE.group(State.FAILED, "needs_customer") is Group.NEEDS_CUSTOMER


def test_an_item_is_never_called_failed_before_its_fence():
    assert CHARGE_LIFE.group(State.UNPAID, "failed") is Group.PENDING
    assert CHARGE_LIFE.group(State.FAILED, "failed") is Group.FAILED


def test_what_nobody_wants_any_more_is_called_skipped_once_it_is_closed():
    assert CHARGE_LIFE.group(State.CANCELLING, "skipped") is Group.PENDING
    assert CHARGE_LIFE.group(State.FAILED, "skipped") is Group.SKIPPED


def test_what_cannot_be_on_its_way_before_something_is_put_right_is_not_called_so():
    assert PAYER_LIFE.group(PayerState.READY, "pending") is Group.PENDING
    assert PAYER_LIFE.group(PayerState.READY) is Group.PROCESSING


@pytest.mark.parametrize("state", sorted(set(State) - CHARGE_LIFE.final))
def test_what_an_answer_contradicts_is_parked_wherever_it_was_met(state):
    assert CHARGE_LIFE.group(state, "parked") is Group.PARKED


@pytest.mark.parametrize("state", sorted(CHARGE_LIFE.final))
def test_what_has_ended_is_parked_no_more(state):
    assert CHARGE_LIFE.group(state, "parked") is CHARGE_LIFE.meanings[state].group


def test_whoever_only_looks_answers_for_what_is_open_and_for_what_it_ended_itself():
    kept = list(in_sight([PAID, FENCED, DECLINED, SETTLING], [REFUSED]))
    assert kept == [DECLINED, SETTLING, REFUSED]
    assert exit_for(in_sight([PAID, FENCED], [])) is Exit.OK
    assert exit_for(in_sight([PAID, FENCED], [FENCED])) is Exit.DECLINES


@pytest.mark.parametrize(
    ("tallies", "code", "declines_ok"),
    [
        ([], Exit.OK, Exit.OK),
        ([PAID], Exit.OK, Exit.OK),
        ([PAID, tally(State.SKIPPED, reason="already_paid")], Exit.OK, Exit.OK),
        ([PAID, tally(State.SKIPPED, reason="account_dead")], Exit.DECLINES, Exit.DECLINES),
        ([PAID, tally(State.SKIPPED, reason="no_answer")], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, SETTLING], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, DECLINED], Exit.DECLINES, Exit.OK),
        ([PAID, FENCED, ASKED], Exit.DECLINES, Exit.OK),
        ([PAID, SETTLING, DECLINED], Exit.DECLINES, Exit.UNFINISHED),
        ([PAID, tally(State.SKIPPED, reason="account_unknown"), tally(State.PLANNED)], Exit.DECLINES, Exit.DECLINES),
        ([PAID, tally(State.FAILED, "skipped", "already_paid")], Exit.OK, Exit.OK),
        ([PAID, REFUSED], Exit.DECLINES, Exit.DECLINES),
        ([PAID, REFUSED_OPEN], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.PARKED)], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.READY, "parked", "contradicted")], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.PLANNED, reason="account_invalid")], Exit.DECLINES, Exit.DECLINES),
        ([PAID, tally(State.PREPARING, reason="account_invalid")], Exit.DECLINES, Exit.DECLINES),
        ([PAID, DECLINED, tally(State.UNKNOWN)], Exit.DECLINES, Exit.UNFINISHED),
        ([PAID, tally(State.CONFIRMING)], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.PREPARING)], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.CANCELLING)], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.PLANNED)], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.READY)], Exit.UNFINISHED, Exit.UNFINISHED),
        ([PAID, tally(State.UNKNOWN, items=0)], Exit.OK, Exit.OK),
    ],
)
def test_the_exit_code_is_that_of_the_first_rule_met(tallies, code, declines_ok):
    assert exit_for(tallies) is code
    assert exit_for(tallies, declines_ok=True) is declines_ok
