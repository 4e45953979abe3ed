"""A provider that is down is knocked at, not hammered; and repeats are counted for the whole process."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from billing.core.errors import ProviderUnreachable
from billing.edge.stripe.breaker import FAILURES, Breaker, RetryBudget
from tests.virtual import run


@asynccontextmanager
async def passage(breaker: Breaker) -> AsyncIterator[SimpleNamespace]:
    """One request's way through, as the gateway goes it; ``answered`` says how it went."""
    found = SimpleNamespace(probe=await breaker.wait(), answered=None)
    try:
        yield found
    finally:
        breaker.leave(probe=found.probe, answered=found.answered)


async def send(breaker: Breaker, answered: bool) -> float:
    """One request; returns when it left."""
    async with passage(breaker) as way:
        way.answered = answered
        return asyncio.get_running_loop().time()


async def opened() -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker()
    for _ in range(FAILURES):
        await send(breaker, answered=False)
    return breaker


def test_it_opens_after_twenty_failures_in_a_row_and_not_before():
    async def main():
        breaker = Breaker()
        for _ in range(FAILURES - 1):
            await send(breaker, answered=False)
        assert not breaker.is_open
        await send(breaker, answered=True)
        for _ in range(FAILURES - 1):
            await send(breaker, answered=False)
        assert not breaker.is_open
        await send(breaker, answered=False)
        assert breaker.is_open

    run(main())


def test_probes_go_one_at_a_time_with_pauses_of_2_and_then_4_seconds():
    async def main():
        breaker = await opened()
        start = asyncio.get_running_loop().time()
        left = [await send(breaker, answered=False) - start for _ in range(6)]
        assert [round(at) for at in left] == [2, 6, 10, 14, 18, 22]

    run(main())


def test_a_hundred_waiters_send_one_probe_and_go_on_when_it_is_answered():
    async def main():
        breaker = await opened()
        probes = 0

        async def one():
            nonlocal probes
            async with passage(breaker) as way:
                probes += breaker.is_open
                await asyncio.sleep(1)
                way.answered = True

        await asyncio.gather(*(one() for _ in range(100)))
        assert probes == 1
        assert not breaker.is_open

    run(main())


def test_it_gives_up_after_ten_minutes_of_outage_and_nothing_leaves_then():
    async def main():
        breaker = await opened()
        start = asyncio.get_running_loop().time()

        async def knock_for_ever():
            while True:
                await send(breaker, answered=False)

        with pytest.raises(ProviderUnreachable):
            await knock_for_ever()
        assert asyncio.get_running_loop().time() - start == pytest.approx(600, abs=1)

    run(main())


def test_five_minutes_of_outage_cost_fewer_than_eighty_probes():
    async def main():
        breaker = await opened()
        start, probes = asyncio.get_running_loop().time(), 0
        while asyncio.get_running_loop().time() - start < 300:
            await send(breaker, answered=False)
            probes += 1
        assert probes < 80

    run(main())


def test_a_cancelled_probe_lets_the_next_one_knock():
    async def main():
        breaker = await opened()

        async def hang():
            async with passage(breaker):
                await asyncio.sleep(3600)

        task = asyncio.create_task(hang())
        await asyncio.sleep(6)
        task.cancel()
        await send(breaker, answered=True)
        assert not breaker.is_open

    run(main())


def test_a_passage_taken_before_the_breaker_opened_is_void():
    async def main():
        breaker = Breaker()
        async with passage(breaker) as early:
            for _ in range(FAILURES):
                await send(breaker, answered=False)
            assert breaker.is_void(probe=early.probe)

    run(main())


def test_repeats_are_a_tenth_of_the_last_two_minutes_and_ten_in_any_case():
    now = [0.0]
    repeats = RetryBudget(lambda: now[0])
    assert [repeats.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(200):
        repeats.count_send()
    assert [repeats.take() for _ in range(11)] == [True] * 10 + [False]
    now[0] = 121.0
    assert [repeats.take() for _ in range(11)] == [True] * 10 + [False]
    assert repeats.taken == 30


def test_a_run_without_end_remembers_no_more_than_two_minutes_of_sends():
    now = [0.0]
    repeats = RetryBudget(lambda: now[0])
    tracemalloc.start()
    try:
        for second in range(50_000):
            now[0] = float(second)
            repeats.count_send()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 50_000  # two minutes are a few thousand bytes; all of it would be two million
