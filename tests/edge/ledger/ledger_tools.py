"""Real ledgers in real files, and the runs, items and moves the tests put into them."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from billing.core.entries import ItemRecord, Move
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.records import NewItem, PlannedLine, RunRecord
from billing.edge.ledger import opening
from billing.edge.ledger.database import DatabaseLedger
from billing.edge.ledger.sqlite.ledger import SqliteLedger
from billing.edge.ledger.sqlite.opening import open_ledger

FORGE = "UPDATE items SET state = ?, last_event = ?, ver = ver + 1, object_id = ?, attempt = attempt + ? WHERE id = ?"
# An event written past the program: state, event, object, how many attempts more, and of which item.
PLATFORM, PERIOD, RUN = "acct_P", "2026-11", "coaching-2026-11"


class Clock:
    """Provider time that moves one millisecond with every look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


async def opened(folder: Path, **options: Any) -> SqliteLedger:
    """Open the ledger of a folder, its key beside it."""
    options = {"key_file": folder / "keys" / "ledger.key", "clock": Clock(), "purpose": "a test"} | options
    return await open_ledger(f"sqlite:///{folder}/ledger.db", **options)


BOTH = pytest.mark.parametrize("place", ["sqlite", "postgres"], indirect=True)
# Of tests that hold of a ledger wherever it is.
REFUSED = (sqlite3.IntegrityError, psycopg.Error)
# How each database says that a law forbids a statement.


@dataclass(frozen=True, slots=True)
class Place:
    """Where the ledger of a test is, in a file or in a database of PostgreSQL; its key is in the folder."""

    url: str
    folder: Path

    @property
    def postgres(self) -> bool:
        """Whether it is in PostgreSQL."""
        return self.url.startswith("postgresql:")

    async def open(self, **options: Any) -> DatabaseLedger:
        """Open it."""
        options = {"key_file": self.folder / "keys" / "ledger.key", "clock": Clock(), "purpose": "a test"} | options
        return await opening.open_ledger(self.url, **options)

    async def open_beside(self, number: int) -> DatabaseLedger:
        """Open it beside others that write, as the worker of a number; a file has none, only a lock to leave alone."""
        return await self.open(**({"worker": f"w-{number}"} if self.postgres else {"lock": False}))

    @contextmanager
    def by_hand(self) -> Iterator["Hand"]:
        """Open it as any other program would."""
        if self.postgres:
            with psycopg.connect(self.url, autocommit=True, options="-c search_path=billing") as conn:
                yield Hand(conn)
        else:
            with raw(self.folder) as file:
                yield Hand(file)


class Hand:
    """A connection of another program; its statements are written as for the file."""

    def __init__(self, conn: "sqlite3.Connection | psycopg.Connection") -> None:
        self._conn = conn

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Run a statement."""
        if isinstance(self._conn, sqlite3.Connection):
            return self._conn.execute(sql, values)
        return self._conn.execute(sql.replace("?", "%s"), values or None)

    def taken(self, forged: Sequence[tuple[object, ...]]) -> list[bool]:
        """Tell of each forged event whether the laws take it; nothing of it is kept."""
        if isinstance(self._conn, sqlite3.Connection):
            return [taken(self._conn, *each) for each in forged]
        self._conn.execute(_TAKEN)
        columns = [list(map(str, column)) for column in zip(*forged, strict=True)]
        columns[2] = [each[2] for each in forged]
        rows = "unnest(%s::text[], %s::text[], %s::text[], %s::integer[], %s::bigint[]) WITH ORDINALITY"
        asked = f"SELECT pg_temp.taken(a, b, c, d, e) FROM {rows} AS t (a, b, c, d, e, n) ORDER BY n"  # noqa: S608
        return [told for (told,) in self._conn.execute(asked, columns)]

    @contextmanager
    def lawless(self) -> Iterator[None]:
        """Suspend every law, as an intruder would, and bring them back."""
        if isinstance(self._conn, sqlite3.Connection):
            back = unguarded(self._conn)
        else:
            self._conn.execute("SET session_replication_role = replica")
            back = ["SET session_replication_role = DEFAULT"]
        yield
        for sql in back:
            self._conn.execute(sql)


_TAKEN = """CREATE OR REPLACE FUNCTION pg_temp.taken(text, text, text, integer, bigint) RETURNS boolean
    LANGUAGE plpgsql AS $$ BEGIN
        UPDATE items SET state = $1, last_event = $2, ver = ver + 1, object_id = $3, attempt = attempt + $4
            WHERE id = $5;
        RAISE SQLSTATE 'TAKEN';
    EXCEPTION WHEN SQLSTATE 'TAKEN' THEN RETURN true; WHEN SQLSTATE 'BL001' OR unique_violation THEN RETURN false;
    END $$"""


def a_run(run_id: str = RUN, period: str = PERIOD, revision: int = 1, **changes: Any) -> RunRecord:
    header = {"columns": ["reference", "amount"], "timezone": "Europe/Berlin"}
    values: dict[str, Any] = {"file_sha256": "f" * 64, "plan_digest": "d" * 64, "revision": revision} | changes
    return RunRecord(run_id, PLATFORM, "coaching", period, Mode.TEST, Kind.CHARGE, header, **values)


def an_item(n: int, period: str = PERIOD, generation: int = 0, **changes: Any) -> NewItem:
    reference = f"INV-{n:04d}"
    values: dict[str, Any] = {
        "item_id": item_id(Mode.TEST, PLATFORM, period, reference, generation, Kind.CHARGE),
        "kind": Kind.CHARGE,
        "reference": reference,
        "generation": generation,
        "account": f"acct_{n % 3}",
        "payer": f"cus_{n}",
        "amount": 1000 + n,
        "currency": "usd",
        "digest": f"{n:064x}",
        "content": {"customer": f"cus_{n}", "description": "11月分"},
    }
    return NewItem(**(values | changes))


def lines(*numbers: int, period: str = PERIOD, generation: int = 0) -> list[PlannedLine]:
    return [PlannedLine(n + 2, (f"INV-{n:04d}", "10.00"), an_item(n, period, generation)) for n in numbers]


async def planned(ledger: SqliteLedger, count: int = 1) -> list[ItemRecord]:
    """Plan one run of ``count`` items and return them."""
    await ledger.plan_run(a_run(), lines(*range(count)))
    return [ledger.item(row) for row in range(1, count + 1)]


def move_for(item: ItemRecord, event: Event) -> Move:
    """Return a move with this event that carries what the item needs to take it."""
    if event is Event.PREPARE_STARTED:
        return Move(event, attempt=item.attempt + 1, facts={"open": 0})
    if event in (Event.PREPARED, Event.CLONE_REFUSED):
        clone = f"pm_{item.id}_{item.attempt}" if event is Event.PREPARED else None
        return Move(event, object_id=item.object_id or f"pi_{item.id}", instrument_id=clone)
    if event in (Event.CHARGE_SUCCEEDED, Event.CHARGE_UNSETTLED, Event.INTENT_CANCELLED):
        return Move(event, object_id=item.object_id or f"pi_{item.id}", facts={"group": "declined", "seen": True})
    return Move(event, facts={"reason_code": str(event)})


def paths() -> dict[State, list[Event]]:
    """Return a shortest way from planned to every state."""
    found: dict[State, list[Event]] = {State.PLANNED: []}
    frontier = [State.PLANNED]
    while frontier:
        state = frontier.pop(0)
        for (at, event), edge in CHARGE_LIFE.edges.items():
            # A first attempt holds no intent yet; ways through a sighting of one would hide the ordinary way.
            if at is state and edge.to not in found and not (state is State.PREPARING and edge.sighting):
                found[edge.to] = [*found[state], event]
                frontier.append(edge.to)
    return found


async def brought(ledger: SqliteLedger, item: ItemRecord, state: State) -> ItemRecord:
    """Bring a planned item to ``state`` on a shortest way."""
    for event in paths()[state]:
        item = await ledger.record(item, move_for(item, event))
    return item


@contextmanager
def raw(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as any other program would."""
    conn = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    try:
        yield conn
    finally:
        conn.close()


def unguarded(conn: sqlite3.Connection) -> list[str]:
    """Drop every trigger, as an intruder would, and return the statements that bring them back."""
    found = conn.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in found:
        conn.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in found]


def taken(conn: sqlite3.Connection, *forged: object) -> bool:
    """Tell whether the laws take a forged event; nothing of it is kept."""
    conn.execute("BEGIN")
    try:
        conn.execute(FORGE, forged)
    except sqlite3.IntegrityError:
        return False
    finally:
        conn.execute("ROLLBACK")
    return True
