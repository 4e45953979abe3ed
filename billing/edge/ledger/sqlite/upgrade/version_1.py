"""Version 1 of a ledger as it was: what a sound one looks like. Kept for ever and never changed.

Its ledgers knew one kind of items, the charges; an obligation was unique in a ``book`` (platform, mode and period), a
payer was called a ``lane``, and entries had neither version nor chain.
"""

import sqlite3
from collections.abc import Iterator

from billing.edge.ledger.kind_rows import compared
from billing.edge.ledger.questions import Question
from billing.edge.ledger.sqlite.layout import Layout
from billing.edge.ledger.sqlite.questions import QUESTIONS
from billing.edge.ledger.sqlite.schema import Law

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

_CHARGE = {
    "cancelling": {
        "charge_succeeded": "succeeded",
        "charge_unsettled": "unsettled",
        "intent_cancelled": "failed",
    },
    "confirming": {
        "charge_declined": "unpaid",
        "charge_lost": "unknown",
        "charge_refused": "unpaid",
        "charge_succeeded": "succeeded",
        "charge_unsent": "ready",
        "charge_unsettled": "unsettled",
        "intent_cancelled": "failed",
    },
    "parked": {
        "charge_declined": "unpaid",
        "charge_succeeded": "succeeded",
        "charge_unsettled": "unsettled",
        "intent_cancelled": "failed",
        "intent_unconfirmed": "ready",
    },
    "planned": {
        "item_skipped": "skipped",
        "prepare_started": "preparing",
    },
    "preparing": {
        "charge_succeeded": "succeeded",
        "charge_unsettled": "unsettled",
        "clone_refused": "unpaid",
        "intent_cancelled": "failed",
        "open_refused": "failed",
        "prepared": "ready",
    },
    "ready": {
        "cancel_started": "cancelling",
        "charge_succeeded": "succeeded",
        "charge_unsettled": "unsettled",
        "confirm_started": "confirming",
        "intent_cancelled": "failed",
    },
    "unknown": {
        "charge_declined": "unpaid",
        "charge_succeeded": "succeeded",
        "charge_unsettled": "unsettled",
        "intent_cancelled": "failed",
        "intent_unconfirmed": "ready",
        "resolve_exhausted": "parked",
    },
    "unpaid": {
        "cancel_started": "cancelling",
        "charge_succeeded": "succeeded",
        "charge_unsettled": "unsettled",
        "intent_cancelled": "failed",
        "prepare_started": "preparing",
    },
    "unsettled": {
        "charge_declined": "unpaid",
        "charge_succeeded": "succeeded",
        "intent_cancelled": "failed",
    },
}
# State -> event -> the state it leads to: there was one kind.


def _transitions() -> list[tuple[str, str, str, str]]:
    """Return the rows of its table of states, in order."""
    return sorted(("charge", state, event, to) for state, each in _CHARGE.items() for event, to in each.items())


def _differences(conn: sqlite3.Connection) -> Iterator[str]:
    """Yield a sentence for every table, index, trigger or transition that is not as its programs made it."""
    found = {sql for (sql,) in conn.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    yield from compared(found, {*DDL, *(law.sql for law in LAWS)})
    rows = conn.execute("SELECT kind, from_state, event, to_state FROM transitions ORDER BY 1, 2, 3, 4").fetchall()
    if rows != _transitions():
        yield "transitions: not the table of states of version 1"


_QUESTIONS = {
    Question.EVERY_ENTRY: "SELECT seq, at, name, run, item, 0, 0, attempt, facts, mac FROM entries ORDER BY seq",
    Question.ITEMS_BEHIND: """SELECT id, run, reference, generation, account, lane, amount, currency, digest, content,
        state, attempt, ver, object_id, instrument_id, facts, last_event, book, NULL
        FROM items WHERE id > :after ORDER BY id LIMIT :most""",
    Question.ENTRIES_BETWEEN: """SELECT item, run, name, attempt, facts, seq,
        row_number() OVER (PARTITION BY item ORDER BY seq) - 1
        FROM entries INDEXED BY entries_item WHERE item > :after AND item <= :last ORDER BY item, seq""",
    Question.EVERY_RUN: """SELECT id, book, run_id, platform, name, period, mode, kind, header, file_sha256,
        plan_digest, revision, status, planned_at, started_at, finished_at FROM runs ORDER BY id""",
    Question.FIRST_OF_SCOPE: """SELECT min(id) FROM runs
        WHERE platform = :platform AND mode = :mode AND period = :period""",
}

LAYOUT = Layout(version=1, questions={**QUESTIONS, **_QUESTIONS}, differences=_differences, due=False)
