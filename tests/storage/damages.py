"""Damage to a ledger's file: bits, pages, lengths, rows, older copies. Whatever changes data must be noticed."""

# ruff: noqa: S608 - an intruder builds statements as it likes
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.core.errors import LedgerError
from billing.core.kinds.charge import State
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.ledger.sqlite.schema import DDL
from billing.flow.planning.preflight import Preflight
from billing.sandbox.inprocess import InProcess
from tests.flow.world import World
from tests.virtual import run_virtually

PAGE = 4096
MOST_STEPS = 1_000_000
# Of SQLite's machine for one statement: pages in disorder can send a reader round in circles.
TABLES = ("meta", "kinds", "transitions", "states", "runs", "items", "lines", "entries", "lookups")
VALUES = ("NULL", "'forged'", "x'00'", "12345678")
MIX = {
    "succeeds": 0.4, "insufficient_funds": 0.2, "stolen_card": 0.1, "debit_succeeds": 0.2, "not_clonable": 0.1,
}  # fmt: skip
_PARTIAL = {
    "items_object": "object_id IS NOT NULL", "items_instrument": "instrument_id IS NOT NULL",
    "entries_item": "item IS NOT NULL", "items_due": "due IS NOT NULL", "lines_without": "reason <> ''",
}  # fmt: skip


def content(path: Path, *, immutable: bool = True) -> dict[str, Any]:
    """Return everything a reader can see of a database file, each table also through its indexes, or why it cannot."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro{'&immutable=1' * immutable}", uri=True)) as conn:
            conn.set_progress_handler(lambda: 1, MOST_STEPS)
            found: dict[str, Any] = {
                table: sorted(conn.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES
            }
            found["schema"] = conn.execute("SELECT name, sql FROM sqlite_schema ORDER BY 1").fetchall()
            found["numbers"] = [
                conn.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id")
            ]
            return found | _through_indexes(conn)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return {"unreadable": str(error)}


def _through_indexes(conn: sqlite3.Connection) -> dict[str, Any]:
    names = conn.execute("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    found = {}
    for name, table in names:
        columns = ", ".join(column for _, _, column in conn.execute(f"PRAGMA index_info({name})"))
        where = _PARTIAL.get(name, "1")
        sql = f"SELECT {columns} FROM {table} INDEXED BY {name} WHERE {where} ORDER BY {columns}"
        found[f"through {name}"] = conn.execute(sql).fetchall()
    return found


@dataclass(slots=True)
class Original:
    """A used ledger, as it was and as it is.

    Attributes:
        key, heads: its key file's text and its witness's folder.
        path: where it lies; the witness knows the place.
        closed: the database file after the run.
        killed: database and log as a kill late in the run leaves them.
        heads_when_killed: the witness then.
        copies: what a backup would have held at every moment of the run, the oldest first.
        now, then: what can be read in ``closed`` and in ``killed``.
        genuine: every look-up that was ever kept: a cache may lose one or hold an older one.
    """

    folder: Path
    key: str = ""
    heads: dict[str, bytes] = field(default_factory=dict)
    heads_when_killed: dict[str, bytes] = field(default_factory=dict)
    closed: bytes = b""
    killed: tuple[bytes, bytes] = (b"", b"")
    copies: list[bytes] = field(default_factory=list)
    now: dict[str, Any] = field(default_factory=dict)
    then: dict[str, Any] = field(default_factory=dict)
    genuine: set[tuple[Any, ...]] = field(default_factory=set)

    @property
    def path(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def log(self) -> Path:
        return self.folder / "ledger.db-wal"

    def lay(self, database: bytes, log: bytes = b"", heads: dict[str, bytes] | None = None) -> None:
        """Put files in place: ``database`` and ``log``, with the witness as it was after the run or as given."""
        for end in ("-wal", "-shm", "-journal"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        self.path.write_bytes(database)
        if log:
            self.log.write_bytes(log)
        kept = self.folder / "heads"
        for file in kept.iterdir():
            file.unlink()
        for name, text in (self.heads if heads is None else heads).items():
            (kept / name).write_bytes(text)
            (kept / name).chmod(0o600)


class _Copying:
    """A wire that takes a backup of the ledger whenever a request leaves."""

    def __init__(self, world: World, original: Original) -> None:
        self._wire, self._original = InProcess(world.sandbox), original

    async def send(self, request: Any) -> Any:
        path = self._original.path
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(":memory:")) as copy:
            source.backup(copy)
            self._original.copies.append(copy.serialize())
        return await self._wire.send(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


def made(folder: Path, items: int = 8) -> Original:
    """Return a ledger that planned, charged and settled ``items`` items, and all its past.

    Raises:
        AssertionError: the run did not leave what damage needs.
    """
    folder.mkdir(exist_ok=True)
    world, original = World.make(folder, seed=3, items=items, accounts=2, mix=MIX), Original(folder)
    run_virtually(_used, world, original)
    original.heads = _heads(folder)
    original.closed, original.key = original.path.read_bytes(), (folder / "ledger.key").read_text()
    original.now = content(original.path)
    past = [original.closed, *original.copies]
    for each in past:
        original.path.write_bytes(each)
        original.genuine |= set(content(original.path)["lookups"])
    original.lay(*original.killed)
    original.then = content(original.path, immutable=False)
    assert all(original.now[table] for table in TABLES)
    assert len(original.then["entries"]) > items * 3
    assert len(set(original.copies)) > items
    return original


async def _used(world: World, original: Original) -> None:
    async with world.services(wire=_Copying(world, original)) as services:
        await world.plan(services, Preflight.ALL)
        await world.run(services)
        original.killed = (original.path.read_bytes(), original.log.read_bytes())
        original.heads_when_killed = _heads(world.folder)
    world.sandbox.advance(10 * 24 * 3600)
    async with world.services(wire=_Copying(world, original)) as services:
        await world.settle(services)
        assert {item.state for item in world.items(services)} >= {State.SUCCEEDED, State.UNPAID, State.FAILED}


def _heads(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "heads").iterdir()}


@dataclass(frozen=True, slots=True)
class Damage:
    """One damage: ``do`` makes it; ``what`` a person would write about it."""

    kind: str
    what: str
    do: Callable[[Original], None]


def changed(original: Original, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether data differs; of look-ups, a cache, only what was never kept counts."""
    if "unreadable" in after or set(after["lookups"]) - original.genuine:
        return True
    return any(before[name] != after.get(name) for name in before if name != "lookups")


# --- by bytes


def _bit(dice: random.Random, original: Original) -> Damage:
    place, bit = dice.randrange(len(original.closed)), dice.randrange(8)
    return Damage("bit", f"bit {bit} of byte {place}", lambda it: it.lay(_flipped(it.closed, place, bit)))


def _flipped(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def _log_bit(dice: random.Random, original: Original) -> Damage:
    log = original.killed[1]
    place, bit = dice.randrange(len(log)), dice.randrange(8)

    def do(it: Original) -> None:
        it.lay(it.killed[0], _flipped(log, place, bit), it.heads_when_killed)

    return Damage("bit of the log", f"bit {bit} of byte {place} of the log", do)


def _page(dice: random.Random, original: Original) -> Damage:
    count = len(original.closed) // PAGE
    page, other = dice.sample(range(count), 2)
    older = dice.choice(original.copies)
    ways = {
        "zeroed": bytes(PAGE),
        "random": dice.randbytes(PAGE),
        "that of another place": original.closed[other * PAGE : (other + 1) * PAGE],
        "an older one": older[page * PAGE : (page + 1) * PAGE].ljust(PAGE, b"\0"),
    }
    way = dice.choice([*ways, "swapped"])
    new = {page: ways[way]} if way in ways else {page: _page_of(original, other), other: _page_of(original, page)}

    def do(it: Original) -> None:
        whole = bytearray(it.closed)
        for at, data in new.items():
            whole[at * PAGE : (at + 1) * PAGE] = data
        it.lay(bytes(whole))

    return Damage(f"page, {way}", f"pages {sorted(new)} {way}", do)


def _page_of(original: Original, page: int) -> bytes:
    return original.closed[page * PAGE : (page + 1) * PAGE]


def _truncated(dice: random.Random, original: Original) -> Damage:
    length = dice.randrange(len(original.closed))
    return Damage("truncation", f"cut to {length} bytes", lambda it: it.lay(it.closed[:length]))


def _log_truncated(dice: random.Random, original: Original) -> Damage:
    length = dice.randrange(len(original.killed[1]))

    def do(it: Original) -> None:
        it.lay(it.killed[0], it.killed[1][:length], it.heads_when_killed)

    return Damage("truncation of the log", f"log cut to {length} bytes", do)


# --- by SQL


def columns() -> list[tuple[str, str]]:
    """Return every column of every table."""
    with closing(sqlite3.connect(":memory:")) as conn:
        for sql in DDL:
            conn.execute(sql)
        return [(table, row[1]) for table in TABLES for row in conn.execute(f"PRAGMA table_info({table})")]


def tampered(original: Original, *statements: str) -> None:
    """Run statements on the closed ledger with every trigger out of the way, and put them back."""
    original.lay(original.closed)
    with closing(sqlite3.connect(original.path, isolation_level=None)) as conn:
        triggers = conn.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            conn.execute(f"DROP TRIGGER {name}")
        for sql in statements:
            conn.execute(sql)
        for _, sql in triggers:
            conn.execute(sql)


KEYS = {
    "meta": "name", "kinds": "kind", "transitions": "kind, from_state, event", "states": "kind, state",
    "runs": "id", "items": "id",
    "lines": "run, revision, position", "entries": "seq", "lookups": "kind, name",
}  # fmt: skip


def _row(table: str, offset: int) -> str:
    return f"({KEYS[table]}) = (SELECT {KEYS[table]} FROM {table} ORDER BY {KEYS[table]} LIMIT 1 OFFSET {offset})"


def _edit(table: str, column: str, value: str, offset: int) -> Damage:
    sql = f"UPDATE {table} SET {column} = {value} WHERE {_row(table, offset)}"
    return Damage("edit", sql, lambda it: tampered(it, sql))


def edits(original: Original, dice: random.Random) -> Iterator[Damage]:
    """Yield an edit of every column of every table, with every value, each in a row of its own choice."""
    for table, column in columns():
        for value in VALUES:
            yield _edit(table, column, value, dice.randrange(len(original.now[table])))


def _random_edit(dice: random.Random, original: Original) -> Damage:
    table, column = dice.choice(columns())
    offset, other = (dice.randrange(len(original.now[table])) for _ in range(2))
    taken = f"(SELECT {column} FROM {table} ORDER BY {KEYS[table]} LIMIT 1 OFFSET {other})"
    more = f"CASE typeof({column}) WHEN 'integer' THEN {column} + 1 ELSE {column} || ' ' END"
    return _edit(table, column, dice.choice([*VALUES, taken, more]), offset)


def _deletion(dice: random.Random, original: Original) -> Damage:
    table = dice.choice([name for name in TABLES if name != "lookups"])
    first = dice.randrange(len(original.now[table]))
    sql = [f"DELETE FROM {table} WHERE {_row(table, first)}"]
    if table == "entries" and dice.random() < 0.5:
        sql = [f"DELETE FROM entries WHERE seq > {first}"]
    return Damage("deletion", "; ".join(sql), lambda it: tampered(it, *sql))


def _swap(dice: random.Random, original: Original) -> Damage:
    table = dice.choice([name for name in TABLES if len(original.now[name]) > 1 and name != "runs"])
    columns_of = [column for name, column in columns() if name == table and column not in KEYS[table]]
    first, second = dice.sample(range(len(original.now[table])), 2)
    keys = KEYS[table]
    sql = [
        f"CREATE TEMP TABLE held AS SELECT * FROM {table}",
        *(
            f"UPDATE {table} SET ({', '.join(columns_of)}) = (SELECT {', '.join(columns_of)} FROM held "
            f"ORDER BY {keys} LIMIT 1 OFFSET {source}) WHERE ({keys}) = "
            f"(SELECT {keys} FROM held ORDER BY {keys} LIMIT 1 OFFSET {target})"
            for source, target in ((first, second), (second, first))
        ),
    ]
    if table == "items":  # their numbers are unique: both rows are swapped but for these
        columns_of[:] = [name for name in columns_of if name not in ("reference", "object_id", "instrument_id")]
        sql[1:] = [
            f"UPDATE items SET ({', '.join(columns_of)}) = (SELECT {', '.join(columns_of)} FROM held "
            f"ORDER BY id LIMIT 1 OFFSET {source}) WHERE id = (SELECT id FROM held ORDER BY id LIMIT 1 OFFSET {target})"
            for source, target in ((first, second), (second, first))
        ]
    return Damage("swap", f"{table} {first} and {second}", lambda it: tampered(it, *sql))


def rollbacks(original: Original) -> Iterator[Damage]:
    """Yield a roll-back to each older copy."""
    for number, copy in enumerate(dict.fromkeys(original.copies)):
        yield Damage("roll-back", f"copy {number}", lambda it, copy=copy: it.lay(copy))


KINDS: tuple[tuple[int, Callable[[random.Random, Original], Damage]], ...] = (
    (5, _bit), (4, _log_bit), (4, _page), (2, _truncated), (2, _log_truncated), (3, _random_edit), (2, _deletion),
    (2, _swap),
)  # fmt: skip
# How often each is drawn, of 24.


def any_damage(dice: random.Random, original: Original) -> Damage:
    """Return a damage of any kind."""
    (make,) = dice.choices([make for _, make in KINDS], [weight for weight, _ in KINDS])
    return make(dice, original)


# --- the verdict


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one damage: whether it was made at all and changed data, and who overlooked it ("" for nobody)."""

    damage: Damage
    counted: bool
    overlooked: str = ""


async def judged(original: Original, damage: Damage) -> Verdict:
    """Do ``damage`` and ask `verify` and the next run's opening."""
    try:
        damage.do(original)
    except sqlite3.IntegrityError:
        return Verdict(damage, counted=False)  # the database itself refused it
    of_log = "log" in damage.kind
    before = original.then if of_log else original.now
    files = {file: file.read_bytes() for file in original.folder.glob("ledger.db*")}
    after = content(original.path, immutable=not of_log)
    if not changed(original, before, after):
        return Verdict(damage, counted=False)
    heads = original.heads_when_killed if of_log else original.heads
    overlooked = []
    for name, look in (("verify", _verified), ("the next run", _opened)):
        log = next((data for file, data in files.items() if file.name.endswith("-wal")), b"")
        original.lay(files[original.path], log, heads)
        if not await look(original):
            overlooked.append(name)
    return Verdict(damage, counted=True, overlooked=" and ".join(overlooked))


def _clock() -> datetime:
    return datetime(2026, 12, 1, tzinfo=UTC)


async def _verified(original: Original) -> bool:
    try:
        url = f"sqlite:///{original.path}"
        ledger = await open_ledger(url, key_file=original.folder / "ledger.key", clock=_clock, write=False, inline=True)
    except LedgerError:
        return True
    try:
        return bool(ledger.verify().faults)
    finally:
        await ledger.aclose()


async def _opened(original: Original) -> bool:
    try:
        url = f"sqlite:///{original.path}"
        ledger = await open_ledger(url, key_file=original.folder / "ledger.key", clock=_clock, inline=True)
    except LedgerError:
        return True
    await ledger.aclose()
    return False
