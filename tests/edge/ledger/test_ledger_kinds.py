"""A kind that is added later changes no table and no law: its rows are taken before its first run, never after."""

import sqlite3
from contextlib import closing

import pytest
from ledger_tools import a_run, lines, opened, planned, raw, unguarded

from billing.core.errors import LedgerDamaged, LedgerError
from billing.core.kinds import LIVES
from billing.core.kinds.charge import Event, State
from billing.edge.ledger.custody.checksum import FileChecksum
from billing.edge.ledger.custody.keyfile import heads_folder
from billing.edge.ledger.kind_rows import KNOWN
from billing.edge.ledger.sqlite.schema import LAWS
from billing.edge.ledger.sqlite.tables import create, kinds_found

LATER = {
    "kinds": [("levitation", "always")],
    "transitions": [("levitation", "planned", "item_skipped", "skipped", 0, "forbids")],
    "states": [("levitation", "planned", 0, 0), ("levitation", "skipped", 1, 1)],
}
A_RUN = (
    "INSERT INTO runs SELECT max(id) + 1, ?, ?, platform, name, ?, mode, ?, header, file_sha256, plan_digest, 1, "
    "status, planned_at, started_at, finished_at FROM runs"
)


def given(conn: sqlite3.Connection, rows: dict[str, list[tuple[object, ...]]]) -> None:
    """Write rows of a kind by hand."""
    for table, each in rows.items():
        conn.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(each[0]))})", each)  # noqa: S608


def test_no_law_names_a_state_or_an_event_of_a_kind():
    names = ({*State, *Event} | {str(life.kind) for life in LIVES.values()}) - {State.PLANNED}  # planned: every life's
    assert [law.name for law in LAWS for name in names if f"'{name}'" in law.sql] == []


async def test_a_kind_is_taken_until_there_is_a_run_of_it(tmp_path):
    ledger = await opened(tmp_path)
    await planned(ledger)
    await ledger.aclose()
    with raw(tmp_path) as conn:
        given(conn, LATER)
        conn.execute(A_RUN, ("first-2026-11", 2, "2026-11", "levitation"))
        with pytest.raises(sqlite3.IntegrityError, match="before the first run"):
            given(conn, {"states": [("levitation", "floating", 0, 0)]})
        with pytest.raises(sqlite3.IntegrityError, match="of a kind that the ledger knows"):
            conn.execute(A_RUN, ("other-2026-11", 3, "2026-11", "telepathy"))


async def test_the_scope_of_a_kind_is_its_period_or_always_the_same(tmp_path):
    ledger = await opened(tmp_path)
    await ledger.plan_run(a_run(), lines(0))
    await ledger.plan_run(a_run("coaching-2026-12", "2026-12"), lines(0, period="2026-12"))
    await ledger.plan_run(a_run("again-2026-11"), lines(1))
    await ledger.aclose()
    with raw(tmp_path) as conn:
        assert conn.execute("SELECT scope FROM runs ORDER BY id").fetchall() == [(1,), (2,), (1,)]
        given(conn, LATER)
        conn.execute(A_RUN, ("first-2026-11", 4, "2026-11", "levitation"))
        with pytest.raises(sqlite3.IntegrityError, match="one scope per"):
            conn.execute(A_RUN, ("second-2026-12", 5, "2026-12", "levitation"))
        conn.execute(A_RUN, ("second-2026-12", 4, "2026-12", "levitation"))


@pytest.mark.parametrize("write", [True, False])
async def test_a_ledger_of_a_release_that_knows_more_kinds_is_refused_by_name(tmp_path, write):
    await (await opened(tmp_path)).aclose()
    with raw(tmp_path) as conn:
        given(conn, LATER)
    with pytest.raises(LedgerError, match="newer release, which knows levitation; install"):
        await opened(tmp_path, write=write)


async def test_a_kind_that_is_not_as_this_program_knows_it_is_damage_and_not_one_to_add(tmp_path):
    ledger = await opened(tmp_path)
    await planned(ledger)
    await ledger.aclose()
    with raw(tmp_path) as conn:
        laws = unguarded(conn)
        for table in KNOWN["charge"]:
            conn.execute(f"DELETE FROM {table} WHERE kind = 'charge'")  # noqa: S608 - a constant
        for sql in laws:
            conn.execute(sql)
    with pytest.raises(LedgerDamaged, match="charge has not the table of states of this program"):
        await opened(tmp_path)


def test_a_ledger_without_the_rows_of_a_kind_lacks_that_kind_and_is_not_changed():
    with closing(sqlite3.connect(":memory:")) as conn:
        create(conn, {"ledger": "x"}, kinds=())
        assert kinds_found(conn) == kinds_found(conn).__class__(tuple(sorted(KNOWN)), (), ())


async def test_a_kind_that_is_otherwise_is_noticed_in_a_ledger_that_nobody_has_touched_since_it_was_closed(tmp_path):
    """As after a release whose table of states differs, under the same version."""
    await (await opened(tmp_path)).aclose()
    with raw(tmp_path) as conn:
        laws = unguarded(conn)
        conn.execute("UPDATE states SET reopens = 1 WHERE state = 'succeeded'")
        for sql in laws:
            conn.execute(sql)
    key = tmp_path / "keys" / "ledger.key"
    whole = FileChecksum(heads_folder(key), bytes.fromhex(key.read_text()), tmp_path / "ledger.db")
    whole.keep()
    assert whole.untouched()
    with pytest.raises(LedgerDamaged, match="has not the table of states of this program"):
        await opened(tmp_path)
