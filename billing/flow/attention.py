"""What still asks for somebody: a line of a report, and a plan before it is carried out."""

from billing.core.life import Group
from billing.core.planrows import CLOSING
from billing.core.records import ReportLine, RunRecord
from billing.core.skips import SKIPS
from billing.flow.planning.planned import Plan
from billing.flow.report import describe, status_of

QUIET = frozenset({Group.SUCCEEDED, Group.PROCESSING})
# Groups of lines that nobody has to look at.


def needs_somebody(line: ReportLine, record: RunRecord) -> bool:
    """Tell whether a person has to look at a line; one that was left out for a good reason is none."""
    status = status_of(line)
    if status is Group.SKIPPED:
        code = describe(line, record)["reason_code"]
        return not (code in SKIPS and SKIPS[code].good)
    if status is Group.SUCCEEDED and line.item is not None:
        return bool(line.item.facts.get("reason_code"))  # what has become of it since: a renewal that was declined
    return status not in QUIET


def nothing_left(plan: Plan) -> bool:
    """Tell whether a run would neither charge nor close anything."""
    idle = not (plan.left.lines or plan.elsewhere or plan.amendment or plan.rows.get(CLOSING))
    return plan.existing is not None and idle
