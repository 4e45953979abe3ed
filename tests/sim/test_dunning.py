"""90 days of dunning that must keep every card's room and end; planted bugs of counting that must not live."""

import os
from pathlib import Path

import pytest

from tests.sim.dunning_life import simulate_dunning
from tests.sim.dunning_mutations import MUTATIONS, two_lines_of_one_card
from tests.sim.mutations import planted

SEEDS = max(int(os.environ.get("BILLING_SIM_SEEDS", "2000")) // 2000, 1)
# A life has hundreds of processes: a few here, and many by `python -m tests.sim.dunning_life`.
FIRST, PEOPLE = 10, 3


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_90_days_of_dunning_keep_every_card_s_room_recover_what_can_be_and_end(seed: int, record_property) -> None:
    found = simulate_dunning(seed, PEOPLE)
    assert found.violation == ""
    assert found.repeats > 0
    record_property(
        "evidence",
        f"dunning: {found.days} days of a daily retry, {found.killed} killed, {found.repeats} later attempts, "
        "0 beyond what a card may be tried",
    )


@pytest.mark.parametrize("lost", [False, True])
def test_one_card_is_tried_once_a_day_whoever_tries_and_whatever_is_lost(tmp_path: Path, lost: bool) -> None:
    assert two_lines_of_one_card(tmp_path / "one", lost=lost) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_planted_in_the_counting_of_attempts_is_caught(tmp_path: Path, name: str, record_property) -> None:
    with planted(MUTATIONS[name]()):
        caught = [found for lost in (False, True) if (found := two_lines_of_one_card(tmp_path / f"{lost}", lost=lost))]
    assert caught, f"{name} lived"
    record_property("evidence", "planted bugs: 1 caught in the counting of attempts with a card")
