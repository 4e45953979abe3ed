"""What an engine promises of shards, whether it keeps them on a server or in a file beside the ledger."""

from collections.abc import Callable, Sequence
from pathlib import Path
from stat import S_IMODE

import anyio
import pytest

from billing.edge.engines import Placed
from billing.edge.engines.dbos import DbosEngine
from billing.edge.engines.dbos_storage import Storage
from tests.edge.engines.fleet import placed
from tests.edge.engines.toy import QUEUE, log

RUN = "run-2026-11"
Make = Callable[[], DbosEngine]


@pytest.fixture(params=["server", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return what makes an engine of the same place again and again."""
    server = request.param == "server"
    url = request.getfixturevalue("postgres_url") if server else f"sqlite:///{tmp_path}/billing.db.engine"
    return lambda: DbosEngine(Storage(url, "billing test"), QUEUE, log, worker="w0", at_once=3, grace=5)


class Worked:
    """Works shards until none of the run is left, and knows in which order."""

    def __init__(self, engine: DbosEngine, *, fails_at: int = 0) -> None:
        self.engine, self.fails_at = engine, fails_at
        self.numbers: list[int] = []
        self.most: dict[str, int] = {}
        self._now: dict[str, int] = {}

    async def all(self) -> None:
        """Work everything there is."""
        async with anyio.create_task_group() as group:
            group.start_soon(self.engine.work, self.execute)
            while await self.engine.left(RUN):  # noqa: ASYNC110  another process may do it
                await anyio.sleep(0.1)
            group.cancel_scope.cancel()

    async def execute(self, shard: Placed) -> None:
        """Work one."""
        self.numbers.append(shard.number)
        if shard.number == self.fails_at:
            raise OSError("no more disk")
        self._now[shard.partition] = self._now.get(shard.partition, 0) + 1
        self.most[shard.partition] = max(self.most.get(shard.partition, 0), self._now[shard.partition])
        await anyio.sleep(0.05)
        self._now[shard.partition] -= 1


async def worked(make: Make, *submissions: Sequence[Placed], fails_at: int = 0) -> Worked:
    """Submit, work everything, and return what was worked."""
    engine = make()
    try:
        for shards in submissions:
            await engine.submit(shards)
        found = Worked(engine, fails_at=fails_at)
        await found.all()
        return found
    finally:
        await engine.aclose()


def test_shards_submitted_twice_are_worked_once_and_those_of_one_partition_one_after_another(make: Make) -> None:
    shards = placed(7, big=3)
    found = anyio.run(worked, make, shards, shards)
    assert sorted(found.numbers) == list(range(1, 8))
    assert [number for number in found.numbers if number <= 3] == [1, 2, 3]
    assert set(found.most.values()) == {1}
    assert anyio.run(worked, make, shards).numbers == []


def test_shards_of_another_round_are_worked_although_they_have_the_same_numbers(make: Make) -> None:
    again = [Placed(RUN, 1, 2, 1, "1", 1, {})]
    assert sorted(anyio.run(worked, make, placed(2), again).numbers) == [1, 1, 2]


def test_a_shard_that_failed_is_worked_again_and_those_done_before_it_are_not(make: Make) -> None:
    shards = placed(3, big=3)
    with pytest.raises(ExceptionGroup) as failed:
        anyio.run(lambda: worked(make, shards, fails_at=2))
    assert isinstance(failed.value.exceptions[0], OSError)
    assert anyio.run(worked, make).numbers == [2, 3]


def test_what_was_in_hand_when_work_was_cancelled_is_worked_again(make: Make) -> None:
    async def interrupted() -> None:
        engine, begun = make(), anyio.Event()
        await engine.submit(placed(1))

        async def execute(_shard: Placed) -> None:
            begun.set()
            await anyio.sleep(0.2)
            raise InterruptedError

        async with anyio.create_task_group() as group:
            group.start_soon(engine.work, execute)
            await begun.wait()
            group.cancel_scope.cancel()
        assert await engine.left(RUN) == 1
        await engine.aclose()

    anyio.run(interrupted)
    assert anyio.run(worked, make).numbers == [1]


def test_a_run_that_is_cancelled_leaves_nothing_to_work_and_others_alone(make: Make) -> None:
    async def cancelled() -> tuple[int, int]:
        engine = make()
        await engine.submit(placed(3))
        await engine.submit(placed(2, run="run-2026-11-b"))
        await engine.cancel(RUN)
        left = await engine.left(RUN), await engine.left("run-2026-11-b")
        await engine.aclose()
        return left

    assert anyio.run(cancelled) == (0, 2)


def test_the_file_of_an_engine_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "billing.db.engine"

    async def submitted() -> None:
        engine = DbosEngine(Storage(f"sqlite:///{file}", "billing test"), QUEUE, log)
        await engine.submit(placed(1))
        await engine.aclose()

    anyio.run(submitted)
    assert S_IMODE(file.stat().st_mode) == 0o600
