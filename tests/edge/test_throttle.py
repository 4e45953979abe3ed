"""Turns: never above a limit, all or nothing, those who finish before those who start, and only the named one slows."""

import asyncio
from collections import Counter

import pytest

from billing.core.items import Mode
from billing.edge.pacer import Cap, Pacer
from billing.edge.throttle import Rates, Throttle, documented
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
        assert most_in_any_second(times) <= rate + 2
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
        async with asyncio.timeout(1), throttle.turn("e", "acct_1"):
            pass

    run(main())


RATED = Rates(100.0, 100.0, 100.0, 1000, 1000)


@pytest.mark.parametrize(
    ("reason", "slowed"),
    [
        ("global-rate", {("e1", "a1"), ("e1", "a2"), ("e2", "a1"), ("e2", "a2")}),
        ("endpoint-rate", {("e1", "a1"), ("e1", "a2")}),
        ("resource-specific", set()),
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


def test_a_burst_of_refusals_is_one_cut_and_the_rate_recovers_to_its_cap():
    async def main():
        pacer = Pacer(100.0)
        for _ in range(50):
            pacer.slow()
        assert pacer.rate == pytest.approx(70.0)
        await asyncio.sleep(2)
        assert pacer.rate == pytest.approx(80.0)
        await asyncio.sleep(60)
        assert pacer.rate == 100.0

    run(main())


def test_refusal_upon_refusal_never_stops_a_pacer():
    async def main():
        pacer = Pacer(10.0)
        for _ in range(100):
            pacer.slow()
            await asyncio.sleep(1)
        assert pacer.rate >= 0.5

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


def test_a_cut_cap_comes_back_slot_by_slot():
    async def main():
        cap = Cap(10)
        for _ in range(10):
            cap.enter()
        cap.slow()
        assert int(cap.limit) == 9
        await asyncio.sleep(11)
        assert cap.limit == 10

    run(main())


def test_the_documented_limits_are_shared_and_an_override_replaces_them_all():
    assert documented(Mode.LIVE, 0.4) == Rates(40.0, 10.0, 40.0)
    assert documented(Mode.TEST, 0.4) == Rates(10.0, 10.0, 10.0)
    assert documented(Mode.LIVE, 0.4, override=60.0) == Rates(60.0, 60.0, 60.0)


def test_it_runs_on_uvloop():
    uvloop = pytest.importorskip("uvloop")

    async def main():
        left = await busy(Throttle(Rates(200.0, 1e3, 1e3)), [("open", "acct_1")] * 20)
        assert len(left) == 20

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
