"""What a report tells of a refund; its sheet names the charge already."""

from billing.core.advice import REFUSALS
from billing.core.report_columns import ReportColumns

REFUND_COLUMNS = ReportColumns(
    ids={
        "refund": lambda item: str(item.facts.get("refund") or item.object_id or ""),
    },
    own={"refund_status": lambda item: str(item.facts.get("refund_status") or "")},
    amounts=("amount_refunded", "application_fee_refunded"),
    untold={
        "reason_code": "not_refunded",
        "reason": "the refund came to nothing",
        "what_to_do": REFUSALS["not_refunded"],
    },
)
