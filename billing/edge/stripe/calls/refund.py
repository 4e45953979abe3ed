"""The requests of a refund, from what is on record of it."""

from billing.core.calls import Call
from billing.core.entries import ItemRecord
from billing.core.items import FeeBack
from billing.core.kinds import refund
from billing.core.objects import refund as objects
from billing.edge.stripe.calls.charge import INTENTS, metadata

REFUNDS = "/v1/refunds"
MOST_LISTED = 100
# A charge with more refunds than a page holds is no untouched one, and its list is read as not whole.


def make_refund(item: ItemRecord) -> Call:
    """Move the money: give back all that is left of the charge. Send it once per durable entry.

    No amount is sent. So a second one, whoever sends it and whenever, is refused: nothing is left.
    """
    params = {"payment_intent": item.content["intent"], "metadata": metadata(item)}
    if item.content["fee"] == FeeBack.REFUND:
        params["refund_application_fee"] = True
    return Call(refund.REFUND, REFUNDS, params, objects.made(item.content["intent"]))


def read_charge(item: ItemRecord) -> Call:
    """Look at the intent with its charge: what was paid, what of it was given back, whether it is disputed."""
    intent = item.content["intent"]
    return Call(refund.READ_CHARGE, f"{INTENTS}/{intent}", {"expand": ["latest_charge"]}, objects.charge_of(intent))


def list_refunds(item: ItemRecord) -> Call:
    """List the refunds of the intent, whoever made them."""
    intent = item.content["intent"]
    params = {"payment_intent": intent, "limit": MOST_LISTED}
    return Call(refund.LIST_REFUNDS, REFUNDS, params, objects.refunds_of(intent))
