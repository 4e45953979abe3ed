"""Questions about items: which there are, which are to be worked on, and what has come of them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from operator import itemgetter

from billing.core.entries import BrokenPromise, ItemRecord
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.core.life import Scope
from billing.core.records import Arrived, Settling
from billing.edge.ledger.asking import Streaming, at_once, place
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import as_list
from billing.edge.ledger.rows import iso, item_of_row, millis
from billing.edge.ledger.runs import Runs


class ItemQueries(Streaming):
    """Reads of items."""

    def item(self, row: int) -> ItemRecord:
        """Return one item by row number.

        Raises:
            KeyError: there is none.
        """
        found = self._reader.first(Question.ITEM, {"item": row})
        if found is None:
            raise KeyError(row)
        return item_of_row(found, self.kept_runs)

    def obligations(
        self, platform: str, mode: Mode, period: str, references: Sequence[str], kind: Kind
    ) -> dict[str, ItemRecord]:
        """Return the newest generation of each reference on record."""
        asked = at_once(references)
        always = LIVES[kind].scope is Scope.ALWAYS
        ((scope,),) = self._all(
            Question.FIRST_OF_SCOPE, platform=platform, mode=mode, kind=kind, period=period, always=always
        )
        found = self._items(Question.OBLIGATIONS, scope=scope, references=asked)
        return {item.reference: item for item in found}

    def on_record(self, objects: Sequence[str]) -> dict[str, StrEnum]:
        """Return those of ``objects`` that an item has on record, each with the state of its item."""
        rows = self._all(Question.ON_RECORD, objects=at_once(objects))
        return {found: self.kept_runs.life(run).states(state) for found, run, state in rows}

    def by_object(self, objects: Sequence[str]) -> dict[str, ItemRecord]:
        """Return the items that have these provider objects on record, by object."""
        found = self._items(Question.BY_OBJECT, objects=at_once(objects))
        return {str(item.object_id): item for item in found}

    def ids(self, kind: Kind, after: int) -> Iterator[tuple[int, str]]:
        """Stream (row, item id) of the items of a kind in rows above ``after``."""
        with self._snapshot() as reader:
            runs = Runs(reader)
            for row, run, reference, generation in reader.stream(Question.IDS, {"kind": kind, "after": after}):
                yield row, runs[run].item_id(reference, generation)

    def of_kind(self, platform: str, mode: Mode, kind: Kind, states: Iterable[StrEnum]) -> Iterator[ItemRecord]:
        """Stream the items of a kind in these states, of all its runs, in the order they were planned."""
        asked = {"platform": platform, "mode": mode, "kind": kind, "states": as_list(sorted(set(states)))}
        with self._snapshot() as reader:
            kept = Runs(reader)
            for row in reader.stream(Question.OF_KIND, asked):
                yield item_of_row(row, kept)

    def _run_rows(self, run_id: str | None) -> list[int]:
        """Return the row of one run, or of all."""
        if run_id is None:
            return [row for (row,) in self._all(Question.RUN_ROWS)]
        with suppress(BrokenPromise):  # what the ledger does not know has no rows
            return [self.kept_runs.row(run_id)]
        return []

    def workload(self, run_id: str | None, states: Iterable[StrEnum]) -> dict[str, int]:
        """Count items in these states per connected account, in the order of the file within each state."""
        counts: dict[str, int] = {}
        wanted = sorted(set(states))
        for row in self._run_rows(run_id):
            for state in wanted:
                for account, count in self._all(Question.WORKLOAD, run=row, state=state):
                    counts[account] = counts.get(account, 0) + count
        return counts

    def work(
        self, run_id: str | None, states: Iterable[StrEnum], account: str, after: int, limit: int
    ) -> list[ItemRecord]:
        """Return up to ``limit`` items of an account in these states above row ``after``, ascending."""
        asked = {"states": as_list(sorted(set(states))), "account": account, "after": after, "most": limit}
        rows = [row for run in self._run_rows(run_id) for row in self._all(Question.WORK, run=run, **asked)]
        rows.sort(key=itemgetter(0))
        return [item_of_row(row, self.kept_runs) for row in rows[:limit]]

    def accounts_begun(self, accounts: Sequence[str], states: Iterable[StrEnum]) -> set[str]:
        """Return those of ``accounts`` on which an item of any run is in one of these states."""
        found = self._all(Question.ACCOUNTS_BEGUN, accounts=at_once(accounts), states=as_list(sorted(states)))
        return {account for (account,) in found}

    def arrived(self, run_id: str, event: StrEnum, unless: StrEnum, since: str) -> Iterator[Arrived]:
        """Stream the items of a run that an event has brought where they stand, unless another came right before."""
        asked = {"event": event, "unless": unless, "since": millis(datetime.fromisoformat(since))}
        with self._snapshot() as reader:
            run, _ = place(reader, run_id)
            for account, currency, found, at, first_try in reader.stream(Question.ARRIVED, {"run": run, **asked}):
                yield Arrived(account, currency, found, at / 1000, first_try)

    def settling(
        self, run_id: str, begins: Iterable[StrEnum], ends: Iterable[StrEnum], back: Iterable[StrEnum]
    ) -> Iterator[Settling]:
        """Stream every way of days that the items of a run's latest sheet were sent on."""
        events = {name: as_list(sorted(of)) for name, of in (("begins", begins), ("ends", ends), ("back", back))}
        with self._snapshot() as reader:
            run, revision = place(reader, run_id)
            runs = Runs(reader)
            asked = {"run": run, "revision": revision, **events}
            for left, ended, end, taken_back, *columns in reader.stream(Question.SETTLING, asked):
                moments = ["" if at is None else iso(at) for at in (left, ended, taken_back)]
                item = item_of_row(tuple(columns), runs)
                yield Settling(item, moments[0], end or "", moments[1], moments[2])
