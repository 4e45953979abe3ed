"""What became of a run: one summary, and one line for every line of the input."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from billing.core.advice import what_to_do
from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.groups import group_in, group_of
from billing.core.kinds import phase_of
from billing.core.kinds.columns import COLUMNS
from billing.core.life import Group, Phase
from billing.core.money import format_minor
from billing.core.reconciling.kept import OUTCOME
from billing.core.records import ReportLine, RunRecord, Tally
from billing.core.report_columns import SETTLED, SETTLEMENT, ReportColumns
from billing.core.skips import SKIPS
from billing.edge.ledger import Ledger
from billing.flow.options import matches
from billing.flow.reversing import given_back

FORMAT_VERSION = "1.0"


def known_run(ledger: Ledger, run_id: str) -> RunRecord:
    """Return the run.

    Raises:
        UsageError: the ledger has no such run.
    """
    record = ledger.run(run_id)
    if record is None:
        names = ", ".join(each.run_id for each in ledger.runs()[:5])
        raise UsageError(f"the ledger has no run {run_id!r}" + (f"; the latest are {names}" if names else ""))
    return record


def counts(tallies: Sequence[Tally]) -> dict[Group, int]:
    """Count items by group; every group is there."""
    found = dict.fromkeys(Group, 0)
    for tally in tallies:
        found[group_in(tally)] += tally.items
    return found


def totals(tallies: Sequence[Tally]) -> dict[str, dict[str, int]]:
    """Add up planned amounts by currency, then by group, in minor units; ``planned`` is everything this run owns."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for tally in tallies:
        if tally.owned and tally.currency:
            sums[tally.currency][group_in(tally)] += tally.amount
    return {
        currency: {
            "planned": sum(by_group.values()),
            **{group: by_group[group] for group in Group if group in by_group},
        }
        for currency, by_group in sorted(sums.items())
    }


def wanted_now(ledger: Ledger, run_id: str) -> tuple[list[Tally], list[Tally]]:
    """Return the tallies of what the sheet of a run wants now, and of the items whose line it no longer has."""
    gone = _gone(ledger, run_id)
    less = {(each.state, each.grouping, each.reason_code, each.currency): each for each in gone}
    wanted = []
    for tally in ledger.tally(run_id):
        name = (tally.state, tally.grouping, tally.reason_code, tally.currency)
        out = less.get(name) if tally.owned else None
        items, amount = (out.items, out.amount) if out is not None else (0, 0)
        if tally.items > items:
            wanted.append(replace(tally, items=tally.items - items, amount=tally.amount - amount))
    return wanted, gone


def _gone(ledger: Ledger, run_id: str) -> list[Tally]:
    """Add up, over all accounts, the items whose line was taken out of the sheet."""
    sums: dict[tuple[StrEnum, str, str, str], list[int]] = {}
    for each in ledger.sheet(run_id):
        if not each.listed:
            found = sums.setdefault((each.state, each.grouping, each.reason_code, each.currency), [0, 0])
            found[0] += each.lines
            found[1] += each.amount
    return [Tally(*key, items, amount) for key, (items, amount) in sums.items()]


PAID_TWICE = "paid_twice"
# The kind of look-up that keeps, by run id, what a rebuild found to be paid beside the intents on record.
EVER = "1970-01-01T00:00:00.000+00:00"


def paid_twice(ledger: Ledger, run_id: str) -> list[str]:
    """Return what a rebuild of a run found to be paid twice, each in words; nothing takes it back by itself."""
    found = ledger.lookups(PAID_TWICE, [run_id], EVER).get(run_id, {})
    return [str(each) for each in found.get("found", ())]


def latest_comparison(ledger: Ledger, run_id: str) -> dict[str, Any] | None:
    """Return how a run compared with Stripe the last time: when, exit code, how much differed; None before any."""
    found = ledger.lookups(OUTCOME, [run_id], EVER).get(run_id)
    return None if found is None else {name: found[name] for name in ("as_of", "scope", "exit_code", "discrepancies")}


def summary(
    ledger: Ledger, run_id: str, *, exit_code: Exit | None = None, requests: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return the object that ``billing run --output json`` prints.

    Args:
        ledger: where the run stands.
        run_id: which one.
        exit_code: of the command that asks, or None outside of a run.
        requests: what that command sent: ``sent``, ``rate_limited``, ``resent``.

    Raises:
        UsageError: the ledger has no such run.
    """
    record = known_run(ledger, run_id)
    tallies, gone = wanted_now(ledger, run_id)
    return {
        "format_version": FORMAT_VERSION,
        "run": record.run_id,
        "mode": str(record.mode),
        "plan_digest": record.plan_digest,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "exit_code": None if exit_code is None else int(exit_code),
        "items": sum(tally.items for tally in tallies),
        "counts": {str(group): count for group, count in counts(tallies).items()},
        "totals": totals(tallies),
        "no_longer_in_sheet": {
            "items": sum(tally.items for tally in gone),
            "totals": {currency: each["planned"] for currency, each in totals(gone).items()},
        },
        "given_back": _given_back(ledger, record),
        "paid_twice": paid_twice(ledger, run_id),
        "reconciled": latest_comparison(ledger, run_id),
        "requests": {name: (requests or {}).get(name, 0) for name in ("sent", "rate_limited", "resent")},
        "ledger_head": ledger.head,
    }


def _given_back(ledger: Ledger, record: RunRecord) -> dict[str, Any]:
    """Return what other runs have undone of this one: nothing, as a rule."""
    found = given_back(ledger, record)
    if found is None:
        return {"items": 0, "totals": {}, "on_their_way": 0}
    return {"items": found.items, "totals": dict(found.totals), "on_their_way": found.on_their_way}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of a report are asked for; nothing named means all of them.

    Attributes:
        statuses: groups of a report.
        accounts: connected accounts.
        customers: platform customers.
        references: globs over the operator's own ids, as for ``--only`` of a run.
    """

    statuses: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    references: frozenset[str] = frozenset()

    @property
    def said(self) -> str:
        """What is asked for, in words: ``status declined or unknown; account acct_1``; empty for every line."""
        named = (
            ("status", self.statuses), ("account", self.accounts),
            ("customer", self.customers), ("reference", self.references),
        )  # fmt: skip
        return "; ".join(f"{noun} {' or '.join(sorted(names))}" for noun, names in named if names)

    def takes(self, line: ReportLine) -> bool:
        """Tell whether a line is asked for; one that was set aside by what the sheet says in it."""
        item = line.item
        if self.statuses and status_of(line) not in self.statuses:
            return False
        if self.accounts and (line.written("account") if item is None else item.account) not in self.accounts:
            return False
        if self.customers and (line.written("customer") if item is None else item.payer) not in self.customers:
            return False
        reference = line.written("reference") if item is None else item.reference
        return not self.references or matches(self.references, reference)


EVERY_LINE = Wanted()


def status_of(line: ReportLine) -> Group:
    """Return the status of a line: one that another run deals with, or that was set aside, was left out of this one."""
    return group_of(line.item) if line.item is not None and line.owned else Group.SKIPPED


def columns(record: RunRecord) -> list[str]:
    """Return the report's columns: those of the input, then ours."""
    return [*record.header.get("columns", ()), *COLUMNS[record.kind].names]


def rows(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Iterator[list[str]]:
    """Stream one row per input line, in input order, without the header."""
    record = known_run(ledger, run_id)
    ours = COLUMNS[record.kind].names
    width = len(columns(record)) - len(ours)
    for line in ledger.report(run_id):
        if wanted.takes(line):
            told = describe(line, record, ledger.link_key)
            cells = [*line.cells, *[""] * width][:width]
            yield cells + [told[name] for name in ours]


def describe(line: ReportLine, record: RunRecord, link_key: bytes = b"") -> dict[str, str]:
    """Return our columns for one line of a run, as texts; amounts are decimals in major units.

    ``link_key`` is what links of the ledger are signed with; without it their columns stay empty.
    """
    item, ours = line.item, COLUMNS[record.kind]
    told = dict.fromkeys(ours.names, "")
    told |= {"line": str(line.line), "run": record.run_id, "status": str(Group.SKIPPED)}
    if item is not None:
        told |= {name: of(item) for name, of in ours.ids.items()} | {"run": item.run_id}
    if item is None or not line.owned:
        # Paid, declined or waiting under another run: that run reports the money, this line only points there.
        return told | _skipped(line.reason) | ({"reason": line.detail} if line.detail else {})
    links = {name: of(item, link_key) for name, of in ours.links.items()} if link_key else {}
    return told | _of_item(item, ours) | links


def _skipped(code: str) -> dict[str, str]:
    """Return what the table of skips says of a reason."""
    meaning = SKIPS[code].means if code in SKIPS else ""
    return {"reason_code": code, "reason": meaning, "what_to_do": what_to_do(Group.SKIPPED, code)}


def _of_item(item: ItemRecord, ours: ReportColumns) -> dict[str, str]:
    facts = {name: _shown(name, value, item, ours) for name, value in item.facts.items() if name in ours.told}
    group = group_of(item)
    if phase_of(item.state) is Phase.FINAL and group is Group.FAILED and not facts.get("reason_code"):
        facts |= ours.untold
    code = facts.get("reason_code") or str(item.content.get("skip", ""))
    skipped = _skipped(code) if group is Group.SKIPPED else {}
    own = {name: of(item) for name, of in ours.own.items()}
    own |= {"status": str(group), "attempts": str(item.attempt), "run": item.run_id}
    told = skipped | {name: text for name, text in facts.items() if text} | own
    return told | {"what_to_do": told.get("what_to_do") or ours.advice.get(group) or what_to_do(group, code)}


def currency_of(name: str, item: ItemRecord) -> str:
    """Return the currency of an amount in a report: what is settled has that of the account's balance."""
    return str(item.facts.get(SETTLEMENT) or item.currency) if name in SETTLED else item.currency


def _shown(name: str, value: Any, item: ItemRecord, ours: ReportColumns) -> str:  # noqa: ANN401  a fact is any JSON value
    if value is None:
        return ""
    if name in ours.amounts and isinstance(value, int):
        return format_minor(value, currency_of(name, item))
    return str(value)
