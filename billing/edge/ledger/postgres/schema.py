"""The tables of a ledger in PostgreSQL, and the laws that its triggers hold every writer to, this program or another.

Tables and columns are those of the embedded ledger, and so are the sentences of its laws. What differs: a ledger has as
many chains as it has had writers, and the numbers of its entries ascend in each of them, with gaps.

Everything is kept as data, so that what stands in a database can be compared with what this program would make.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.edge.ledger.postgres import coordination

EVIDENCE: Mapping[str, tuple[str, ...]] = {
    "meta": ("name text", "value text"),
    # `scope` says whether an obligation of the kind is another one in each period, or always the same.
    "kinds": ("kind text", "scope text"),
    # `attempt` is 1 where the event opens the next attempt; `object` says what must be on record after it.
    "transitions": (
        "kind text", "from_state text", "event text", "to_state text", "attempt integer", "object text",
    ),
    # `reopens` is 1 where the next generation of an obligation may follow.
    "states": ("kind text", "state text", "final integer", "reopens integer"),
    "runs": (
        "id bigint", "run_id text", "scope bigint", "platform text", "name text", "period text", "mode text",
        "kind text", "header text", "file_sha256 text", "plan_digest text", "revision integer", "status text",
        "planned_at text", "started_at text", "finished_at text",
    ),
    "items": (
        "id bigint", "run bigint", "scope bigint", "reference text", "generation integer", "account text", "payer text",
        "amount bigint", "currency text", "digest text", "content text", "state text DEFAULT 'planned'::text",
        "attempt integer DEFAULT 0", "ver integer DEFAULT 0", "last_event text NULL", "object_id text NULL",
        "instrument_id text NULL", "facts text NULL", "due bigint NULL",
    ),
    "lines": (
        "run bigint", "revision integer", "position integer", "line integer", "cells text", "item bigint NULL",
        "reason text", "detail text",
    ),
    # A chain belongs to one worker, the one without a name to whoever runs alone. `seq` and `mac` are those of its last
    # entry; before the first one, 0 and the ledger's own seal.
    "chains": ("chain integer", "worker text", "seq bigint", "mac bytea"),
    "entries": (
        "seq bigint", "at bigint", "name text", "run bigint NULL", "item bigint NULL", "ver integer", "chain integer",
        "attempt integer", "facts text", "mac bytea",
    ),
    "lookups": ("kind text", "name text", "at bigint", "facts text", "mac bytea"),
}  # fmt: skip
# Of each table: its columns as ``name type [DEFAULT value] [NULL]``. Every text is ordered by its bytes.
TABLES: Mapping[str, tuple[str, ...]] = {**EVIDENCE, **coordination.TABLES}

CONSTRAINTS: Mapping[str, tuple[str, str]] = {
    "meta_pkey": ("meta", "PRIMARY KEY (name)"),
    "kinds_pkey": ("kinds", "PRIMARY KEY (kind)"),
    "transitions_pkey": ("transitions", "PRIMARY KEY (kind, from_state, event)"),
    "states_pkey": ("states", "PRIMARY KEY (kind, state)"),
    "runs_pkey": ("runs", "PRIMARY KEY (id)"),
    "runs_run_id": ("runs", "UNIQUE (run_id)"),
    "runs_of_scope": ("runs", "FOREIGN KEY (scope) REFERENCES runs(id)"),
    "items_pkey": ("items", "PRIMARY KEY (id)"),
    "items_obligation": ("items", "UNIQUE (scope, reference, generation)"),
    "items_of_run": ("items", "FOREIGN KEY (run) REFERENCES runs(id)"),
    "lines_pkey": ("lines", "PRIMARY KEY (run, revision, \"position\")"),
    "lines_of_run": ("lines", "FOREIGN KEY (run) REFERENCES runs(id)"),
    "lines_of_item": ("lines", "FOREIGN KEY (item) REFERENCES items(id)"),
    "chains_pkey": ("chains", "PRIMARY KEY (chain)"),
    "chains_worker": ("chains", "UNIQUE (worker)"),
    # No foreign keys: each would lock the run's row with every entry about it, and all workers would wait for one
    # another. The law of the table asks the same without a lock, for what it asks for never goes away.
    "entries_pkey": ("entries", "PRIMARY KEY (seq)"),
    "lookups_pkey": ("lookups", "PRIMARY KEY (kind, name)"),
    **coordination.CONSTRAINTS,
}  # fmt: skip
# Name -> its table, and the constraint as the database words it.

INDEXES: Mapping[str, str] = {
    # With the row: what comes next on an account is read from where the last of it ended.
    "items_work": "INDEX items_work ON billing.items USING btree (run, state, account, id)",
    "items_payer": "INDEX items_payer ON billing.items USING btree (scope, payer)",
    "items_due": "INDEX items_due ON billing.items USING btree (due) WHERE (due IS NOT NULL)",
    "items_object": "UNIQUE INDEX items_object ON billing.items USING btree (object_id) WHERE (object_id IS NOT NULL)",
    "items_instrument": "UNIQUE INDEX items_instrument ON billing.items USING btree (instrument_id) "
    "WHERE (instrument_id IS NOT NULL)",
    "lines_without": "INDEX lines_without ON billing.lines USING btree (run, revision, reason) "
    "WHERE (reason <> ''::text)",
    "entries_item": "UNIQUE INDEX entries_item ON billing.entries USING btree (item, ver) WHERE (item IS NOT NULL)",
    "entries_note": "INDEX entries_note ON billing.entries USING btree (run, seq) WHERE (item IS NULL)",
    # Where in the table a run has its entries: some bytes for each hundred pages, and next to nothing for a write.
    "entries_run": "INDEX entries_run ON billing.entries USING brin (run) WITH (autosummarize='on')",
}
# Name -> the index as the database words it, behind CREATE.


@dataclass(frozen=True, slots=True)
class Trigger:
    """A law as a trigger of a table: when it looks, and by which function with which argument."""

    table: str
    name: str
    when: str
    level: str
    function: str
    says: str = ""

    @property
    def sql(self) -> str:
        """The trigger as the database words it."""
        argument = f"'{self.says}'" if self.says else ""
        when = f"{self.when} ON billing.{self.table}"
        fresh = " REFERENCING NEW TABLE AS fresh" if self.level == "STATEMENT" and self.when.startswith("AFTER") else ""
        by = f"EXECUTE FUNCTION {self.function}({argument})"
        return f"CREATE TRIGGER {self.name} {when}{fresh} FOR EACH {self.level} {by}"


def _never(table: str, deleted: str, updated: str = "") -> tuple[Trigger, ...]:
    """Return that rows of a table stay: they are not deleted, and not edited where that is said; nor is it emptied."""
    return (
        Trigger(table, f"{table}_delete", "BEFORE DELETE", "ROW", "refuse", f"{table}: {deleted}"),
        Trigger(table, f"{table}_truncate", "BEFORE TRUNCATE", "STATEMENT", "refuse", f"{table}: {deleted}"),
        *(
            (Trigger(table, f"{table}_update", "BEFORE UPDATE", "ROW", "refuse", f"{table}: {updated}"),)
            * bool(updated)
        ),
    )


TRIGGERS: tuple[Trigger, ...] = (
    Trigger("meta", "meta_insert", "BEFORE INSERT", "ROW", "refuse", "meta: written once"),
    *_never("meta", "written once", "written once"),
    *(
        trigger
        for table in ("kinds", "transitions", "states")
        for trigger in (
            Trigger(
                table,
                f"{table}_insert",
                "BEFORE INSERT",
                "ROW",
                "kind_insert",
                f"{table}: written before the first run of their kind",
            ),
            *_never(table, "written once", "written once"),
        )
    ),
    Trigger("entries", "entries_insert", "AFTER INSERT", "STATEMENT", "entries_insert"),
    *_never("entries", "never deleted", "never edited"),
    Trigger("chains", "chains_insert", "BEFORE INSERT", "ROW", "chains_insert"),
    Trigger("chains", "chains_update", "BEFORE UPDATE", "ROW", "chains_update"),
    *_never("chains", "never deleted"),
    Trigger("runs", "runs_insert", "BEFORE INSERT", "ROW", "runs_insert"),
    Trigger("runs", "runs_update", "BEFORE UPDATE", "ROW", "runs_update"),
    *_never("runs", "never deleted"),
    *_never("lines", "never deleted", "never edited"),
    Trigger("items", "items_insert", "BEFORE INSERT", "ROW", "items_insert"),
    Trigger("items", "items_update", "BEFORE UPDATE", "ROW", "items_update"),
    *_never("items", "never deleted"),
)
