"""Questions of whoever looks at a ledger while others write it: bounded each, however large the ledger is.

An answer reads an index, or the rows of a window, never a whole table. None of them keeps a moment open: housekeeping
of the database waits for no onlooker.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from billing.core.entries import Entry, ItemRecord
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.records import ReportLine
from billing.edge.ledger.asking import LAST, Asking
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import as_list
from billing.edge.ledger.rows import entry_of, item_of_row

ENTRY_WINDOW = 20_000
# The last entries of a ledger, among which those of a run are looked for.
AMOUNT_WINDOW = 100_000
# The last items of a ledger, among which an amount is looked for: no index has amounts.

Sums = list[tuple[StrEnum, str, str, str, int, int]]
# State, group, reason code, currency, how many items, and their money.


class Onlooking(Asking):
    """Reads of whoever looks on."""

    def _number(self, question: Question) -> int:
        return int(self._all(question)[0][0])

    def version(self) -> int:
        """Return a number that is another one after each commit by anybody else."""
        return self._number(Question.VERSION)

    def latest(self) -> int:
        """Return the number of the last entry; where several write at once, one up to which every entry is there."""
        return self._number(Question.LAST_ENTRY)

    def touched(self, run_id: str, after: int) -> bool:
        """Tell whether an entry behind number ``after`` is of this run."""
        return bool(self._all(Question.TOUCHED, after=after, run=self.kept_runs.row(run_id)))

    def recent(self, run_id: str, after: int, most: int) -> list[Entry]:
        """Return the last entries of a run's items behind number ``after``, the newest first.

        They are looked for among the last `ENTRY_WINDOW` entries of the ledger.
        """
        after = max(after, self.latest() - ENTRY_WINDOW)
        rows = self._all(Question.RECENT, after=after, run=self.kept_runs.row(run_id), most=most)
        return [entry_of(row, self.kept_runs) for row in rows]

    def page(self, run_id: str, revision: int, after: int, most: int) -> list[tuple[int, ReportLine]]:
        """Return lines of a sheet behind position ``after``, each with its position and without its cells."""
        run = self.kept_runs.row(run_id)
        found = []
        for position, line, reason, detail, *columns in self._all(
            Question.PAGE, run=run, revision=revision, after=after, most=most
        ):
            item = item_of_row(tuple(columns), self.kept_runs) if columns[0] is not None else None
            owned = item is not None and columns[1] == run
            found.append((position, ReportLine(line, (), item, owned, reason, detail)))
        return found

    def on_account(self, run_id: str, account: str, most: int) -> list[ItemRecord]:
        """Return items of a run on an account, in the order they were planned."""
        row, states = self._states_of(run_id)
        return self._items(Question.ON_ACCOUNT, run=row, states=states, account=account, most=most)

    def account_sums(self, run_id: str, account: str) -> Sums:
        """Add up the items of a run on an account."""
        row, states = self._states_of(run_id)
        life = self.kept_runs.life(row)
        found = self._all(Question.ACCOUNT_SUMS, run=row, states=states, account=account)
        return [(life.states(state), *rest) for state, *rest in found]

    def _states_of(self, run_id: str) -> tuple[int, str]:
        """Return the row of a run, and every state that its items can be in."""
        row = self.kept_runs.row(run_id)
        return row, as_list(sorted(self.kept_runs.life(row).states))

    def of_payer(self, payer: str, most: int) -> list[ItemRecord]:
        """Return items of a customer over all runs, the newest first."""
        return self._items(Question.OF_PAYER, payer=payer, most=most)

    def beginning(self, text: str, most: int) -> list[ItemRecord]:
        """Return items whose reference, customer, object or instrument begins with a text: at most so many of each."""
        asked: dict[str, object] = {"first": text, "last": text + LAST}
        found = self._items(Question.OBJECTS, **asked, most=most)
        found += self._items(Question.INSTRUMENTS, **asked, most=most)
        for question in (Question.REFERENCES, Question.PAYERS):
            rest = most
            for (scope,) in self._all(Question.SCOPES):
                some = self._items(question, **asked, scope=scope, most=rest)
                found, rest = found + some, rest - len(some)
                if rest <= 0:
                    break
        return found

    def accounts(self, text: str, runs: Iterable[tuple[str, Kind]], most: int) -> list[str]:
        """Return accounts of these runs that begin with a text."""
        found: dict[str, None] = {}
        for run_id, kind in runs:
            rows = self._all(
                Question.ACCOUNTS,
                run=self.kept_runs.row(run_id),
                states=as_list(sorted(LIVES[kind].states)),
                first=text,
                last=text + LAST,
                most=most,
            )
            found |= dict.fromkeys(account for (account,) in rows)
            if len(found) >= most:
                break
        return list(found)[:most]

    def amounts(self, minors: Sequence[int], most: int) -> list[ItemRecord]:
        """Return items of one of these amounts among the last `AMOUNT_WINDOW` of the ledger, the newest first."""
        after = self._number(Question.LAST_ITEM) - AMOUNT_WINDOW
        return self._items(Question.AMOUNTS, after=after, minors=as_list(minors), most=most)
