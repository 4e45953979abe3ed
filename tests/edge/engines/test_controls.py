"""Where rounds are kept: whoever asks sees the same, the first word stands, and one caller puts an end on record."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from billing.edge.engines.controls import Controls, Remembered, Round, Said, Word
from billing.edge.ledger.postgres.controls import PostgresControls
from billing.edge.ledger.postgres.tables import statements

RUN = "coaching-2026-11"
FIRST = Round(RUN, 1, 7, 2, {"max_failures": 3})
PAUSE = Said(Word.PAUSE, "paused by ann", "ann@desk", 6)
STOP = Said(Word.STOP, "same error", "w1", 6, ("resource_missing", 25))


@pytest.fixture(params=["remembered", "postgres"])
def where(request) -> str:
    if request.param == "remembered":
        return ""
    url: str = request.getfixturevalue("postgres_url")

    with psycopg.connect(url, autocommit=True) as conn:
        for statement in statements():
            conn.execute(statement)
    return url


@asynccontextmanager
async def two(where: str) -> AsyncIterator[tuple[Controls, Controls]]:
    """What two processes hold; with one process there is one."""
    alone = Remembered()
    both = (PostgresControls(where, "one"), PostgresControls(where, "other")) if where else (alone, alone)
    try:
        yield both
    finally:
        for each in both:
            await each.aclose()


def check(where: str, law) -> None:
    async def main() -> None:
        async with two(where) as (one, other):
            await law(one, other)

    asyncio.run(main())


async def opened(one: Controls) -> None:
    assert await one.open_round(FIRST, 0)
    await one.handed_out(RUN, 7)


def test_a_round_begins_once_and_another_only_after_the_one_it_knows(where):
    async def law(one: Controls, other: Controls) -> None:
        assert await one.round(RUN) is None
        assert await one.open_round(FIRST, 0)
        assert not await other.open_round(FIRST, 0)
        found = await other.round(RUN)
        assert (found.number, found.shards, found.asked, found.handed_out) == (7, 2, {"max_failures": 3}, False)
        await other.handed_out(RUN, 7)
        assert (await one.round(RUN)).handed_out
        await one.tell(RUN, 7, 1, "w0", {"sent": 3})
        assert await other.open_round(Round(RUN, 2, 9, 5), 7)
        found = await one.round(RUN)
        assert (found.number, found.revision, found.begun, found.handed_out) == (9, 2, 0, False)
        assert found.counts == {"unpaid": 0, "sent": 0, "rate_limited": 0, "resent": 0}
        assert [each.number for each in await one.rounds()] == [9]

    check(where, law)


def test_what_is_told_of_shards_adds_up_and_what_is_told_of_an_older_round_counts_for_nothing(where):
    async def law(one: Controls, other: Controls) -> None:
        await opened(one)
        await one.tell(RUN, 7, 1, "w0", {"sent": 3, "unpaid": 1})
        found = await other.tell(RUN, 7, 2, "w1", {"sent": 4, "resent": 1})
        assert (found.begun, found.ended, found.done) == (2, 0, False)
        assert dict(await one.at_work(RUN)) == {"w0": 1, "w1": 1}
        await other.tell(RUN, 7, 1, "w1", {"sent": 2}, ended=True)  # it took the shard over
        found = await one.tell(RUN, 7, 2, "w1", {}, ended=True)
        assert (found.begun, found.ended, found.done) == (2, 2, True)
        assert found.counts == {"unpaid": 1, "sent": 9, "rate_limited": 0, "resent": 1}
        assert dict(await one.at_work(RUN)) == {}
        assert (await one.tell(RUN, 6, 3, "w0", {"sent": 100}, ended=True)) == found

    check(where, law)


def test_the_first_word_stands_and_it_ends_a_round_whose_begun_shards_have_ended(where):
    async def law(one: Controls, other: Controls) -> None:
        assert await one.say(RUN, PAUSE) is None
        await opened(one)
        await one.tell(RUN, 7, 1, "w0", {})
        assert await other.say(RUN, STOP) == STOP
        assert await one.say(RUN, PAUSE) == STOP
        assert (await one.round(RUN)).said == STOP
        assert not (await one.round(RUN)).done
        assert (await one.tell(RUN, 7, 1, "w0", {}, ended=True)).done

    check(where, law)


def test_one_of_all_who_see_the_end_puts_it_on_record_and_nobody_after_them(where):
    async def law(one: Controls, other: Controls) -> None:
        await opened(one)
        noted: list[int] = []

        async def note(found: Round) -> None:
            await asyncio.sleep(0.05)
            noted.append(found.number)

        assert not await one.end(RUN, 7, note)  # nothing has ended
        for shard in (1, 2):
            await one.tell(RUN, 7, shard, "w0", {}, ended=True)
        ended = await asyncio.gather(*(each.end(RUN, 7, note) for each in (one, other, one, other)))
        assert sorted(ended) == [False, False, False, True]
        assert noted == [7]
        assert (await other.round(RUN)).over
        assert await other.rounds() == []
        assert await one.say(RUN, STOP) is None

    check(where, law)


def test_an_end_that_could_not_be_noted_is_for_somebody_else_to_note(where):
    async def law(one: Controls, other: Controls) -> None:
        await opened(one)
        for shard in (1, 2):
            await one.tell(RUN, 7, shard, "w0", {}, ended=True)

        async def breaks(_found: Round) -> None:
            raise OSError

        async def notes(_found: Round) -> None:
            return

        with pytest.raises(OSError):
            await one.end(RUN, 7, breaks)
        assert not (await one.round(RUN)).over
        assert await other.end(RUN, 7, notes)

    check(where, law)


def test_workers_that_say_they_are_there_are_told_with_how_long_ago_that_was(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        for statement in statements():
            conn.execute(statement)
        for worker, purpose in (("w0", "worker w0"), ("run-x", "run x")):
            conn.execute(
                "INSERT INTO billing.workers VALUES (%s, 'here', 7, %s, '', clock_timestamp(), "
                "clock_timestamp() - interval '90 s', '{}')",
                (worker, purpose),
            )

    async def law(one: Controls, _other: Controls) -> None:
        (found,) = await one.workers()
        assert (found.worker, found.host) == ("w0", "here")
        assert found.silent_seconds >= 90
        assert found.seen < found.since

    check(postgres_url, law)


async def test_an_error_is_no_noise_once_whoever_asked_is_told_to_end():
    noise: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noise.append(context))
    away = PostgresControls("postgresql://billing@127.0.0.1:1/billing", "one")
    asked = asyncio.create_task(away.round(RUN))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    gc.collect()
    assert not noise
