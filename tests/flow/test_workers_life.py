"""A run over shards comes to what the ordinary run comes to, whatever stops, pauses or continues it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from billing.core.entries import Note
from billing.core.errors import LedgerError, UsageError
from billing.core.exits import Exit
from billing.core.groups import exit_for, group_in
from billing.core.kinds import is_planned
from billing.core.life import Group
from billing.core.policies import Notification, Policies, StopOn
from billing.core.records import RunStatus
from billing.edge.engines.controls import Remembered, Said, Word
from billing.edge.engines.inprocess import InProcess
from billing.edge.ledger.opening import open_ledger
from billing.edge.stripe.clock import ProviderClock
from billing.flow.options import Ending, RunOptions, Selection
from billing.flow.services import Services
from billing.flow.workers.carrying import Carrier, PutBack
from billing.flow.workers.launching import Hired, Overseer
from billing.flow.workers.rounds import Crew
from billing.sandbox.inprocess import InProcess as InProcessWire
from tests.flow.crew_world import at_once, boss_of, hiring, run_over_workers, settings
from tests.flow.world import RUN, Recording, World, with_latency
from tests.virtual import run_virtually

MIX = {"succeeds": 0.8, "insufficient_funds": 0.15, "authentication_required": 0.05}
# No card that its first decline blocks: which of a payer's items comes first is a matter of chance.
SPEC = {"items": 60, "accounts": 6, "mix": MIX, "items_per_customer": 2}


async def fold(world: World) -> Counter:
    """What the ledger comes to: how many items are how, and their money."""
    found: Counter = Counter()
    async with world.read() as ledger:
        assert ledger.verify().faults == ()
        for tally in ledger.tally(RUN):
            how = group_in(tally), tally.reason_code, tally.currency
            found.update({(*how, "items"): tally.items, (*how, "amount"): tally.amount})
    return found


async def notes(world: World, name: Note) -> list[dict]:
    async with world.read() as ledger:
        return [dict(entry.facts) for entry in ledger.run_entries(RUN) if entry.name == name]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_over_shards_ends_as_the_ordinary_run_does(tmp_path, seed):
    async def both() -> None:
        worlds = []
        for name in ("one", "many"):
            (tmp_path / name).mkdir()
            worlds.append(World.make(tmp_path / name, with_latency(0.2), seed=seed, dead_accounts=1, **SPEC))
        one, many = worlds
        endings = await one.charge_all(), await run_over_workers(many)
        assert [ending.exit for ending in endings] == [Exit.OK, Exit.OK]
        assert await fold(one) == await fold(many)
        assert await notes(one, Note.RUN_FINISHED) != []
        (ended,) = await notes(many, Note.RUN_FINISHED)
        async with one.read() as first, many.read() as second:
            assert ended["exit_code"] == int(exit_for(first.tally(RUN))) == int(exit_for(second.tally(RUN)))
            assert second.run(RUN).status is RunStatus.FINISHED
        await many.assert_true()

    run_virtually(both)


async def halfway(world: World, controls: Remembered, said: Said) -> Ending:
    """Carry the run out over shards, and say a word when a third of it is paid."""
    async with boss_of(world, controls) as boss:
        await world.plan(boss.services)
        task = asyncio.create_task(said_halfway(boss.services, controls, said))
        ending = await boss.overseer.execute(boss.services, RUN, RunOptions(), world.policies)
        await task
        return ending


async def paid(services: Services) -> int:
    return sum(t.items for t in services.ledger.tally(RUN) if group_in(t) is Group.SUCCEEDED)


STOP = Said(Word.STOP, "the operator has seen something", "ann@desk", int(Exit.STOPPED))
PAUSE = Said(Word.PAUSE, "paused by ann@desk", "ann@desk", int(Exit.STOPPED))


def slow(folder: Path, **spec) -> World:
    return World.make(folder, with_latency(1.0), **{**SPEC, **spec})


def test_a_word_to_stop_ends_it_with_that_word_and_a_second_run_does_the_rest(tmp_path):
    async def main() -> None:
        world = slow(tmp_path)
        ending = await halfway(world, controls := Remembered(), STOP)
        assert (ending.exit, ending.reason) == (Exit.STOPPED, STOP.reason)
        (told,) = await notes(world, Note.RUN_STOPPED)
        assert (told["reason"], told["exit_code"]) == (STOP.reason, int(Exit.STOPPED))
        async with world.read() as ledger:
            assert ledger.run(RUN).status is RunStatus.STOPPED
            assert exit_for(ledger.tally(RUN)) is not Exit.OK
        for again in (Remembered(), controls):  # what was kept of the first round may be lost
            assert (await run_over_workers(world, again)).exit is Exit.OK
        assert len(await notes(world, Note.RUN_FINISHED)) == 1
        rounds = [note["round"] for note in await notes(world, Note.RUN_STARTED)]
        assert len(rounds) == 2
        assert rounds == sorted(set(rounds))
        assert not {Group.PENDING, Group.UNKNOWN} & set(await world.groups())
        await world.assert_true()

    run_virtually(main)


def test_a_paused_run_waits_for_whoever_resumes_it_and_ends_in_the_same_command(tmp_path):
    async def main() -> None:
        world, controls, engines = slow(tmp_path), Remembered(), []

        async def resume() -> None:
            async def over() -> bool:
                return (found := await controls.round(RUN)) is not None and found.over

            await until(over)
            done = await world.groups()
            await asyncio.sleep(600)
            assert await world.groups() == done  # nothing moves meanwhile
            async with world.services(lock=False) as services, world.read() as ledger:
                assert ledger.run(RUN).status is RunStatus.STOPPED
                other = Overseer(hiring(Hired(Crew(engines[0], controls, at_once))), detached=True)
                await other.resume(services, RUN)

        async with boss_of(world, controls) as boss:
            engines.append(boss.engine)
            await world.plan(boss.services)
            task = asyncio.create_task(resume())
            spoken = asyncio.create_task(said_halfway(boss.services, controls, PAUSE))
            ending = await boss.overseer.execute(boss.services, RUN, RunOptions(), world.policies)
            await asyncio.gather(task, spoken)
        assert ending.exit is Exit.OK
        assert [note["reason"] for note in await notes(world, Note.RUN_STOPPED)] == [PAUSE.reason]
        assert len(await notes(world, Note.RUN_FINISHED)) == 1
        assert not {Group.PENDING, Group.UNKNOWN} & set(await world.groups())
        await world.assert_true()

    run_virtually(main)


def test_an_end_that_its_last_worker_did_not_live_to_note_is_noted_by_another(tmp_path):
    async def main() -> None:
        world, controls = slow(tmp_path, items=12, accounts=2, mix={"succeeds": 1.0}), Dying()
        async with boss_of(world, controls) as boss:
            await world.plan(boss.services)
            with pytest.raises(ExceptionGroup):
                await boss.overseer.execute(boss.services, RUN, RunOptions(), world.policies)
            assert await notes(world, Note.RUN_FINISHED) == []
            controls.dies = False
            carrier = Carrier(boss.services, settings(), controls, "other", 16, apart=at_once)
            for _ in range(2):
                await carrier.finish_rounds()
        assert len(await notes(world, Note.RUN_FINISHED)) == 1
        async with world.read() as ledger:
            assert ledger.run(RUN).status is RunStatus.FINISHED

    run_virtually(main)


class Dying(Remembered):
    """Controls of a process that is gone before it can note an end."""

    dies = True

    async def end(self, run_id, number, note):
        if self.dies:
            raise LedgerError("gone")
        return await super().end(run_id, number, note)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_of_two_who_note_the_end_of_a_run_at_once_one_does(tmp_path, request, database):
    url = request.getfixturevalue("postgres_url") if database == "postgres" else f"sqlite:///{tmp_path}/ledger.db"

    async def main() -> None:
        world = slow(tmp_path, items=4, accounts=1)
        opened = partial(open_ledger, url, key_file=tmp_path / "ledger.key", clock=ProviderClock().now, lock=False)
        first = await opened(worker="w0" if database == "postgres" else "")
        second = await opened(worker="w1" if database == "postgres" else "")
        async with world.services() as services:
            services.ledger = first
            await world.plan(services)
        await first.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING)
        noted = await asyncio.gather(
            *(
                ledger.note_run(RUN, Note.RUN_FINISHED, RunStatus.FINISHED, only_if=RunStatus.RUNNING)
                for ledger in (first, second, first, second)
            )
        )
        assert sorted(noted) == [False, False, False, True]
        assert first.entry_counts(RUN)[Note.RUN_FINISHED] == 1
        assert second.run(RUN).status is RunStatus.FINISHED
        await second.aclose()
        await first.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(("detached", "told"), [(True, 1), (False, 0)])
def test_the_end_of_a_run_that_no_command_waits_for_is_told_by_who_notes_it_and_by_nobody_else(
    tmp_path, detached, told
):
    async def main() -> None:
        world, controls = slow(tmp_path, items=12, accounts=2), Remembered()
        world.policies = Policies(notify=(Notification("env:HOOK"),))
        async with boss_of(world, controls) as boss:
            await world.plan(boss.services)
            carrier = Carrier(boss.services, settings(), controls, "w", 16, apart=at_once)
            hired = Hired(Crew(boss.engine, controls, at_once), None if detached else carrier)
            await Overseer(hiring(hired), detached).execute(boss.services, RUN, RunOptions(), world.policies)
            for shard in list(boss.engine.waiting.values()):
                await carrier.carry_out(shard)
        assert len(await notes(world, Note.RUN_FINISHED)) == 1
        # Nothing is in the variable that is to hold the address: that a telling was tried shows by its failure.
        assert [event for event, _ in world.events].count("notify_failed") == told

    run_virtually(main)


def test_nobody_resumes_what_nobody_has_paused(tmp_path):
    async def main() -> None:
        world, controls = slow(tmp_path, items=8, accounts=1), Remembered()
        assert (await run_over_workers(world, controls)).exit is Exit.OK
        async with boss_of(world, controls) as boss:
            with pytest.raises(UsageError, match="is not paused"):
                await boss.overseer.resume(boss.services, RUN)

    run_virtually(main)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"deadline": 3.0}, "the deadline of 3 s has come (--deadline)"),
        ({"max_failures": 2}, "items were not paid (--max-failures 2)"),
    ],
)
def test_what_stops_one_worker_stops_them_all(tmp_path, options, reason):
    async def main() -> None:
        now = asyncio.get_running_loop().time
        world = World.make(tmp_path, with_latency(4.0), lambda: 1.8e9 + now(), **SPEC)
        ending = await run_over_workers(world, **options)
        assert ending.exit is Exit.STOPPED
        assert reason in ending.reason
        assert (await world.groups())[Group.PENDING] > 0
        assert [note["reason"] for note in await notes(world, Note.RUN_STOPPED)] == [ending.reason]

    run_virtually(main)


def test_a_guard_that_trips_in_one_shard_ends_the_run_for_all(tmp_path):
    async def main() -> None:
        world = World.make(tmp_path, with_latency(2.0), **{**SPEC, "mix": {"insufficient_funds": 1.0}})
        world.policies = Policies(stop_on=StopOn(decline_rate=0.5, after_items=10))
        ending = await run_over_workers(world)
        assert ending.exit is Exit.STOPPED
        assert "of the last 10 charges declined" in ending.reason
        assert (await world.groups())[Group.PENDING] > 0
        assert [note["reason"] for note in await notes(world, Note.RUN_STOPPED)] == [ending.reason]

    run_virtually(main)


def test_a_limit_and_a_selection_begin_nothing_else(tmp_path):
    async def main() -> None:
        world = slow(tmp_path, mix={"succeeds": 1.0})
        async with boss_of(world) as boss:
            await world.plan(boss.services)
            some = [
                item for item in world.items(boss.services) if item.account == world.items(boss.services)[0].account
            ]
            rows = frozenset(item.id for item in some[::2])
            await boss.overseer.execute(boss.services, RUN, RunOptions(Selection(rows=rows)), world.policies)
            begun = {item.id for item in world.items(boss.services) if not is_planned(item.state)}
            assert begun == rows
            wanted = Selection(only=(some[1].reference,))
            await boss.overseer.execute(boss.services, RUN, RunOptions(wanted), world.policies)
            begun = {item.id for item in world.items(boss.services) if not is_planned(item.state)}
            assert begun == rows | {some[1].id}

    run_virtually(main)


def test_a_shard_taken_over_in_the_middle_costs_hardly_a_request_more(tmp_path):
    async def main() -> None:
        worlds = []
        for name in ("one", "many"):
            (tmp_path / name).mkdir()
            worlds.append(World.make(tmp_path / name, with_latency(0.5), items=120, accounts=4))
        one, many = worlds
        wires = [Recording(InProcessWire(world.sandbox)) for world in worlds]
        async with one.services(wire=wires[0]) as services:
            await one.plan(services)
            await one.run(services)
        controls = Remembered()
        async with boss_of(many, controls, wire=wires[1]) as boss:
            await many.plan(boss.services)
            async with many.services(wire=wires[1], lock=False) as other:
                leaver = Carrier(other, settings(), controls, "leaver", 16, apart=at_once)
                task = asyncio.create_task(leaving(boss.engine, leaver, other))
                ending = await boss.overseer.execute(boss.services, RUN, RunOptions(), many.policies)
                await task
        assert ending.exit is Exit.OK
        assert await fold(one) == await fold(many)
        await many.assert_true()
        assert len(wires[1].requests) <= 1.10 * len(wires[0].requests)

    run_virtually(main)


async def leaving(engine: InProcess, leaver: Carrier, services: Services) -> None:
    """Take a shard from the engine as another worker would, and be asked to end in the middle of it."""

    async def submitted() -> bool:
        return bool(engine.waiting)

    async def some_sent() -> bool:
        return services.gateway.counters.sent >= 9

    await until(submitted)

    shard = engine.waiting.pop(max(engine.waiting))
    work = asyncio.create_task(leaver.carry_out(shard))
    await until(some_sent)

    leaver.stop(Exit.TERMINATED, "SIGTERM")
    with pytest.raises(PutBack):
        await work
    engine.put_back(shard)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    while not await holds():  # noqa: ASYNC110  what it waits for tells nobody
        await asyncio.sleep(0.1)


async def said_halfway(services: Services, controls: Remembered, said: Said) -> None:
    async def enough() -> bool:
        return await paid(services) >= SPEC["items"] // 3

    await until(enough)
    assert await controls.say(RUN, said) == said
