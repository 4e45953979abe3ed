"""What a report tells of a sync: its links come from no sheet, so it names them."""

from billing.core.advice import REFUSALS
from billing.core.report_columns import ReportColumns

SYNC_COLUMNS = ReportColumns(
    ids={"connected_customer": lambda item: str(item.content.get("connected_customer") or "")},
    own={
        "copy": lambda item: item.instrument_id or "",
        "moved": lambda item: str(item.facts.get("moved", "")),
        "detached": lambda item: str(item.facts.get("detached", "")),
    },
    amounts=(),
    untold={
        "reason_code": "not_in_step",
        "reason": "the link was not brought in step",
        "what_to_do": REFUSALS["not_in_step"],
    },
)
