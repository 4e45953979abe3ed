"""Plan a run before any money moves: look up what can be known, decide for every line, keep or save the decisions.

A plan is made in two streams over the file: the first collects what must be looked up, the second decides, counts and
signs. Keeping the plan in the ledger is a third, identical stream.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing.core.acks import Ack
from billing.core.changes import Changes, Gathered, Sums
from billing.core.estimates import Estimate, Load, Speed, estimate
from billing.core.findings import Findings
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.kinds.rules import RULES
from billing.core.listing import Search, share_of_reads
from billing.core.money import format_minor
from billing.core.notices import Notice
from billing.core.records import RunRecord, RunStatus
from billing.core.variances import Beside, Variance, variances
from billing.edge.ledger import Ledger
from billing.edge.pacing.throttle import Rates
from billing.flow.kinds.registry import FLOWS, PLANNINGS
from billing.flow.options import Selection
from billing.flow.planning.accepting import take_acks
from billing.flow.planning.comparison import compare_file
from billing.flow.planning.decisions import decide_all, planned_lines
from billing.flow.planning.months import first_accounts
from billing.flow.planning.planned import NOTHING_EXAMINED, Asked, Plan, Source
from billing.flow.planning.preflight import QUIETLY, LookedUp, Lookout, Preflight
from billing.flow.services import Services


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan is asked for.

    Attributes:
        preflight: what is looked up on Stripe.
        amend: whether a run that has begun may be changed.
        findings: those of a saved plan, instead of looking again.
        selection: which lines may move in this invocation.
        limit: how many at most.
        acks: what somebody accepts of how the run differs from the ones before it, name to reason.
        saved_acks: those of a saved plan.
    """

    preflight: Preflight = Preflight.ALL
    amend: bool = False
    findings: Findings | None = None
    selection: Selection = field(default_factory=Selection)
    limit: int | None = None
    acks: Mapping[str, str] = field(default_factory=dict)
    saved_acks: Sequence[Ack] = ()

    def asked(self, services: Services, kind: Kind) -> Asked:
        """Return what is asked of the decisions."""
        unexamined = PLANNINGS[kind].unexamined[self.preflight]
        since = services.clock.days_ago(RULES[kind].block_days)
        return Asked(self.amend, self.selection, self.limit, unexamined, since)


async def make_plan(services: Services, source: Source, options: PlanOptions, lookout: Lookout = QUIETLY) -> Plan:
    """Look up what the file needs and decide for every line; nothing that moves money is sent.

    ``lookout`` is told of the look-ups.

    Raises:
        InvalidInput: the file contradicts what is on record; every contradiction is listed.
        UsageError: the run on record belongs to another platform, or an ack is asked for that it does not need.
        CredentialsError: the key may not look.
    """
    await services.identify()
    record = services.ledger.run(source.run.run_id)
    if record is not None:
        services.require_own(record)
    findings = options.findings
    looked_up = LookedUp()
    if findings is None:
        looked_up = await PLANNINGS[source.run.kind].look_up(services, source, options.preflight, lookout)
        findings = looked_up.findings
    plan, elsewhere = await _decided(services, source, findings, options)
    beside = compare_file(source, services.ledger, services.platform)
    if beside.changes is not None:
        plan.changes, plan.variances = beside.changes, _variances(plan, beside.changes, services.ledger)
    plan.warnings += [
        *_of_the_file(source),
        *beside.warnings,
        *looked_up.warnings,
    ]
    plan.reads = looked_up.reads
    plan.identifying = _identifying(services)
    plan.warnings += elsewhere
    take_acks(plan, options.acks, str(services.operator.get("by", "")), options.saved_acks)
    if over := over_approval(plan):
        plan.warnings.append(Notice("approval_needed", f"a second person must approve it: {', '.join(over)}"))
    return plan


async def _decided(
    services: Services, source: Source, findings: Findings, options: PlanOptions
) -> tuple[Plan, list[Notice]]:
    """Decide for every line, then list the accounts: what another ledger has done there is not this one's to charge."""
    asked = options.asked(services, source.run.kind)
    plan = decide_all(source, services.ledger, services.platform, findings, asked)
    if options.preflight is Preflight.NONE:
        return plan, []
    shown = await PLANNINGS[source.run.kind].elsewhere(services, source, plan)
    if shown.rows:
        plan = decide_all(source, services.ledger, services.platform, findings, asked, shown.rows)
    return plan, list(shown.notices)


def _variances(plan: Plan, changes: Changes, ledger: Ledger) -> tuple[Variance, ...]:
    """Return how the run differs from the ones before it, by the names that policy knows."""
    first = first_accounts(ledger, plan.accounts, LIVES[plan.run.kind]) if changes.previous else Gathered()
    now = Sums(plan.sheet.lines, plan.sheet.totals)
    return variances(Beside(changes, now, first, len(plan.accounts), plan.run.policies.compare))


def _identifying(services: Services) -> int:
    """Return in how many requests a run asks whose key it is: a platform that is not on record is asked for twice."""
    if services.who is None:
        return 0
    return 1 if services.platform in {record.platform for record in services.ledger.runs()} else 2


def over_approval(plan: Plan) -> list[str]:
    """Return the totals that one person may not charge alone, as texts: what another ledger has of them counts."""
    approval = plan.run.policies.approval
    limits = {} if approval is None else approval.required_over
    return [
        f"{code.upper()} {format_minor(total, code)}"
        for code, total in sorted((plan.totals + plan.held).items())
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
    acks = [ack.to_facts() for ack in plan.new_acks]
    return await ledger.plan_run(record_of(plan, status), planned_lines(plan, source, ledger), acks)


def record_of(plan: Plan, status: RunStatus) -> RunRecord:
    """Return the run of a plan as the ledger is to keep it: its first revision, or the next one."""
    return RunRecord(
        run_id=plan.run.run_id,
        platform=plan.platform,
        name=plan.run.name,
        period=plan.run.period,
        mode=plan.run.mode,
        kind=plan.run.kind,
        header={
            "file": plan.file,
            "columns": list(plan.run.columns),
            "timezone": plan.run.timezone,
            "totals": _owned(plan),
            "sheet": {"lines": plan.sheet.lines, "totals": dict(sorted(plan.sheet.totals.items()))},
            "foreign": dict(sorted(plan.foreign.items())),
            "dunning": plan.run.policies.dunning.to_facts(),
            "stop_on": plan.run.policies.stop_on.to_facts(),
            "notify": [each.to_facts() for each in plan.run.policies.notify],
            **({"acks": [ack.to_facts() for ack in plan.acks]} if plan.acks else {}),
        },
        file_sha256=plan.file_sha256,
        plan_digest=plan.digest,
        revision=1 if plan.existing is None else plan.existing.revision + 1,
        status=status,
    )


def _owned(plan: Plan) -> dict[str, int]:
    """Return what the whole run comes to per currency, counted while planning: the report is held against it."""
    before = {} if plan.existing is None else plan.existing.header.get("totals", {})
    return dict(sorted((Counter(before) + plan.added).items()))


def estimate_for(plan: Plan, rates: Rates, start_rps: float | None = None) -> Estimate:
    """Return requests and seconds at these rates; ``start_rps`` is where the key begins when that is below its rate."""
    left = plan.left
    looks = plan.asked.unexamined is not NOTHING_EXAMINED
    payers = Search(len({*plan.findings.defaults, *plan.findings.customers}))
    load = Load(
        left.lines,
        FLOWS[plan.run.kind].rounds,
        max(left.accounts.values(), default=0),
        left.largest_payer,
        len(plan.accounts if looks else left.accounts),
        others=plan.identifying + payers.reads,
    )
    speed = Speed(rates.key_rps, rates.endpoint_rps, rates.account_rps, rates.concurrency, start_rps)
    return estimate(load, speed)


def reads_share(plan: Plan) -> float:
    """Return which part of a month's reads the look-ups and the run's lists of accounts take."""
    return share_of_reads(plan.reads.requests + len(plan.accounts), sum(plan.accounts.values()))
