"""Who is at which run of a ledger that workers share: every view of a run says the same of it."""

from datetime import UTC, datetime

import psycopg
import pytest
from ledger_tools import RUN, Clock, a_run, lines

from billing.cli.reporttext import as_text
from billing.core.entries import Note
from billing.core.kinds import LIVES
from billing.core.records import RunStatus
from billing.edge.engines.controls import Round, Said, Word
from billing.edge.ledger.opening import open_ledger
from billing.edge.ledger.postgres.controls import PostgresControls
from billing.flow.reporting.markdown import as_markdown
from billing.flow.serving.desk import LedgerDesk
from billing.flow.serving.live import Followed, look_at, nodes_of
from billing.flow.standing import standing_of

STOP = Said(Word.STOP, "same error", "w1", 6)
NOW = datetime(2026, 11, 30, tzinfo=UTC)
WAITING = "waiting for workers"
HEADS = {"running": "lines are done", WAITING: "Waiting for workers", "stopped": "Nobody is at it"}
HERE = """INSERT INTO billing.workers (worker, host, pid, purpose, platform, since, seen, backends) VALUES
    (%(worker)s, 'pod', 1, 'worker ' || %(worker)s, '', clock_timestamp(),
    clock_timestamp() - make_interval(secs => %(ago)s), '{}') ON CONFLICT (worker) DO UPDATE SET seen = excluded.seen"""


class Shared:
    """A run that goes on by its record, whoever changes who is at it, and whoever looks."""

    def __init__(self, url: str, reader, desk: LedgerDesk) -> None:
        self.url, self.reader, self.desk = url, reader, desk
        self.controls = PostgresControls(url, "a test")

    def seen(self, seconds_ago: float, worker: str = "w0") -> None:
        with psycopg.connect(self.url) as conn:
            conn.execute(HERE, {"worker": worker, "ago": seconds_ago})

    async def hand_out(self, *, whole: bool = True) -> None:
        await self.controls.open_round(Round(RUN, 1, 7, 2), 0)
        if whole:
            await self.controls.handed_out(RUN, 7)

    async def state(self) -> str:
        """Return how the run stands; every view has to say the same."""
        attendance = self.reader.attendance()
        record = self.reader.run(RUN)
        found = standing_of(self.reader, record, attendance)
        assert f"Run {RUN}: {found.state}," in "".join(as_text(self.reader, RUN, attendance))
        assert f"{found.state.capitalize()} ·" in "".join(as_markdown(self.reader, RUN, attendance=attendance))
        look = look_at(self.reader, record, attendance, Followed(LIVES[record.kind]), NOW)
        assert (look.running, look.waiting) == (found.running, found.state == WAITING)
        assert HEADS[found.state] in nodes_of(look)["head"]["text"]
        first = await self.desk.page("/", {})
        assert found.state.capitalize() in first.body().decode()
        live = await self.desk.page("/live", {"id": RUN})
        assert HEADS[found.state] in live.body().decode()
        seen = (await self.desk.seen([RUN])).get(RUN)
        assert seen is None or seen.over == (found.state == "stopped")
        return found.state


@pytest.fixture
async def shared(postgres_url, tmp_path):
    async def opened(write: bool):
        return await open_ledger(postgres_url, key_file=tmp_path / "ledger.key", clock=Clock(), write=write)

    launcher = await opened(write=True)
    await launcher.plan_run(a_run(), lines(1, 2))
    await launcher.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING)
    await launcher.aclose()
    reader, paging, onlooker = [await opened(write=False) for _ in range(3)]
    desk = LedgerDesk(paging, onlooker, lambda: NOW)
    found = Shared(postgres_url, reader, desk)
    yield found
    desk.close()
    for each in (found.controls, reader, paging, onlooker):
        await each.aclose()


async def test_a_run_that_was_handed_out_runs_while_a_worker_is_there_and_waits_while_none_is(shared):
    assert await shared.state() == "stopped"
    await shared.hand_out()
    assert await shared.state() == WAITING
    shared.seen(0)
    assert await shared.state() == "running"
    shared.seen(3600)
    assert await shared.state() == WAITING


async def test_the_end_of_who_works_a_run_is_told_although_nothing_was_written_to_the_ledger(shared):
    await shared.hand_out()
    shared.seen(0)
    first = (await shared.desk.seen([RUN]))[RUN]
    assert await shared.desk.seen([RUN]) == {}
    shared.seen(3600)
    then = (await shared.desk.seen([RUN]))[RUN]
    assert first.nodes["head"] != then.nodes["head"]


async def test_after_a_word_to_stop_a_run_runs_until_its_workers_have_put_down_what_they_had_in_hand(shared):
    await shared.hand_out()
    shared.seen(0)
    await shared.controls.tell(RUN, 7, 1, "w0", {})
    await shared.controls.say(RUN, STOP)
    assert await shared.state() == "running"
    await shared.controls.tell(RUN, 7, 1, "w0", {}, ended=True)
    assert await shared.state() == "stopped"


async def test_of_a_run_that_was_not_handed_out_whole_only_what_a_worker_has_in_hand_is_worked(shared):
    await shared.hand_out(whole=False)
    shared.seen(0)
    assert await shared.state() == "stopped"
    await shared.controls.tell(RUN, 7, 1, "w0", {})
    assert await shared.state() == "running"
    shared.seen(3600)
    shared.seen(0, "w1")
    assert await shared.state() == "stopped"


async def test_a_round_whose_end_is_on_record_is_worked_by_nobody(shared):
    async def note(_round: Round) -> None:
        pass

    await shared.hand_out()
    shared.seen(0)
    for shard in (1, 2):
        await shared.controls.tell(RUN, 7, shard, "w0", {}, ended=True)
    assert await shared.state() == "running"
    assert await shared.controls.end(RUN, 7, note)
    assert await shared.state() == "stopped"
