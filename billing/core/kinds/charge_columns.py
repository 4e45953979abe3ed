"""What a report tells of a charge."""

from billing.core.advice import REFUSALS
from billing.core.report_columns import ReportColumns

CHARGE_COLUMNS = ReportColumns(
    ids={
        "payment_intent": lambda item: item.object_id or "",
        "charge": lambda item: str(item.facts.get("charge") or ""),
    },
    own={"clone": lambda item: item.instrument_id or ""},
    amounts=("amount_charged", "stripe_fee", "application_fee_charged", "net"),
    settled=True,
    untold={
        "reason_code": "canceled_elsewhere",
        "reason": "the intent was cancelled outside of this run",
        "what_to_do": REFUSALS["canceled_elsewhere"],
    },
)
