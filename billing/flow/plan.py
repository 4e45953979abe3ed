"""Plan a run before any money moves: look up what can be known, decide for every line, keep or save the decisions.

A plan is made in two streams over the file: the first collects what must be looked up, the second decides, counts and
signs. Keeping the plan in the ledger is a third, identical stream.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from billing.core.entries import RunRecord, RunStatus
from billing.core.errors import PlanStale, UsageError
from billing.core.estimates import Estimate, Load, Speed, estimate
from billing.core.findings import Findings
from billing.core.items import Kind, Mode
from billing.core.listing import share_of_reads
from billing.core.money import format_minor
from billing.core.notices import Notice
from billing.core.plans import METHOD_FINDINGS
from billing.edge.ledger import Ledger
from billing.edge.runfiles import ReadOptions
from billing.edge.throttle import Rates
from billing.flow.cards import DAYS
from billing.flow.comparison import compare_file
from billing.flow.decisions import NOTHING_EXAMINED, Asked, Plan, Source, decide_all, planned_lines
from billing.flow.desk import Desk
from billing.flow.elsewhere import opened_elsewhere
from billing.flow.invocation import Selection
from billing.flow.scout import QUIETLY, Lookout, Preflight, Scouted, scout
from billing.flow.sums import Row

FORMAT_VERSION = "1.1"


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan is asked for.

    Attributes:
        preflight: what is looked up on Stripe.
        amend: whether a run that has begun may be changed.
        findings: those of a saved plan, instead of looking again.
        selection: which lines may move in this invocation.
        limit: how many at most.
    """

    preflight: Preflight = Preflight.ALL
    amend: bool = False
    findings: Findings | None = None
    selection: Selection = field(default_factory=Selection)
    limit: int | None = None

    def asked(self, desk: Desk) -> Asked:
        """Return what is asked of the decisions."""
        return Asked(self.amend, self.selection, self.limit, UNEXAMINED[self.preflight], desk.clock.days_ago(DAYS))


UNEXAMINED: dict[Preflight, frozenset[str]] = {
    Preflight.NONE: NOTHING_EXAMINED,
    Preflight.ACCOUNTS: METHOD_FINDINGS,
    Preflight.ALL: frozenset(),
}
# The skip reasons that a preflight does not look at.


async def make_plan(desk: Desk, source: Source, options: PlanOptions, lookout: Lookout = QUIETLY) -> Plan:
    """Look up what the file needs and decide for every line; nothing that moves money is sent.

    ``lookout`` is told of the look-ups.

    Raises:
        InvalidInput: the file contradicts what is on record; every contradiction is listed.
        UsageError: the run on record belongs to another platform.
        CredentialsError: the key may not look.
    """
    await desk.identify()
    record = desk.ledger.run(source.run.run_id)
    if record is not None:
        desk.require_own(record)
    findings = options.findings
    scouted = Scouted()
    if findings is None:
        scouted = await scout(desk, source, options.preflight, lookout)
        findings = scouted.findings
    plan = decide_all(source, desk.ledger, desk.platform, findings, options.asked(desk))
    beside = compare_file(source, desk.ledger, desk.platform)
    plan.changes = beside.changes
    plan.warnings += [*_of_the_file(source), *beside.warnings, *scouted.warnings, *_first_charges(plan, desk.ledger)]
    plan.reads = scouted.reads
    if options.preflight is not Preflight.NONE:
        plan.warnings += await opened_elsewhere(desk, source, plan)
    if over := over_approval(plan):
        plan.warnings.append(Notice("approval_needed", f"a second person must approve it: {', '.join(over)}"))
    return plan


def over_approval(plan: Plan) -> list[str]:
    """Return the totals that one person may not charge alone, as texts."""
    approval = plan.run.policies.approval
    limits = {} if approval is None else approval.required_over
    return [
        f"{code.upper()} {format_minor(total, code)}"
        for code, total in sorted(plan.totals.items())
        if code in limits and total > limits[code]
    ]


def plan_offline(source: Source, ledger: Ledger | None, platform: str, asked: Asked | None = None) -> Plan:
    """Decide for every line with what the file and the ledger know alone."""
    plan = decide_all(source, ledger, platform, Findings(), asked)
    plan.warnings += _of_the_file(source)
    if ledger is None:
        plan.warnings += compare_file(source, None, platform).warnings
    return plan


def _of_the_file(source: Source) -> list[Notice]:
    """Return what reading the file found worth a look: the first of each kind, as `billing check` says them."""
    found = [Notice(seen.code, seen.message, seen.reference, seen.line) for seen in source.warnings]
    more = source.warnings_total - len(found)
    return found + ([Notice("more_warnings", f"{more:,} more warnings about the file: billing check")] if more else [])


def _first_charges(plan: Plan, ledger: Ledger) -> list[Notice]:
    """Name accounts that were never charged before, once the ledger has a history that makes this worth a look."""
    if plan.changes is None:
        return []
    accounts = sorted(plan.accounts)
    charged: set[str] = set()
    for start in range(0, len(accounts), 500):
        charged |= ledger.accounts_charged(accounts[start : start + 500])
    return [
        Notice("first_charge", f"{account}: first charge ever, {plan.accounts[account]:,} lines")
        for account in accounts
        if account not in charged
    ]


async def keep(plan: Plan, source: Source, ledger: Ledger, status: RunStatus = RunStatus.PLANNED) -> RunRecord:
    """Put a plan into the ledger in one transaction; a plan that adds nothing leaves the ledger as it is.

    Args:
        plan: the decisions.
        source: whose lines they are about.
        ledger: open for writing.
        status: ``rebuilding`` keeps the run closed from the same transaction on.

    Raises:
        LedgerError: the transaction failed and nothing was kept.
        LedgerHeld: another runner planned the run meanwhile.
    """
    if plan.existing is not None and not plan.is_news:
        return plan.existing
    record = RunRecord(
        run_id=plan.run.run_id,
        platform=plan.platform,
        name=plan.run.name,
        period=plan.run.period,
        mode=plan.run.mode,
        kind=Kind.CHARGE,
        header={
            "file": plan.file,
            "columns": list(plan.run.columns),
            "timezone": plan.run.timezone,
            "totals": _owned(plan),
            "sheet": {"lines": plan.sheet.lines, "totals": dict(sorted(plan.sheet.totals.items()))},
            "foreign": dict(sorted(plan.foreign.items())),
            "dunning": plan.run.policies.dunning.to_facts(),
            "notify": [each.to_facts() for each in plan.run.policies.notify],
        },
        file_sha256=plan.file_sha256,
        plan_digest=plan.digest,
        revision=1 if plan.existing is None else plan.existing.revision + 1,
        status=status,
    )
    return await ledger.plan_run(record, planned_lines(plan, source, ledger))


def _owned(plan: Plan) -> dict[str, int]:
    """Return what the whole run comes to per currency, counted while planning: the report is held against it."""
    before = {} if plan.existing is None else plan.existing.header.get("totals", {})
    return dict(sorted((Counter(before) + plan.added).items()))


def estimate_for(plan: Plan, rates: Rates, start_rps: float | None = None) -> Estimate:
    """Return requests and seconds at these rates; ``start_rps`` is where the key begins when that is below its rate."""
    left = plan.left
    load = Load(left.lines, max(left.accounts.values(), default=0), left.largest_payer, len(left.accounts))
    speed = Speed(rates.key_rps, rates.endpoint_rps, rates.account_rps, rates.concurrency, start_rps)
    return estimate(load, speed)


def reads_share(plan: Plan) -> float:
    """Return which part of a month's reads the look-ups and the run's lists of accounts take."""
    return share_of_reads(plan.reads.requests + len(plan.accounts), sum(plan.accounts.values()))


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as `billing plan -o` wrote it: where its file is, what was found, and the digest it must come to again.

    Attributes:
        file: the run file; in JSON relative to the plan's own folder, unless it is absolute.
        file_sha256: of its bytes.
        run_id: of the run.
        mode: test or live.
        platform: the platform account.
        read: how the file was read.
        amend: as typed.
        selection: of the lines.
        limit: of lines.
        findings: of the look-ups.
        preflight: what was looked up.
        digest: over every decision.
    """

    file: str
    file_sha256: str
    run_id: str
    mode: Mode
    platform: str
    read: ReadOptions
    amend: bool
    selection: Selection
    limit: int | None
    findings: Findings
    preflight: Preflight
    digest: str

    def options(self) -> PlanOptions:
        """Return what the plan was asked for, with what it found."""
        return PlanOptions(self.preflight, self.amend, self.findings, self.selection, self.limit)

    def require_same(self, plan: Plan) -> None:
        """Refuse a plan that is not this one.

        Raises:
            PlanStale: the file, the history or the platform changed since.
        """
        if plan.file_sha256 != self.file_sha256:
            raise PlanStale(f"{self.file} changed since the plan was made; plan again. Nothing was sent")
        if plan.digest != self.digest:
            message = f"the plan {self.digest[:8]} no longer holds: the decisions are now {plan.digest[:8]}"
            raise PlanStale(
                f"{message} (another run, another platform or another release); plan again. Nothing was sent"
            )


def plan_to_json(
    plan: Plan,
    rates: Rates,
    read: ReadOptions | None = None,
    *,
    preflight: Preflight = Preflight.ALL,
    start_rps: float | None = None,
) -> dict[str, Any]:
    """Return the plan as one JSON object: what a person or a pull request wants to see, and what `run PLAN` needs."""
    cost = estimate_for(plan, rates, start_rps)
    return {
        "format_version": FORMAT_VERSION,
        "plan_digest": plan.digest,
        "run": plan.run.run_id,
        "mode": str(plan.run.mode),
        "platform": plan.platform,
        "file": plan.file,
        "file_sha256": plan.file_sha256,
        "read": asdict(read or ReadOptions()),
        "amend": plan.amend,
        "only": list(plan.asked.selection.only),
        "exclude": list(plan.asked.selection.exclude),
        "limit": plan.asked.limit,
        "preflight": str(preflight),
        "left": _left(plan),
        "rows": [{"row": code, **_row(row)} for code, row in plan.rows.items()],
        "sheet": _row(plan.sheet),
        "amendment": _amendment(plan),
        "items": plan.items,
        "customers": plan.customers,
        "accounts": len(plan.accounts),
        "to_charge": plan.to_charge,
        "continued": plan.continued,
        "set_aside": plan.set_aside,
        "totals": dict(sorted(plan.totals.items())),
        "skips": dict(sorted(plan.skips.items())),
        "warnings": [asdict(warning) for warning in plan.warnings],
        "changes": None if plan.changes is None else asdict(plan.changes),
        "lookups": {
            **asdict(plan.reads),
            "seconds": round(plan.reads.seconds, 1),
            "share_of_reads": round(reads_share(plan), 6),
        },
        "estimate": {"requests": cost.requests, "seconds": round(cost.seconds, 1)},
        "findings": asdict(plan.findings),
    }


def _row(row: Row) -> dict[str, Any]:
    return {"lines": row.lines, "totals": dict(sorted(row.totals.items()))}


def _left(plan: Plan) -> dict[str, Any]:
    left = plan.left
    totals = dict(sorted(left.totals.items()))
    return {"lines": left.lines, "totals": totals, "accounts": len(left.accounts), "customers": left.customers}


def _amendment(plan: Plan) -> dict[str, Any] | None:
    """Return what the file changes of the run on record, or None when there is nothing."""
    found = plan.amendment
    if plan.existing is None or not found.counts:
        return None
    return {
        "counts": dict(sorted(found.counts.items())),
        "closes_first": found.closes,
        "totals_before": dict(sorted(found.before.items())),
        "totals_after": dict(sorted(found.after.items())),
        "lines": [
            {
                "kind": each.kind,
                "reference": each.reference,
                "line": each.line or None,
                "was": each.was or None,
                "old": None if each.old is None else {"amount": each.old[0], "currency": each.old[1]},
                "new": None if each.new is None else {"amount": each.new[0], "currency": each.new[1]},
                "changes": [change._asdict() for change in each.changes],
            }
            for each in found.shown
        ],
    }


def load_plan(path: Path) -> SavedPlan:
    """Read a plan that `billing plan -o` wrote.

    Raises:
        UsageError: the file cannot be read, or is no plan of this format.
    """
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["format_version"] != FORMAT_VERSION:
            raise UsageError(f"{path}: a plan of format {saved['format_version']}, this release reads {FORMAT_VERSION}")
        return SavedPlan(
            file=saved["file"],
            file_sha256=saved["file_sha256"],
            run_id=saved["run"],
            mode=Mode(saved["mode"]),
            platform=saved["platform"],
            read=ReadOptions(**saved["read"] | {"ignore": tuple(saved["read"]["ignore"])}),
            amend=saved["amend"],
            selection=Selection(tuple(saved["only"]), tuple(saved["exclude"])),
            limit=saved["limit"],
            preflight=Preflight(saved["preflight"]),
            findings=Findings(**saved["findings"]),
            digest=saved["plan_digest"],
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path}: this is no plan; make one with billing plan FILE -o {path.name}") from None
