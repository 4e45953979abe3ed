"""A comparison from what the ledger keeps of Stripe, whoever asks: the command that has just read it, or a page later.

Nothing here asks Stripe and nothing is written. What was never read is not compared, and a line that went on after its
account was read waits for the next look: of it the ledger knows more than what is kept of Stripe.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from billing.core.entries import ItemRecord, Note
from billing.core.exits import Exit
from billing.core.reconciling.account_book import View
from billing.core.reconciling.claims import intent_of
from billing.core.reconciling.comparing import AccountResult, compare
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kept import Cursor
from billing.core.reconciling.sums import Sums, together
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.reconciling.keeping import Shelf
from billing.flow.reconciling.scope import Scope, items_on, refund_runs

UNREAD = "unread"
# The field of an outcome that names the accounts that could not be read, each with trouble and code.
Moved = Mapping[str, tuple[int, str]]
# Item id, or run -> number and time of its last entry.


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the ledger and Stripe say of each other.

    Attributes:
        scope: what was compared.
        as_of: when Stripe was read.
        results: of each account that was read, by its id.
        unread: account -> why it was not read; nothing is concluded about it.
        went_on: whether a run of the scope went on since, so that there is more than was compared.
    """

    scope: Scope
    as_of: datetime
    results: Mapping[str, AccountResult]
    unread: Mapping[str, LookupFailed]
    went_on: bool = False

    @property
    def findings(self) -> list[Finding]:
        """All that differs, account by account; what changes money first."""
        found = [one for name in sorted(self.results) for one in self.results[name].findings]
        return sorted(found, key=lambda one: not one.effects)

    @property
    def totals(self) -> dict[str, Sums]:
        """Both sides of all accounts, each currency by itself."""
        return together(one.sums for one in self.results.values())

    @property
    def items(self) -> int:
        """Lines compared."""
        return sum(one.items for one in self.results.values())

    @property
    def matched(self) -> int:
        """Lines about which there is nothing to say."""
        return self.items - sum(one.differing for one in self.results.values())

    @property
    def moved(self) -> int:
        """Lines that went on after their account was read."""
        return sum(one.moved for one in self.results.values())

    @property
    def open(self) -> int:
        """Lines whose money may still move by itself, payments not booked yet, and lines that went on meanwhile."""
        return sum(one.open + one.unbooked + one.moved for one in self.results.values())

    @property
    def ties(self) -> bool:
        """Whether nothing differs, named or not."""
        return not self.findings and not any(one.unexplained for one in self.totals.values())

    @property
    def exit(self) -> Exit:
        """The exit code: 0 only when everything was read, is over and ties."""
        if self.unread and not self.results:
            lost = any(one.trouble is Trouble.UNANSWERED for one in self.unread.values())
            return Exit.UNREACHABLE if lost else Exit.UNFINISHED
        if not self.ties:
            return Exit.DECLINES
        return Exit.UNFINISHED if self.unread or self.open else Exit.OK


def moved_since(ledger: Ledger, scope: Scope, cursors: Iterable[Cursor]) -> Moved:
    """Return what went on after the oldest of these looks: lines, refunds of them by other runs, and runs as such."""
    after = min((one.entry for one in cursors), default=None)
    if after is None:
        return {}
    return {
        entry.item_id or run.run_id: (entry.seq, entry.at)
        for run in (*scope.runs, *_others(ledger, scope))
        for entry in ledger.entries(run.run_id, after=after)
        if entry.name != Note.RECONCILED
    }


def compare_kept(
    ledger: Ledger, scope: Scope, account: str, cursor: Cursor, moved: Moved, items: Sequence[ItemRecord] | None = None
) -> AccountResult:
    """Compare the lines of an account with what is kept of it, as of when it was read.

    Args:
        ledger: that keeps both.
        scope: whose lines.
        account: that was read.
        cursor: of that look.
        moved: what went on since (`moved_since`).
        items: the lines of the scope on the account, where they were read just now.
    """
    shelf, later = Shelf.of(ledger, account), {item for item, last in moved.items() if is_later(cursor, last)}
    runs = [*scope.runs, *_others(ledger, scope)]
    everything = list(items_on(ledger, scope.runs, account)) if items is None else items
    waits = [item for item in items_on(ledger, runs, account) if item.item_id in later] if later else []
    found = compare(_view(ledger, scope, shelf, everything, waits, cursor.listed_at))
    return replace(found, moved=sum(item.run_id in scope.names for item in waits))


def is_later(cursor: Cursor, last: tuple[int, str]) -> bool:
    """Tell whether an entry is behind a look; one kept by an earlier release says only when it began."""
    entry, at = last
    if cursor.entry:
        return entry > cursor.entry
    return datetime.fromisoformat(at).timestamp() > cursor.listed_at


def _others(ledger: Ledger, scope: Scope) -> list[RunRecord]:
    """Return the runs that may have given back money of the scope's lines, and are none of it."""
    if not scope.runs:
        return []
    return [run for run in refund_runs(ledger, scope.runs[0]) if run.run_id not in scope.names]


def _view(
    ledger: Ledger, scope: Scope, shelf: Shelf, everything: Sequence[ItemRecord], waits: Sequence[ItemRecord], now: int
) -> View:
    """Return of an account what belongs to the scope, without the lines that wait for the next look."""
    apart, apart_intents = {item.item_id for item in waits}, {intent_of(item) for item in waits} - {""}
    items = [item for item in everything if item.item_id not in apart]
    names, intents = scope.names, {intent_of(item) for item in items} - {""}
    beside = [
        item
        for item in items_on(ledger, _others(ledger, scope), shelf.account)
        if str(item.content.get("intent")) in intents and item.item_id not in apart
    ]
    ids = {item.item_id for item in (*items, *beside)}
    rows = [
        row
        for row in shelf.movements.values()
        if (row.item in ids or row.intent in intents or row.run in names)
        and row.item not in apart and row.intent not in apart_intents
    ]  # fmt: skip
    seen = {name: one for name, one in shelf.sightings.items() if one.item not in apart}
    return View(shelf.account, items, beside, names, rows, shelf.payouts, seen, shelf.disputes, now)
