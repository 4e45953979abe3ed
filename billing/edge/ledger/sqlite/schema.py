"""The tables of an embedded ledger, and the laws its triggers hold every writer to, this program or another.

No law names a state or an event: what may happen to an item stands in the rows of its kind, in ``kinds``,
``transitions`` and ``states``. So a kind that is added later changes no table and no law.
"""

from collections.abc import Iterator
from dataclasses import dataclass

APPLICATION = 0x62696C31
# "bil1" in the file's header, so that another program's database is never taken for a ledger.

DDL: tuple[str, ...] = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # `scope` says whether an obligation of the kind is another one in each period, or always the same.
    "CREATE TABLE kinds (kind TEXT PRIMARY KEY, scope TEXT NOT NULL) WITHOUT ROWID",
    # `attempt` is 1 where the event opens the next attempt; `object` says what must be on record after it.
    """CREATE TABLE transitions (
        kind TEXT NOT NULL, from_state TEXT NOT NULL, event TEXT NOT NULL, to_state TEXT NOT NULL,
        attempt INTEGER NOT NULL, object TEXT NOT NULL, PRIMARY KEY (kind, from_state, event)) WITHOUT ROWID""",
    # `reopens` is 1 where the next generation of an obligation may follow.
    """CREATE TABLE states (
        kind TEXT NOT NULL, state TEXT NOT NULL, final INTEGER NOT NULL, reopens INTEGER NOT NULL,
        PRIMARY KEY (kind, state)) WITHOUT ROWID""",
    # `scope` is the first run of the same platform, mode, kind and period (any, for a kind whose scope is always): what
    # an obligation is unique in.
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, scope INTEGER NOT NULL REFERENCES runs (id),
        platform TEXT NOT NULL, name TEXT NOT NULL, period TEXT NOT NULL, mode TEXT NOT NULL, kind TEXT NOT NULL,
        header TEXT NOT NULL, file_sha256 TEXT NOT NULL, plan_digest TEXT NOT NULL, revision INTEGER NOT NULL,
        status TEXT NOT NULL, planned_at TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL)""",
    # The item id is not kept: it is a hash of the run's mode, platform, kind and period with reference and generation.
    # `due` counts milliseconds since 1970 in UTC: when the item is to be looked at again, as its facts say it.
    """CREATE TABLE items (
        id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), scope INTEGER NOT NULL,
        reference TEXT NOT NULL, generation INTEGER NOT NULL, account TEXT NOT NULL, payer TEXT NOT NULL,
        amount INTEGER NOT NULL, currency TEXT NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'planned', attempt INTEGER NOT NULL DEFAULT 0, ver INTEGER NOT NULL DEFAULT 0,
        last_event TEXT, object_id TEXT, instrument_id TEXT, facts TEXT, due INTEGER,
        UNIQUE (scope, reference, generation))""",
    "CREATE INDEX items_work ON items (run, state, account)",
    "CREATE INDEX items_payer ON items (scope, payer)",
    "CREATE INDEX items_due ON items (due) WHERE due IS NOT NULL",
    "CREATE UNIQUE INDEX items_object ON items (object_id) WHERE object_id IS NOT NULL",
    "CREATE UNIQUE INDEX items_instrument ON items (instrument_id) WHERE instrument_id IS NOT NULL",
    """CREATE TABLE lines (
        run INTEGER NOT NULL REFERENCES runs (id), revision INTEGER NOT NULL, position INTEGER NOT NULL,
        line INTEGER NOT NULL, cells TEXT NOT NULL, item INTEGER REFERENCES items (id), reason TEXT NOT NULL,
        detail TEXT NOT NULL, PRIMARY KEY (run, revision, position)) WITHOUT ROWID""",
    "CREATE INDEX lines_without ON lines (run, revision, reason) WHERE reason <> ''",
    # `at` counts milliseconds since 1970 in UTC; `ver` is the item's after the entry, 0 where there is no item; `mac`
    # links the entry to the one before in its `chain`. An entry without a run is about the ledger itself.
    """CREATE TABLE entries (
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL, run INTEGER REFERENCES runs (id),
        item INTEGER REFERENCES items (id), ver INTEGER NOT NULL, chain INTEGER NOT NULL, attempt INTEGER NOT NULL,
        facts TEXT NOT NULL, mac BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX entries_item ON entries (item, ver) WHERE item IS NOT NULL",
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


def _laws_of_kinds() -> Iterator[Law]:
    """Yield that the tables of kinds are written before there is a run of the kind, and never again."""
    used = "EXISTS (SELECT 1 FROM runs WHERE kind = NEW.kind)"
    for table in ("kinds", "transitions", "states"):
        yield Law(f"{table}_insert", f"INSERT ON {table}", used, f"{table}: written before the first run of their kind")
        yield Law(f"{table}_update", f"UPDATE ON {table}", ALWAYS, f"{table}: written once")
        yield Law(f"{table}_delete", f"DELETE ON {table}", ALWAYS, f"{table}: written once")


ALWAYS = "1"
_KIND = "(SELECT kind FROM runs WHERE id = OLD.run)"
_IS_OVER = f"EXISTS (SELECT 1 FROM states WHERE kind = {_KIND} AND state = OLD.state AND final)"  # noqa: S608
_HAPPENED = "(NEW.state IS NOT OLD.state OR NEW.last_event IS NOT OLD.last_event)"
_EDGE = f"FROM transitions WHERE kind = {_KIND} AND from_state = OLD.state AND event = NEW.last_event"
# An update is an event where the state or the last event differs; the event's row is the edge it takes.

LAWS: tuple[Law, ...] = (
    Law("meta_insert", "INSERT ON meta", ALWAYS, "meta: written once"),
    Law("meta_update", "UPDATE ON meta", ALWAYS, "meta: written once"),
    Law("meta_delete", "DELETE ON meta", ALWAYS, "meta: written once"),
    *_laws_of_kinds(),
    Law(
        "entries_insert",
        "INSERT ON entries",
        "NEW.seq IS NOT (SELECT ifnull(max(seq), 0) + 1 FROM entries)",
        "entries: numbered without a gap",
    ),
    Law("entries_update", "UPDATE ON entries", ALWAYS, "entries: never edited"),
    Law("entries_delete", "DELETE ON entries", ALWAYS, "entries: never deleted"),
    Law(
        "runs_scope",
        "INSERT ON runs",
        "NEW.id IS NOT (SELECT ifnull(max(id), 0) + 1 FROM runs) OR NEW.scope IS NOT ifnull((SELECT min(id) FROM runs "
        "WHERE platform = NEW.platform AND mode = NEW.mode AND kind = NEW.kind AND (period = NEW.period OR "
        "'always' = (SELECT scope FROM kinds WHERE kind = NEW.kind))), NEW.id)",
        "runs: numbered without a gap, one scope per platform, mode, kind and period",
    ),
    Law(
        "runs_kind",
        "INSERT ON runs",
        "NOT EXISTS (SELECT 1 FROM kinds WHERE kind = NEW.kind)",
        "runs: of a kind that the ledger knows",
    ),
    Law(
        "runs_frozen",
        "UPDATE OF id, run_id, scope, platform, name, period, mode, kind ON runs",
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
        "OR NEW.object_id IS NOT NULL OR NEW.instrument_id IS NOT NULL OR NEW.facts IS NOT NULL "
        "OR NEW.due IS NOT NULL",
        "items: a new one is planned and nothing more",
    ),
    Law(
        "items_row",
        "INSERT ON items",
        "NEW.id IS NOT (SELECT ifnull(max(id), 0) + 1 FROM items) "
        "OR NEW.scope IS NOT (SELECT scope FROM runs WHERE id = NEW.run)",
        "items: numbered without a gap, in the scope of their run",
    ),
    Law(
        "items_generation",
        "INSERT ON items",
        "NEW.generation IS NOT 0 AND NOT EXISTS (SELECT 1 FROM items AS last JOIN states "
        "ON states.kind = (SELECT kind FROM runs WHERE id = NEW.run) AND states.state = last.state "
        "WHERE last.scope = NEW.scope AND last.reference = NEW.reference AND last.generation = NEW.generation - 1 "
        "AND states.reopens)",
        "items: a generation opens only after the last one came to nothing",
    ),
    Law(
        "items_frozen",
        "UPDATE OF id, run, scope, reference, generation, account, payer, amount, currency, digest, content ON items",
        ALWAYS,
        "items: what the plan fixed never changes",
    ),
    Law("items_ver", "UPDATE ON items", "NEW.ver IS NOT OLD.ver + 1", "items: ver grows by one"),
    Law(
        "items_edge",
        "UPDATE ON items",
        f"{_HAPPENED} AND NOT EXISTS (SELECT 1 {_EDGE} AND to_state = NEW.state)",
        "items: the table of states has no such edge",
    ),
    Law(
        "items_attempt",
        "UPDATE ON items",
        f"NEW.attempt IS NOT OLD.attempt + iif({_HAPPENED}, ifnull((SELECT attempt {_EDGE}), 0), 0)",
        "items: attempts follow one another, each opened by an event that does so",
    ),
    Law(
        "items_object",
        "UPDATE ON items",
        "OLD.object_id IS NOT NULL AND NEW.object_id IS NOT OLD.object_id",
        "items: the object is set once",
    ),
    Law(
        "items_instrument",
        "UPDATE ON items",
        "OLD.instrument_id IS NOT NULL AND NEW.instrument_id IS NOT OLD.instrument_id AND NEW.attempt IS OLD.attempt",
        "items: the instrument is set once per attempt",
    ),
    Law(
        "items_on_record",
        "UPDATE ON items",
        f"{_HAPPENED} AND CASE (SELECT object {_EDGE}) WHEN 'needs' THEN NEW.object_id IS NULL "
        "WHEN 'forbids' THEN NEW.object_id IS NOT NULL ELSE 0 END",
        "items: an object is on record after an event that needs one, and none after one that forbids it",
    ),
    Law(
        "items_final",
        "UPDATE ON items",
        f"OLD.object_id IS NULL AND NEW.object_id IS NOT NULL AND {_IS_OVER}",
        "items: one that is over takes no object",
    ),
    Law("items_delete", "DELETE ON items", ALWAYS, "items: never deleted"),
)


def statements() -> Iterator[str]:
    """Yield the statements that make an empty ledger, triggers last."""
    yield from DDL
    for guard in LAWS:
        yield guard.sql
