"""What a report tells of a cancellation; its sheet names the subscription already."""

from billing.core.advice import REFUSALS
from billing.core.report_columns import ReportColumns

CANCELLATION_COLUMNS = ReportColumns(
    ids={},
    own={
        "subscription_status": lambda item: str(item.facts.get("subscription_status") or ""),
        "cancelled_at": lambda item: str(item.facts.get("cancelled_at") or ""),
        "ends_at": lambda item: str(item.facts.get("ends_at") or ""),
        "fee_cleared": lambda item: "yes" if item.facts.get("fee_cleared") else "",
        "invoices_voided": lambda item: " ".join(item.facts.get("invoices_voided") or ()),
    },
    amounts=(),
    untold={
        "reason_code": "not_cancelled",
        "reason": "the cancellation came to nothing",
        "what_to_do": REFUSALS["not_cancelled"],
    },
)
