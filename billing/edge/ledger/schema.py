"""The tables of an embedded ledger, and the laws its triggers hold every writer to, this program or another."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from billing.core.kinds import LIVES

VERSION = 1
# Grows with every change to a table, a trigger or the table of states. Forward only: an older program refuses a newer
# ledger, because it would not keep the newer laws.

APPLICATION = 0x62696C31
# "bil1" in the file's header, so that another program's database is never taken for a ledger.

DDL: tuple[str, ...] = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE transitions (
        kind TEXT NOT NULL, from_state TEXT NOT NULL, event TEXT NOT NULL, to_state TEXT NOT NULL,
        PRIMARY KEY (kind, from_state, event)) WITHOUT ROWID""",
    # `book` is the first run of the same platform, mode and period: what an obligation is unique in.
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, book INTEGER NOT NULL REFERENCES runs (id),
        platform TEXT NOT NULL, name TEXT NOT NULL, period TEXT NOT NULL, mode TEXT NOT NULL, kind TEXT NOT NULL,
        header TEXT NOT NULL, file_sha256 TEXT NOT NULL, plan_digest TEXT NOT NULL, revision INTEGER NOT NULL,
        status TEXT NOT NULL, planned_at TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL)""",
    # The item id is not kept: it is a hash of the run's mode, platform and period with reference and generation.
    """CREATE TABLE items (
        id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), book INTEGER NOT NULL,
        reference TEXT NOT NULL, generation INTEGER NOT NULL, account TEXT NOT NULL, lane TEXT NOT NULL,
        amount INTEGER NOT NULL, currency TEXT NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'planned', attempt INTEGER NOT NULL DEFAULT 0, ver INTEGER NOT NULL DEFAULT 0,
        last_event TEXT, object_id TEXT, instrument_id TEXT, facts TEXT,
        UNIQUE (book, reference, generation))""",
    "CREATE INDEX items_work ON items (run, state, account)",
    "CREATE UNIQUE INDEX items_object ON items (object_id) WHERE object_id IS NOT NULL",
    "CREATE UNIQUE INDEX items_instrument ON items (instrument_id) WHERE instrument_id IS NOT NULL",
    """CREATE TABLE lines (
        run INTEGER NOT NULL REFERENCES runs (id), revision INTEGER NOT NULL, position INTEGER NOT NULL,
        line INTEGER NOT NULL, cells TEXT NOT NULL, item INTEGER REFERENCES items (id), reason TEXT NOT NULL,
        detail TEXT NOT NULL, PRIMARY KEY (run, revision, position)) WITHOUT ROWID""",
    "CREATE INDEX lines_without ON lines (run, revision, reason) WHERE reason <> ''",
    # `at` counts milliseconds since 1970 in UTC; `mac` chains the entry to the one before.
    """CREATE TABLE entries (
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL, run INTEGER NOT NULL REFERENCES runs (id),
        item INTEGER REFERENCES items (id), attempt INTEGER NOT NULL, facts TEXT NOT NULL, mac BLOB NOT NULL)""",
    "CREATE INDEX entries_item ON entries (item) WHERE item IS NOT NULL",
    """CREATE TABLE lookups (
        kind TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, facts TEXT NOT NULL, mac BLOB NOT NULL,
        PRIMARY KEY (kind, name)) WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class Law:
    """One law as a trigger: ``on`` which statement, in which case (``when``, SQL), it is refused saying what."""

    name: str
    on: str
    when: str
    says: str

    @property
    def sql(self) -> str:
        """The statement that creates the trigger."""
        refuse = f"SELECT RAISE(ABORT, '{self.says}')"
        return f"CREATE TRIGGER {self.name} BEFORE {self.on} WHEN {self.when} BEGIN {refuse}; END"


ALWAYS = "1"
LAWS: tuple[Law, ...] = (
    Law("meta_insert", "INSERT ON meta", ALWAYS, "meta: written once"),
    Law("meta_update", "UPDATE ON meta", ALWAYS, "meta: written once"),
    Law("meta_delete", "DELETE ON meta", ALWAYS, "meta: written once"),
    Law("transitions_insert", "INSERT ON transitions", ALWAYS, "transitions: written once"),
    Law("transitions_update", "UPDATE ON transitions", ALWAYS, "transitions: written once"),
    Law("transitions_delete", "DELETE ON transitions", ALWAYS, "transitions: written once"),
    Law(
        "entries_insert",
        "INSERT ON entries",
        "NEW.seq IS NOT (SELECT ifnull(max(seq), 0) + 1 FROM entries)",
        "entries: numbered without a gap",
    ),
    Law("entries_update", "UPDATE ON entries", ALWAYS, "entries: never edited"),
    Law("entries_delete", "DELETE ON entries", ALWAYS, "entries: never deleted"),
    Law(
        "runs_book",
        "INSERT ON runs",
        "NEW.id IS NOT (SELECT ifnull(max(id), 0) + 1 FROM runs) OR NEW.book IS NOT ifnull((SELECT min(id) FROM runs "
        "WHERE platform = NEW.platform AND mode = NEW.mode AND period = NEW.period), NEW.id)",
        "runs: numbered without a gap, one book per platform, mode and period",
    ),
    Law(
        "runs_frozen",
        "UPDATE OF id, run_id, book, platform, name, period, mode, kind ON runs",
        ALWAYS,
        "runs: what names a run never changes",
    ),
    Law(
        "runs_revision",
        "UPDATE OF revision ON runs",
        "NEW.revision NOT IN (OLD.revision, OLD.revision + 1)",
        "runs: revisions follow one another",
    ),
    Law("runs_delete", "DELETE ON runs", ALWAYS, "runs: never deleted"),
    Law("lines_update", "UPDATE ON lines", ALWAYS, "lines: never edited"),
    Law("lines_delete", "DELETE ON lines", ALWAYS, "lines: never deleted"),
    Law(
        "items_fresh",
        "INSERT ON items",
        "NEW.state IS NOT 'planned' OR NEW.attempt IS NOT 0 OR NEW.ver IS NOT 0 OR NEW.last_event IS NOT NULL "
        "OR NEW.object_id IS NOT NULL OR NEW.instrument_id IS NOT NULL OR NEW.facts IS NOT NULL",
        "items: a new one is planned and nothing more",
    ),
    Law(
        "items_row",
        "INSERT ON items",
        "NEW.id IS NOT (SELECT ifnull(max(id), 0) + 1 FROM items) "
        "OR NEW.book IS NOT (SELECT book FROM runs WHERE id = NEW.run)",
        "items: numbered without a gap, in the book of their run",
    ),
    Law(
        "items_generation",
        "INSERT ON items",
        "NEW.generation IS NOT 0 AND NOT EXISTS (SELECT 1 FROM items WHERE book = NEW.book AND "
        "reference = NEW.reference AND generation = NEW.generation - 1 AND state IN ('failed', 'skipped'))",
        "items: a generation opens only after the last one failed or was skipped",
    ),
    Law(
        "items_frozen",
        "UPDATE OF id, run, book, reference, generation, account, lane, amount, currency, digest, content ON items",
        ALWAYS,
        "items: what the plan fixed never changes",
    ),
    Law("items_ver", "UPDATE ON items", "NEW.ver IS NOT OLD.ver + 1", "items: ver grows by one"),
    Law(
        "items_edge",
        "UPDATE ON items",
        "(NEW.state IS NOT OLD.state OR NEW.last_event IS NOT OLD.last_event) AND NOT EXISTS "
        "(SELECT 1 FROM transitions WHERE kind = (SELECT kind FROM runs WHERE id = OLD.run) AND from_state = OLD.state "
        "AND event = NEW.last_event AND to_state = NEW.state)",
        "items: the table of states has no such edge",
    ),
    Law(
        "items_attempt",
        "UPDATE ON items",
        "NEW.attempt IS NOT OLD.attempt AND NOT (NEW.attempt IS OLD.attempt + 1 AND NEW.state IS 'preparing' "
        "AND OLD.state IS NOT 'preparing')",
        "items: attempts follow one another, each opened by prepare_started",
    ),
    Law(
        "items_object",
        "UPDATE ON items",
        "OLD.object_id IS NOT NULL AND NEW.object_id IS NOT OLD.object_id",
        "items: the intent is set once",
    ),
    Law(
        "items_instrument",
        "UPDATE ON items",
        "OLD.instrument_id IS NOT NULL AND NEW.instrument_id IS NOT OLD.instrument_id AND NEW.attempt IS OLD.attempt",
        "items: the clone is set once per attempt",
    ),
    Law(
        "items_failed",
        "UPDATE ON items",
        "NEW.state IS 'failed' AND NEW.object_id IS NOT NULL AND NEW.last_event IS NOT 'intent_cancelled'",
        "items: failed only with the intent cancelled or none on record",
    ),
    Law(
        "items_paid",
        "UPDATE ON items",
        "NEW.state IN ('succeeded', 'unsettled') AND NEW.object_id IS NULL",
        "items: no money moves without an intent on record",
    ),
    Law("items_delete", "DELETE ON items", ALWAYS, "items: never deleted"),
)


def edges() -> list[tuple[str, str, str, str]]:
    """Return every transition of every kind: kind, from, event, to."""
    return sorted(
        (str(kind), str(state), str(event), str(edge.to))
        for kind, life in LIVES.items()
        for (state, event), edge in life.edges.items()
    )


def statements() -> Iterator[str]:
    """Yield the statements that make an empty ledger, triggers last."""
    yield from DDL
    for guard in LAWS:
        yield guard.sql


def create(conn: sqlite3.Connection, meta: dict[str, str]) -> None:
    """Make the tables inside the open transaction; the triggers come after the rows that are written only once."""
    for sql in DDL:
        conn.execute(sql)
    conn.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
    conn.executemany("INSERT INTO transitions VALUES (?, ?, ?, ?)", edges())
    for guard in LAWS:
        conn.execute(guard.sql)
    conn.execute(f"PRAGMA application_id = {APPLICATION}")
    conn.execute(f"PRAGMA user_version = {VERSION}")


def differences(conn: sqlite3.Connection) -> Iterator[str]:
    """Yield a sentence for every table, index, trigger or transition that is not as this program makes it."""
    found = {sql for (sql,) in conn.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    expected = set(statements())
    for sql in sorted(expected - found):
        yield f"schema: missing or changed: {_first_words(sql)}"
    for sql in sorted(found - expected):
        yield f"schema: not of this program: {_first_words(sql)}"
    if (
        conn.execute("SELECT kind, from_state, event, to_state FROM transitions ORDER BY 1, 2, 3, 4").fetchall()
        != edges()
    ):
        yield "transitions: not the table of states of this program"


def _first_words(sql: str) -> str:
    return " ".join(sql.split()[:4])
