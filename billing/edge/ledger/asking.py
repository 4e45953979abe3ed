"""What all short questions to an embedded ledger share: one connection, and a sentence where it cannot be read."""

import sqlite3

from billing.core.entries import ItemRecord
from billing.core.errors import LedgerDamaged
from billing.edge.ledger.rows import item_of_row
from billing.edge.ledger.runs import Runs


class Asking:
    """Reads on the ledger's one read-only connection, in whatever moment that sees."""

    def __init__(self, conn: sqlite3.Connection, runs: Runs) -> None:
        """Read from a connection; ``runs`` is what is known of the runs already."""
        self._conn, self._runs = conn, runs

    def _all(self, sql: str, asked: object) -> list[tuple[object, ...]]:
        try:
            return self._conn.execute(sql, asked).fetchall()  # type: ignore[arg-type]
        except sqlite3.DatabaseError as error:
            raise LedgerDamaged(f"the ledger cannot be read ({error}); restore the newest copy") from error

    def _items(self, sql: str, asked: object) -> list[ItemRecord]:
        return [item_of_row(row, self._runs) for row in self._all(sql, asked)]
