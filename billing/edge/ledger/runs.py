"""What names the runs of a ledger, read once: it never changes."""

from billing.core.entries import BrokenPromise
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.core.life import Life
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader
from billing.edge.ledger.rows import RunNames


class Runs:
    """What never changes about the runs of one ledger, kept so that reading an item needs no join."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._by_row: dict[int, RunNames] = {}
        self._rows: dict[str, int] = {}

    def __getitem__(self, row: int) -> RunNames:
        """Return what names the run in that row.

        Raises:
            TypeError: there is none.
        """
        if row not in self._by_row:
            names = self._reader.first(Question.RUN_NAMES, {"run": row})
            run_id, kind, mode, platform, period = names  # type: ignore[misc]  # a row of none was edited in
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
            found = self._reader.first(Question.PLACE, {"run_id": run_id})
            if found is None:
                raise BrokenPromise(f"{run_id}: not in the ledger")
            self._rows[run_id] = found[0]
        return self._rows[run_id]
