"""A change to the ledger made by anything else is noticed before anything is written to it."""

# ruff: noqa: S608 - an intruder builds statements as it likes
import asyncio
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger_tools import RUN, a_run, brought, lines, opened, planned, raw, unguarded

from billing.core.entries import Note
from billing.core.errors import LedgerDamaged, LedgerError
from billing.core.kinds.charge import State
from billing.core.records import PlannedLine, RunStatus
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.sqlite.schema import DDL
from tests.storage.damages import TABLES, content

EDITS = ("NULL", "'forged'", "x'00'", "12345678")


async def used(folder: Path) -> None:
    """Leave a closed ledger that has something in every table and column, in every state."""
    ledger = await opened(folder)
    items = dict(zip(State, await planned(ledger, len(State)), strict=True))
    for state, item in items.items():
        await brought(ledger, item, state)
    await ledger.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING)
    await ledger.plan_run(
        a_run(revision=2), [*lines(500), PlannedLine(9, ("x",), item=1, reason="already_paid", detail="paid in March")]
    )
    await ledger.note_run(RUN, Note.RUN_FINISHED, RunStatus.FINISHED, {"exit_code": 4})
    await ledger.keep_lookups("account", {"acct_0": {"charges_enabled": True}, "acct_1": {"charges_enabled": False}})
    await ledger.aclose()


async def refused(folder: Path) -> str:
    """Return why the ledger may not be written to any more."""
    with pytest.raises(LedgerError) as error:
        await opened(folder, inline=True)
    return str(error.value)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    asyncio.run(used(folder))
    return folder


@pytest.fixture
def sound(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path, dirs_exist_ok=True))


@pytest.fixture
async def seen(sound):
    """The witness remembers where the copy lies."""
    await (await opened(sound)).aclose()
    return sound


@pytest.fixture
def restore(sound):
    kept = (sound / "ledger.db").read_bytes()

    def back() -> None:
        for name in ("ledger.db-wal", "ledger.db-shm"):
            (sound / name).unlink(missing_ok=True)
        (sound / "ledger.db").write_bytes(kept)

    return back


# A row of each table is named by its key; both ends of that order are edited and deleted.
KEYS = {
    "meta": "name",
    "kinds": "kind",
    "transitions": "kind, from_state, event",
    "states": "kind, state",
    "runs": "id",
    "items": "id",
    "lines": "revision, position",
    "entries": "seq",
    "lookups": "name",
}


def columns() -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as conn:
        for sql in DDL:
            conn.execute(sql)
        return [(table, row[1]) for table in TABLES for row in conn.execute(f"PRAGMA table_info({table})")]


def tampered(folder: Path, sql: str) -> None:
    """Run a statement with every trigger out of its way, and put them back."""
    with raw(folder) as conn:
        triggers = unguarded(conn)
        conn.execute(sql)
        for trigger in triggers:
            conn.execute(trigger)


def one_row(table: str, offset: int) -> str:
    keys = KEYS[table]
    return f"({keys}) = (SELECT {keys} FROM {table} ORDER BY {keys} LIMIT 1 OFFSET {offset})"


def count(folder: Path, table: str) -> int:
    with raw(folder) as conn:
        return conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.mark.parametrize(("table", "column"), columns())
async def test_an_edit_of_any_column_of_any_table_is_noticed(sound, restore, table, column):
    edited, before = 0, content(sound / "ledger.db")
    last = count(sound, table) - 1
    for value, offset in zip(EDITS, (0, last, last, 0), strict=True):
        restore()
        try:
            tampered(sound, f"UPDATE {table} SET {column} = {value} WHERE {one_row(table, offset)}")
        except sqlite3.IntegrityError:
            continue
        if content(sound / "ledger.db") != before:
            edited += 1
            await refused(sound)
    assert edited


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"lookups"}))
async def test_a_row_deleted_anywhere_is_noticed(sound, restore, table):
    """Except a look-up: that is a cache, and a missing answer is asked for again."""
    rows = count(sound, table)
    for offset in random.Random(7).sample(range(rows), min(rows, 12)):
        restore()
        tampered(sound, f"DELETE FROM {table} WHERE {one_row(table, offset)}")
        assert "Nothing is sent" in await refused(sound)


AGAIN = "INSERT INTO entries SELECT max(seq) + 1, at, name, run, item, ver, chain, attempt, facts, mac FROM entries"


@pytest.mark.parametrize(
    "sql",
    [
        AGAIN,
        "INSERT INTO entries SELECT max(seq) + 1, at, 'charge_succeeded', 1, 8, 99, 0, 1, '{}', randomblob(32) "
        "FROM entries",
        "INSERT INTO items SELECT max(id) + 1, run, scope, 'forged', 0, account, payer, amount, currency, digest, "
        "content, state, attempt, ver, last_event, 'pi_forged', NULL, facts, due FROM items",
        "INSERT INTO lines SELECT run, revision, 77, line, cells, item, reason, detail FROM lines WHERE position = 1 "
        "AND revision = 2",
        "INSERT INTO lines SELECT run, 3, position, line, cells, item, reason, detail FROM lines WHERE revision = 2",
        "INSERT INTO runs SELECT 2, 'forged', scope, platform, name, period, mode, kind, header, file_sha256, "
        "plan_digest, revision, status, planned_at, started_at, finished_at FROM runs",
        "INSERT INTO lookups SELECT kind, 'acct_forged', at, facts, mac FROM lookups LIMIT 1",
        "INSERT INTO transitions VALUES ('charge', 'failed', 'prepared', 'ready', 0, 'any')",
        "INSERT INTO meta VALUES ('forged', '1')",
        "DROP TRIGGER items_edge",
        "CREATE TRIGGER forged AFTER INSERT ON items BEGIN SELECT 1; END",
        "DROP INDEX items_object",
        "CREATE TABLE forged (x)",
        "UPDATE items SET state = 'succeeded' WHERE state = 'failed'",
        "UPDATE items SET amount = 1",
        "UPDATE lines SET cells = '[]'",
        "UPDATE items SET facts = '{}' WHERE facts IS NULL",
    ],
)
async def test_a_forged_row_or_law_is_noticed(sound, sql):
    if sql.startswith(("DROP", "CREATE")):
        with raw(sound) as conn:
            conn.execute(sql)
    else:
        tampered(sound, sql)
    assert "Nothing is sent" in await refused(sound)


async def test_a_rewritten_end_of_the_chain_is_noticed_without_the_key(sound):
    """All entries of the last item are taken out, its projection too, so that rows and numbers still fit."""
    with raw(sound) as conn:
        triggers = unguarded(conn)
        (last,) = conn.execute("SELECT max(seq) FROM entries").fetchone()
        conn.execute("DELETE FROM entries WHERE seq > ?", (last - 1,))
        conn.execute("UPDATE runs SET status = 'planned', finished_at = ''")
        for trigger in triggers:
            conn.execute(trigger)
    assert f"entry {last}, last seen by" in await refused(sound)


async def test_an_older_copy_is_refused_until_its_witness_is_deleted(tmp_path):
    ledger = await opened(tmp_path)
    items = await planned(ledger, 2)
    await brought(ledger, items[0], State.SUCCEEDED)
    await ledger.aclose()
    shutil.copy(tmp_path / "ledger.db", tmp_path / "backup.db")
    ledger = await opened(tmp_path)
    await brought(ledger, items[1], State.SUCCEEDED)
    await ledger.aclose()
    shutil.copy(tmp_path / "backup.db", tmp_path / "ledger.db")
    message = await refused(tmp_path)
    assert "billing ledger rebuild" in message
    reader = await opened(tmp_path, write=False)
    assert reader.item(2).state is State.PLANNED
    assert any("older copy" in fault for fault in reader.verify().faults)
    await reader.aclose()
    (witness,) = (tmp_path / "keys" / "heads").glob("[!.]*")
    assert str(witness) in message
    witness.unlink()
    await (await opened(tmp_path)).aclose()


async def test_flipped_bits_that_change_anything_are_noticed(sound, restore):
    path = sound / "ledger.db"
    whole, dice, noticed = path.read_bytes(), random.Random(11), 0
    before = content(path)
    for _ in range(200):
        restore()
        changed = bytearray(whole)
        changed[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        if content(path) != before:
            await refused(sound)
            noticed += 1
    assert noticed > 30


async def test_a_truncated_file_is_noticed(seen, restore):
    path = seen / "ledger.db"
    size, dice = path.stat().st_size, random.Random(13)
    # Not by one byte: SQLite reads what is missing of a page as zeros, and one in 256 ledgers ends in a zero.
    for length in [0, 1, 99, 100, 4096, size - 4096, size - 32, *(dice.randrange(size) for _ in range(15))]:
        restore()
        with path.open("r+b") as file:
            file.truncate(length)
        assert str(path) in await refused(seen)


def forget(trace: str) -> None:
    Path(trace).unlink()


async def test_a_ledger_that_has_gone_is_missed_and_a_new_one_remembers_that_another_was_there(seen):
    (seen / "ledger.db").unlink()
    assert "was here and is gone" in await refused(seen)
    assert not (seen / "ledger.db").exists()
    ledger = await opened(seen, making=Making.ANEW)
    assert any("was here and is gone" in warning for warning in ledger.warnings)
    await planned(ledger)
    await ledger.aclose()
    ledger = await opened(seen)
    (warning,) = [warning for warning in ledger.warnings if "was here before this one" in warning]
    assert "billing ledger rebuild" in warning
    await ledger.aclose()
    forget(warning.partition("Then delete ")[2])
    ledger = await opened(seen)
    assert ledger.warnings == ()
    await ledger.aclose()


async def test_an_edit_while_the_ledger_is_open_stops_the_next_write(sound):
    ledger = await opened(sound)
    with raw(sound) as conn:
        unguarded(conn)
        conn.execute(AGAIN)
    with pytest.raises(LedgerError, match="the chain breaks at entry"):
        await ledger.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING)
    await ledger.aclose()


async def test_a_forged_look_up_is_not_believed(sound):
    ledger = await opened(sound)
    with raw(sound) as conn:
        conn.execute("UPDATE lookups SET facts = '{\"charges_enabled\":true}'")
    with pytest.raises(LedgerDamaged, match="look"):
        ledger.lookups("account", ["acct_1"], "2026-01-01T00:00:00Z")
    with pytest.raises(LedgerDamaged, match="look"):
        list(ledger.kept("account"))
    await ledger.aclose()


async def test_a_damaged_ledger_says_where_and_can_still_be_read(sound):
    tampered(sound, "UPDATE items SET state = 'succeeded' WHERE reference = 'INV-0010'")
    assert "item 11 (INV-0010): is succeeded, its entries say returned" in await refused(sound)
    reader = await opened(sound, write=False)
    assert reader.run(RUN) is not None
    await reader.aclose()


async def test_a_column_name_that_is_no_text_any_more_is_damage_and_not_a_crash(sound):
    whole = (sound / "ledger.db").read_bytes()
    place = whole.index(b"CREATE TABLE meta (name") + len(b"CREATE TABLE meta (")
    (sound / "ledger.db").write_bytes(whole[:place] + b"\xee" + whole[place + 1 :])
    assert "malformed" in await refused(sound)
    with pytest.raises(LedgerDamaged, match="malformed"):
        await opened(sound, write=False)


async def test_pages_in_a_circle_end_the_check_and_are_noticed(sound):
    """Every page in turn is put in the place of every other: readers of such trees may walk for ever."""
    path, noticed = sound / "ledger.db", 0
    whole, before = path.read_bytes(), content(path)
    pages = [whole[at : at + 4096] for at in range(0, len(whole), 4096)]
    for place in range(1, len(pages), 3):
        for other in range(2, len(pages), 3):
            path.write_bytes(b"".join([*pages[:place], pages[other], *pages[place + 1 :]]))
            if content(path) != before:
                await refused(sound)
                noticed += 1
    assert noticed > 20
