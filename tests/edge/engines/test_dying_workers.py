"""What a worker had in hand when it was killed, is worked by the others."""

import time
from collections.abc import Callable
from pathlib import Path

import anyio

from tests.edge.engines.fleet import a_fleet, left, placed, submit

SOON = 10.0
# Seconds in which what a dead worker had in hand is taken up again. The goal of the whole, so it is held to.


def test_what_a_killed_worker_held_is_taken_up_soon_and_nothing_is_stranded(
    postgres_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    shards = placed(18, big=4)
    with a_fleet(postgres_url, tmp_path, 0.5) as fleet:
        victim, *_ = fleet.all_open("w0", "w1", "w2")
        anyio.run(submit, postgres_url, shards)
        fleet.until(lambda: bool(fleet.holds("w0")))
        victim.kill()
        victim.wait()
        killed, held = time.monotonic(), fleet.holds("w0")
        fleet.until(lambda: fleet.all_done(shards))
        again = fleet.taken_up(held, killed)
        assert set(again) == set(held), fleet.told()
        assert min(again.values()) - killed < SOON
        record_property("evidence", f"{len(held)} shards of 1 killed worker taken up by others within 10 s, 0 stranded")
        assert fleet.at_once("acct_1big") == 1, fleet.told()
        fleet.until(lambda: anyio.run(left, postgres_url) == 0)


def test_a_second_process_of_one_id_waits_until_the_first_is_gone(postgres_url: str, tmp_path: Path) -> None:
    shards = placed(8)
    anyio.run(submit, postgres_url, shards)
    with a_fleet(postgres_url, tmp_path, 0.5) as fleet:
        first = fleet.start("w0")
        fleet.until(lambda: bool(fleet.holds("w0")))
        fleet.start("w0")
        fleet.until(lambda: fleet.evidence.count("done") >= 3)
        assert fleet.evidence.count("opened") == 1
        first.kill()
        first.wait()
        fleet.until(lambda: fleet.all_done(shards))
        assert fleet.evidence.count("opened") == 2
        fleet.until(lambda: anyio.run(left, postgres_url) == 0)
