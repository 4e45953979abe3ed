"""Deadlines: what takes too long ends, at its own time and no other, and a cancellation stays one."""

import asyncio

import pytest

from billing.edge.stripe.deadlines import Deadlines
from tests.virtual import run


async def working(deadlines: Deadlines, seconds: float) -> tuple[str, float]:
    """Work for so long under a deadline; return how it ended, and when."""
    loop = asyncio.get_running_loop()
    try:
        with deadlines.start():
            await asyncio.sleep(seconds)
    except TimeoutError:
        return "timeout", loop.time()
    return "done", loop.time()


def test_each_ends_at_its_own_time_and_what_is_done_before_is_not_touched():
    async def main():
        deadlines, began = Deadlines(10.0), asyncio.get_running_loop().time()
        tasks = []
        for number in range(40):
            tasks.append(asyncio.create_task(working(deadlines, 5.0 if number % 2 else 60.0)))
            await asyncio.sleep(1)
        for number, (how, at) in enumerate(await asyncio.gather(*tasks)):
            assert how == ("done" if number % 2 else "timeout")
            assert at - began == pytest.approx(number + (5.0 if number % 2 else 10.0), abs=0.01)

    run(main())


def test_a_deadline_holds_after_any_pause():
    async def main():
        deadlines, loop = Deadlines(10.0), asyncio.get_running_loop()
        for pause in (0.0, 3.0, 9.0, 3600.0):
            await working(deadlines, 1.0)
            await asyncio.sleep(pause)
            began = loop.time()
            assert await working(deadlines, 60.0) == ("timeout", pytest.approx(began + 10.0, abs=0.01))

    run(main())


def test_a_cancellation_from_outside_stays_one_even_in_the_moment_of_the_deadline():
    async def main():
        for moment in (5.0, 10.0):
            task = asyncio.create_task(working(Deadlines(10.0), 60.0))
            asyncio.get_running_loop().call_later(moment, task.cancel)
            await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main())


def test_another_error_passes_and_what_comes_after_a_deadline_is_not_cancelled():
    async def main():
        deadlines = Deadlines(10.0)
        with pytest.raises(ValueError, match="mine"), deadlines.start():
            raise ValueError("mine")
        assert (await working(deadlines, 60.0))[0] == "timeout"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(60)

    run(main())


def test_work_inside_work_ends_by_the_deadline_that_passed():
    async def main():
        inner, outer = Deadlines(10.0), Deadlines(5.0)
        with pytest.raises(TimeoutError), outer.start():
            await working(inner, 60.0)  # returns when its own deadline passes

    run(main())


def test_many_take_one_timer():
    async def main():
        loop, deadlines, set_ = asyncio.get_running_loop(), Deadlines(10.0), []
        call_at = loop.call_at
        loop.call_at = lambda when, *rest, **more: (set_.append(when), call_at(when, *rest, **more))[1]
        for _ in range(1000):
            with deadlines.start():
                pass
        assert len(set_) == 1

    run(main())


def test_closed_it_serves_another_loop():
    deadlines = Deadlines(10.0)

    async def main():
        assert (await working(deadlines, 60.0))[0] == "timeout"
        await working(deadlines, 1.0)
        deadlines.close()

    run(main())
    run(main())
