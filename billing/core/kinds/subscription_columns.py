"""What a report tells of a subscription."""

from datetime import UTC, datetime

from billing.core.advice import REFUSALS
from billing.core.entries import ItemRecord
from billing.core.report_columns import ReportColumns


def _fact(name: str, item: ItemRecord) -> str:
    return str(item.facts.get(name) or "")


def _period_end(item: ItemRecord) -> str:
    """Return the day and time at which the period ends, in UTC: when it was seen last."""
    told = item.facts.get("current_period_end")
    return "" if told is None else datetime.fromtimestamp(int(told), UTC).isoformat(timespec="seconds")


SUBSCRIPTION_COLUMNS = ReportColumns(
    ids={
        "connected_customer": lambda item: _fact("connected_customer", item),
        "clone": lambda item: _fact("clone", item),
        "subscription": lambda item: item.object_id or "",
    },
    own={
        "subscription_status": lambda item: _fact("subscription_status", item),
        "first_invoice": lambda item: _fact("first_invoice", item),
        "payment_intent": lambda item: _fact("payment_intent", item),
        "current_period_end": _period_end,
    },
    amounts=(),
    untold={
        "reason_code": "canceled_elsewhere",
        "reason": "the subscription was ended outside of this run, unpaid",
        "what_to_do": REFUSALS["canceled_elsewhere"],
    },
)
