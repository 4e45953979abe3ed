"""What all questions to a ledger share: a reader, what is known of its runs, and one moment for what streams."""

from collections.abc import Iterator, Sequence

from billing.core.entries import ItemRecord
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader, Row, Snapshot, as_list
from billing.edge.ledger.rows import item_of_row
from billing.edge.ledger.runs import Runs

LAST = "\U0010ffff"
# Sorts behind every text that begins the same.
MOST_AT_ONCE = 500


class Asking:
    """Reads on the ledger's own reader, in whatever moment that sees."""

    def __init__(self, reader: Reader, runs: Runs) -> None:
        """Ask a reader; ``runs`` is what is known of the runs already."""
        self._reader, self.kept_runs = reader, runs

    def _all(self, question: Question, **asked: object) -> list[Row]:
        return self._reader.all(question, asked)

    def _items(self, question: Question, **asked: object) -> list[ItemRecord]:
        return [item_of_row(row, self.kept_runs) for row in self._reader.all(question, asked)]

    def _place(self, run_id: str) -> tuple[int, int]:
        """Return (row, revision) of a run, zeros when there is none."""
        return place(self._reader, run_id)


class Streaming(Asking):
    """Reads that stream too; each stream sees one moment throughout."""

    def __init__(self, reader: Reader, runs: Runs, snapshot: Snapshot) -> None:
        """Ask a reader; what streams is asked of those that ``snapshot`` gives."""
        super().__init__(reader, runs)
        self._snapshot = snapshot

    def _stream(self, question: Question, **asked: object) -> Iterator[Row]:
        with self._snapshot() as reader:
            yield from reader.stream(question, asked)


def place(reader: Reader, run_id: str) -> tuple[int, int]:
    """Return (row, revision) of a run, zeros when there is none."""
    row, _, revision = reader.first(Question.PLACE, {"run_id": run_id}) or (0, 0, 0)
    return row, revision


def at_once(names: Sequence[str]) -> str:
    """Return names as the one parameter of a question.

    Raises:
        ValueError: there are too many.
    """
    if len(names) > MOST_AT_ONCE:
        raise ValueError(f"{len(names)} names asked for at once, at most {MOST_AT_ONCE}")
    return as_list(names)
