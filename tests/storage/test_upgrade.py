"""A ledger of an earlier release is upgraded, says what it said before, and its run goes on and ends true.

(edge/ledger/README.md, "Versions")
"""

import asyncio
import csv
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from billing.core.errors import LedgerDamaged, LedgerError, LedgerHeld, LedgerMissing
from billing.core.exits import Exit
from billing.edge.ledger.custody.keyfile import heads_folder
from billing.edge.ledger.kind_rows import KNOWN, VERSION
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.ledger.sqlite.schema import DDL
from billing.edge.ledger.sqlite.tables import make_laws, make_tables
from billing.edge.ledger.sqlite.upgrade.upgrading import STEPS, upgrade_ledger
from tests.storage.earlier import AS_EARLIER, KEPT, dump, lay, upgrade_of, without_laws, without_upgrade
from tests.storage.releases import RELEASES, lived, looks, world_in
from tests.virtual import run_virtually


def now() -> datetime:
    return datetime(2026, 12, 1, 8, tzinfo=UTC)


def given(folder) -> dict:
    """Return what opening and upgrading the ledger of a folder is told."""
    return {"url": f"sqlite:///{folder}/ledger.db", "key_file": folder / "ledger.key", "clock": now}


def upgraded(folder):
    return asyncio.run(upgrade_ledger(**given(folder)))


async def _faults(folder) -> tuple[str, ...]:
    ledger = await open_ledger(**given(folder), inline=True)
    try:
        return ledger.verify().faults
    finally:
        await ledger.aclose()


def opened(folder) -> tuple[str, ...]:
    """Open the ledger of a folder to write; return the faults that a check finds."""
    return asyncio.run(_faults(folder))


EARLIER = pytest.mark.parametrize("version", sorted(STEPS))


def test_a_ledger_of_every_version_is_kept_and_can_be_upgraded():
    assert [f"v{version}" for version in (*sorted(STEPS), VERSION)] == list(KEPT)


def _rows(release):
    return list(csv.DictReader((RELEASES / release / "report.csv").read_text().splitlines()))


def _known_then(report, release):
    """The report of today without the columns that came later."""
    then = _rows(release)[0].keys()
    return [{name: cell for name, cell in row.items() if name in then} for row in csv.DictReader(report.splitlines())]


@pytest.mark.parametrize("release", KEPT)
def test_a_run_that_another_release_began_goes_on_and_ends_true(tmp_path, release):
    world = world_in(tmp_path)
    run_virtually(lived, world)
    path = lay(release, tmp_path)
    before = dump(path)
    found = upgraded(tmp_path)
    assert without_upgrade(dump(path)) == before
    assert (found.entries, found.head) == (len(dump(path)["entries"]), dump(path)["entries"][-1][-1].hex())
    shown = looks(tmp_path)
    assert _known_then(shown["report.csv"], release) == _rows(release)
    assert shown["accounts.txt"] == (RELEASES / release / "accounts.txt").read_text()
    run_virtually(world.charge_all)
    assert len(run_virtually(world.assert_true)) == found.items
    groups = run_virtually(world.groups)
    assert not {"pending", "unknown"} & set(groups), groups


@EARLIER
def test_an_upgraded_ledger_keeps_its_id_its_chain_its_witness_and_the_old_file(tmp_path, version):
    path = lay(f"v{version}", tmp_path)
    before = dump(path)
    for companion in tmp_path.glob("ledger.db-*"):
        companion.unlink()
    found = upgraded(tmp_path)
    files = {file.name for file in tmp_path.iterdir()}
    assert files == {"ledger.db", "ledger.db.lock", f"ledger.db.v{version}", "ledger.key", "heads"}
    assert {oct(file.stat().st_mode)[-3:] for file in (path, found.kept)} == {"600"}
    assert (found.before, found.after, found.changed) == (version, VERSION, True)
    assert upgrade_of(path) == {"from": version, "to": VERSION, "head_before": before["entries"][-1][-1].hex()}
    assert dump(found.kept) == before
    assert found.kept == tmp_path / f"ledger.db.v{version}"
    assert opened(tmp_path) == ()
    again = upgraded(tmp_path)
    assert (again.changed, again.entries, again.head) == (False, found.entries, found.head)


@EARLIER
@pytest.mark.parametrize("write", [True, False])
def test_a_ledger_of_an_earlier_version_is_refused_with_the_command_to_type(tmp_path, write, version):
    folder = tmp_path / "a folder"
    folder.mkdir()
    path = lay(f"v{version}", folder)
    with pytest.raises(LedgerError, match=f"its schema is version {version}") as refused:
        asyncio.run(open_ledger(**given(folder), write=write))
    assert f"billing ledger upgrade --ledger 'sqlite:///{path}'" in str(refused.value)
    assert refused.value.exit_code == Exit.STOPPED


EDITS = (
    "UPDATE items SET amount = amount + 1 WHERE id = 3",
    "UPDATE items SET state = 'failed' WHERE state = 'succeeded'",
    "UPDATE items SET state = 'returned' WHERE state = 'succeeded'",
    "UPDATE entries SET at = at + 1 WHERE seq = 40",
    "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)",
    "DELETE FROM lines WHERE position = 2",
    "DELETE FROM transitions WHERE event = 'prepared'",
    "UPDATE transitions SET to_state = 'succeeded' WHERE event = 'charge_lost'",
    "CREATE TABLE another (x)",
)
OF_ITS_OWN = {
    1: ("UPDATE items SET lane = 'cus_other' WHERE id = 3", "UPDATE runs SET book = 2"),
    2: (
        "UPDATE items SET payer = 'cus_other' WHERE id = 3",
        "UPDATE runs SET scope = 2",
        "UPDATE items SET due = 1 WHERE due IS NULL",
        "INSERT INTO transitions VALUES ('charge', 'succeeded', 'payment_returned', 'returned', 0, 'needs')",
        "INSERT INTO states VALUES ('charge', 'returned', 1, 1)",
    ),
}
# What else may have been done to a ledger of each version.
WITH_LAWS = {
    1: ("DROP TRIGGER items_failed", "PRAGMA user_version = 4"),
    2: ("DROP TRIGGER items_edge", f"PRAGMA user_version = {VERSION}"),
}


def tamper(path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn, without_laws(conn):
        conn.execute(sql)


@pytest.mark.parametrize(
    ("version", "sql"), [(version, sql) for version in OF_ITS_OWN for sql in (*EDITS, *OF_ITS_OWN[version])]
)
def test_a_ledger_that_is_not_sound_is_not_upgraded_and_left_as_it_is(tmp_path, version, sql):
    path = lay(f"v{version}", tmp_path)
    tamper(path, sql)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="left as it is"):
        upgraded(tmp_path)
    assert path.read_bytes() == before
    assert not (tmp_path / f"ledger.db.v{version}").exists()


@pytest.mark.parametrize(("version", "sql"), [(version, sql) for version, each in WITH_LAWS.items() for sql in each])
def test_a_ledger_without_a_law_or_that_lies_about_its_version_is_not_upgraded(tmp_path, version, sql):
    path = lay(f"v{version}", tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(sql)
    before = path.read_bytes()
    with pytest.raises(LedgerError):
        upgraded(tmp_path)
    assert path.read_bytes() == before
    assert not (tmp_path / f"ledger.db.v{version}").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entries SET at = at + 1 WHERE seq = 60",
        "UPDATE entries SET run = NULL WHERE seq = 60",
        "UPDATE entries SET attempt = attempt + 1 WHERE seq = 60",
        "UPDATE entries SET ver = ver + 100 WHERE seq = 60",
        "UPDATE entries SET chain = 1 WHERE seq = 60",
        "UPDATE entries SET mac = randomblob(32) WHERE seq = 60",
        "UPDATE entries SET name = 'run_started' WHERE name = 'ledger_upgraded'",
        "UPDATE entries SET facts = replace(facts, '\"to\":3', '\"to\":1') WHERE name = 'ledger_upgraded'",
        "UPDATE entries SET facts = replace(facts, '\"from\":1', '\"from\":2') WHERE name = 'ledger_upgraded'",
        "UPDATE items SET due = 1 WHERE due IS NULL",
        "UPDATE items SET payer = 'cus_other' WHERE id = 3",
    ],
)
def test_what_was_written_before_an_upgrade_is_guarded_after_it(tmp_path, sql):
    path = lay("v1", tmp_path)
    upgraded(tmp_path)
    assert opened(tmp_path) == ()
    tamper(path, sql)
    with pytest.raises(LedgerDamaged):
        opened(tmp_path)


def test_the_old_file_put_back_is_an_older_copy(tmp_path):
    path = lay("v1", tmp_path)
    kept = upgraded(tmp_path).kept
    path.unlink()
    kept.rename(path)
    with pytest.raises(LedgerDamaged, match="was cut, or is an older copy"):
        upgraded(tmp_path)


def test_a_file_that_has_the_name_of_the_old_one_is_not_written_over(tmp_path):
    path = lay("v1", tmp_path)
    kept = tmp_path / "ledger.db.v1"
    kept.write_text("precious")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="move it away"):
        upgraded(tmp_path)
    assert (path.read_bytes(), kept.read_text()) == (before, "precious")


def test_a_ledger_that_another_program_reads_is_left_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr("billing.edge.ledger.sqlite.upgrade.replacing.WAIT_SECONDS", 0.05)
    path = lay("v1", tmp_path)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("SELECT count(*) FROM entries").fetchone()
        with pytest.raises(LedgerHeld, match="another program has it open"):
            upgraded(tmp_path)
    upgraded(tmp_path)
    assert opened(tmp_path) == ()


def test_what_a_killed_runner_left_in_the_log_is_carried_over(tmp_path):
    path = lay("v1", tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA wal_autocheckpoint = 0")
        conn.execute("DELETE FROM lookups")  # a cache: whatever it lacks is asked for again
        log = shutil.copy(f"{path}-wal", tmp_path / "log")
        database = path.read_bytes()
    path.write_bytes(database)
    shutil.copy(log, f"{path}-wal")
    upgraded(tmp_path)
    assert dump(path)["lookups"] == []
    assert opened(tmp_path) == ()


@EARLIER
def test_a_ledger_without_any_run_is_upgraded_too(tmp_path, version):
    asyncio.run(_faults(tmp_path))
    AS_EARLIER[version](tmp_path / "ledger.db", tmp_path / "ledger.key")
    found = upgraded(tmp_path)
    assert (found.before, found.entries, found.items) == (version, 1, 0)
    assert opened(tmp_path) == ()


def test_a_witness_that_cannot_be_kept_is_told(tmp_path):
    lay("v1", tmp_path)
    heads = heads_folder(tmp_path / "ledger.key")
    shutil.rmtree(heads, ignore_errors=True)
    heads.touch()  # a file: nothing can be kept in it
    assert [told for told in upgraded(tmp_path).warnings if "cannot be kept" in told]


def test_there_is_nothing_to_upgrade_where_there_is_no_ledger(tmp_path):
    with pytest.raises(LedgerMissing):
        upgraded(tmp_path)
    assert list(tmp_path.iterdir()) == []


def without_kinds(folder) -> None:
    """Leave a ledger of this version, made by a program that knew no kind at all."""
    asyncio.run(_faults(folder))
    path = folder / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        meta = dict(conn.execute("SELECT name, value FROM meta"))
        for sql in reversed(DDL):
            if sql.startswith("CREATE TABLE"):
                conn.execute(f"DROP TABLE {sql.split()[2]}")
        make_tables(conn, meta, kinds=())
        make_laws(conn)


def test_a_kind_that_came_later_is_added_in_place_and_on_the_record(tmp_path):
    without_kinds(tmp_path)
    with pytest.raises(LedgerError, match=r"does not know .*charge.* yet. Type: billing ledger upgrade") as refused:
        opened(tmp_path)
    assert "keeps the old file" not in str(refused.value)
    found = upgraded(tmp_path)
    assert (found.kinds, found.kept, found.changed) == (tuple(sorted(KNOWN)), None, True)
    assert [entry[2] for entry in dump(tmp_path / "ledger.db")["entries"]] == ["kind_added"] * len(KNOWN)
    assert opened(tmp_path) == ()
    assert upgraded(tmp_path).changed is False


def test_a_ledger_that_lacks_a_kind_can_be_read(tmp_path):
    without_kinds(tmp_path)
    ledger = asyncio.run(open_ledger(**given(tmp_path), write=False, inline=True))
    assert (ledger.runs(), ledger.verify().faults) == ([], ())
    asyncio.run(ledger.aclose())
