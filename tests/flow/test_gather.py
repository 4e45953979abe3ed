"""Several awaits side by side: all of them, or the first failure as it is."""

import anyio
import anyio.lowlevel
import pytest

from billing.flow.engine.gather import gather


class Trouble(Exception):
    """Something a caller matches on."""


@pytest.mark.parametrize("count", [0, 1, 2, 5])
async def test_all_run_side_by_side(count):
    started = 0
    all_there = anyio.Event()

    async def call() -> None:
        nonlocal started
        started += 1
        if started == count:
            all_there.set()
        await all_there.wait()

    with anyio.fail_after(5):
        await gather(*[call] * count)
    assert started == count


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_the_first_failure_cancels_the_others_and_is_raised_as_it_is(place):
    ended = []

    async def waits() -> None:
        try:
            await anyio.sleep(60)
        finally:
            ended.append("cancelled")

    async def fails() -> None:
        await anyio.lowlevel.checkpoint()
        raise Trouble

    calls = [waits, waits]
    calls.insert(place, fails)
    with pytest.raises(Trouble):
        await gather(*calls)
    assert ended == ["cancelled"] * 2


async def test_whoever_cancels_the_caller_cancels_all():
    ended = []

    async def waits() -> None:
        try:
            await anyio.sleep(60)
        finally:
            ended.append("cancelled")

    with anyio.move_on_after(0.01) as scope:
        await gather(waits, waits, waits)
    assert scope.cancelled_caught
    assert ended == ["cancelled"] * 3
