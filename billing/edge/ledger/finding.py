"""Questions about one item of a ledger, however large that is: an index under each, or one column of a table.

They are asked from outside of a run, by whoever wants to know what became of one line.
"""

from collections.abc import Callable, Iterator, Sequence

from billing.core.entries import Entry, Facts, ItemRecord
from billing.core.items import Kind, Mode
from billing.core.records import Naming
from billing.edge.ledger.asking import LAST, Asking
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader, as_list
from billing.edge.ledger.rows import entry_of
from billing.edge.ledger.runs import Runs

NEIGHBOURS = 200
# References on either side of one that is not there, and as many from the beginning of each scope: those it may mean.

Unsealed = Callable[[str, str, int, str, bytes], Facts]


class Finding(Asking):
    """Reads about one item."""

    def __init__(self, reader: Reader, runs: Runs, unsealed: Unsealed) -> None:
        """Ask a reader; ``unsealed`` checks a look-up and returns its facts."""
        super().__init__(reader, runs)
        self._unsealed = unsealed

    def called(self, reference: str) -> list[ItemRecord]:
        """Return every item of this reference, of all periods, kinds and generations, in the order of planning."""
        return self._items(Question.CALLED, reference=reference)

    def holding(self, object_id: str) -> list[ItemRecord]:
        """Return the items that have this object of the provider on record, or this instrument for their last try."""
        return self._items(Question.HOLDING, object=object_id)

    def line(self, item: ItemRecord) -> tuple[int, bool] | None:
        """Return in which line of its run's sheet an item stood last, and whether the latest sheet has it still."""
        found = self._all(Question.LINE, item=item.id)
        return (found[0][0], bool(found[0][1])) if found else None

    def naming(self, reference: str, items: Sequence[ItemRecord]) -> list[Naming]:
        """Return the lines of latest sheets that another run's item stands for, or none, and that mean this one."""
        rows = as_list(dict.fromkeys(item.id for item in items))
        return [Naming(*row) for row in self._all(Question.NAMING, reference=reference, items=rows)]

    def undoing(self, platform: str, mode: Mode, kind: Kind, name: str, object_id: str) -> list[ItemRecord]:
        """Return the items of a kind whose content has this object under this name."""
        return self._items(Question.UNDOING, platform=platform, mode=mode, kind=kind, name=name, object=object_id)

    def latest_note(self, run_id: str, after: int, before: int, names: Sequence[str]) -> Entry | None:
        """Return the last entry about a run itself between two others, of these names; it is looked for backwards."""
        run = self.kept_runs.row(run_id)
        rows = self._all(Question.NOTE, run=run, after=after, before=before, names=as_list(names))
        return entry_of(rows[0], self.kept_runs) if rows else None

    def near(self, reference: str) -> Iterator[str]:
        """Yield references that are on record and may have been meant: a bounded number, whatever the ledger holds."""
        for (scope,) in self._all(Question.SCOPES):
            for question in (Question.BEFORE, Question.AFTER, Question.FIRST):
                rows = self._all(question, scope=scope, reference=reference, most=NEIGHBOURS)
                yield from (found for (found,) in rows)

    def about(self, kind: str, prefix: str, name: str, value: str) -> list[tuple[str, Facts]]:
        """Return the look-ups of a kind whose names begin with ``prefix`` and whose fact ``name`` is ``value``.

        Raises:
            LedgerDamaged: one of them was changed by something else.
        """
        rows = self._all(Question.ABOUT, kind=kind, first=prefix, last=prefix + LAST, name=name, value=value)
        return [(found, self._unsealed(kind, found, at, facts, mac)) for found, at, facts, mac in rows]
