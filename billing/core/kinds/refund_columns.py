"""What a report tells of a refund."""

from billing.core.advice import REFUSALS
from billing.core.report_columns import ReportColumns

REFUND_COLUMNS = ReportColumns(
    ids={
        "refund": lambda item: str(item.facts.get("refund") or item.object_id or ""),
        "payment_intent": lambda item: str(item.content.get("intent") or ""),
        "charge": lambda item: str(item.facts.get("charge") or item.content.get("charge") or ""),
    },
    own={
        "refund_status": lambda item: str(item.facts.get("refund_status") or ""),
        "fee": lambda item: str(item.content.get("fee") or ""),
    },
    amounts=("amount_refunded", "application_fee_refunded"),
    untold={
        "reason_code": "not_refunded",
        "reason": "the refund came to nothing",
        "what_to_do": REFUSALS["not_refunded"],
    },
)
