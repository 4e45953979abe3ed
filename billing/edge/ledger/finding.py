"""Questions about one item of an embedded ledger, however large it is: an index under each, or one column of a table.

They are asked from outside of a run, by whoever wants to know what became of one line.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence

from billing.core.entries import Entry, Facts, ItemRecord
from billing.core.items import Kind, Mode
from billing.core.records import Naming
from billing.edge.ledger.asking import Asking
from billing.edge.ledger.rows import ENTRY_COLUMNS, ITEM_COLUMNS, entry_of
from billing.edge.ledger.runs import Runs

# ruff: noqa: S608 - the only texts put into these statements are the constant lists of columns above

NEIGHBOURS = 200
# References on either side of one that is not there, and as many from the beginning of each scope: those it may mean.
LAST = "\U0010ffff"
# Sorts behind every name that a look-up has.
SCOPES = "(SELECT DISTINCT scope FROM runs)"
CALLED = f"SELECT {ITEM_COLUMNS} FROM items WHERE scope IN {SCOPES} AND reference = ? ORDER BY id"
HOLDING = f"""SELECT {ITEM_COLUMNS} FROM items WHERE object_id = :object
    UNION SELECT {ITEM_COLUMNS} FROM items WHERE instrument_id = :object ORDER BY 1"""
LINE = """SELECT lines.line, lines.revision = runs.revision FROM items CROSS JOIN runs ON runs.id = items.run
    CROSS JOIN lines ON lines.run = runs.id AND lines.item = items.id
    WHERE items.id = ? ORDER BY lines.revision DESC LIMIT 1"""
NAMING = """SELECT runs.run_id, lines.line, lines.reason, lines.detail, lines.item FROM runs CROSS JOIN lines
    ON lines.run = runs.id AND lines.revision = runs.revision AND lines.reason <> ''
    WHERE lines.item IN (SELECT value FROM json_each(:rows)) OR (lines.item IS NULL
        AND EXISTS (SELECT 1 FROM json_each(lines.cells) WHERE value = :reference))
    ORDER BY runs.id, lines.position"""
UNDOING = f"""SELECT {ITEM_COLUMNS} FROM items WHERE run IN
    (SELECT id FROM runs WHERE platform = ? AND mode = ? AND kind = ?) AND json_extract(content, ?) = ? ORDER BY id"""
NOTE = f"""SELECT {ENTRY_COLUMNS} FROM entries LEFT JOIN items ON items.id = entries.item
    WHERE entries.seq > ? AND entries.seq < ? AND entries.item IS NULL AND entries.run = ?
    AND entries.name IN (SELECT value FROM json_each(?)) ORDER BY entries.seq DESC LIMIT 1"""
BEFORE = """SELECT DISTINCT reference FROM items WHERE scope = :scope AND reference < :reference
    ORDER BY reference DESC LIMIT :limit"""
AFTER = """SELECT DISTINCT reference FROM items WHERE scope = :scope AND reference >= :reference
    ORDER BY reference LIMIT :limit"""
FIRST = "SELECT DISTINCT reference FROM items WHERE scope = :scope ORDER BY reference LIMIT :limit"
ABOUT = """SELECT name, at, facts, mac FROM lookups
    WHERE kind = :kind AND name >= :first AND name < :last AND json_extract(facts, :path) = :value ORDER BY name"""

Unsealed = Callable[[str, str, int, str, bytes], Facts]


class SqliteFinder(Asking):
    """Reads about one item."""

    def __init__(self, conn: sqlite3.Connection, runs: Runs, unsealed: Unsealed) -> None:
        """Read from a connection; ``unsealed`` checks a look-up and returns its facts."""
        super().__init__(conn, runs)
        self._unsealed = unsealed

    def called(self, reference: str) -> list[ItemRecord]:
        """Return every item of this reference, of all periods, kinds and generations, in the order of planning."""
        return self._items(CALLED, (reference,))

    def holding(self, object_id: str) -> list[ItemRecord]:
        """Return the items that have this object of the provider on record, or this instrument for their last try."""
        return self._items(HOLDING, {"object": object_id})

    def line(self, item: ItemRecord) -> tuple[int, bool] | None:
        """Return in which line of its run's sheet an item stood last, and whether the latest sheet has it still."""
        found = self._all(LINE, (item.id,))
        return (int(str(found[0][0])), bool(found[0][1])) if found else None

    def naming(self, reference: str, items: Sequence[ItemRecord]) -> list[Naming]:
        """Return the lines of latest sheets that another run's item stands for, or none, and that mean this one."""
        rows = {item.id: item for item in items}
        asked = {"reference": reference, "rows": json.dumps(list(rows))}
        return [Naming(*row) for row in self._all(NAMING, asked)]  # type: ignore[arg-type]

    def undoing(self, platform: str, mode: Mode, kind: Kind, name: str, object_id: str) -> list[ItemRecord]:
        """Return the items of a kind whose content has this object under this name."""
        return self._items(UNDOING, (platform, mode, kind, f"$.{name}", object_id))

    def latest_note(self, run_id: str, after: int, before: int, names: Sequence[str]) -> Entry | None:
        """Return the last entry about a run itself between two others, of these names; it is looked for backwards."""
        rows = self._all(NOTE, (after, before, self._runs.row(run_id), json.dumps(list(names))))
        return entry_of(rows[0], self._runs) if rows else None

    def near(self, reference: str) -> Iterator[str]:
        """Yield references that are on record and may have been meant: a bounded number, whatever the ledger holds."""
        for (scope,) in self._all("SELECT DISTINCT scope FROM runs ORDER BY scope DESC", ()):
            asked = {"scope": scope, "reference": reference, "limit": NEIGHBOURS}
            for sql in (BEFORE, AFTER, FIRST):
                yield from (str(found) for (found,) in self._all(sql, asked))

    def about(self, kind: str, prefix: str, name: str, value: str) -> list[tuple[str, Facts]]:
        """Return the look-ups of a kind whose names begin with ``prefix`` and whose fact ``name`` is ``value``.

        Raises:
            LedgerDamaged: one of them was changed by something else.
        """
        asked = {"kind": kind, "first": prefix, "last": prefix + LAST, "path": f"$.{name}", "value": value}
        rows = self._all(ABOUT, asked)
        return [(str(row[0]), self._unsealed(kind, *row)) for row in rows]  # type: ignore[arg-type]
