"""What the ledger knows of the money of runs, as a journal: read twice, first for what stands above the entries."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from billing.core.errors import RunStopped, UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.core.journals.formats import Format
from billing.core.journals.journal import Journal, Setup
from billing.core.journals.roles import Chart
from billing.core.journals.rules import PAYOUT_ENTRIES, SUSPENSE, rule_of
from billing.core.journals.transactions import Transaction, booked, paid_out, parts_of
from billing.core.money import CURRENCIES
from billing.core.movements import MOVEMENT, PAYOUT, Movement, Payout
from billing.core.reconciling.kept import OUTCOME
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.flow.reconciling.scope import COMPARED
from billing.flow.report import EVER, known_run

TWO = 2
# Decimals that every importer has.


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a journal is asked for; nothing named means all of it.

    Attributes:
        accounts: connected accounts.
        currency: only what is settled in it.
        since, until: the first and the last day of the entries.
    """

    accounts: frozenset[str] = frozenset()
    currency: str = ""
    since: date | None = None
    until: date | None = None

    def has(self, entry: Transaction) -> bool:
        """Tell whether an entry is asked for."""
        if self.currency and entry.postings[0].currency != self.currency:
            return False
        if self.since is not None and entry.day < self.since:
            return False
        return self.until is None or entry.day <= self.until


EVERYTHING = Slice()


@dataclass(frozen=True, slots=True)
class Scope:
    """What is exported: one run, or every run of a period."""

    title: str
    runs: Mapping[str, RunRecord]

    def zone(self, run_id: str) -> ZoneInfo:
        """Return the zone in which days of a run are meant."""
        return ZoneInfo(self.runs[run_id].header.get("timezone") or "UTC")


def scope_of(ledger: Ledger, run_id: str | None, period: str | None, mode: Mode) -> Scope:
    """Return the runs of a scope.

    Args:
        ledger: that has them.
        run_id: of one run; or
        period: of every run that moves money on connected accounts.
        mode: whose runs are meant where a period has runs of both.

    Raises:
        UsageError: there is none, or not exactly one of the two is named.
    """
    if (run_id is None) == (period is None):
        raise UsageError("name a run, or all runs of a period with --period 2026-11")
    if run_id is not None:
        return Scope(run_id, {run_id: known_run(ledger, run_id)})
    runs = [record for record in ledger.runs() if record.kind in COMPARED]
    found = [record for record in runs if record.period == period]
    if not found:
        periods = ", ".join(dict.fromkeys(record.period for record in runs[:20]))
        raise UsageError(f"the ledger has no run of {period!r}" + (f"; there are runs of {periods}" if periods else ""))
    if len({record.mode for record in found}) > 1:
        found = [record for record in found if record.mode is mode]
    return Scope(str(period), {record.run_id: record for record in found})


@dataclass(slots=True)
class Survey:
    """What stands above the entries, gathered from all of them.

    Attributes:
        entries, rows: how many there are, and how many postings.
        opened: account name to the first day it is used.
        currencies: that entries balance in.
        presented: that occur at all.
        fine: an entry with a third decimal that is not zero, or empty.
        unbooked: categories without a rule, with how many movements.
        unexplained: a movement whose parts do not explain its net, or empty.
        unknown_payouts: payouts that movements name and of which nothing more is known.
        statuses: statuses of payouts without a rule.
    """

    entries: int = 0
    rows: int = 0
    opened: dict[str, date] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    currencies: set[str] = field(default_factory=set)
    presented: set[str] = field(default_factory=set)
    fine: str = ""
    unbooked: Counter[str] = field(default_factory=Counter)
    unexplained: str = ""
    unknown_payouts: set[str] = field(default_factory=set)
    statuses: set[str] = field(default_factory=set)

    def take(self, entry: Transaction) -> None:
        """Add an entry."""
        self.entries += 1
        self.days.add(entry.day)
        for posting in entry.postings:
            minor, currency = posting.weight
            self.rows += 1
            self.opened[posting.name] = min(entry.day, self.opened.get(posting.name, entry.day))
            self.currencies.add(currency)
            self.presented |= {currency, posting.currency}
            if CURRENCIES[currency].exponent > TWO and minor % 10:
                self.fine = entry.id

    def notes(self) -> Iterator[str]:
        """Yield what a person must look at."""
        for category, many in sorted(self.unbooked.items()):
            yield f"{many} of the category {category!r}, which no rule books: in suspense, for a person to look at"
        if self.unexplained:
            yield f"{self.unexplained}: amount, fees and net do not agree; the rest is in suspense"
        for payout in sorted(self.unknown_payouts):
            yield f"{payout}: nothing is known of this payout; what it carries is shown as not paid out"
        for status in sorted(self.statuses):
            yield f"a payout is {status!r}, which no rule books; what it carries is shown as not paid out"


def entries_of(
    ledger: Ledger, scope: Scope, chart: Chart, wanted: Slice, survey: Survey | None = None
) -> Iterator[Transaction]:
    """Stream the entries of a scope, account by account, each in the order of its days.

    Args:
        ledger: alone is read.
        scope: the runs.
        chart: what accounts are called.
        wanted: the part asked for.
        survey: is told what a person must look at.

    Raises:
        UsageError: a movement is of a currency that this release does not know.
    """
    for account, movements in _movements(ledger, scope, wanted):
        named = {each.payout for each in movements if each.payout}
        payouts = dict(_payouts(ledger, account)) if named else {}
        entries = [booked(each, chart, scope.zone(each.run)) for each in movements]
        for payout, parts in parts_of(movements).items():
            if payout in payouts:
                entries += [e for part in parts if part.net for e in paid_out(payouts[payout], part, chart, payouts)]
        if survey is not None:
            _look(survey, movements, named, payouts)
        yield from sorted((each for each in entries if wanted.has(each)), key=lambda each: (each.day, each.at, each.id))


def _movements(ledger: Ledger, scope: Scope, wanted: Slice) -> Iterator[tuple[str, list[Movement]]]:
    prefixes = [f"{account}/" for account in sorted(wanted.accounts)] or [""]
    for prefix in prefixes:
        found = (Movement.from_facts(name, facts) for name, facts in ledger.kept(MOVEMENT, prefix))
        for account, rows in groupby(found, key=lambda each: each.account):
            ours = [_known(each) for each in rows if each.run in scope.runs]
            if ours:
                yield account, ours


def _known(movement: Movement) -> Movement:
    for currency in (movement.currency, movement.presented_currency):
        if currency not in CURRENCIES:
            raise UsageError(f"{movement.id}: {currency!r} is no currency that this release knows")
    return movement


def _payouts(ledger: Ledger, account: str) -> Iterator[tuple[str, Payout]]:
    for name, facts in ledger.kept(PAYOUT, f"{account}/"):
        payout = Payout.from_facts(name, facts)
        yield payout.id, payout


def _look(survey: Survey, movements: list[Movement], named: set[str], payouts: Mapping[str, Payout]) -> None:
    for each in movements:
        if rule_of(each) is SUSPENSE:
            survey.unbooked[each.category] += 1
        if each.amount - each.stripe_fee - each.application_fee - each.other_fees != each.net:
            survey.unexplained = each.id
    survey.unknown_payouts |= named - payouts.keys()
    survey.statuses |= {payouts[each].status for each in named & payouts.keys()} - PAYOUT_ENTRIES.keys()


@dataclass(frozen=True, slots=True)
class Compared:
    """What the last comparison with Stripe said of a scope.

    Attributes:
        as_of: when Stripe was asked, ISO 8601 in UTC; of several runs the earliest.
        notes: what a reader of the journal must know of it.
    """

    as_of: str
    notes: tuple[str, ...] = ()


def compared(ledger: Ledger, scope: Scope) -> Compared:
    """Return what `billing reconcile` has found last.

    Raises:
        UsageError: a run of the scope was never compared with Stripe, so that nothing is known of its money there.
    """
    found = ledger.lookups(OUTCOME, list(scope.runs), EVER)
    missing = [run_id for run_id in scope.runs if run_id not in found]
    if missing:
        what = scope.title if scope.title in scope.runs else f"--period {scope.title}"
        raise UsageError(
            f"{', '.join(missing)}: never compared with Stripe, so fees and payouts are not known; "
            f"type billing reconcile {what}"
        )
    return Compared(min(str(each.get("as_of", "")) for each in found.values()), tuple(_doubts(scope, found)))


def _doubts(scope: Scope, found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for run_id, outcome in sorted(found.items()):
        record, again = scope.runs[run_id], f"type billing reconcile {run_id}"
        if outcome["discrepancies"]:
            yield f"{run_id}: differences at the last comparison with Stripe: {outcome['discrepancies']}; {again}"
        elif outcome["exit_code"] != Exit.OK:
            yield (
                f"{run_id}: lines were open at the last comparison with Stripe, or an account was not read; "
                f"type billing settle {run_id}, then billing reconcile {run_id}"
            )
        if max(record.started_at, record.finished_at) > str(outcome["as_of"]):
            yield f"{run_id}: went on after the last comparison with Stripe; {again}"


def journal_of(
    ledger: Ledger, scope: Scope, chart: Chart, wanted: Slice, last: Compared, setup: Setup, *, declare: bool = True
) -> tuple[Journal, Survey] | None:
    """Return the journal of a scope with what was seen on the way, or None where nothing was booked.

    Raises:
        UsageError: as for `entries_of`.
    """
    survey = Survey()
    for entry in entries_of(ledger, scope, chart, wanted, survey):
        survey.take(entry)
    if not survey.entries:
        return None
    journal = Journal(
        title=scope.title,
        as_of=last.as_of,
        notes=(*last.notes, *survey.notes()),
        opened=survey.opened,
        balanced_in=frozenset(survey.currencies),
        currencies=frozenset(survey.presented),
        first=min(survey.days),
        last=max(survey.days),
        entries=_same(entries_of(ledger, scope, chart, wanted), survey.entries),
        setup=setup,
        declare=declare,
    )
    return journal, survey


def _same(entries: Iterator[Transaction], expected: int) -> Iterator[Transaction]:
    """Pass entries on; what stands above them must still be true at their end."""
    many = 0
    for entry in entries:
        many += 1
        yield entry
    if many != expected:
        raise RunStopped("the ledger was written to meanwhile (billing reconcile); type the command again")


def require_fit(journal: Journal, survey: Survey, target: Format, command: str) -> None:
    """Refuse entries that the program does not take, all reasons at once.

    Args:
        journal: with everything but its entries.
        survey: of them.
        target: where they go.
        command: as it was typed, for what to type instead.

    Raises:
        UsageError: with every reason.
    """
    reasons = list(target.faults(journal))
    if target.single and len(journal.balanced_in) > 1:
        each = ", ".join(f"{command} --currency {code}" for code in sorted(journal.balanced_in))
        reasons.insert(0, f"a file of {target.reads} has one currency: {each}")
    if target.single and survey.fine:
        reasons.append(f"{survey.fine} has a third decimal, and {target.reads} has two")
    if reasons:
        raise UsageError("; ".join(reasons))
