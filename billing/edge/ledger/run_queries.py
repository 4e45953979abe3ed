"""Questions about runs, and about what a run holds."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from billing.core.life import Life
from billing.core.records import Held, RunRecord, SheetTally, Tally
from billing.edge.ledger.asking import Streaming, place
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Row
from billing.edge.ledger.rows import run_of


class RunQueries(Streaming):
    """Reads about runs."""

    def run(self, run_id: str) -> RunRecord | None:
        """Return one run."""
        row = self._reader.first(Question.RUN, {"run_id": run_id})
        return run_of(row) if row else None

    def runs(self) -> list[RunRecord]:
        """Return every run, the newest first."""
        return [run_of(row) for row in self._all(Question.RUNS)]

    def tally(self, run_id: str) -> list[Tally]:
        """Count the items and foreign lines of a run.

        An item that another generation replaced is the business of that one, unless the latest sheet still lists it.
        """
        row, revision = self._place(run_id)
        items = self._all(Question.TALLY, run=row, revision=revision)
        foreign = self._all(Question.FOREIGN, run=row, revision=revision)
        life = self.kept_runs.life(row)
        return [Tally(life.states(state), *rest) for state, *rest in items] + [
            Tally(life.skipped, "", reason, "", count, 0, owned=False) for reason, count in foreign
        ]

    def sheet(self, run_id: str) -> list[SheetTally]:
        """Count every line of the latest sheet of a run once, with its money, then the items that it no longer lists.

        An item that another generation replaced is the business of that one.
        """
        row, revision = self._place(run_id)
        life = self.kept_runs.life(row)
        listed = self._all(Question.SHEET, run=row, revision=revision)
        unlisted = self._all(Question.UNLISTED, run=row, revision=revision) if revision > 1 else []
        return [_sheet_tally(life, each, listed=True) for each in listed] + [
            _sheet_tally(life, each, listed=False) for each in unlisted
        ]

    def held(self, run_id: str, states: Iterable[StrEnum] | None = None) -> Iterator[Held]:
        """Stream what a run holds, in the order it was planned, or only what is in these states, state by state."""
        with self._snapshot() as reader:
            run, _ = place(reader, run_id)
            life = self.kept_runs.life(run)
            for at in ("",) if states is None else sorted(set(states)):
                question = Question.HELD_IN if at else Question.HELD
                for row in reader.stream(question, {"run": run, "state": at}):
                    yield _held(life, row)

    def listed(self, run_id: str) -> Iterator[Held]:
        """Stream what stands for the lines of the latest sheet of a run, in its order, in whichever run it is held."""
        with self._snapshot() as reader:
            run, revision = place(reader, run_id)
            life = self.kept_runs.life(run)
            for row in reader.stream(Question.LISTED, {"run": run, "revision": revision}):
                yield _held(life, row)

    def standing(self, run_id: str) -> Iterator[tuple[int, StrEnum, bool]]:
        """Stream (row, state, whether the latest revision has a line for it) of a run's items; none that was replaced.

        An item is replaced by its next generation, in this run or another.
        """
        with self._snapshot() as reader:
            run, revision = place(reader, run_id)
            life = self.kept_runs.life(run)
            for item, state, listed in reader.stream(Question.STANDING, {"run": run, "revision": revision}):
                yield item, life.states(state), bool(listed)


def _held(life: Life, row: Row) -> Held:
    reference, payer, account, amount, currency, state, group, reason = row
    return Held(reference, payer, account, amount, currency, life.states(state), group, reason)


def _sheet_tally(life: Life, row: Row, *, listed: bool) -> SheetTally:
    account, state, grouping, reason, currency, lines, amount = row
    return SheetTally(account, life.states(state), grouping, reason, currency, lines, amount, listed)
