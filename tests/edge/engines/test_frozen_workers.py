"""A worker that stands still is ended from outside, and goes on like a new one when it wakes."""

import signal
import time
from pathlib import Path

import anyio

from tests.edge.engines.fleet import a_fleet, left, placed, submit


def test_what_a_frozen_worker_held_is_taken_up_and_it_works_on_when_it_wakes(postgres_url: str, tmp_path: Path) -> None:
    shards = placed(30)
    with a_fleet(postgres_url, tmp_path, 0.7) as fleet:
        frozen, _ = fleet.all_open("w0", "w1")
        anyio.run(submit, postgres_url, shards)
        fleet.until(lambda: bool(fleet.holds("w0")))
        frozen.send_signal(signal.SIGSTOP)
        stopped, held = time.monotonic(), fleet.holds("w0")
        fleet.until(lambda: set(fleet.taken_up(held, stopped)) == set(held))
        frozen.send_signal(signal.SIGCONT)
        woken = time.monotonic()
        fleet.until(lambda: fleet.all_done(shards))
        mine = [(at, happened) for at, who, happened, _ in fleet.evidence.read() if who == "w0" and at > woken]
        assert "opened" in [happened for _, happened in mine], fleet.told()
        fleet.until(lambda: anyio.run(left, postgres_url) == 0)
