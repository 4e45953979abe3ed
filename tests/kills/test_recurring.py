"""Payers saved, subscribed, changed, brought in step, ended and renewed by commands that are killed: one of each."""

import signal

from tests.kills.suite import verdicts
from tests.kills.verdict import Asked, Sizes

KILLS = 5


def test_payers_who_are_saved_and_subscribed_by_killed_commands_are_so_once(record_property):
    (verdict,) = verdicts([Asked(0, recurring=Sizes())], 1)
    found, figures, kills = verdict.findings, verdict.figures, verdict.count(signal.SIGKILL)
    told = f"{figures['payers']} payers, {figures['lines']} lines, {figures['renewed']} renewals, {kills} SIGKILL"
    wrong = f"{len(found.double)} double, {len(found.false + found.hidden)} falsely told"
    record_property("evidence", f"what recurs, killed: {told}, {wrong}")
    assert verdict.sound, str(verdict)
    assert kills >= KILLS
    assert figures["subscribed"], "somebody is subscribed"
    assert figures["renewed"], "some of it renews"
    assert all(figures[name] for name in ("cards changed", "renamed", "ended")), dict(figures)
