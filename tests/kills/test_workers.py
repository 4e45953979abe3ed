"""Workers that share one ledger are killed, stopped and cut off, and charge what one alone would charge, once."""

from tests.kills.suite import verdicts
from tests.kills.verdict import Asked, Verdict

STRUCK = Asked(1, workers=3, items=40)
MOST = 1.1
# Requests of several workers, for one of a worker alone.


def live(asked: Asked) -> Verdict:
    """Live one world."""
    (verdict,) = verdicts([asked], 1)
    return verdict


def test_workers_that_are_killed_stopped_doubled_and_cut_off_charge_everybody_once(record_property):
    verdict = live(STRUCK)
    assert verdict.sound, str(verdict)
    blows = verdict.figures
    assert blows["SIGKILL"] >= 2
    assert blows["acknowledged"] > 0
    zeros = "0 double, 0 hidden, 0 falsely told, 0 open"
    told = f"{STRUCK.workers} workers, {STRUCK.items} items, {blows['SIGKILL']} SIGKILL, {zeros}"
    record_property("evidence", f"workers of one ledger: {told}; their history is sound")


def test_several_workers_send_hardly_more_than_one_alone():
    alone, together = (live(Asked(2, workers=count, items=24, calm=True)) for count in (1, 3))
    assert [str(verdict) for verdict in (alone, together) if not verdict.sound] == []
    assert together.figures["requests"] <= MOST * alone.figures["requests"]
