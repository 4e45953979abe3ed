"""A ledger in PostgreSQL is made once, trusted only as it was left, and held by one who runs alone or by workers."""

import asyncio
import shutil
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from ledger_tools import RUN, Clock, brought, move_for, planned

from billing.core.errors import LedgerDamaged, LedgerError, LedgerHeld, LedgerMissing, UsageError
from billing.core.kinds.charge import Event, State
from billing.edge.engines.controls import Round, Said, Word
from billing.edge.ledger.borrowed import open_to_plan
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.opening import open_ledger
from billing.edge.ledger.postgres.controls import PostgresControls
from billing.edge.ledger.postgres.names import COMMENT
from billing.edge.ledger.postgres.upgrading import upgrade_ledger

EVER = "2000-01-01T00:00:00.000+00:00"


@pytest.fixture
async def opened(tmp_path, postgres_url):
    """Opens the ledger of the test's database, its key in the test's folder; closes what is open at the end."""
    ledgers = []

    async def open_it(url: str = postgres_url, **options: Any):
        options = {"key_file": tmp_path / "keys" / "ledger.key", "clock": Clock(), "purpose": "a test"} | options
        ledgers.append(await open_ledger(url, **options))
        return ledgers[-1]

    yield open_it
    for ledger in ledgers:
        await ledger.aclose()


@contextmanager
def raw(url: str):
    """Connect as any other program would."""
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


@contextmanager
def lawless(url: str):
    """Connect as somebody who owns the database and switches the laws off."""
    with psycopg.connect(url, autocommit=True, options="-c session_replication_role=replica") as conn:
        yield conn


async def filled(opened, count: int = 2, **options: Any) -> None:
    """Plan some items and let one be paid."""
    ledger = await opened(**options)
    items = await planned(ledger, count)
    await brought(ledger, items[0], State.SUCCEEDED)
    await ledger.aclose()


async def test_it_is_made_at_the_first_opening_and_is_there_at_the_next(opened):
    ledger = await opened()
    assert ledger.made is not None
    assert ledger.made.others == ()
    await planned(ledger)
    await ledger.aclose()
    again = await opened()
    assert again.made is None
    assert [run.run_id for run in again.runs()] == [RUN]
    found = again.verify()
    assert (found.faults, found.items, list(found.heads)) == ((), 1, [0])
    assert found.head == again.head
    await again.aclose()


async def test_where_there_is_none_nothing_is_made_by_whoever_reads_or_follows_up(opened, postgres_url):
    for options in ({"write": False}, {"making": Making.NEVER}):
        with pytest.raises(LedgerMissing, match="no ledger yet"):
            await opened(**options)
    with raw(postgres_url) as conn:
        assert conn.execute("SELECT to_regnamespace('billing')").fetchone() == (None,)


async def test_two_that_make_it_at_once_make_one(opened):
    made = await asyncio.gather(*(opened(worker=f"w{n}") for n in range(4)))
    assert sum(ledger.made is not None for ledger in made) == 1
    for ledger in made:
        await ledger.aclose()
    (whole,) = {ledger.verify().faults for ledger in [await opened(write=False)]}
    assert whole == ()


async def test_whoever_runs_alone_is_alone_and_is_named(opened):
    runner = await opened(purpose=f"run {RUN}")
    with pytest.raises(LedgerHeld, match=rf"held by run {RUN} \(pid \d+ on .*\); wait"):
        await opened()
    with pytest.raises(LedgerHeld, match=f"held by run {RUN}"):
        await opened(worker="w1")
    reader = await opened(write=False)
    assert RUN in reader.holder().purpose.split()
    await runner.aclose()
    assert reader.holder() is None
    await reader.aclose()


async def test_who_holds_it_is_known_again_after_the_server_has_cut_the_connection(opened, postgres_url):
    runner, reader = await opened(purpose="run coaching-2026-11"), await opened(write=False)
    assert reader.holder() is not None
    with raw(postgres_url) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pg_stat_activity.pid) FROM pg_stat_activity, billing.workers "
            "WHERE datname = current_database() AND pg_stat_activity.pid <> ALL (backends || pg_backend_pid())"
        )
    assert reader.holder() is None
    assert reader.holder().purpose == "run coaching-2026-11"
    await runner.aclose()


async def test_workers_share_a_ledger_and_none_is_there_twice(opened):
    first, second = await opened(worker="w1", purpose="worker w1"), await opened(worker="w2", purpose="worker w2")
    with pytest.raises(LedgerHeld, match="held by workers w1, w2; wait"):
        await opened()
    with pytest.raises(LedgerHeld, match=r"held by worker w1 \(pid"):
        await opened(worker="w1")
    reader = await opened(write=False)
    assert str(reader.holder()) == "workers w1, w2"
    await first.aclose()
    assert str(reader.holder()).startswith("worker w2 (pid")
    run = await opened(worker="run-X", purpose=f"run {RUN}")
    third = await opened(worker="w0", purpose="worker w0")
    assert str(reader.holder()).startswith(f"run {RUN} (pid")
    assert str(reader.holder()).endswith("), by workers w0, w2")
    assert RUN in reader.holder().purpose.split()
    for ledger in (second, third, run):
        await ledger.aclose()
    await (await opened()).aclose()
    await reader.aclose()


async def test_a_worker_that_stands_ready_keeps_nobody_from_running_alone_and_is_named_by_what_it_does_keep(
    opened, postgres_url, tmp_path
):
    worker = await opened(worker="w1", purpose="worker w1", standing=True)
    reader = await opened(write=False)
    assert reader.holder() is None
    alone = await opened(purpose=f"run {RUN}")
    late = await opened(worker="w2", purpose="worker w2", standing=True)
    assert str(reader.holder()).startswith(f"run {RUN} (pid")
    await alone.aclose()
    assert reader.holder() is None
    with pytest.raises(LedgerHeld, match=r"held by worker w1 \(pid"):
        await opened(worker="w1", standing=True)
    with pytest.raises(LedgerHeld, match="held by workers w1, w2; wait"):
        await upgrade_ledger(postgres_url, key_file=tmp_path / "keys" / "ledger.key", clock=Clock())
    for ledger in (worker, late, reader):
        await ledger.aclose()


async def test_whoever_has_said_that_they_are_there_and_holds_nothing_is_not_named_for_whoever_does(opened):
    options = [
        {"worker": "w1", "purpose": "worker w1"},
        {"worker": "w2", "purpose": "worker w2", "platform": "north", "standing": True},
        {"worker": "w3", "purpose": "worker w3", "platform": "north"},
    ]
    workers = [await opened(**each) for each in options]
    with pytest.raises(LedgerHeld, match=r"held by worker w3 \(pid"):
        await opened(platform="north")
    for worker in workers:
        await worker.aclose()


async def test_two_who_charge_different_platforms_alone_do_not_wait_for_each_other(opened):
    north, south = await opened(platform="north"), await opened(platform="south")
    with pytest.raises(LedgerHeld):
        await opened(platform="north")
    await north.aclose()
    await south.aclose()


async def test_who_names_no_platform_may_charge_any_and_waits_for_whoever_names_one(opened):
    north = await opened(platform="north")
    with pytest.raises(LedgerHeld):
        await opened()
    await north.aclose()
    anybody = await opened()
    for worker in ("", "w0"):
        with pytest.raises(LedgerHeld):
            await opened(platform="north", worker=worker)
    await anybody.aclose()
    await (await opened(platform="north")).aclose()


async def test_a_run_at_workers_is_somebodys_alone_once_they_were_told_to_stop_or_never_got_all_of_it(
    opened, postgres_url
):
    await filled(opened)
    controls = PostgresControls(postgres_url, "a test")
    await controls.open_round(Round(RUN, 1, 7, 2, {}), 0)
    alone = await opened()
    assert await alone.take_over(RUN)
    assert (await controls.round(RUN)).over
    await controls.open_round(Round(RUN, 1, 8, 2, {}), 7)
    await controls.handed_out(RUN, 8)
    assert not await alone.take_over(RUN)
    await alone.aclose()
    launcher = await opened(worker="run-1")
    assert await launcher.take_over(RUN)
    assert not (await controls.round(RUN)).over
    await launcher.aclose()
    await controls.say(RUN, Said(Word.PAUSE, "paused by somebody", "somebody", 6))
    alone = await opened()
    assert await alone.take_over(RUN)
    found = await controls.round(RUN)
    assert (found.over, found.said) == (True, None)
    assert alone.verify().faults == ()
    await alone.aclose()
    await controls.aclose()


async def test_a_runner_that_waits_has_the_ledger_as_soon_as_it_is_free(opened):
    runner = await opened()
    waiting = asyncio.create_task(opened(wait=30))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await runner.aclose()
    await (await waiting).aclose()


async def test_a_runner_whose_connection_is_gone_holds_nothing_and_writes_nothing(opened, postgres_url):
    runner = await opened()
    items = await planned(runner, 2)
    with raw(postgres_url) as conn:
        conn.execute("SELECT pg_terminate_backend(backends[1]) FROM billing.workers")
    next_one = await opened()
    with pytest.raises(LedgerError):
        await runner.record(items[0], move_for(items[0], Event.PREPARE_STARTED))
    with pytest.raises(LedgerError):
        await runner.record(items[1], move_for(items[1], Event.PREPARE_STARTED))
    assert next_one.item(1).state is State.PLANNED
    await runner.aclose()
    await next_one.aclose()


async def test_each_worker_writes_a_chain_of_its_own_and_all_of_them_are_checked(opened):
    alone = await opened()
    items = await planned(alone, 3)
    await alone.aclose()
    workers = [await opened(worker=f"w{n}") for n in range(3)]
    await asyncio.gather(
        *(
            worker.record(item, move_for(item, Event.PREPARE_STARTED))
            for worker, item in zip(workers, items, strict=True)
        )
    )
    for worker in workers:
        await worker.aclose()
    reader = await opened(write=False)
    found = reader.verify()
    assert found.faults == ()
    assert list(found.heads) == [0, 1, 2, 3]
    assert found.head == reader.head
    await reader.aclose()


async def test_another_key_is_refused(opened, tmp_path):
    await filled(opened)
    (tmp_path / "other").write_text("a" * 64)
    (tmp_path / "other").chmod(0o600)
    with pytest.raises(LedgerError, match=r"is not its key; set BILLING_LEDGER_KEY_FILE"):
        await opened(key_file=tmp_path / "other")
    with pytest.raises(LedgerError, match="is not there; set BILLING_LEDGER_KEY_FILE"):
        await opened(key_file=tmp_path / "none" / "ledger.key")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE billing.meta SET value = 'x' WHERE name = 'created_at'", "meta: changed"),
        ("DELETE FROM billing.meta WHERE name = 'seal'", "does not say its seal"),
        ("UPDATE billing.transitions SET to_state = 'succeeded' WHERE from_state = 'planned'", "table of states"),
        ("ALTER TABLE billing.items DISABLE TRIGGER items_update", "schema: .*SWITCHED OFF|schema: .*items_update"),
        ("DROP TRIGGER entries_delete ON billing.entries", "schema: missing or changed"),
        ("UPDATE billing.entries SET facts = '{}' WHERE seq = (SELECT seq FROM billing.chains)", "does not continue"),
        ("DELETE FROM billing.entries WHERE seq = (SELECT seq FROM billing.chains)", "does not end at entry"),
        ("UPDATE billing.chains SET seq = seq - 1", "does not end at entry"),
    ],
)  # fmt: skip
async def test_what_was_changed_behind_its_back_is_refused_by_whoever_would_write(opened, postgres_url, sql, says):
    await filled(opened)
    with lawless(postgres_url) as conn:
        conn.execute(sql)
    with pytest.raises(LedgerError, match=says):
        await opened()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing.entries SET facts = '{}' WHERE seq = 1",
        "DELETE FROM billing.entries WHERE seq = 2",
        "UPDATE billing.items SET state = 'succeeded', ver = ver + 1 WHERE id = 2",
        "UPDATE billing.lines SET cells = '[]'",
        "INSERT INTO billing.lookups VALUES ('account', 'acct_1', 1, '{}', '')",
    ],
)
async def test_what_an_opening_does_not_look_at_is_found_by_the_full_check(opened, postgres_url, sql):
    await filled(opened)
    with lawless(postgres_url) as conn:
        conn.execute(sql)
    reader = await opened(write=False)
    assert reader.verify().faults


@pytest.mark.parametrize(
    "sqls",
    [
        ["DELETE FROM billing.entries WHERE seq = (SELECT max(seq) FROM billing.chains)"],
        ["UPDATE billing.chains SET mac = sha256(mac) WHERE worker = 'w1'"],
        ["INSERT INTO billing.chains VALUES (7, 'w7', 5, '')"],
        [  # cut so that it fits together, of which only the witness knows
            "DELETE FROM billing.entries WHERE seq = (SELECT max(seq) FROM billing.chains)",
            """UPDATE billing.chains SET (seq, mac) = (SELECT seq, mac FROM billing.entries
                WHERE chain = chains.chain ORDER BY seq DESC LIMIT 1) WHERE worker = 'w1'""",
        ],
    ],
)
async def test_whoever_would_write_notices_that_the_chain_of_somebody_else_was_cut(opened, postgres_url, sqls):
    await filled(opened, worker="w1")
    with lawless(postgres_url) as conn:
        for sql in sqls:
            conn.execute(sql)
    for writer in ("", "w2"):
        with pytest.raises(LedgerDamaged, match=r"does not end at entry|was cut, or is an older copy"):
            await opened(worker=writer)


@pytest.mark.parametrize(
    "sqls",
    [
        ["UPDATE billing.items SET amount = amount + 1 WHERE id = 2"],
        ["UPDATE billing.items SET account = 'acct_other' WHERE id = 2"],
        ["UPDATE billing.entries SET facts = replace(facts, 'frozen\":\"', 'frozen\":\"0') WHERE item = 2 AND ver = 0"],
        ["UPDATE billing.entries SET mac = sha256(mac) WHERE item = 2 AND ver = 0"],
        ["UPDATE billing.entries SET name = 'note' WHERE item = 2 AND ver = 0"],
    ],
)
async def test_no_item_is_worked_on_that_is_not_what_its_plan_fixed(opened, postgres_url, sqls):
    await filled(opened, count=3)
    ledger = await opened(worker="w1")
    account = ledger.item(3).account
    assert [item.id for item in ledger.work(None, (State.PLANNED,), account, 0, 9)][-1] == 3
    with lawless(postgres_url) as conn:
        for sql in sqls:
            conn.execute(sql)
    where = ledger.item(2).account
    with pytest.raises(LedgerDamaged, match=r"item 2 .* is not what was planned"):
        ledger.work(None, (State.PLANNED,), where, 0, 9)


async def test_a_database_restored_from_an_older_backup_is_noticed_by_the_chain_of_each_worker(
    opened, postgres_url, postgres_server_url
):
    await filled(opened, worker="w1")
    name = postgres_url.rpartition("/")[2]
    with raw(postgres_server_url) as conn:
        conn.execute(f"CREATE DATABASE {name}_backup TEMPLATE {name}")
    worker = await opened(worker="w1")
    item = worker.item(2)
    await worker.record(item, move_for(item, Event.PREPARE_STARTED))
    await worker.aclose()
    with raw(postgres_server_url) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")
        conn.execute(f"ALTER DATABASE {name}_backup RENAME TO {name}")
    with pytest.raises(LedgerDamaged, match="the ledger was cut, or is an older copy"):
        await opened(worker="w1")
    reader = await opened(write=False)
    assert any("older copy" in fault for fault in reader.verify().faults)
    await reader.aclose()


async def test_a_ledger_that_was_dropped_is_not_made_anew_unasked(opened, postgres_url):
    await filled(opened)
    with raw(postgres_url) as conn:
        conn.execute("DROP SCHEMA billing CASCADE")
    for options in ({}, {"write": False}, {"making": Making.NEW}):
        with pytest.raises(LedgerDamaged, match="was here and is gone"):
            await opened(**options)
    rebuilt = await opened(making=Making.ANEW)
    assert any("rebuild each of its runs" in warning for warning in rebuilt.warnings)
    await rebuilt.aclose()


async def test_in_live_mode_a_second_ledger_of_a_key_is_made_only_when_asked_for(opened, tmp_path, postgres_url):
    await filled(opened)
    url = f"sqlite:///{tmp_path}/other.db"
    with pytest.raises(UsageError, match=r"also keeps postgresql://.*--new-ledger"):
        await opened(url, live=True)
    made = await opened(url, live=True, making=Making.NEW)
    (other,) = made.made.others
    assert other.startswith("postgresql://127.0.0.1")
    await made.aclose()


async def test_a_schema_that_is_no_ledgers_is_left_alone(opened, postgres_url):
    with raw(postgres_url) as conn:
        conn.execute("CREATE SCHEMA billing")
        conn.execute("CREATE TABLE billing.theirs (x int)")
    for options in ({}, {"write": False}):
        with pytest.raises(UsageError, match="is not a ledger's; name another database"):
            await opened(**options)
    with raw(postgres_url) as conn:
        assert conn.execute("SELECT count(*) FROM billing.theirs").fetchone() == (0,)


@pytest.mark.parametrize(
    ("version", "says"), [(VERSION - 1, "billing ledger upgrade"), (VERSION + 1, "install the release")]
)
async def test_another_version_is_refused_and_what_helps_is_said(opened, postgres_url, version, says):
    await filled(opened)
    with raw(postgres_url) as conn:
        conn.execute(f"COMMENT ON SCHEMA billing IS '{COMMENT.replace(str(VERSION), str(version))}'")
    for options in ({}, {"write": False}):
        with pytest.raises(LedgerError, match=says):
            await opened(**options)


async def test_a_ledger_that_lacks_a_kind_is_read_and_is_given_it_by_an_upgrade(opened, postgres_url, tmp_path):
    await filled(opened)
    with lawless(postgres_url) as conn:
        for table in ("kinds", "transitions", "states"):
            conn.execute(f"DELETE FROM billing.{table} WHERE kind = 'refund'")  # noqa: S608 - a constant
    await (await opened(write=False)).aclose()
    with pytest.raises(LedgerError, match=r"does not know refund yet. Type: billing ledger upgrade --ledger"):
        await opened()
    upgrade = partial(upgrade_ledger, postgres_url, key_file=tmp_path / "keys" / "ledger.key", clock=Clock())
    done = await upgrade()
    assert (done.kinds, done.before, done.after) == (("refund",), VERSION, VERSION)
    assert not (await upgrade()).changed
    ledger = await opened()
    assert ledger.verify().faults == ()
    await ledger.aclose()


async def test_an_upgrade_takes_its_steps_in_order_and_keeps_nothing_of_one_that_fails(opened, postgres_url, tmp_path):
    await filled(opened)
    old = f"COMMENT ON SCHEMA billing IS '{COMMENT.replace(str(VERSION), str(VERSION - 2))}'"
    with raw(postgres_url) as conn:
        conn.execute(old)
        conn.execute("ALTER TABLE billing.items RENAME COLUMN due TO old_1")
    upgrade = partial(upgrade_ledger, postgres_url, key_file=tmp_path / "keys" / "ledger.key", clock=Clock())
    first, last = "RENAME COLUMN old_1 TO old_2", "RENAME COLUMN old_2 TO due"
    steps = [[f"ALTER TABLE billing.items {step}"] for step in (first, last)]
    with pytest.raises(LedgerError, match="cannot carry over"):
        await upgrade()
    for wrong in ([steps[0], ["SELECT nothing"]], [steps[0], ["SELECT 1"]]):
        with pytest.raises(LedgerError, match=r"(it|It) is as it was"):
            await upgrade(steps={VERSION - 2: wrong[0], VERSION - 1: wrong[1]})
        with raw(postgres_url) as conn:
            conn.execute("SELECT old_1 FROM billing.items")
    done = await upgrade(steps={VERSION - 2: steps[0], VERSION - 1: steps[1]})
    assert (done.before, done.after) == (VERSION - 2, VERSION)
    ledger = await opened()
    assert ledger.verify().faults == ()
    await ledger.aclose()


async def test_an_upgrade_waits_for_every_worker(opened, postgres_url, tmp_path):
    worker = await opened(worker="w1", purpose="worker w1")
    with pytest.raises(LedgerHeld, match="held by worker w1"):
        await upgrade_ledger(postgres_url, key_file=tmp_path / "keys" / "ledger.key", clock=Clock())
    await worker.aclose()


async def test_a_plan_reads_while_a_runner_charges_and_keeps_what_it_found_when_nobody_does(opened):
    found = {"acct_1": {"charges_enabled": True}}
    runner = await opened(purpose="run coaching-2026-11")
    plan = await open_to_plan(opened)
    await planned(runner)
    assert len(plan.runs()) == 1
    await plan.keep_lookups("account", found)
    await plan.aclose()
    assert runner.lookups("account", ["acct_1"], EVER) == {}
    await runner.aclose()
    plan = await open_to_plan(opened)
    await plan.keep_lookups("account", found)
    assert plan.lookups("account", ["acct_1"], EVER) == found
    await plan.aclose()
    ledger = await opened()
    assert ledger.lookups("account", ["acct_1"], EVER) == found
    await ledger.aclose()


async def test_a_ledger_opened_to_read_cannot_be_written(opened):
    await filled(opened)
    reader = await opened(write=False)
    with pytest.raises(LedgerError, match="to read only"):
        await reader.record(reader.item(2), move_for(reader.item(2), Event.PREPARE_STARTED))
    await reader.aclose()


async def test_a_server_that_is_not_there_is_named_without_a_password(opened):
    with pytest.raises(LedgerError, match=r"postgresql://127.0.0.1:1/billing: cannot be reached") as error:
        await opened("postgresql://me:secret@127.0.0.1:1/billing")
    assert "secret" not in str(error.value)
    assert "me" not in str(error.value).split()


async def test_several_workers_of_a_file_are_refused_with_what_helps(opened, tmp_path):
    with pytest.raises(UsageError, match=r"one writer; several workers need a PostgreSQL ledger .*billing ledger copy"):
        await opened(f"sqlite:///{tmp_path}/ledger.db", worker="w1")


async def test_a_folder_of_witnesses_that_cannot_be_written_is_told_of(opened, tmp_path):
    await filled(opened)
    shutil.rmtree(tmp_path / "keys" / "heads")
    (tmp_path / "keys" / "heads").write_text("in the way")
    ledger = await opened()
    assert any("will not be noticed" in warning for warning in ledger.warnings)
    await ledger.aclose()
