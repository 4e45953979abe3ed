"""What is compared: one run, or every run of a period; which of its lines have money of their own, and since when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.core.reconciling.claims import intent_of
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.flow.engine.scheduler import PAGE
from billing.flow.report import known_run

COMPARED = (Kind.CHARGE, Kind.REFUND, Kind.SUBSCRIPTION)
# Kinds whose items move money on connected accounts.
LEFT_OUT = {
    Kind.PAYER: "first payments of payers are on the platform's own balance: they are not compared",
    Kind.SUBSCRIPTION: "renewals of subscriptions are Stripe's: only their first payments are compared",
    Kind.SYNC: "a sync moves no money",
    Kind.CANCELLATION: "a cancellation moves no money by itself",
}
# What is said of kinds of which something is not compared.
BEFORE_SECONDS = 300
# How long before our own first request an object may have been made, as far as clocks may differ.


@dataclass(frozen=True, slots=True)
class Scope:
    """What is compared.

    Attributes:
        name: the run's, or the period.
        runs: compared; of the same platform and mode.
        left_out: sentences about what is not.
    """

    name: str
    runs: tuple[RunRecord, ...]
    left_out: tuple[str, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)


def scope_of(ledger: Ledger, mode: Mode, run_id: str | None, period: str | None) -> Scope:
    """Return what was asked for.

    Raises:
        UsageError: not exactly one of the two, no such run, a run of another mode, or a period without runs.
    """
    if (run_id is None) == (period is None):
        raise UsageError("name a run, or a period with --period; not both")
    if run_id is not None:
        found = [known_run(ledger, run_id)]
        if found[0].mode is not mode:
            raise UsageError(f"run {run_id} is in {found[0].mode} mode, this key is not")
    else:
        found = [run for run in reversed(ledger.runs()) if run.period == period and run.mode is mode]
        if not found:
            raise UsageError(f"the ledger has no {mode} run of the period {period}")
    compared = tuple(run for run in found if run.kind in COMPARED)
    left_out = dict.fromkeys(LEFT_OUT[run.kind] for run in found if run.kind in LEFT_OUT)
    return Scope(str(run_id or period), compared, tuple(left_out), frozenset(run.run_id for run in compared))


def accounts_of(ledger: Ledger, scope: Scope) -> list[str]:
    """Return the accounts with a line of the scope that has begun, or that is over."""
    found: set[str] = set()
    for run in scope.runs:
        found |= set(ledger.workload(run.run_id, _states(run.kind)))
    return sorted(found)


def items_on(ledger: Ledger, runs: Sequence[RunRecord], account: str) -> Iterator[ItemRecord]:
    """Stream the lines of runs on an account, run by run; those that were left out from the start are not told."""
    for run in runs:
        row, states = 0, _states(run.kind)
        while page := ledger.work(run.run_id, states, account, row, PAGE):
            row = page[-1].id
            yield from page


def _states(kind: Kind) -> tuple[StrEnum, ...]:
    life = LIVES[kind]
    return tuple(state for state in life.states if state is not life.skipped)


def refund_runs(ledger: Ledger, of: RunRecord) -> list[RunRecord]:
    """Return the runs of refunds of a run's platform and mode: they may have given back money of its lines."""
    return [
        run for run in ledger.runs() if run.kind is Kind.REFUND and (run.platform, run.mode) == (of.platform, of.mode)
    ]


def begun_at(item: ItemRecord) -> int | None:
    """Return when the first request of an item left, epoch seconds; None where nothing says so."""
    born = [value for name, value in item.facts.items() if name.endswith("_born") and type(value) is int]
    if born:
        return min(born)
    first = item.facts.get("first_try")
    return int(datetime.fromisoformat(first).timestamp()) if first else None


def since(items: Sequence[ItemRecord], runs: Sequence[RunRecord], now: int) -> int:
    """Return the first second that is read of an account: a little before the first request of its lines."""
    begun = [at for at in map(begun_at, items) if at is not None]
    unsaid = [item for item in items if begun_at(item) is None and intent_of(item)]
    planned = [int(datetime.fromisoformat(run.planned_at).timestamp()) for run in runs if run.planned_at]
    return min([*begun, *(planned if unsaid or not begun else ())], default=now) - BEFORE_SECONDS
