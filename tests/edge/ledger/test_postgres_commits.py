"""Commits to PostgreSQL: what was answered stands there, what was not is read anew, and a chain has one writer."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from threading import Thread

import psycopg
import pytest
from ledger_tools import RUN, a_run, an_item, lines, move_for
from postgres_tools import RUNS, Written, broken, here, in_state, wire

from billing.core.entries import BrokenPromise, CloneTaken, ItemRecord, Move, Note
from billing.core.errors import LedgerError, LedgerHeld
from billing.core.kinds.charge import Event, State
from billing.core.records import PlannedLine, RunStatus
from billing.edge.ledger import LostRace, drafts, planning
from billing.edge.ledger.committer import Work
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.rows import iso
from tests.postgres import private_server

STEPS = (Event.PREPARE_STARTED, Event.PREPARED, Event.CONFIRM_STARTED, Event.CHARGE_SUCCEEDED)


SHARE, MOST = 3, 100
# Items of one small run, all in one commit a step; more messages than it has, however a busy machine cuts them.


def carried_on(written: Written, items: list[ItemRecord]) -> Iterator[ItemRecord]:
    """Carry items on from where they stand to their end; yield what is acknowledged."""
    now = {item.id: item for item in items}
    for event in STEPS:
        due = [item for item in now.values() if item.ver == STEPS.index(event)]
        for item in written.move(due, event) if due else ():
            assert not isinstance(item, Exception), item
            now[item.id] = item
            yield item


@pytest.mark.parametrize("way", ["never arrives", "is not answered", "finds its session ended"])
def test_wherever_the_wire_is_cut_nothing_acknowledged_is_lost_and_nothing_is_doubled(way, postgres_url):
    with Written(postgres_url) as written:
        items = written.plan(MOST * SHARE)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        for cut_at in range(1, MOST):
            share = slice(SHARE * cut_at - SHARE, SHARE * cut_at)
            acknowledged: dict[int, int] = {}
            if not _cut(postgres_url, admin, way, cut_at, items[share], acknowledged):
                break
            with Written(postgres_url) as again:
                found = again.items()
                assert all(found[row - 1].ver >= ver for row, ver in acknowledged.items())
                assert broken(again.conn) == []
                assert len(list(carried_on(again, found[share]))) <= SHARE * len(STEPS)
                assert {item.state for item in again.items()[share]} == {State.SUCCEEDED}
    assert 2 * len(STEPS) < cut_at < MOST - 1  # a commit is two round trips, of several messages
    with Written(postgres_url) as last:
        assert broken(last.conn) == []
        (entries,) = last.conn.execute("SELECT count(*) FROM entries WHERE item <= %s", (share.stop,)).fetchone()
    assert entries == share.stop * (1 + len(STEPS))


def _cut(
    url: str, admin: psycopg.Connection, way: str, cut_at: int, items: list[ItemRecord], acknowledged: dict[int, int]
) -> bool:
    """Cut the wire at one message of a run; False if there was no such message."""
    with wire(url) as relay, Written(relay.url) as written:
        backend = written.conn.info.backend_pid
        relay.deliver = way != "never arrives"
        if way == "finds its session ended":
            relay.before = lambda: _ended(admin, backend)
        relay.cut_at = relay.sent + cut_at
        try:
            for item in carried_on(written, items):
                acknowledged[item.id] = item.ver
        except LedgerError:
            with pytest.raises(LedgerError, match="nothing more is written"):
                written.commit(lambda tx: None)
        else:
            relay.before = lambda: None  # the message of its close may be the one
            return False
    _ended(admin, backend)  # what it was about to do is over before anybody else looks
    return True


def _ended(admin: psycopg.Connection, backend: int) -> None:
    admin.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))


def test_a_server_that_stops_in_the_middle_of_commits_keeps_what_it_has_answered():
    with private_server() as server:
        with Written(server.url()) as written:
            written.plan(500)
        for after in (3, 23):
            acknowledged = _stopped(server, after)
            with Written(server.url()) as again:
                found = {item.id: item for item in again.items()}
                assert all(found[row].state is State.PREPARING for row in acknowledged)
                assert broken(again.conn) == []


def _stopped(server, after: int) -> list[int]:
    """Stop the server at once while commits go on, after so many of them; return what was acknowledged."""
    acknowledged: list[int] = []
    with Written(server.url()) as written:
        items = in_state(written.items(), State.PLANNED)
        stopping = Thread(target=server.stop)
        try:
            for item in items:
                (moved,) = written.move([item], Event.PREPARE_STARTED)
                acknowledged.append(moved.id)
                if len(acknowledged) == after:
                    stopping.start()
        except LedgerError:
            stopping.join()
        with pytest.raises(LedgerError, match="nothing more is written"):
            written.move(items[-1:], Event.PREPARE_STARTED)
    server.start()
    assert len(acknowledged) >= after
    return acknowledged


def test_two_writers_of_one_chain_cannot_fork_it(postgres_url):
    with Written(postgres_url) as first, Written(postgres_url) as second:
        first.plan(2)
        with pytest.raises(LedgerError, match="another process has written it"):
            second.move(first.items(), Event.PREPARE_STARTED)
        with pytest.raises(LedgerError, match="nothing more is written"):
            second.move(first.items(), Event.PREPARE_STARTED)
        assert {item.state for item in first.move(first.items(), Event.PREPARE_STARTED)} == {State.PREPARING}
        assert broken(first.conn) == []


CLAIMS = """
import sys
sys.path[:0] = sys.argv[5:]
from postgres_tools import Written
from billing.core.kinds.charge import Event
from billing.edge.ledger import LostRace

with Written(sys.argv[1], sys.argv[2]) as written:
    items = written.items()[int(sys.argv[3])::int(sys.argv[4])]
    print("ready", flush=True)
    sys.stdin.readline()
    for at in range(0, len(items), 7):
        for moved in written.move(items[at:at + 7], Event.PREPARE_STARTED):
            if not isinstance(moved, Exception):
                print(moved.id)
            elif not isinstance(moved, LostRace):
                raise moved
"""


def test_processes_with_chains_of_their_own_share_the_items_between_them(postgres_url):
    with Written(postgres_url) as written:
        items = written.plan(300)
        runners = [_runner(postgres_url, worker) for worker in ("w-0", "w-1", "w-2")]
        for runner in runners:
            assert runner.stdout.readline() == "ready\n"
        for runner in runners:
            runner.stdin.write("go\n")
            runner.stdin.flush()
        won = [int(row) for runner in runners for row in runner.communicate()[0].split()]
        assert [runner.returncode for runner in runners] == [0, 0, 0]
        assert sorted(won) == [item.id for item in items]
        assert broken(written.conn) == []


def test_of_processes_with_one_chain_one_at_most_goes_on(postgres_url):
    with Written(postgres_url) as written:
        written.plan(300)
        runners = [_runner(postgres_url, "w-0", half, 2) for half in (0, 1)]
        for runner in runners:
            assert runner.stdout.readline() == "ready\n"
        for runner in runners:
            runner.stdin.write("go\n")
            runner.stdin.flush()
        told = [runner.communicate() for runner in runners]
        assert sum(runner.returncode != 0 for runner in runners) >= 1
        assert sum("another process has written it" in err for _, err in told) >= 1
        moved = in_state(written.items(), State.PREPARING)
        assert sorted(int(row) for out, _ in told for row in out.split()) == [item.id for item in moved]
        assert broken(written.conn) == []


def _runner(url: str, worker: str, first: int = 0, of: int = 1) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", CLAIMS, url, worker, str(first), str(of), here(), *sys.path]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_the_numbers_of_an_item_ascend_whoever_moves_it(postgres_url):
    with Written(postgres_url, "w-0") as first, Written(postgres_url, "w-1") as second:
        first.plan(1)
        for event, writer in zip(STEPS, (first, second, first, second), strict=True):
            (item,) = writer.move(writer.items(), event)
        assert item.state is State.SUCCEEDED
        rows = first.conn.execute("SELECT seq FROM entries WHERE item = 1 ORDER BY ver").fetchall()
        assert rows == sorted(rows)
        assert broken(first.conn) == []


def meanwhile(url: str, first: Written, work: Work, second: Written, act: Callable[[], list]) -> list:
    """Let ``second`` act while ``first`` has written but not committed, which must stop it; return what it is told."""
    told: list = []
    acting = Thread(target=lambda: told.extend(act()))

    def meet(tx) -> None:
        tx.flush()
        acting.start()
        _until_blocked(url, second.conn.info.backend_pid)

    first.committer.commit([work, Work(meet)])
    acting.join()
    return told


def test_a_writer_waits_for_the_item_that_another_is_moving_and_then_hears_what_stands_there(postgres_url):
    with Written(postgres_url, "w-0") as first, Written(postgres_url, "w-1") as second:
        item, other, third = first.plan(3)
        start = (item, move_for(item, Event.PREPARE_STARTED))
        (lost,) = meanwhile(postgres_url, first, _work_of(item), second, lambda: second.record(start))
        # Beside a move that cannot be, its commit is written one work after another, each item read first.
        never = (third, Move(Event.CHARGE_SUCCEEDED, object_id="pi_1"))
        start = (other, move_for(other, Event.PREPARE_STARTED))
        _, also = meanwhile(postgres_url, first, _work_of(other), second, lambda: second.record(never, start))
        assert [type(lost), type(also)] == [LostRace, LostRace]
        assert (lost.item.state, also.item.state) == (State.PREPARING, State.PREPARING)
        assert broken(first.conn) == []


def test_of_two_that_start_a_run_at_once_the_first_says_when_it_started(postgres_url):
    def start(tx) -> None:
        drafts.note_run(tx, RUN, Note.RUN_STARTED, RunStatus.RUNNING, {})

    with Written(postgres_url, "w-0") as first, Written(postgres_url, "w-1") as second:
        first.plan(1)
        assert meanwhile(postgres_url, first, Work(start), second, lambda: second.commit(start)) == [None]
        ats = [at for (at,) in first.conn.execute("SELECT at FROM entries WHERE item IS NULL ORDER BY seq")]
        (started,) = first.conn.execute("SELECT started_at FROM runs").fetchone()
        assert started == iso(ats[1])
        assert broken(first.conn) == []


def _work_of(item):
    hope = drafts.hope(item, RUNS, [move_for(item, Event.PREPARE_STARTED)])
    return Work(lambda tx: drafts.record_all(tx, RUNS, [hope], {})[0])


def _until_blocked(url: str, backend: int) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        while not conn.execute("SELECT cardinality(pg_blocking_pids(%s))", (backend,)).fetchone()[0]:
            time.sleep(0.01)


def test_notes_about_a_run_have_ascending_numbers_and_its_last_status_is_that_of_the_last_note(postgres_url):
    with Written(postgres_url, "w-0") as first, Written(postgres_url, "w-1") as second:
        first.plan(1)
        status = {first: RunStatus.RUNNING, second: RunStatus.STOPPED}

        def note(writer: Written) -> None:
            for _ in range(30):
                writer.commit(lambda tx: drafts.note_run(tx, RUN, Note.RUN_STARTED, status[writer], {}))

        threads = [Thread(target=note, args=(writer,)) for writer in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last = first.conn.execute("SELECT facts FROM entries WHERE item IS NULL ORDER BY seq DESC LIMIT 1").fetchone()
        stands = first.conn.execute("SELECT status FROM runs").fetchone()
        assert f'"{stands[0]}"' in last[0]
        assert broken(first.conn) == []


def test_two_plans_at_once_are_kept_one_after_the_other(postgres_url):
    told: dict[str, list] = {}

    def plan(worker: str, run_id: str, period: str) -> None:
        with Written(postgres_url, worker) as written:
            kept = list(lines(*range(400), period=period))
            told[worker] = written.commit(lambda tx: planning.plan_run(tx, a_run(run_id, period), kept), alone=True)

    Written(postgres_url).conn.close()
    asked = {"w-0": ("one", "2026-10"), "w-1": ("two", "2026-11"), "w-2": ("two", "2026-11")}
    threads = [Thread(target=plan, args=(worker, *run)) for worker, run in asked.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = sorted(type(result).__name__ for results in told.values() for result in results)
    assert outcomes == [LedgerHeld.__name__, "RunRecord", "RunRecord"]
    with connect(postgres_url, write=False) as conn:
        assert conn.execute("SELECT count(*), min(id), max(id) FROM items").fetchone() == (800, 1, 800)
        assert broken(conn) == []


def test_what_fails_alone_leaves_the_others_of_its_commit_alone(postgres_url):
    with Written(postgres_url) as written:
        items = written.plan(4)
        moved = written.move(items, Event.PREPARE_STARTED)
        taken = Move(Event.PREPARED, object_id="pi_1", instrument_id="pm_same")
        told = written.record(
            (moved[0], taken), (moved[1], Move(Event.PREPARED, object_id="pi_2", instrument_id="pm_same")),
            (items[2], move_for(items[2], Event.PREPARE_STARTED)), (moved[3], move_for(moved[3], Event.PREPARED)),
        )  # fmt: skip
        assert [type(one).__name__ for one in told] == ["ItemRecord", "CloneTaken", "LostRace", "ItemRecord"]
        assert isinstance(told[1], CloneTaken)
        (same,) = written.record((moved[1], Move(Event.PREPARED, object_id="pi_1", instrument_id="pm_new")))
        assert "UNIQUE" in str(same)
        assert broken(written.conn) == []


@pytest.mark.parametrize(
    "text", ["a NUL \x00 in it", "half a pair: \ud83d", "the other half: \ude42", 'a "\\" b', "\\u0000"]
)
def test_a_fact_of_any_text_comes_back_and_can_be_asked_for(text, postgres_url):
    with Written(postgres_url) as written:
        (item,) = written.plan(1)
        (after,) = written.record((item, Move(Note.SET_ASIDE, facts={"said": text, "group": "declined"})))
        assert written.items() == [after]
        assert after.facts["said"] == text
        assert written.conn.execute("SELECT fact(facts, 'group') FROM items").fetchone() == ("declined",)
        assert written.conn.execute("SELECT fact(facts, 'said') FROM items").fetchone() is not None


def test_a_text_that_the_database_cannot_keep_fails_its_caller_alone(postgres_url):
    with Written(postgres_url) as written:
        items = written.plan(2)
        moved = written.move(items, Event.PREPARE_STARTED)
        told = written.record(
            (moved[0], Move(Event.PREPARED, object_id="pi_\x00", instrument_id="pm_1")),
            (moved[1], move_for(moved[1], Event.PREPARED)),
        )
        assert [type(one).__name__ for one in told] == ["BrokenPromise", "ItemRecord"]
        (refused,) = written.commit(
            lambda tx: planning.plan_run(
                tx, a_run("b", "2026-12"), [PlannedLine(2, (), an_item(9, "2026-12", payer="\x00"))]
            ),
            alone=True,
        )
        assert isinstance(refused, BrokenPromise)
        assert broken(written.conn) == []


def test_a_commit_that_the_server_had_given_up_is_no_commit(postgres_url):
    with Written(postgres_url) as written:
        (item,) = written.plan(1)
        written.committer._written([_work_of(item)])
        with pytest.raises(psycopg.errors.DivisionByZero):
            written.conn.execute("SELECT 1 / 0")
        written.store._unsent = []
        with pytest.raises(LedgerError, match="answered a commit with ROLLBACK"):
            written.store.commit(written.store.head())
        assert written.items() == [item]


def test_a_chain_that_ends_elsewhere_than_believed_takes_nothing(postgres_url):
    with Written(postgres_url) as written:
        items = written.plan(1)
        written.conn.execute("BEGIN")
        written.conn.execute("ALTER TABLE chains DISABLE TRIGGER USER")
        written.conn.execute("UPDATE chains SET mac = sha256('x')")
        written.conn.execute("ALTER TABLE chains ENABLE TRIGGER USER")
        written.conn.execute("COMMIT")
        with pytest.raises(LedgerError, match="another process has written it"):
            written.move(items, Event.PREPARE_STARTED)


def test_writers_that_move_the_same_items_in_opposite_orders_never_wait_in_a_circle(postgres_url):
    with Written(postgres_url, "w-0") as first, Written(postgres_url, "w-1") as second:
        items = first.plan(200)
        told: dict[Written, list] = {}

        def claim(writer: Written, mine: list[ItemRecord]) -> None:
            told[writer] = writer.move(mine, Event.PREPARE_STARTED)

        threads = [Thread(target=claim, args=each) for each in ((first, items), (second, items[::-1]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcomes = [type(one).__name__ for each in told.values() for one in each]
        assert (outcomes.count("ItemRecord"), outcomes.count("LostRace")) == (200, 200)
        assert broken(first.conn) == []
