"""The installed command, struck from outside at every point of the money path: nobody pays twice, nothing is hidden."""

import signal

from tests.kills.points import POINTS
from tests.kills.suite import hits_of, sum_up, verdicts
from tests.kills.verdict import Asked

WORLDS = 8
KILLS, STOPS = 200, 40
JOBS = 3  # on two cores: a world waits for a start or a pause of its runner most of the time


def test_killed_and_stopped_runners_leave_the_truth(record_property):
    found = list(verdicts([Asked(seed) for seed in range(WORLDS)], JOBS))
    record_property("evidence", f"real kills: {sum_up(found)}")
    assert [str(verdict) for verdict in found if not verdict.sound] == []
    hits = hits_of(found)
    assert [str(point) for point in POINTS if point not in hits] == [], "every point was struck"
    assert sum(verdict.count(signal.SIGKILL) for verdict in found) >= KILLS
    assert sum(verdict.count(signal.SIGSTOP) for verdict in found) >= STOPS


MEETINGS, MACHINE_KILLS = 4, 20  # a world of each way in which two machines meet


def test_two_machines_charge_nobody_twice(record_property):
    found = list(verdicts([Asked(seed, machines=2) for seed in range(MEETINGS)], JOBS))
    kills = sum(verdict.count(signal.SIGKILL) for verdict in found)
    double = sum(len(verdict.findings.double) for verdict in found)
    false = sum(len(verdict.findings.false + verdict.findings.hidden) for verdict in found)
    told = f"{len(found)} worlds, {kills} SIGKILL, {double} double, {false} falsely told"
    record_property("evidence", f"two machines: {told}")
    assert [str(verdict) for verdict in found if not verdict.sound] == []
    assert kills >= MACHINE_KILLS


EDITED = (0, 2)  # seeds: every command of a world starts a process


def test_amended_and_cancelled_runs_that_are_killed_come_to_the_same_end(record_property):
    found = list(verdicts([Asked(seed, edits=True) for seed in EDITED], JOBS))
    kills = sum(verdict.count(signal.SIGKILL) for verdict in found)
    double = sum(len(verdict.findings.double) for verdict in found)
    record_property("evidence", f"changed runs: {len(found)} worlds, {kills} SIGKILL, {double} double")
    assert [str(verdict) for verdict in found if not verdict.sound] == []
    assert kills


GIVEN_BACK = (0, 1)  # seeds


def test_two_machines_that_are_killed_give_each_charge_back_once(record_property):
    found = list(verdicts([Asked(seed, refunds=True) for seed in GIVEN_BACK], JOBS))
    kills = sum(verdict.count(signal.SIGKILL) for verdict in found)
    double = sum(len(verdict.findings.double) for verdict in found)
    false = sum(len(verdict.findings.false + verdict.findings.hidden) for verdict in found)
    told = f"{len(found)} worlds, {kills} SIGKILL, {double} double, {false} falsely told"
    record_property("evidence", f"refunds on two machines: {told}")
    assert [str(verdict) for verdict in found if not verdict.sound] == []
    assert kills


def test_a_planted_refund_that_counts_as_failed_when_its_runner_is_killed_is_seen(record_property):
    worlds = [Asked(seed, "refund_lost_is_failed", refunds=True) for seed in GIVEN_BACK]
    assert any(verdict.findings.hidden for verdict in verdicts(worlds, JOBS))
    record_property("evidence", "planted bugs: 1 seen by real kills")


BITES = {
    # a bug planted in every runner, the request at which runners are struck, and as what it must show
    "intent_per_process": ("confirm", "double"),
    "no_fence": ("cancel", "false"),
}
LIVES, TRIES = 4, 4


def test_planted_bugs_are_seen(record_property):
    unseen, seen = dict(BITES), []
    for seed in range(1, TRIES + 1):
        worlds = [Asked(seed, bug, at, LIVES) for bug, (at, _) in unseen.items()]
        for verdict in verdicts(worlds, JOBS):
            bug = verdict.asked.bug
            if found := getattr(verdict.findings, BITES[bug][1]):
                seen.append(f"{bug} showed as {BITES[bug][1]} in {len(found)} items of world {seed}")
                del unseen[bug]
    record_property("evidence", f"planted bugs: {len(seen)} seen by real kills")
    assert list(unseen) == []


A_DAY_LATER = 3  # a world in which every key is forgotten between one machine and the other


def test_planted_opens_without_a_list_let_two_machines_charge_twice(record_property):
    (verdict,) = verdicts([Asked(A_DAY_LATER, "nothing_listed", lives=1, machines=2)], 1)
    record_property("evidence", "planted bugs: 1 seen by real kills")
    assert verdict.findings.double
