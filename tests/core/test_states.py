"""The laws of the life of a charge: what the table promises whoever reads it."""

import itertools

import pytest

from billing.core.items import Kind
from billing.core.states import (
    FINAL,
    HOLDING_INTENT,
    MEANINGS,
    TRANSITIONS,
    Event,
    ImpossibleTransition,
    State,
    advance,
    is_sighting,
)

IN_FLIGHT = {State.PREPARING, State.CONFIRMING, State.CANCELLING}
UNDECIDED = {State.CONFIRMING, State.UNKNOWN, State.PARKED, State.UNSETTLED}


def successors(state: State) -> set[State]:
    return {edge.to for (start, _), edge in TRANSITIONS.items() if start is state}


def reachable(start: State) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        new = successors(todo.pop()) - seen
        seen |= new
        todo += new
    return seen


def test_the_table_has_twelve_states_sixteen_events_and_forty_two_transitions():
    assert (len(State), len(Event), len(TRANSITIONS)) == (12, 16, 42)


def test_every_state_is_reached_from_planned_and_every_event_is_used():
    assert reachable(State.PLANNED) == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_final_states_have_no_exit_and_every_other_state_reaches_one():
    for state in State:
        assert (successors(state) == set()) == (state in FINAL)
        assert reachable(state) & FINAL


def test_a_state_in_flight_is_entered_by_its_started_event_and_by_nothing_else():
    started = {Event.PREPARE_STARTED, Event.CONFIRM_STARTED, Event.CANCEL_STARTED}
    for (_, event), edge in TRANSITIONS.items():
        assert (edge.to in IN_FLIGHT) == (event in started)


def test_with_an_intent_on_record_failed_is_reached_only_through_a_cancelled_intent():
    for (state, event), edge in TRANSITIONS.items():
        if edge.to is State.FAILED and event is not Event.INTENT_CANCELLED:
            assert (state, event) == (State.PREPARING, Event.OPEN_REFUSED)


def test_a_new_attempt_needs_a_definite_end_of_the_last_one():
    for state in UNDECIDED:
        for event in Event:
            edge = TRANSITIONS.get((state, event))
            if edge is not None and edge.to is State.UNPAID:
                assert event in {Event.CHARGE_DECLINED, Event.CHARGE_REFUSED}
            assert edge is None or edge.to is not State.PREPARING


def test_a_lost_answer_is_never_a_no():
    assert advance(Kind.CHARGE, State.CONFIRMING, Event.CHARGE_LOST) is State.UNKNOWN
    assert TRANSITIONS.keys().isdisjoint(
        {(state, Event.CHARGE_LOST) for state in State if state is not State.CONFIRMING}
    )


def test_sightings_are_taken_in_every_state_that_holds_an_intent_and_in_no_other():
    for state in State:
        for event in (Event.CHARGE_SUCCEEDED, Event.INTENT_CANCELLED):
            assert is_sighting(Kind.CHARGE, state, event) == (state in HOLDING_INTENT)


@pytest.mark.parametrize(
    ("state", "event"), sorted(set(itertools.product(State, Event)) - TRANSITIONS.keys()), ids=lambda each: str(each)
)
def test_what_is_not_in_the_table_cannot_happen(state, event):
    with pytest.raises(ImpossibleTransition):
        advance(Kind.CHARGE, state, event)


def test_every_state_is_explained():
    assert set(MEANINGS) == set(State)
