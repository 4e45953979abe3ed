"""The requests of a cancellation, from what is on record of it."""

from collections.abc import Callable, Mapping
from typing import Any

from billing.core.calls import Call, Op
from billing.core.entries import ItemRecord
from billing.core.kinds import cancellation
from billing.core.objects import cancellation as objects

SUBSCRIPTIONS, INVOICES = "/v1/subscriptions", "/v1/invoices"
MOST_LISTED = 100


def read_end(item: ItemRecord) -> Call:
    """Look at the subscription, and with it at its latest invoice, which a list might lack still."""
    name = item.content["subscription"]
    expand = {"expand": ["latest_invoice"]}
    return Call(cancellation.READ_END, f"{SUBSCRIPTIONS}/{name}", expand, objects.end_of(name))


def list_collectable(item: ItemRecord, status: str) -> Call:
    """List the invoices of the subscription in one status: those of 100 others can still be asked for later."""
    name = item.content["subscription"]
    params = {"subscription": name, "status": status, "limit": MOST_LISTED}
    return Call(cancellation.LIST_COLLECTABLE, INVOICES, params, objects.collectable_of(name, status))


def asked_for(item: ItemRecord, op: Op, name: str) -> Call:
    """Return a request of a round: to do this with that subscription, or with that invoice of it."""
    return _WRITTEN[op](item, op, name)


def _change(params: Callable[[ItemRecord], Mapping[str, Any]]) -> Callable[[ItemRecord, Op, str], Call]:
    def written(item: ItemRecord, op: Op, name: str) -> Call:
        return Call(op, f"{SUBSCRIPTIONS}/{name}", params(item), objects.answered("subscription", name))

    return written


def _invoice(verb: str, params: Mapping[str, Any]) -> Callable[[ItemRecord, Op, str], Call]:
    def written(_item: ItemRecord, op: Op, name: str) -> Call:
        # Its key names the invoice: of one line several may have to be made void.
        path = f"{INVOICES}/{name}/{verb}"
        return Call(op, path, params, objects.answered("invoice", name), names=name)

    return written


def _why(item: ItemRecord) -> dict[str, Any]:
    """Return the payer's reason, where one was given. (docs.stripe.com/api/subscriptions/cancel)"""
    feedback = item.content.get("feedback")
    return {"cancellation_details": {"feedback": feedback}} if feedback else {}


def _clear(_item: ItemRecord) -> dict[str, Any]:
    return {"application_fee_percent": ""}


def _with_period(item: ItemRecord) -> dict[str, Any]:
    return {"cancel_at_period_end": True, **_why(item)}


_WRITTEN: Mapping[Op, Callable[[ItemRecord, Op, str], Call]] = {
    cancellation.CLEAR_FEE: _change(_clear),
    cancellation.END_NOW: _change(_why),
    cancellation.END_LATER: _change(_with_period),
    cancellation.FINALIZE: _invoice("finalize", {"auto_advance": False}),
    cancellation.VOID: _invoice("void", {}),
}
