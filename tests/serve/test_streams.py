"""Runs under way, told to many: one look for all, everybody at once let go at the end, and no more than fit."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import pytest
from serve_tools import Lines, served

from billing.core.errors import LedgerDamaged
from billing.edge.serve.desk import Seen
from billing.edge.serve.streams import MOST_WATCHERS, Streams
from tests.reporting.ledgers import RUN


@dataclass
class Counter:
    """A desk of numbers: a look shows how many looks there were."""

    looks: int = 0
    over_at: int = 10**9
    fails: set[int] = field(default_factory=set)
    forgotten: list[str] = field(default_factory=list)

    async def seen(self, runs):
        self.looks += 1
        if self.looks in self.fails:
            raise LedgerDamaged("being replaced")
        return {run: Seen({"n": {"value": self.looks}}, self.looks >= self.over_at) for run in runs}

    def forget(self, run_id: str) -> None:
        self.forgotten.append(run_id)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("billing.edge.serve.streams.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("billing.edge.serve.streams.BEAT_SECONDS", 0.2)


async def read(streams: Streams, run: str, most: int) -> list[str]:
    found = []
    async for piece in streams.of(run):
        found.append(piece.decode())
        if len(found) == most:
            break
    return found


async def test_all_who_look_on_share_one_look():
    desk = Counter(over_at=4)
    streams = Streams(desk, Lines(), time.monotonic)
    told = await asyncio.gather(*(read(streams, "run-1", 99) for _ in range(20)))
    assert desk.looks == 4
    assert {pieces[0] for pieces in told} == {"retry: 3000\n\n"}
    assert {pieces[-1] for pieces in told} == {'event: over\ndata: {"n": {"value": 4}}\n\n'}
    assert streams.watchers == 0
    assert desk.forgotten == ["run-1"]
    await streams.aclose()


async def test_nobody_who_looks_on_means_no_look():
    desk = Counter(over_at=2)
    streams = Streams(desk, Lines(), time.monotonic)
    await read(streams, "run-1", 99)
    await asyncio.sleep(0.1)
    assert desk.looks == 2
    assert await read(streams, "run-2", 2) != []
    await streams.aclose()


async def test_a_ledger_that_cannot_be_read_for_a_moment_ends_nothing():
    desk, log = Counter(over_at=4, fails={1, 2}), Lines()
    streams = Streams(desk, log, time.monotonic)
    pieces = await read(streams, "run-1", 99)
    assert pieces[-1].startswith("event: over")
    assert [line["reason"] for line in log.told] == ["LedgerDamaged"] * 2
    await streams.aclose()


async def test_the_end_of_the_server_lets_everybody_go():
    streams = Streams(Counter(), Lines(), time.monotonic)
    reading = [asyncio.create_task(read(streams, "run-1", 10**9)) for _ in range(5)]
    await asyncio.sleep(0.1)
    assert streams.watchers == 5
    await streams.aclose()
    await asyncio.wait_for(asyncio.gather(*reading), 10)
    assert streams.full


async def test_whoever_looks_on_is_told_the_state_and_the_stream_of_a_run_that_is_over_ends(plain):
    async with served(plain) as site:
        events = f"{site.url}/live/events?id={RUN}"
        async with site.client.get(events, headers=site.cookie) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["Cache-Control"] == "no-store"
            text = (await answer.read()).decode()  # the run is over: so is the stream
        event, data = next(piece for piece in text.split("\n\n") if piece.startswith("event")).split("\n")
        assert event == "event: over"
        assert json.loads(data.removeprefix("data: "))["head"]["text"].startswith("Finished at")


async def test_whoever_comes_at_once_with_others_finds_no_more_places_than_there_are():
    streams = Streams(Counter(), Lines(), time.monotonic)
    assert [streams.take_place() for _ in range(MOST_WATCHERS + 2)] == [True] * MOST_WATCHERS + [False] * 2
    streams.give_place_back()
    assert streams.take_place()


async def test_streams_are_full_at_their_limit():
    streams = Streams(Counter(), Lines(), time.monotonic)
    reading = [asyncio.create_task(read(streams, f"run-{n % 3}", 10**9)) for n in range(MOST_WATCHERS)]
    await asyncio.sleep(0.1)
    assert streams.full
    reading[0].cancel()
    await asyncio.sleep(0.05)
    assert not streams.full
    await streams.aclose()
    await asyncio.gather(*reading, return_exceptions=True)
