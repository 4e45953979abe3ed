"""What names the runs of a ledger's file, read once: it never changes."""

import sqlite3

from billing.core.entries import BrokenPromise
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.core.life import Life
from billing.edge.ledger.rows import RunNames


class Runs:
    """What never changes about the runs of one ledger, kept so that reading an item needs no join."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._by_row: dict[int, RunNames] = {}
        self._rows: dict[str, int] = {}

    def __getitem__(self, row: int) -> RunNames:
        """Return what names the run in that row."""
        if row not in self._by_row:
            run_id, kind, mode, platform, period = self._conn.execute(
                "SELECT run_id, kind, mode, platform, period FROM runs WHERE id = ?", (row,)
            ).fetchone()
            counts = LIVES[Kind(kind)].scope.within(period)
            self._by_row[row] = RunNames(run_id, Kind(kind), Mode(mode), platform, counts)
        return self._by_row[row]

    def life(self, row: int) -> Life:
        """Return the table of states of the items of a run; of no run, the charges' own."""
        return LIVES[self[row].kind if row else Kind.CHARGE]

    def row(self, run_id: str) -> int:
        """Return the row of a run.

        Raises:
            BrokenPromise: the ledger knows no such run.
        """
        if run_id not in self._rows:
            found = self._conn.execute("SELECT id FROM runs WHERE run_id = ?", (run_id,)).fetchone()
            if found is None:
                raise BrokenPromise(f"{run_id}: not in the ledger")
            self._rows[run_id] = found[0]
        return self._rows[run_id]
