"""Real ledgers in real files, and the runs, items and moves the tests put into them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from billing.core.entries import ItemRecord, Move
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.records import NewItem, PlannedLine, RunRecord
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
