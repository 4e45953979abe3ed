"""A server that fails as its machine would, and comes back: no worker ends, and nothing is stranded."""

import time
from pathlib import Path

import anyio

from tests.edge.engines.fleet import a_fleet, left, placed, submit
from tests.postgres import private_server


def test_workers_outlive_their_server_and_finish_everything(tmp_path: Path) -> None:
    shards = placed(10, big=3)
    with private_server() as server, a_fleet(server.url(), tmp_path, 0.4) as fleet:
        workers = fleet.all_open("w0", "w1")
        anyio.run(submit, server.url(), shards)
        fleet.until(lambda: bool(fleet.holds("w0") or fleet.holds("w1")))
        server.stop("immediate")
        time.sleep(1.5)
        server.start()
        fleet.until(lambda: fleet.all_done(shards))
        assert [process.poll() for process in workers] == [None, None], fleet.told()
        fleet.until(lambda: anyio.run(left, server.url()) == 0)
