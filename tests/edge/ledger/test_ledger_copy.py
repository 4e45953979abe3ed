"""A ledger that is copied is the same evidence at its new place, and at no moment may two be charged from."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ledger_tools import Clock, a_run, an_item, move_for, opened, planned
from psycopg import sql

from billing.core.errors import BillingError, LedgerDamaged, LedgerError, LedgerHeld, LedgerMissing, UsageError
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds import LIVES
from billing.core.kinds.charge import Event
from billing.core.records import PlannedLine
from billing.edge.ledger.copying.copy import Copied, copy_ledger
from billing.edge.ledger.copying.ends import TABLES
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.opening import open_ledger
from billing.edge.ledger.upgrading import upgrade_ledger
from tests.conftest import ROOT
from tests.postgres import fresh_database
from tests.reporting.ledgers import made
from tests.storage.earlier import lay
from tests.storage.releases import RELEASES

NOTED = ("ledger_moved", "ledger_arrived")


@pytest.fixture
def key_file(tmp_path) -> Path:
    return tmp_path / "keys" / "ledger.key"


@pytest.fixture
def file_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


async def copied(key_file: Path, source: str, target: str, **options: Any) -> Copied:
    return await copy_ledger(source, target, key_file=key_file, clock=Clock(), **options)


async def at(url: str, key_file: Path, **options: Any):
    return await open_ledger(url, key_file=key_file, clock=Clock(), **{"purpose": "a test"} | options)


def rows(url: str) -> dict[str, list]:
    """Return every row of all evidence but the entries that note a move, in one order."""
    found = {}
    for table, columns in TABLES.items():
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as conn:
                text = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 - constants of ours
                kept = conn.execute(text).fetchall()
        else:
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            with psycopg.connect(url) as server:
                text = sql.SQL("SELECT {} FROM billing.{}").format(names, sql.Identifier(table))
                kept = server.execute(text).fetchall()
        found[table] = sorted((row for row in kept if table != "entries" or row[2] not in NOTED), key=repr)
    return found


async def sound(url: str, key_file: Path) -> int:
    """Check a ledger as a whole, and return how many entries it has."""
    reader = await at(url, key_file, write=False)
    found = reader.verify()
    await reader.aclose()
    assert found.faults == ()
    return found.entries


async def goes_on(url: str, key_file: Path, **options: Any) -> None:
    """Write to a ledger."""
    ledger = await at(url, key_file, **options)
    item = next(item for item in map(ledger.item, range(1, 10_000)) if item.state == "planned")
    await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    await ledger.aclose()


async def is_left(url: str, key_file: Path, place: str) -> None:
    """Nobody may write a ledger that was left, and everybody may read it."""
    with pytest.raises(UsageError, match=r"was copied to .* only that one may be charged from since") as refused:
        await at(url, key_file)
    assert place in str(refused.value)
    reader = await at(url, key_file, write=False)
    assert reader.moved.place == place
    assert reader.verify().faults == ()
    await reader.aclose()


async def every_kind(url: str, key_file: Path) -> None:
    """Plan a run of each kind of items in a ledger."""
    ledger = await at(url, key_file)
    for n, kind in enumerate(Kind):
        period = "" if kind is Kind.PAYER else "2027-01"
        own = item_id(Mode.TEST, "acct_P", LIVES[kind].scope.within(period), "EVERY-1", 0, kind)
        item = an_item(n, item_id=own, kind=kind, reference="EVERY-1", digest=f"{n + 100:064x}")
        record = a_run(f"every-{kind}", period)
        record = type(record)(**{**{name: getattr(record, name) for name in record.__slots__}, "kind": kind})
        await ledger.plan_run(record, [PlannedLine(2, ("EVERY-1",), item)])
    await ledger.aclose()


async def test_two_thousand_items_are_the_same_there_and_back_with_all_kinds_and_hostile_texts(tmp_path, postgres_url):
    there = await asyncio.to_thread(made, tmp_path / "made", 2_000, hostile=True, dropped=(3, 17, 40))
    url, key_file = f"sqlite:///{there.path}", there.key_file
    await every_kind(url, key_file)
    before, told = rows(url), []
    first = await copied(key_file, url, postgres_url, tell=lambda what, count: told.append((what, count)))
    assert {row[7] for row in before["runs"]} == set(Kind)
    assert rows(postgres_url) == before
    assert first.source_head == first.target_head
    assert ("entries", len(before["entries"])) in told
    assert await sound(postgres_url, key_file) == len(before["entries"]) + 2
    await is_left(url, key_file, first.place)

    back = f"sqlite:///{tmp_path}/back.db"
    second = await copied(key_file, postgres_url, back)
    assert rows(back) == before
    assert second.source_head == second.target_head == first.head
    assert await sound(back, key_file) == len(before["entries"]) + 4
    await is_left(postgres_url, key_file, f"{tmp_path}/back.db")
    await goes_on(back, key_file)
    assert await sound(back, key_file) == len(before["entries"]) + 5


async def test_the_chains_of_workers_survive_the_way_to_a_file_and_back_and_go_on(
    tmp_path, key_file, postgres_url, postgres_server_url
):
    ledger = await at(postgres_url, key_file)
    await planned(ledger, 8)
    await ledger.aclose()
    for worker in ("w1", "w2", "w with blank", "w1"):
        await goes_on(postgres_url, key_file, worker=worker)
    await (await at(postgres_url, key_file, worker="idle")).aclose()
    back = f"sqlite:///{tmp_path}/back.db"
    await copied(key_file, postgres_url, back)
    await goes_on(back, key_file)
    await sound(back, key_file)
    with fresh_database(postgres_server_url) as again:
        await copied(key_file, back, again)
        await goes_on(again, key_file, worker="w2")
        await sound(again, key_file)
        with psycopg.connect(again) as conn:
            chains = conn.execute("SELECT chain, worker FROM billing.chains ORDER BY chain").fetchall()
        assert chains == [(0, ""), (1, "w1"), (2, "w2"), (3, "w with blank"), (4, "idle")]


@pytest.mark.parametrize(
    "forged",
    [
        "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries WHERE chain = 1)",
        "UPDATE entries SET facts = '{}' WHERE seq = (SELECT max(seq) FROM entries WHERE chain = 1)",
    ],
)
async def test_a_chain_that_was_brought_along_cannot_be_cut_unnoticed(tmp_path, key_file, postgres_url, forged):
    ledger = await at(postgres_url, key_file)
    await planned(ledger, 2)
    await ledger.aclose()
    await goes_on(postgres_url, key_file, worker="w1")
    await copied(key_file, postgres_url, f"sqlite:///{tmp_path}/ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as conn:
        guards = conn.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            conn.execute(f"DROP TRIGGER {name}")
        conn.execute("PRAGMA foreign_keys = OFF")
        conn.execute(forged)
        for _, text in guards:
            conn.execute(text)
    with pytest.raises(LedgerDamaged, match=r"chain"):
        await opened(tmp_path, key_file=key_file)


@pytest.mark.parametrize("release", sorted(each.name for each in RELEASES.iterdir() if (each / "ledger.db").exists()))
async def test_the_ledger_of_an_earlier_release_is_upgraded_then_copied_and_is_the_same_evidence(
    tmp_path, postgres_url, release
):
    path, key_file = lay(release, tmp_path), tmp_path / "ledger.key"
    if release != f"v{VERSION}":
        with pytest.raises(LedgerError, match="billing ledger upgrade"):
            await copied(key_file, f"sqlite:///{path}", postgres_url)
    await upgrade_ledger(f"sqlite:///{path}", key_file=key_file, clock=Clock())
    before = rows(f"sqlite:///{path}")
    await copied(key_file, f"sqlite:///{path}", postgres_url)
    assert rows(postgres_url) == before
    await sound(postgres_url, key_file)
    await (await at(postgres_url, key_file)).aclose()


async def test_the_same_command_again_finds_it_done(tmp_path, key_file, file_url, postgres_url):
    await planned(ledger := await opened(tmp_path))
    await ledger.aclose()
    assert not (await copied(key_file, file_url, postgres_url)).already
    await goes_on(postgres_url, key_file)
    before = rows(postgres_url)
    again = await copied(key_file, file_url, postgres_url)
    assert (again.already, again.items) == (True, 1)
    assert rows(postgres_url) == before


async def test_where_it_went_is_known_even_when_the_old_file_is_gone(tmp_path, key_file, file_url, postgres_url):
    await planned(ledger := await opened(tmp_path))
    await ledger.aclose()
    kept = (key_file.parent / "heads").glob
    assert list(kept(".*.whole"))
    place = (await copied(key_file, file_url, postgres_url)).place
    assert not list(kept(".*.whole")), "an earlier release would take the old one for checked"
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(LedgerDamaged, match=f"lies at {place} now. Name that one") as refused:
        await opened(tmp_path)
    assert f"--ledger {place}" in str(refused.value)


async def test_a_ledger_that_was_left_is_copied_nowhere_else(tmp_path, key_file, file_url, postgres_url):
    await planned(ledger := await opened(tmp_path))
    await ledger.aclose()
    await copied(key_file, file_url, postgres_url)
    with pytest.raises(BillingError, match=r"was copied to postgresql:.*If that copy was cut off|older copy"):
        await copied(key_file, file_url, f"sqlite:///{tmp_path}/third.db")
    assert not (tmp_path / "third.db").exists()


async def test_a_ledger_that_was_left_is_not_copied_anew_when_the_new_one_is_lost(
    tmp_path, key_file, file_url, postgres_url
):
    """What the new one has charged the copy would not know of."""
    await planned(ledger := await opened(tmp_path), 2)
    await ledger.aclose()
    await copied(key_file, file_url, postgres_url)
    await goes_on(postgres_url, key_file)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("DROP SCHEMA billing CASCADE")
    with pytest.raises(LedgerDamaged, match="is not in it"):
        await copied(key_file, file_url, postgres_url)
    with pytest.raises(UsageError, match="may be charged from"):
        await opened(tmp_path)


async def test_only_an_empty_place_is_copied_to(tmp_path, key_file, file_url, postgres_url):
    await planned(ledger := await opened(tmp_path))
    await ledger.aclose()
    await (await at(postgres_url, key_file)).aclose()
    with pytest.raises(UsageError, match="holds a ledger already"):
        await copied(key_file, file_url, postgres_url)
    (tmp_path / "text").write_text("mine")
    with pytest.raises(UsageError, match="cannot be read as a ledger"):
        await copied(key_file, file_url, f"sqlite:///{tmp_path}/text")
    assert (tmp_path / "text").read_text() == "mine"
    with pytest.raises(UsageError, match="both what is copied and where to"):
        await copied(key_file, file_url, file_url)
    with pytest.raises(LedgerMissing):
        await copied(key_file, f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/new.db")
    (tmp_path / "empty.db").touch()
    await copied(key_file, file_url, f"sqlite:///{tmp_path}/empty.db")
    await goes_on(f"sqlite:///{tmp_path}/empty.db", key_file)


async def test_while_somebody_writes_either_nothing_is_copied(
    tmp_path, key_file, file_url, postgres_url, postgres_server_url
):
    runner = await opened(tmp_path, purpose="run coaching-2026-11")
    with pytest.raises(LedgerHeld, match="held by run coaching-2026-11"):
        await copied(key_file, file_url, postgres_url)
    await planned(runner)
    await runner.aclose()
    await copied(key_file, file_url, postgres_url)
    with fresh_database(postgres_server_url) as another:
        worker = await at(postgres_url, key_file, worker="w1", purpose="worker w1")
        with pytest.raises(LedgerHeld, match="held by worker w1"):
            await copied(key_file, postgres_url, another)
        await worker.aclose()
        with psycopg.connect(another) as conn:
            assert conn.execute("SELECT to_regnamespace('billing')").fetchone() == (None,)
        await copied(key_file, postgres_url, another)
        await goes_on(another, key_file)


async def test_a_damaged_ledger_is_not_copied_and_stays_as_it_is(tmp_path, key_file, file_url, postgres_url):
    await planned(ledger := await opened(tmp_path), 3)
    await ledger.aclose()
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as conn:
        conn.execute("DROP TRIGGER lines_update")
        conn.execute("UPDATE lines SET cells = '[]' WHERE position = 1")
    with pytest.raises(LedgerDamaged):
        await copied(key_file, file_url, postgres_url)
    with psycopg.connect(postgres_url) as conn:
        assert conn.execute("SELECT to_regnamespace('billing')").fetchone() == (None,)


async def test_what_the_other_database_cannot_hold_is_named_and_the_ledger_goes_on(
    tmp_path, key_file, file_url, postgres_url
):
    ledger = await opened(tmp_path)
    await ledger.plan_run(a_run(), [PlannedLine(2, ("INV-0001",), an_item(1, payer="cus_\0"))])
    await ledger.aclose()
    with pytest.raises(LedgerError, match="a row of items cannot be kept there"):
        await copied(key_file, file_url, postgres_url)
    with psycopg.connect(postgres_url) as conn:
        assert conn.execute("SELECT to_regnamespace('billing')").fetchone() == (None,)
    await goes_on(file_url, key_file)


KILLED = """
import asyncio, os, signal, sqlite3, sys, threading, time
sys.path[:0] = [{root!r}, {here!r}]
import psycopg
from pathlib import Path
from ledger_tools import Clock
from billing.edge.ledger.copying.copy import copy_ledger
from billing.edge.ledger.copying.places import found_at

source, target, key_file, when = sys.argv[1:]
held = []

def hold():
    "Let the last step wait for us: another program has what it writes to."
    if target.startswith("sqlite"):
        held.append(sqlite3.connect(target.removeprefix("sqlite:///") + ".copying", isolation_level=None,
                                    check_same_thread=False))
        held[0].execute("BEGIN IMMEDIATE")
    else:
        held.append(psycopg.connect(target))
        held[0].execute("LOCK TABLE billing.chains IN EXCLUSIVE MODE")
    threading.Thread(target=die_once_it_is_noted).start()

def die_once_it_is_noted():
    while found_at(source).moved is None:
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGKILL)

def tell(what, rows):
    if what == when:
        os.kill(os.getpid(), signal.SIGKILL)
    if when == "noted" and what == "checking the copy":
        hold()

asyncio.run(copy_ledger(source, target, key_file=Path(key_file), clock=Clock(), tell=tell))
"""


def killed(source: str, target: str, key_file: Path, when: str) -> None:
    """Copy in a process that is killed at a moment."""
    script = KILLED.format(root=str(ROOT), here=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, source, target, str(key_file), when]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("when", ["meta", "items", "lookups", "checking the copy", "noted"])
@pytest.mark.parametrize("way", ["to a server", "to a file"])
async def test_killed_at_any_moment_at_most_one_is_charged_from_and_the_same_command_finishes_it(
    tmp_path, key_file, file_url, postgres_url, when, way
):
    source, target = (file_url, postgres_url) if way == "to a server" else (postgres_url, file_url)
    await planned(ledger := await at(source, key_file), 4)
    await ledger.aclose()
    before = rows(source)
    await asyncio.to_thread(killed, source, target, key_file, when)
    with pytest.raises(BillingError, match=r"cut off|no ledger yet|lies at"):
        await at(target, key_file, write=False)
    if when == "noted":
        with pytest.raises(UsageError, match="was copied to"):
            await at(source, key_file)
    else:
        await goes_on(source, key_file)
        before = rows(source)
    done = await copied(key_file, source, target)
    assert not done.already
    assert rows(target) == before
    await sound(target, key_file)
    await goes_on(target, key_file)
    with pytest.raises(UsageError, match="was copied to"):
        await at(source, key_file)
    assert not list(tmp_path.glob("*.copying*"))
