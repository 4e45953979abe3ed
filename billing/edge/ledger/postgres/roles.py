"""Who needs which rights in a ledger's database: an owner makes its tables, and whoever charges can only append.

The laws hold for every role, but whoever owns a table can switch its laws off. So the owner is used to make the ledger,
to upgrade and to copy it, and what runs every day is another role, which cannot. Roles are made by whoever looks after
the server; what they may do stands here.
"""

from collections.abc import Iterator, Mapping, Sequence

from billing.edge.ledger.postgres import coordination
from billing.edge.ledger.postgres.names import NUMBERS, SCHEMA
from billing.edge.ledger.postgres.schema import TABLES

ENGINE_SCHEMA = "dbos"
# Of the engine of several workers: nothing in it is evidence, so the runner makes its tables.
WRITTEN: Mapping[str, Sequence[str]] = {
    "runs": ("INSERT", "UPDATE"),
    "items": ("INSERT", "UPDATE"),
    "lines": ("INSERT",),
    "entries": ("INSERT",),
    "chains": ("INSERT", "UPDATE"),
    "lookups": ("INSERT", "UPDATE"),
    **dict.fromkeys(coordination.TABLES, ("INSERT", "UPDATE", "DELETE")),
}
# What a runner may do with a table beside reading it. Whatever is not here is written by the owner alone.
EXCESS = ("TRUNCATE", "TRIGGER", "REFERENCES")
# What no runner needs of any table.


def rights() -> Iterator[tuple[str, str]]:
    """Yield every right on a table that a runner needs: table, right."""
    for table in TABLES:
        for right in ("SELECT", *WRITTEN.get(table, ())):
            yield table, right


def grants(runner: str) -> Iterator[str]:
    """Yield the statements that give a role what a runner needs and nothing else; they may be run again.

    Args:
        runner: the name of the role.
    """
    role = '"' + runner.replace('"', '""') + '"'
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {role}"
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {role}"
    for table, written in WRITTEN.items():
        yield f"GRANT {', '.join(written)} ON {SCHEMA}.{table} TO {role}"
    yield f"GRANT SELECT, USAGE ON SEQUENCE {SCHEMA}.{NUMBERS} TO {role}"
    yield f"CREATE SCHEMA IF NOT EXISTS {ENGINE_SCHEMA}"
    yield f"GRANT USAGE, CREATE ON SCHEMA {ENGINE_SCHEMA} TO {role}"
