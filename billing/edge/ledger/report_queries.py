"""The lines of a report, streamed."""

import heapq
import json
from collections.abc import Iterator

from billing.core.records import ReportLine
from billing.edge.ledger.asking import Streaming, place
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader
from billing.edge.ledger.rows import item_of_row
from billing.edge.ledger.runs import Runs


class ReportQueries(Streaming):
    """Reads of every line of a run."""

    def report(self, run_id: str) -> Iterator[ReportLine]:
        """Stream the lines of the latest revision, then items whose line an amendment dropped."""
        with self._snapshot() as reader:
            yield from _listed(reader, run_id, Question.REPORT)
            yield from _dropped(reader, run_id, Question.DROPPED)

    def report_by_account(self, run_id: str) -> Iterator[ReportLine]:
        """Stream the same, account by account: the database sorts, on disk where that is much."""
        with self._snapshot() as reader:
            listed = _listed(reader, run_id, Question.REPORT_BY_ACCOUNT)
            dropped = _dropped(reader, run_id, Question.DROPPED_BY_ACCOUNT)
            yield from heapq.merge(listed, dropped, key=_account)


def _listed(reader: Reader, run_id: str, question: Question) -> Iterator[ReportLine]:
    """Yield the lines of the latest revision of a run."""
    runs = Runs(reader)
    row, revision = place(reader, run_id)
    (header,) = reader.first(Question.HEADER, {"run": row}) or ("{}",)
    named = tuple(map(str, json.loads(header).get("columns", ())))
    for line, cells, reason, detail, *columns in reader.stream(question, {"run": row, "revision": revision}):
        item = item_of_row(tuple(columns), runs) if columns[0] is not None else None
        owned = item is not None and columns[1] == row
        of_sheet = named if item is None else ()
        yield ReportLine(line, tuple(json.loads(cells)), item, owned, reason, detail, columns=of_sheet)


def _dropped(reader: Reader, run_id: str, question: Question) -> Iterator[ReportLine]:
    """Yield the items of a run whose line its latest revision does not have any more."""
    runs = Runs(reader)
    row, revision = place(reader, run_id)
    found = reader.stream(question, {"run": row, "revision": revision}) if revision > 1 else ()
    for line, cells, _, detail, replaced, *columns in found:
        dropped, texts = item_of_row(tuple(columns), runs), tuple(json.loads(cells))
        yield ReportLine(line, texts, dropped, True, "", detail, listed=False, replaced=bool(replaced))


def _account(line: ReportLine) -> bytes:
    """Return what the database orders accounts by."""
    return b"" if line.item is None else line.item.account.encode()
