"""Turns: never above a limit, all or nothing, those who finish before those who start, and only the named one slows."""

import asyncio
from collections import Counter

import pytest

from billing.core.items import Mode
from billing.edge.pacing.throttle import Rates, Throttle, documented
from tests.virtual import run

WIDE = Rates(1000.0, 1000.0, 1000.0, 1000, 1000)


async def busy(throttle: Throttle, requests: list[tuple[str, str]], took: float = 0.0) -> list[tuple[float, str, str]]:
    """Send all requests at once; return when each left, relative to the first."""
    left: list[tuple[float, str, str]] = []
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one(endpoint: str, account: str) -> None:
        async with throttle.turn(endpoint, account):
            left.append((loop.time() - began, endpoint, account))
            await asyncio.sleep(took)

    await asyncio.gather(*(one(*request) for request in requests))
    return left


def most_in_any_second(times: list[float]) -> int:
    """The most sends in any window of one second."""
    return max(sum(start <= time < start + 1 for time in times) for start in times)


@pytest.mark.parametrize("rate", [5.0, 25.0, 100.0])
def test_no_second_holds_more_than_the_rate_and_one(rate):
    async def main():
        left = await busy(Throttle(Rates(rate, 1e3, 1e3)), [("open", "acct_1")] * int(rate * 5))
        times = [time for time, *_ in left]
        assert most_in_any_second(times) <= rate + 1
        assert times[-1] <= 5.3  # and nothing of the rate is wasted

    run(main())


@pytest.mark.parametrize("limited", ["endpoint", "account"])
def test_endpoints_and_accounts_have_limits_of_their_own(limited):
    async def main():
        rates = Rates(1e3, 10.0 if limited == "endpoint" else 1e3, 10.0 if limited == "account" else 1e3, 1000, 1000)
        requests = [(f"e{n % 2}", f"a{n % 2}") for n in range(60)]
        left = await busy(Throttle(rates), requests)
        for side in ("0", "1"):
            times = [time for time, endpoint, _ in left if endpoint.endswith(side)]
            assert most_in_any_second(times) <= 12
            assert times[-1] == pytest.approx(2.8, abs=0.3)

    run(main())


def test_a_blocked_account_holds_nothing_that_others_need():
    async def main():
        rates = Rates(100.0, 100.0, 1.0, 1000, 1000)
        requests = [("open", "acct_slow")] * 20 + [("open", f"acct_{n}") for n in range(50)]
        left = await busy(Throttle(rates), requests)
        others = [time for time, _, account in left if account != "acct_slow"]
        assert others[-1] < 1.0

    run(main())


def test_no_more_are_in_flight_than_allowed_on_the_key_and_on_an_account():
    async def main():
        throttle, flying, most = Throttle(Rates(1e3, 1e3, 1e3, 10, 3)), Counter[str](), Counter[str]()

        async def one(account: str) -> None:
            async with throttle.turn("open", account):
                for name in (account, "all"):
                    flying[name] += 1
                    most[name] = max(most[name], flying[name])
                await asyncio.sleep(1)
                for name in (account, "all"):
                    flying[name] -= 1

        await asyncio.gather(*(one(f"acct_{n // 30}") for n in range(150)))
        assert most.pop("all") == 10
        assert set(most.values()) == {3}

    run(main())


def test_a_request_that_finishes_goes_before_those_that_start():
    async def main():
        throttle, order = Throttle(Rates(10.0, 10.0, 10.0)), []

        async def one(name: str, first: bool) -> None:
            async with throttle.turn("e", "acct_1", first):
                order.append(name)

        tasks = [asyncio.create_task(one(f"start{n}", first=True)) for n in range(6)]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(one("finish", first=False)))
        await asyncio.gather(*tasks)
        assert order.index("finish") <= 2
        assert [name for name in order if name != "finish"] == [f"start{n}" for n in range(6)]

    run(main())


def test_a_request_cancelled_in_the_queue_or_in_flight_takes_nothing_with_it():
    async def main():
        throttle = Throttle(Rates(1e3, 1e3, 1e3, 1, 1))

        async def hold() -> None:
            async with throttle.turn("e", "acct_1"):
                await asyncio.sleep(3600)

        flying, queued = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(1)
        queued.cancel()
        flying.cancel()
        asked_at = asyncio.get_running_loop().time()
        async with asyncio.timeout(1), throttle.turn("e", "acct_1") as sent_at:
            assert sent_at - asked_at < 0.01
            assert (flying.cancelled(), queued.cancelled()) == (True, True)

    run(main())


def test_a_request_cancelled_as_it_is_given_its_turn_gives_it_back():
    async def main():
        throttle = Throttle(Rates(1e3, 1e3, 1e3, 1, 1))

        async def hold() -> None:
            async with throttle.turn("e", "acct_1"):
                await asyncio.sleep(1)

        async def hold_and_cancel() -> None:
            await hold()
            queued.cancel()  # the slot has just been given to it, and it has not run since

        flying, queued = asyncio.create_task(hold_and_cancel()), asyncio.create_task(hold())
        await asyncio.gather(flying, queued, return_exceptions=True)
        assert queued.cancelled()
        async with asyncio.timeout(1), throttle.turn("e", "acct_1"):
            pass

    run(main())


RATED = Rates(100.0, 100.0, 100.0, 1000, 1000)


@pytest.mark.parametrize(
    ("reason", "slowed"),
    [
        ("global-rate", {("e1", "a1"), ("e1", "a2"), ("e2", "a1"), ("e2", "a2")}),
        ("endpoint-rate", {("e1", "a1"), ("e1", "a2")}),
        ("resource-specific", {("e1", "a1"), ("e2", "a1")}),
        ("lock_timeout", set()),
        ("something-new", {("e1", "a1"), ("e2", "a1")}),
    ],
)
def test_only_the_limiter_that_is_named_slows(reason, slowed):
    async def main():
        for endpoint, account in [("e1", "a1"), ("e1", "a2"), ("e2", "a1"), ("e2", "a2")]:
            throttle = Throttle(RATED)
            throttle.limited(reason, "e1", "a1", retry_after=5.0)
            left = await busy(throttle, [(endpoint, account)])
            waited = left[0][0] >= 5.0
            assert waited == ((endpoint, account) in slowed)

    run(main())


def test_a_concurrency_reason_cuts_what_is_in_flight_and_not_the_rate():
    async def main():
        throttle = Throttle(Rates(1e3, 1e3, 1e3, 20, 20))

        async def hold() -> None:
            async with throttle.turn("e", "acct_1"):
                await asyncio.sleep(1)

        tasks = [asyncio.create_task(hold()) for _ in range(20)]
        await asyncio.sleep(0.5)
        throttle.limited("global-concurrency", "e", "acct_1")
        await asyncio.gather(*tasks)
        left = await busy(throttle, [("e", "acct_1")] * 40, took=1.0)
        assert sum(time < 0.9 for time, *_ in left) == 19

    run(main())


def test_a_slowed_pacer_paces_at_its_new_rate():
    async def main():
        throttle = Throttle(Rates(20.0, 1e3, 1e3))
        await busy(throttle, [("e", "a")] * 20)
        throttle.limited("global-rate", "e", "a")
        times = [time for time, *_ in await busy(throttle, [("e", "a")] * 14)]
        assert most_in_any_second(times) <= 16
        assert times[-1] > 0.75

    run(main())


def test_the_documented_limits_are_shared_and_an_override_replaces_them_all():
    assert documented(Mode.LIVE, 0.4) == Rates(40.0, 10.0, 40.0)
    assert documented(Mode.TEST, 0.4) == Rates(10.0, 10.0, 10.0)
    assert documented(Mode.LIVE, 0.4, override=60.0) == Rates(60.0, 60.0, 60.0)


def test_whoever_waits_longest_goes_first_whatever_they_wait_for():
    async def main():
        throttle = Throttle(Rates(10.0, 1e3, 1e3, 1000, 1000))
        requests = [(f"e{n % 3}", f"acct_{n % 7}") for n in range(60)]
        left = await busy(throttle, requests)
        assert [(endpoint, account) for _, endpoint, account in left] == requests

    run(main())


def test_an_account_that_is_held_up_keeps_its_place_and_starves_nobody():
    async def main():
        throttle = Throttle(Rates(100.0, 1e3, 2.0, 1000, 1000))
        left = await busy(throttle, [("e", "acct_slow")] * 6 + [("e", f"acct_{n}") for n in range(200)])
        times = {account: time for time, _, account in left}
        assert times["acct_slow"] == pytest.approx(2.0, abs=0.1)  # its sixth, two a second, the burst at once
        assert max(times.values()) == pytest.approx(2.05, abs=0.1)

    run(main())


def test_those_who_finish_wait_for_no_one_who_starts_even_when_a_slot_comes_back():
    async def main():
        throttle, order = Throttle(Rates(1e3, 1e3, 1e3, 1, 1)), []

        async def one(name: str, first: bool) -> None:
            async with throttle.turn("start" if first else "finish", "acct_1", first):
                order.append(name)
                await asyncio.sleep(1)

        names = [("s0", True), ("s1", True), ("f0", False), ("s2", True), ("f1", False)]
        await asyncio.gather(*(one(*each) for each in names))
        assert order == ["s0", "f0", "f1", "s1", "s2"]

    run(main())


def test_the_crowd_that_gives_up_leaves_the_way_free_for_who_comes_after():
    async def main():
        throttle = Throttle(Rates(1.0, 1e3, 1e3, 1000, 1000))
        crowd = [asyncio.create_task(busy(throttle, [(f"e{n % 3}", f"acct_{n % 11}")])) for n in range(200)]
        await asyncio.sleep(0.1)
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        assert (await busy(throttle, [("e0", "acct_0")]))[0][0] <= 1.0

    run(main())


def test_a_turn_is_given_no_sooner_than_it_says():
    async def main():
        throttle, loop = Throttle(Rates(50.0, 1e3, 1e3)), asyncio.get_running_loop()

        async def one() -> tuple[float, float]:
            async with throttle.turn("e", "acct_1") as given_at:
                return given_at, loop.time()

        for given_at, entered_at in await asyncio.gather(*(one() for _ in range(100))):
            assert 0 <= entered_at - given_at < 0.001

    run(main())


def test_it_runs_on_uvloop():
    uvloop = pytest.importorskip("uvloop")

    async def main():
        left = await busy(Throttle(Rates(200.0, 1e3, 1e3)), [("open", "acct_1")] * 20)
        assert len(left) == 20

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_the_platform_itself_has_no_limit_of_an_account():
    async def main():
        throttle = Throttle(Rates(100.0, 50.0, 5.0))
        assert (throttle.account_rps(""), throttle.account_rps("acct_1")) == (100.0, 5.0)
        await busy(throttle, [("open", ""), ("open", "acct_1")])
        assert (throttle.account_rps(""), throttle.account_rps("acct_1")) == (100.0, 5.0)

    run(main())
