"""A plan as a file: what a person or a pull request wants to see, and what `billing run PLAN` must come to again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from billing.core.acks import Ack, acks_from
from billing.core.errors import PlanStale, UsageError
from billing.core.findings import Findings
from billing.core.items import Mode
from billing.core.money import format_minor
from billing.core.policies import Attitude
from billing.edge.pacing.throttle import Rates
from billing.edge.runfiles import ReadOptions
from billing.flow.options import Selection
from billing.flow.planning.plan import PlanOptions, estimate_for, reads_share
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.sums import Row

BINDING = frozenset({Attitude.ACK, Attitude.REFUSE})
# Attitudes under which a saved plan holds what it found.
FORMAT_VERSION = "1.2"


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
        left: currency -> minor units that it counted as what can move.
        binding: name -> hash of what it found that must be accepted, or is refused.
        acks: what was accepted when it was made.
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
    left: Mapping[str, int]
    binding: Mapping[str, str]
    acks: Sequence[Ack]

    def options(self, acks: Mapping[str, str]) -> PlanOptions:
        """Return what the plan was asked for, with what it found and accepted; ``acks`` are what is accepted beside."""
        return PlanOptions(
            self.preflight, self.amend, self.findings, self.selection, self.limit, acks=acks, saved_acks=self.acks
        )

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
        self._require_same_variances(plan)
        for code, minor in sorted(plan.left.totals.items()):
            if minor > self.left.get(code, 0):
                counted, now = format_minor(self.left.get(code, 0), code), format_minor(minor, code)
                message = f"{code.upper()} {now} could be charged now, and the plan {self.digest[:8]} counted {counted}"
                raise PlanStale(f"{message}; plan again. Nothing was sent")

    def _require_same_variances(self, plan: Plan) -> None:
        """Refuse a plan that differs from the runs before otherwise than this one did; one that has begun goes on."""
        if plan.frozen or plan.changes is None:
            return
        now = {each.name: each.seen for each in plan.variances if each.attitude in BINDING}
        moved = [name for name in sorted({*now, *self.binding}) if now.get(name) != self.binding.get(name)]
        if moved:
            message = f"what plan {self.digest[:8]} has found of {', '.join(moved)} is not so any more"
            raise PlanStale(f"{message}: a run before it changed, or the policy; plan again. Nothing was sent")


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
        "changes": plan.changes.to_json() if plan.changes and plan.changes.previous else None,
        "variances": [each.to_json() for each in plan.variances],
        "acks": [ack.to_facts() for ack in plan.acks],
        "lookups": {
            **asdict(plan.reads),
            "seconds": round(plan.reads.seconds, 1),
            "share_of_reads": round(reads_share(plan), 6),
        },
        "estimate": {"requests": cost.requests, "seconds": round(cost.seconds, 1)},
        "findings": plan.findings.to_json(),
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
                "kind": each.how,
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
            findings=Findings.from_json(saved["findings"]),
            digest=saved["plan_digest"],
            left=dict(saved["left"]["totals"]),
            binding={each["name"]: each["seen"] for each in saved["variances"] if each["attitude"] in BINDING},
            acks=tuple(acks_from(saved["acks"])),
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path}: this is no plan; make one with billing plan FILE -o {path.name}") from None
