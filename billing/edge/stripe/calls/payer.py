"""The requests of a payer, from what is on record of it. All of them are sent on the platform itself.

(docs.stripe.com/api/customers, docs.stripe.com/api/setup_intents, docs.stripe.com/api/checkout/sessions)
"""

from collections.abc import Mapping
from typing import Any

from billing.core.calls import Call
from billing.core.entries import ItemRecord
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds import payer
from billing.core.kinds.payer import customer_of
from billing.core.objects import customer as customers
from billing.core.objects import setup
from billing.edge.stripe.calls.charge import INTENTS

CUSTOMERS, SETUPS, SESSIONS = "/v1/customers", "/v1/setup_intents", "/v1/checkout/sessions"
PLATFORM = ""
MOST_LISTED = 100
PATHS = {"seti": SETUPS, "pi": INTENTS, "cs": SESSIONS}
ENDS = {"seti": "cancel", "pi": "cancel", "cs": "expire"}
# How an invitation is ended, by what it is. The SetupIntent of a session ends with it, and in no other way.
BANK_TESTS = "pm_usBankAccount"
# How the names of Stripe's test bank accounts begin: a debit needs a mandate. (docs.stripe.com/testing)


def payer_id(item: ItemRecord, mode: Mode, platform: str) -> str:
    """Return what names a payer for ever, on Stripe too: the id of its line's first generation."""
    return item_id(mode, platform, "", item.reference, 0, Kind.PAYER)


def create_customer(item: ItemRecord, who: Mapping[str, str], payer_name: str) -> Call:
    """Make the payer a customer: ``Made(cus_…)``. Its key names the payer, whichever ledger or line asks for it.

    Args:
        item: the line.
        who: e-mail, name and telephone number by their columns; they are in no other request.
        payer_name: what names the payer (`payer_id`).
    """
    told = {name: who[name] for name in ("email", "name", "phone") if who.get(name)}
    params = {**told, "metadata": {**_metadata(item), "billing_item": payer_name}}
    return Call(payer.CREATE, CUSTOMERS, params, customers.made(payer_name), PLATFORM, payer_name)


def open_setup(item: ItemRecord) -> Call:
    """Invite the payer to save a method: ``Made(seti_…)``."""
    params = {
        "customer": customer_of(item.object_id),
        "usage": "off_session",
        "allowed_payment_method_types": item.content["types"],
        "payment_method_options": _options(item),
        "on_behalf_of": item.content.get("on_behalf_of"),
        "description": item.content.get("description"),
        "metadata": _metadata(item),
    }
    return Call(payer.INVITE, SETUPS, _without_none(params), setup.opened(customer_of(item.object_id)), PLATFORM)


def open_session(item: ItemRecord) -> Call:
    """Invite the payer on a page of Stripe's: ``Made(cs_…)``. It is dead after 24 hours."""
    data = {
        "on_behalf_of": item.content.get("on_behalf_of"),
        "description": item.content.get("description"),
        "metadata": _metadata(item),
    }
    params = {
        "mode": "setup",
        "customer": customer_of(item.object_id),
        "allowed_payment_method_types": item.content["types"],
        "success_url": item.content.get("return_url"),
        "locale": item.content.get("locale"),
        "client_reference_id": item.item_id,
        "setup_intent_data": _without_none(data),
        "expand": ["setup_intent"],
    }
    return Call(payer.INVITE, SESSIONS, _without_none(params), setup.opened(customer_of(item.object_id)), PLATFORM)


def open_payment(item: ItemRecord) -> Call:
    """Invite the payer to a first payment, whose method is saved: ``Made(pi_…)``. The money is the platform's.

    The number of its key says how many such payments have ended, not which attempt this is: two ledgers that see the
    same make one.
    """
    params = {
        "amount": item.amount,
        "currency": item.currency,
        "customer": customer_of(item.object_id),
        "setup_future_usage": "off_session",
        "allowed_payment_method_types": item.content["types"],
        "payment_method_options": _options(item),
        "description": item.content.get("description"),
        "metadata": _metadata(item),
    }
    return Call(payer.PAY, INTENTS, _without_none(params), setup.opened(customer_of(item.object_id)), PLATFORM)


def read_invitation(item: ItemRecord) -> Call:
    """Look at the invitation on record, and at the method that it has saved."""
    method = "setup_intent.payment_method" if _prefix(item) == "cs" else "payment_method"
    return Call(
        payer.READ_INVITATION, _path(item), {"expand": [method]}, setup.shown(customer_of(item.object_id)), PLATFORM
    )


def end_invitation(item: ItemRecord) -> Call:
    """Make sure that the invitation on record is never completed any more."""
    path = f"{_path(item)}/{ENDS[_prefix(item)]}"
    expand = {"expand": ["setup_intent"]} if _prefix(item) == "cs" else {}
    return Call(payer.CANCEL, path, expand, setup.shown(customer_of(item.object_id)), PLATFORM)


def confirm_with(item: ItemRecord, method: str) -> Call:
    """Complete the invitation on record with one of Stripe's test methods, in place of its payer: in test mode only."""
    intent = str(item.facts.get("payment_intent") or item.facts["setup_intent"])
    params: dict[str, Any] = {"payment_method": method, "expand": ["payment_method"]}
    if method.startswith(BANK_TESTS):
        params["mandate_data"] = {"customer_acceptance": {"type": "offline"}}
    path = f"{PATHS[intent.partition('_')[0]]}/{intent}/confirm"
    return Call(payer.CONFIRM, path, params, setup.shown(customer_of(item.object_id)), PLATFORM)


def list_setups(item: ItemRecord) -> Call:
    """List the SetupIntents of the customer, each with its method."""
    params = {"customer": customer_of(item.object_id), "limit": MOST_LISTED, "expand": ["data.payment_method"]}
    return Call(payer.LIST_SAVED, SETUPS, params, setup.listed(customer_of(item.object_id)), PLATFORM)


def list_payments(item: ItemRecord) -> Call:
    """List the payments of the customer, each with its method."""
    params = {"customer": customer_of(item.object_id), "limit": MOST_LISTED, "expand": ["data.payment_method"]}
    return Call(payer.LIST_SAVED, INTENTS, params, setup.listed(customer_of(item.object_id)), PLATFORM)


def set_default(item: ItemRecord, method: str) -> Call:
    """Make a saved method the customer's default. The key names line and method, and grows with every repeat."""
    params = {"invoice_settings": {"default_payment_method": method}}
    path, names = f"{CUSTOMERS}/{customer_of(item.object_id)}", f"{item.item_id}:{method}"
    return Call(payer.DEFAULT, path, params, customers.shown(customer_of(item.object_id)), PLATFORM, names)


def read_customer(item: ItemRecord) -> Call:
    """Look at the customer: which method is its default."""
    return Call(
        payer.READ_CUSTOMER,
        f"{CUSTOMERS}/{customer_of(item.object_id)}",
        {},
        customers.shown(customer_of(item.object_id)),
        PLATFORM,
    )


def _prefix(item: ItemRecord) -> str:
    return str(item.instrument_id).partition("_")[0]


def _path(item: ItemRecord) -> str:
    return f"{PATHS[_prefix(item)]}/{item.instrument_id}"


def _options(item: ItemRecord) -> dict[str, Any] | None:
    """Return what card networks are told that a card is kept for, or None where nothing is said."""
    usage = item.content.get("setup_credential_usage")
    return {"card": {"setup_credential_usage": usage}} if usage and "card" in item.content["types"] else None


def _metadata(item: ItemRecord) -> dict[str, str]:
    """Return the line's own metadata and ours. Neither digest nor attempt: two ledgers send the same of one payer."""
    return {
        **item.content.get("metadata", {}),
        "billing_v": "1",
        "billing_item": item.item_id,
        "billing_run": str(item.content.get("run_id") or item.run_id),
        "billing_reference": item.reference,
    }


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are there."""
    return {name: value for name, value in values.items() if value is not None}
