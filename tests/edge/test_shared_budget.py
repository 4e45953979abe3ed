"""One budget in a real PostgreSQL: for all workers of a platform, for no other, and none of it without the database."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest

from billing.core.items import Mode
from billing.edge.ledger.postgres.names import SCHEMA
from billing.edge.pacing.limit_owner import Whose
from billing.edge.pacing.pacer import BURST, KNOWN_SHARE, Pacer
from billing.edge.pacing.shared.budget import LATE_SECONDS
from billing.edge.pacing.shared.limiter import SHARE
from billing.edge.pacing.shared.opening import shared_budget
from billing.edge.pacing.throttle import Rates, Throttle
from tests.postgres import private_server

TABLE = f"CREATE SCHEMA {SCHEMA}; CREATE TABLE {SCHEMA}.limits (name text PRIMARY KEY, state jsonb, at timestamptz)"
WIDE = 1000


@pytest.fixture
def limits_url(postgres_url: str) -> str:
    """A database with the table of limits."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(TABLE)
    return postgres_url


@asynccontextmanager
async def workers(url: str, *platforms: str, rate: float = 100.0, account: float = 1e3) -> AsyncIterator[Any]:
    """A throttle for each platform named, and the reasons that were given for having lost the database."""
    lost: list[str] = []
    async with AsyncExitStack() as stack:
        throttles = []
        for number, platform in enumerate(platforms):
            throttle = Throttle(Rates(rate, rate, account, WIDE, WIDE))
            throttle.share(shared_budget(url, Mode.TEST, platform, f"worker{number}", lost.append))
            stack.push_async_callback(throttle.aclose)
            throttles.append(throttle)
        yield throttles
    assert lost == []


async def sends(throttle: Throttle, left: list[float], requests: int = WIDE, account: str = "") -> None:
    """Send so many requests at once; note when each of them left."""

    async def one() -> None:
        async with throttle.turn("open", account):
            left.append(time.monotonic())

    await asyncio.gather(*(one() for _ in range(requests)))


async def within(seconds: float, *sending: Any) -> None:
    """Let requests go for so long, and give up those that still wait."""
    tasks = [asyncio.ensure_future(each) for each in sending]
    await asyncio.wait(tasks, timeout=seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def first_of(throttle: Throttle, account: str = "") -> None:
    """Wait until one request has gone."""
    async with asyncio.timeout(20.0):
        await sends(throttle, [], 1, account)


def rates(url: str) -> dict[str, float]:
    """What stands in the rows."""
    with psycopg.connect(url) as conn:
        sql = f"SELECT name, (state -> 'pacer' ->> 'rate')::float8 FROM {SCHEMA}.limits WHERE state ? 'pacer'"  # noqa: S608
        return dict(conn.execute(sql).fetchall())


def test_several_workers_together_send_no_more_than_one_may(limits_url):
    async def main() -> None:
        left: list[float] = []
        async with workers(limits_url, *["acct_1"] * 4, rate=60.0) as throttles:
            await within(2.5, *(sends(throttle, left) for throttle in throttles))
        assert left
        most = (left[-1] - left[0] + 2 * LATE_SECONDS) * 60.0 * SHARE + BURST
        assert len(left) <= most

    asyncio.run(main())


def test_a_process_that_stood_still_throws_the_tokens_of_that_time_away(limits_url):
    async def main() -> None:
        left: list[float] = []
        async with workers(limits_url, "acct_1", rate=100.0) as (throttle,):
            sending = asyncio.ensure_future(sends(throttle, left))
            await first_of(throttle)
            time.sleep(1.0)  # noqa: ASYNC251  the whole process stands still, as if it were stopped
            before, woken = len(left), time.monotonic()
            await asyncio.sleep(0.02)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        since = sum(at >= woken for at in left)
        assert before < 25
        assert since <= (time.monotonic() - woken + 2 * LATE_SECONDS) * 100.0 * SHARE + BURST

    asyncio.run(main())


def test_budgets_of_other_platforms_and_modes_are_not_touched(limits_url):
    async def main() -> None:
        async with workers(limits_url, "acct_1", "acct_2") as (one, other):
            async with one.turn("open", "") as sent_at:
                one.limited("global-rate", "open", "", None, sent_at)
            await first_of(other)
            await first_of(one)
            assert one.key.measuring
            assert not other.key.measuring
        found = rates(limits_url)
        assert found["test acct_2 key"] == pytest.approx(100.0 * SHARE)
        assert found["test acct_1 key"] < found["test acct_2 key"]
        assert found.keys() == {
            f"test {name} {limiter}" for name in ("acct_1", "acct_2") for limiter in ("key", "endpoint open")
        }

    asyncio.run(main())


def test_what_one_worker_learns_of_a_limit_holds_for_the_others(limits_url):
    async def main() -> None:
        async with workers(limits_url, "acct_1", "acct_1") as (one, other):
            async with one.turn("open", "") as sent_at:
                one.limited("endpoint-rate", "open", "", None, sent_at)
            await first_of(one)
            await first_of(other)
        assert rates(limits_url)["test acct_1 endpoint open"] < 100.0 * SHARE

    asyncio.run(main())


def test_an_accounts_own_limit_reaches_the_others_when_they_first_use_it(limits_url):
    async def main() -> None:
        async with workers(limits_url, *["acct_1"] * 3, account=20.0) as (one, other, third):
            while one.account_rps("acct_slow") == 20.0 or one.learned().get("account acct_slow") is None:
                async with one.turn("open", "acct_slow") as sent_at:
                    pass
                if one.account_rps("acct_slow") == 20.0:
                    one.limited("resource-specific", "open", "acct_slow", None, sent_at)
            learned = one.learned()["account acct_slow"]
            await first_of(one, "acct_slow")
            await first_of(other, "acct_slow")
            await first_of(third, "acct_quick")
            assert other.account_rps("acct_slow") == pytest.approx(learned * KNOWN_SHARE, rel=0.05)
            assert third.account_rps("acct_quick") == 20.0

    asyncio.run(main())


def test_an_outage_that_one_worker_sees_holds_all_back_until_it_sees_the_end(limits_url):
    async def main() -> None:
        left: list[float] = []
        async with workers(limits_url, "acct_1", "acct_1") as (one, other):
            await first_of(other)
            one.provider(down=True)
            await asyncio.sleep(0.5)
            await within(1.5, sends(other, left, 5))
            assert left == []
            one.provider(down=False)
            await first_of(other)

    asyncio.run(main())


def test_requests_that_wait_when_the_provider_goes_down_are_sent_back_to_knock_in_turn(limits_url):
    async def main() -> None:
        turns: list[float] = []

        async def one(throttle: Throttle) -> None:
            async with throttle.turn("open", "") as sent_at:
                turns.append(sent_at)

        async with workers(limits_url, "acct_1", rate=1.0) as (throttle,):
            waiting = [asyncio.ensure_future(one(throttle)) for _ in range(20)]
            await asyncio.sleep(0.3)
            throttle.provider(down=True)
            await asyncio.gather(*waiting)
        assert turns.count(float("-inf")) >= 17

    asyncio.run(main())


def test_without_the_database_nothing_is_sent_and_with_it_all_goes_on():
    with private_server() as server:
        url = server.url()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(TABLE)

        async def main() -> None:
            left: list[float] = []
            async with workers(url, "acct_1") as (throttle,):
                await first_of(throttle)
                server.stop()
                await asyncio.sleep(0.6)  # what was promised may be used, and is by then too old
                await within(1.0, sends(throttle, left, 5))
                assert left == []
                server.start()
                await first_of(throttle)

        asyncio.run(main())


def test_whoever_waits_is_let_go_once_nothing_can_leave(limits_url):
    async def main() -> None:
        left: list[float] = []
        async with workers(limits_url, "acct_1", rate=1.0) as (throttle,):
            waiting = asyncio.ensure_future(sends(throttle, left, 50))
            await asyncio.sleep(0.2)
            throttle.release()
            async with asyncio.timeout(5.0):
                await waiting
        assert len(left) == 50

    asyncio.run(main())


def test_doubts_are_written_down_and_read_again():
    whose = Whose()
    pacer = Pacer(10.0)
    for second in range(4):
        whose.is_key(f"acct_{second % 2}", pacer, 100.0 + second / 10, ["acct_0", "acct_1", "acct_2"])
    assert Whose.of(whose.state()).state() == whose.state()
