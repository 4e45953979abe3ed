"""Customers, on the platform and on connected accounts: who pays, and with which method by default."""

from billing.sandbox import methods
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, missing
from billing.sandbox.world import Call

DEFAULT = "invoice_settings[default_payment_method]"
PLAIN = ("address", "description", "email", "name", "phone", "shipping", "preferred_locales", "tax_exempt")


def create(call: Call) -> Obj:
    """A new customer of this account, with a payment method attached if one is named."""
    wanted = call.new_id("cus")
    body: Obj = {
        "id": wanted, "object": "customer", "balance": 0, "created": call.world.seconds, "currency": None,
        "default_source": None, "delinquent": False, "discount": None,
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": call.livemode, "metadata": merged({}, call.params.get("metadata")),
    }  # fmt: skip
    body.update({name: call.params.get(name) for name in PLAIN})
    if _default(call) not in (None, call.params.get("payment_method")):
        raise missing("PaymentMethod", str(_default(call)), DEFAULT)  # nothing else can belong to a new customer yet
    if "payment_method" in call.params:
        methods.attach_to(call, methods.resolve(call, call.params["payment_method"]), wanted)
    _set_default(call, body)
    return call.account["cus"].add(body)


def update(call: Call) -> Obj:
    """Change a customer."""
    body = call.find("cus", call.ids[0])
    metadata = merged(body["metadata"], call.params.get("metadata"))
    _set_default(call, body)
    body |= {name: call.params[name] or None for name in PLAIN if name in call.params} | {"metadata": metadata}
    return body


def _set_default(call: Call, body: Obj) -> None:
    wanted = _default(call)
    if wanted is None:
        return
    row = call.account["pm"].peek(wanted)
    if row is None or row["customer"] != body["id"]:
        raise missing("PaymentMethod", wanted, DEFAULT)
    body["invoice_settings"]["default_payment_method"] = wanted


def _default(call: Call) -> str | None:
    """The default method the request names: an id, or nothing."""
    settings = call.params.get("invoice_settings") or {}
    return settings.get("default_payment_method")


def retrieve(call: Call) -> Obj:
    """One customer of this account; of a deleted one only that it is."""
    deleted = call.account["cus"].shown(call.ids[0])
    return deleted if deleted is not None and "deleted" in deleted else call.find("cus", call.ids[0])


def delete(call: Call) -> Obj:
    """Delete a customer for good; its payment methods are detached."""
    body = call.find("cus", call.ids[0])
    for method in call.account["pm"]:
        if method["customer"] == body["id"]:
            methods.let_go(call.account, method)
    return call.account["cus"].remove(body)


def listed(call: Call) -> Obj:
    """Customers of this account, newest first."""
    email = call.params.get("email")
    return call.account["cus"].page(
        call.params, "/v1/customers", call.livemode, lambda row: email in (None, row["email"])
    )
