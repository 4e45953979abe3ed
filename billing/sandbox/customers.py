"""Customers, on the platform and on connected accounts: who pays, and with which method by default."""

from billing.sandbox import events, methods, recurring_events, search
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, missing
from billing.sandbox.shapes import address, shipping
from billing.sandbox.subscription_ends import end
from billing.sandbox.world import Call

DEFAULT = "invoice_settings[default_payment_method]"
PLAIN = ("description", "email", "invoice_prefix", "name", "phone")
IF_GIVEN = ("business_name", "individual_name", "next_invoice_sequence")
INVOICING = ("custom_fields", "footer")
UNSET = ("address", "currency", "customer_account", "default_source", "discount", "shipping", "test_clock", *PLAIN)


def create(call: Call) -> Obj:
    """A new customer of this account, with a payment method attached if one is named."""
    body = made(call)
    events.record(call, "customer.created", body)
    search.note(call, body, None)
    return body


def made(call: Call) -> Obj:
    """A new customer that no event tells of."""
    wanted = call.new_id("cus")
    body: Obj = {
        "id": wanted, "object": "customer", **dict.fromkeys(UNSET), "balance": 0, "created": call.world.seconds,
        "delinquent": False, "invoice_prefix": wanted[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": call.livemode, "metadata": {}, "next_invoice_sequence": 1, "preferred_locales": [],
        "tax_exempt": "none",
    }  # fmt: skip
    if _default(call) not in (None, call.params.get("payment_method")):
        raise missing("PaymentMethod", str(_default(call)), DEFAULT)  # nothing else can belong to a new customer yet
    changes = _changes(call, body)
    attached = None
    if "payment_method" in call.params:
        attached = methods.resolve(call, call.params["payment_method"])
        methods.attach_to(call, attached, wanted)
    _set_default(call, body, attached)
    return call.account["cus"].add(body | changes)


def update(call: Call) -> Obj:
    """Change a customer."""
    body = call.find("cus", call.ids[0])
    before = events.snapshot(body)
    changes = _changes(call, body)
    _set_default(call, body)
    body |= changes
    events.record(call, "customer.updated", body, before)
    search.note(call, body, before)
    return body


def _changes(call: Call, body: Obj) -> Obj:
    """What the parameters of this request make of a customer, its default method aside."""
    params = call.params
    changes: Obj = {name: params[name] or None for name in PLAIN if name in params}
    changes |= {name: params[name] for name in IF_GIVEN if params.get(name)}
    changes["metadata"] = merged(body["metadata"], params.get("metadata"))
    if "balance" in params:
        changes["balance"] = params["balance"]
    if "address" in params:
        changes["address"] = address(params["address"])
    if "shipping" in params:
        changes["shipping"] = shipping(params["shipping"])
    if "preferred_locales" in params:
        changes["preferred_locales"] = params["preferred_locales"]
    if "tax_exempt" in params:
        changes["tax_exempt"] = params["tax_exempt"] or "none"
    return changes


def _set_default(call: Call, body: Obj, attached: Obj | None = None) -> None:
    """The default method may be named as the attached one was, by the name of a test method."""
    settings = call.params.get("invoice_settings") or {}
    wanted = _default(call)
    if wanted is not None:
        row = attached or call.account["pm"].peek(wanted)
        if row is None or row["customer"] != body["id"]:
            raise missing("PaymentMethod", wanted, DEFAULT)
        body["invoice_settings"]["default_payment_method"] = row["id"]
    body["invoice_settings"] |= {name: settings[name] or None for name in INVOICING if name in settings}


def _default(call: Call) -> str | None:
    """The default method the request names: an id, or nothing."""
    settings = call.params.get("invoice_settings") or {}
    return settings.get("default_payment_method")


def retrieve(call: Call) -> Obj:
    """One customer of this account; of a deleted one only that it is."""
    deleted = call.account["cus"].shown(call.ids[0])
    return deleted if deleted is not None and "deleted" in deleted else call.find("cus", call.ids[0])


def delete(call: Call) -> Obj:
    """Delete a customer for good; its subscriptions end and its payment methods are detached."""
    body = call.find("cus", call.ids[0])
    for subscription in call.account.of("sub", body["id"]):
        if not subscription["ended_at"]:
            end(call, subscription, "cancellation_requested")
            recurring_events.changed(call, subscription)
    for method in call.account["pm"]:
        if method["customer"] == body["id"]:
            methods.let_go(call, method)
    events.record(call, "customer.deleted", body)
    return call.account["cus"].remove(body)


def listed(call: Call) -> Obj:
    """Customers of this account, newest first."""
    email = call.params.get("email")
    return call.account["cus"].page(
        call.params, "/v1/customers", call.livemode, lambda row: email in (None, row["email"])
    )
