"""What the last comparison of a run with Stripe found, from the ledger alone: no network, and nothing is written."""

from collections.abc import Mapping
from datetime import datetime

from billing.core.entries import Facts
from billing.core.reconciling.kept import OUTCOME, Cursor
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.reconciling.compared import UNREAD, Comparison, compare_kept, is_later, moved_since
from billing.flow.reconciling.keeping import cursors_of
from billing.flow.reconciling.scope import Scope, accounts_of, items_on, scope_of, since
from billing.flow.report import EVER

NOT_YET = LookupFailed(Trouble.UNANSWERED, "not_read_yet", "no comparison has read it since its lines began")


def comparison_of(ledger: Ledger, record: RunRecord) -> Comparison | None:
    """Return how a run compared with Stripe the last time, by itself or with its period; None if it never was.

    Lines that went on since are left out and counted, accounts that were not read are named.
    """
    return last_comparison(ledger, scope_of(ledger, record.mode, record.run_id, None))


def last_comparison(ledger: Ledger, scope: Scope) -> Comparison | None:
    """Return how a run, or the runs of a period, compared with Stripe the last time; None if they never were."""
    outcome = ledger.lookups(OUTCOME, [scope.name], EVER).get(scope.name)
    if outcome is None:
        return None
    as_of, accounts = datetime.fromisoformat(outcome["as_of"]), accounts_of(ledger, scope)
    cursors = cursors_of(ledger, accounts)
    unread = _unread(outcome, cursors, as_of)
    read = {name: one for name, one in cursors.items() if name not in unread}
    moved, results = moved_since(ledger, scope, read.values()), {}
    for name, one in sorted(read.items()):
        items = list(items_on(ledger, scope.runs, name))
        if one.since <= since(items, scope.runs, one.listed_at):  # else another run's look began later than these lines
            results[name] = compare_kept(ledger, scope, name, one, moved, items)
    missing = {name: unread.get(name, NOT_YET) for name in accounts if name not in results}
    begun = [moved[run.run_id] for run in scope.runs if run.run_id in moved]
    went_on = any(is_later(one, last) for one in read.values() for last in begun)
    return Comparison(
        scope=scope, as_of=as_of, results=results, unread=missing,
        went_on=went_on or any(one.moved for one in results.values()) or NOT_YET in missing.values(),
    )  # fmt: skip


def _unread(outcome: Facts, cursors: Mapping[str, Cursor], as_of: datetime) -> dict[str, LookupFailed]:
    """Return the accounts that the comparison could not read, and that none has read since."""
    failed: Mapping[str, list[str]] = outcome.get(UNREAD, {})
    return {
        name: LookupFailed(Trouble(trouble), code, "")
        for name, (trouble, code) in failed.items()
        if name not in cursors or cursors[name].listed_at <= as_of.timestamp()
    }
