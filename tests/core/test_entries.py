"""The laws of what is known: it is the fold of its entries, and no entry may contradict what is on record."""

import pytest

from billing.core.entries import BrokenPromise, ItemRecord, Move, Note, apply, fold, merged
from billing.core.items import Kind
from billing.core.kinds.charge import Event, State

PLANNED = ItemRecord(
    id=1,
    item_id="i" * 32,
    run_id="coaching-2026-11",
    kind=Kind.CHARGE,
    reference="INV-1",
    generation=0,
    account="acct_1",
    payer="cus_1",
    amount=1099,
    currency="usd",
    digest="d" * 64,
    content={},
    state=State.PLANNED,
)
PREPARED = (
    Move(Event.PREPARE_STARTED, attempt=1, facts={"open_n": 0}),
    Move(Event.PREPARED, object_id="pi_1", instrument_id="pm_c1"),
)


def test_what_is_known_is_the_fold_of_the_moves():
    item = fold(
        PLANNED, [*PREPARED, Move(Event.CONFIRM_STARTED), Move(Event.CHARGE_SUCCEEDED, facts={"charge": "ch_1"})]
    )
    assert (item.state, item.attempt, item.ver) == (State.SUCCEEDED, 1, 4)
    assert (item.object_id, item.instrument_id, item.facts) == ("pi_1", "pm_c1", {"open_n": 0, "charge": "ch_1"})


def test_the_first_intent_on_record_wins_for_ever():
    item = fold(PLANNED, PREPARED)
    with pytest.raises(BrokenPromise, match="a second object"):
        apply(item, Move(Note.PART_PREPARED, object_id="pi_2"))


def test_an_attempt_has_one_clone_and_the_next_attempt_starts_without_one():
    item = fold(PLANNED, PREPARED)
    with pytest.raises(BrokenPromise, match="a second instrument"):
        apply(item, Move(Note.PART_PREPARED, instrument_id="pm_c2"))
    unpaid = fold(item, [Move(Event.CONFIRM_STARTED), Move(Event.CHARGE_DECLINED)])
    again = apply(unpaid, Move(Event.PREPARE_STARTED, attempt=2))
    assert (again.attempt, again.object_id, again.instrument_id) == (2, "pi_1", None)


def test_failed_is_never_written_over_an_intent_that_was_not_seen_cancelled():
    half = fold(PLANNED, [PREPARED[0], Move(Note.PART_PREPARED, object_id="pi_1")])
    with pytest.raises(BrokenPromise, match="forbids an object"):
        apply(half, Move(Event.OPEN_REFUSED))


def test_a_note_keeps_the_state_and_still_counts_as_an_entry():
    item = apply(fold(PLANNED, PREPARED), Move(Note.KEY_RENEWED, facts={"cancel_n": 1}))
    assert (item.state, item.ver) == (State.READY, 3)


def test_a_fact_is_removed_by_none_and_kept_when_nothing_new_is_said():
    assert merged({"a": 1, "b": 2}, {"a": None, "c": 3}) == {"b": 2, "c": 3}
    assert merged({"a": 1}, {}) == {"a": 1}


def test_a_note_may_follow_a_fenced_failure():
    item = fold(PLANNED, [*PREPARED, Move(Event.CANCEL_STARTED), Move(Event.INTENT_CANCELLED)])
    assert apply(item, Move(Note.KEY_RENEWED)).state is State.FAILED
