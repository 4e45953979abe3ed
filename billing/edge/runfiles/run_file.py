"""A run file that was accepted: the run, its counts, and its lines in input order as often as they are wanted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from billing.core.errors import Problem
from billing.core.items import InputLine, Run
from billing.edge.runfiles.lines import LineCollector, repeat_fault
from billing.edge.runfiles.reading.spool import Record, Spool
from billing.edge.texts.problems import Fault


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that cannot stand: its first physical line, its cells and everything wrong with it."""

    line: int
    cells: tuple[str, ...]
    faults: tuple[Fault, ...]


class RunFile:
    """What was read, once and for good: the file itself is not needed any more. Close it, or use ``with``.

    Attributes:
        run: the run as a whole.
        file: the run file as the operator named it.
        items_file: the file that `InputLine.line` counts in: the same, or the CSV or workbook a YAML file names.
        sheet: of a workbook: the sheet whose rows are counted; empty otherwise.
        sha256: hex digest of the bytes read (YAML, then CSV where it names one).
        count: items to charge.
        totals: their sum in minor units per lower-case currency.
        set_aside: lines that were invalid and are not charged (with ``skip_invalid``).
        warnings: the first hundred things to know; ``warnings_total`` counts all.
        problems: the first hundred problems of the lines set aside.
    """

    def __init__(self, run: Run, file: str, sha256: str, collector: LineCollector, spool: Spool) -> None:
        self.run = run
        self.file = file
        self.items_file = collector.file
        self.sheet = collector.sheet
        self.sha256 = sha256
        self.count = collector.count
        self.totals: Mapping[str, int] = dict(sorted((code, sum_) for code, sum_ in collector.totals.items() if sum_))
        self.set_aside = collector.set_aside
        self.warnings: tuple[Problem, ...] = collector.warnings.by_place()
        self.warnings_total = collector.warnings.total
        self.problems: tuple[Problem, ...] = collector.problems.by_place()
        self._intake = collector
        self._spool = spool

    def lines(self) -> Iterator[InputLine]:
        """Every data line in input order, one column per `Run.columns`; repeatable, and never all in memory."""
        width, item_of = len(self.run.columns), self._intake.schema.item
        for record, first in self._intake.records():
            line, cells, row, *_ = record
            if row is not None and not first:
                yield InputLine(line, cells, item_of(row))
            else:
                shaped = (*cells, *("",) * (width - len(cells)))[:width]
                reason = "; ".join(fault.message for fault in faults_of(record, first))
                yield InputLine(line, shaped, None, reason)

    def close(self) -> None:
        """Give the temporary file back."""
        self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def bad_lines(collector: LineCollector) -> Iterator[BadLine]:
    """Every line that cannot stand, in input order, streamed."""
    for record, first in collector.records():
        faults = faults_of(record, first)
        if faults:
            yield BadLine(record[0], record[1], faults)


def faults_of(record: Record, first: int) -> tuple[Fault, ...]:
    """Everything wrong with a record; ``first`` is the line whose reference it repeats, or 0."""
    *_, reference, reference_at, plain = record
    faults = tuple(Fault(*each) for each in plain)
    return (*faults, repeat_fault(reference, first, reference_at)) if first else faults
