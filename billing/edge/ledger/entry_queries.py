"""Questions about entries: what was written, in its order."""

import json
from collections.abc import Iterator

from billing.core.entries import Entry, Facts, Note
from billing.edge.ledger.asking import Streaming, place
from billing.edge.ledger.questions import Question
from billing.edge.ledger.rows import entry_of
from billing.edge.ledger.runs import Runs


class EntryQueries(Streaming):
    """Reads of entries."""

    def run_entries(self, run_id: str) -> Iterator[Entry]:
        """Stream the entries about a run as a whole, in order."""
        with self._snapshot() as reader:
            runs = Runs(reader)
            run, _ = place(reader, run_id)
            for row in reader.stream(Question.RUN_ENTRIES, {"run": run}):
                yield entry_of(row, runs)

    def entry_counts(self, run_id: str) -> dict[str, int]:
        """Count the entries of a run by name."""
        return dict(self._all(Question.ENTRY_COUNTS, run=self._place(run_id)[0]))

    def latest_stop(self, run_id: str) -> Facts:
        """Return the facts of a run's latest early stop, or none; it is near the end of what the run has written."""
        found = self._all(Question.LATEST_STOP, run=self._place(run_id)[0], name=Note.RUN_STOPPED)
        return json.loads(found[0][0]) if found else {}

    def entries(self, run_id: str | None, reference: str | None, after: int) -> Iterator[Entry]:
        """Stream entries in order: all, those of a run, or those of the items with one reference."""
        question = Question.ENTRIES if reference is None else Question.ENTRIES_OF_ITEMS
        with self._snapshot() as reader:
            runs = Runs(reader)
            run = place(reader, run_id)[0] if run_id is not None else None
            for row in reader.stream(question, {"after": after, "run": run, "reference": reference}):
                yield entry_of(row, runs)
