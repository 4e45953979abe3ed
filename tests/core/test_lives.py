"""The laws of every kind's table of states, and what the charges' own promises beside them."""

import itertools

import pytest

from billing.core.kinds import LIVES, life_of
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.life import Group, ImpossibleTransition, OnRecord, Phase

every_life = pytest.mark.parametrize("life", LIVES.values(), ids=str)
IN_FLIGHT = (Phase.PREPARING, Phase.MONEY, Phase.CLOSING)


def successors(life, state):
    return {edge.to for (start, _), edge in life.edges.items() if start is state}


def reachable(life, start):
    seen, todo = {start}, [start]
    while todo:
        new = successors(life, todo.pop()) - seen
        seen |= new
        todo += new
    return seen


@every_life
def test_every_state_is_reached_from_planned_and_every_event_is_used(life):
    assert reachable(life, life.planned) == set(life.states)
    assert {event for _, event in life.edges} == set(life.events)


@every_life
def test_final_states_have_no_exit_but_what_the_provider_takes_back_and_every_other_state_reaches_one(life):
    for state in life.states:
        exits = {event for start, event in life.edges if start is state}
        assert (exits <= life.takes_back) == (state in life.final)
        assert reachable(life, state) & life.final


@every_life
def test_what_the_provider_takes_back_had_succeeded_and_is_over_for_good_and_may_be_asked_for_again(life):
    taken = [(start, edge) for (start, event), edge in life.edges.items() if event in life.takes_back]
    for start, edge in taken:
        assert start in life.final
        assert life.meanings[start].group is Group.SUCCEEDED
        assert edge.to in life.reopens
        assert (edge.object, edge.sighting, edge.attempt) == (OnRecord.NEEDS, False, False)
    assert life.taken_back == {edge.to for _, edge in taken}
    for state in life.taken_back:
        assert successors(life, state) == set()
        assert {start for (start, _), edge in life.edges.items() if edge.to is state} == {start for start, _ in taken}


@every_life
def test_planned_can_be_skipped_and_is_left_for_ever_by_its_first_request(life):
    assert life.edges[life.planned, life.skip].to is life.skipped
    assert all(edge.to is not life.planned for edge in life.edges.values())
    assert successors(life, life.skipped) == set()


@every_life
def test_a_state_in_flight_is_entered_by_a_started_event_and_by_nothing_else(life):
    for (_, event), edge in life.edges.items():
        assert (life.phase(edge.to) in IN_FLIGHT) == event.endswith("_started")
    for state in life.states:
        assert (life.phase(state) in IN_FLIGHT) == state.endswith("ing")


@every_life
def test_only_a_sighting_or_a_request_of_this_attempt_ends_what_may_have_counted(life):
    undecided = life.within(Phase.MONEY, Phase.LOOKING, Phase.PARKED, Phase.SETTLING)
    for (state, _), edge in life.edges.items():
        if state in undecided:
            assert not edge.attempt
            assert edge.sighting or life.phase(edge.to) is not Phase.FINAL


@every_life
def test_sightings_are_taken_wherever_an_object_may_be_on_record_and_need_it(life):
    for (state, _), edge in life.edges.items():
        assert edge.sighting <= (edge.object is OnRecord.NEEDS)
        assert not edge.sighting or state in life.holding
    assert life.holding.isdisjoint({life.planned, *life.final})


@every_life
def test_a_new_attempt_leads_into_flight_and_a_generation_follows_what_counts_for_nothing(life):
    for edge in life.edges.values():
        assert not edge.attempt or life.phase(edge.to) in IN_FLIGHT
    assert life.reopens <= life.final
    assert Group.SUCCEEDED not in {life.meanings[state].group for state in life.reopens}


@every_life
def test_no_attempt_is_opened_by_an_event_that_leads_back_to_where_it_happened(life):
    # The ledger tells that something has happened by another state or another event than the last one.
    assert [row for row, edge in life.edges.items() if edge.attempt and edge.to is row[0]] == []


@every_life
def test_every_state_is_explained_and_belongs_to_one_life(life):
    assert set(life.meanings) == set(life.states)
    for state in life.states:
        assert life_of(state) is life
        assert (life.phase(state) is Phase.FINAL) == (life.meanings[state].continues == "nothing")


@pytest.mark.parametrize(
    ("life", "state", "event"),
    [
        (life, state, event)
        for life in LIVES.values()
        for state, event in sorted(set(itertools.product(life.states, life.events)) - life.edges.keys())
    ],
    ids=str,
)
def test_what_is_not_in_the_table_cannot_happen(life, state, event):
    with pytest.raises(ImpossibleTransition):
        life.advance(state, event)


def test_with_an_intent_on_record_failed_is_reached_only_through_a_cancelled_intent():
    for (state, event), edge in CHARGE_LIFE.edges.items():
        if edge.to is State.FAILED and event is not Event.INTENT_CANCELLED:
            assert (state, event, edge.object) == (State.PREPARING, Event.OPEN_REFUSED, OnRecord.FORBIDS)


def test_a_charge_comes_back_only_after_it_was_paid_and_by_nothing_but_a_return():
    leading = [row for row, edge in CHARGE_LIFE.edges.items() if edge.to is State.RETURNED]
    assert leading == [(State.SUCCEEDED, Event.PAYMENT_RETURNED)]
    assert CHARGE_LIFE.takes_back == {Event.PAYMENT_RETURNED}


def test_no_charge_is_paid_or_on_its_way_without_an_intent_on_record():
    for edge in CHARGE_LIFE.edges.values():
        if edge.to in (State.SUCCEEDED, State.UNSETTLED):
            assert edge.object is OnRecord.NEEDS


def test_a_new_attempt_of_a_charge_needs_a_definite_end_of_the_last_one():
    for state in CHARGE_LIFE.within(Phase.MONEY, Phase.LOOKING, Phase.PARKED, Phase.SETTLING):
        for event in Event:
            edge = CHARGE_LIFE.edges.get((state, event))
            if edge is not None and edge.to is State.UNPAID:
                assert event in {Event.CHARGE_DECLINED, Event.CHARGE_REFUSED}
            assert edge is None or edge.to is not State.PREPARING


def test_a_lost_answer_is_never_a_no():
    assert CHARGE_LIFE.advance(State.CONFIRMING, Event.CHARGE_LOST).to is State.UNKNOWN
    assert [state for state, event in CHARGE_LIFE.edges if event is Event.CHARGE_LOST] == [State.CONFIRMING]
