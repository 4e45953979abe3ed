"""How the tables of a version are read: what a check asks of a ledger of this version, or of an earlier one."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.rows import RUN_COLUMNS
from billing.edge.ledger.sqlite.chain_reads import ENTRY
from billing.edge.ledger.sqlite.store import FIRST_OF_SCOPE
from billing.edge.ledger.sqlite.tables import differences

# ruff: noqa: S608 - the only texts put into these statements are constant lists of columns


@dataclass(frozen=True, slots=True)
class Layout:
    """How the tables of one version are read; a check asks them all alike.

    Attributes:
        version: of the ledger; how its entries are chained unless an upgrade says otherwise.
        entries: every entry in order, in the columns of ``ENTRY``.
        items: items above a row, at most so many: what the plan fixed, what is projected, scope and due.
        of_items: the entries of items above a row up to another: item, run, name, attempt, facts, seq, ver.
        runs: row, scope and ``RUN_COLUMNS`` of every run.
        first: of which run a scope is, by what `scope_of` names.
        differences: of the schema from what a program of the version made.
        due: whether items say when they are due.
    """

    version: int
    entries: str
    items: str
    of_items: str
    runs: str
    first: str
    differences: Callable[[sqlite3.Connection], Iterator[str]]
    due: bool = True


LAYOUT = Layout(
    version=VERSION,
    entries=f"SELECT {ENTRY} FROM entries ORDER BY seq",
    items="""SELECT id, run, reference, generation, account, payer, amount, currency, digest, content,
        state, attempt, ver, object_id, instrument_id, facts, last_event, scope, due
        FROM items WHERE id > ? ORDER BY id LIMIT ?""",
    of_items="""SELECT item, run, name, attempt, facts, seq, ver FROM entries INDEXED BY entries_item
        WHERE item > ? AND item <= ? ORDER BY item, ver""",
    runs=f"SELECT id, scope, {RUN_COLUMNS} FROM runs ORDER BY id",
    first=FIRST_OF_SCOPE,
    differences=differences,
)
