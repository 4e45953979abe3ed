"""A PaymentIntent as it is shown, and what the parameters of a request make of it."""

from copy import deepcopy

from billing.sandbox import methods
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj
from billing.sandbox.shapes import shipping
from billing.sandbox.world import Call

TEXTS = ("description", "on_behalf_of", "receipt_email", "setup_future_usage", "statement_descriptor",
         "statement_descriptor_suffix", "transfer_group")  # fmt: skip
AS_GIVEN = ("allowed_payment_method_types", "amount", "application_fee_amount", "capture_method", "customer",
            "excluded_payment_method_types")  # fmt: skip
UNSET = ("allowed_payment_method_types", "application_fee_amount", "canceled_at", "cancellation_reason", "customer",
         "customer_account", "excluded_payment_method_types", "last_payment_error", "latest_charge", "managed_payments",
         "next_action", "payment_method", "payment_method_configuration_details", "payment_record", "processing",
         "review", "shipping", "source", *TEXTS)  # fmt: skip
OPTIONS = {  # of each type an intent accepts, as long as nothing else was asked for
    "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
    "us_bank_account": {"verification_method": "automatic"},
}
UNSHOWN_OPTIONS = ("cvc_token", "moto", "three_d_secure", "preferred_settlement_speed", "networks")
PARTS = {"shipping": ("amount", "from_postal_code", "to_postal_code"), "tax": ("total_tax_amount",)}


def blank(call: Call) -> Obj:
    """A new intent before any parameter is read."""
    wanted = call.new_id("pi")
    return {
        "id": wanted, "object": "payment_intent", **dict.fromkeys(UNSET), "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0,
        "application": call.world.application if call.connected else None,
        "automatic_payment_methods": _automatic(call),
        "capture_method": "automatic_async", "client_secret": f"{wanted}_secret_{call.world.ids.new('')}",
        "confirmation_method": call.params.get("confirmation_method", "automatic"), "created": call.world.seconds,
        "livemode": call.livemode, "metadata": {}, "payment_method_options": {}, "payment_method_types": [],
        "status": "requires_payment_method", "transfer_data": None,
    }  # fmt: skip


def _automatic(call: Call) -> Obj | None:
    """Whether Stripe chooses the payment methods; a list of allowed ones takes its place."""
    if "allowed_payment_method_types" in call.params:
        return None
    given = call.params.get("automatic_payment_methods", {"enabled": True})
    return {"allow_redirects": given.get("allow_redirects", "always"), "enabled": given["enabled"]}


def changed(call: Call, intent: Obj) -> Obj:
    """The intent as the parameters of this request would have it; the intent itself stays as it is."""
    params, draft = call.params, dict(intent)
    draft |= {name: params[name] or None for name in TEXTS if name in params}
    draft |= {name: None if params[name] == "" else params[name] for name in AS_GIVEN if name in params}
    if "currency" in params:
        draft["currency"] = params["currency"].lower()
    if "shipping" in params:
        draft["shipping"] = shipping(params["shipping"])
    draft["metadata"] = merged(intent["metadata"], params.get("metadata"))
    draft["amount_details"] = _amount_details(intent["amount_details"], params.get("amount_details"))
    if params.get("payment_details"):
        known = intent.get("payment_details") or {"customer_reference": None, "order_reference": None}
        draft["payment_details"] = known | {name: params["payment_details"].get(name, known[name]) for name in known}
    return draft


def _amount_details(old: Obj, given: object) -> Obj:
    if not isinstance(given, dict):
        return old
    details = old | {"discount_amount": given["discount_amount"]} if given.get("discount_amount") else dict(old)
    for part, names in PARTS.items():
        if isinstance(given.get(part), dict):
            details[part] = {name: given[part].get(name) for name in names}
    return details


def with_options(call: Call, draft: Obj) -> None:
    """Fill up the options of each type the intent accepts."""
    given = call.params.get("payment_method_options") or {}
    old = draft["payment_method_options"]
    options = {}
    for kind in draft["payment_method_types"]:
        asked = {name: value for name, value in (given.get(kind) or {}).items() if name not in UNSHOWN_OPTIONS}
        options[kind] = deepcopy(OPTIONS[kind]) | old.get(kind, {}) | asked
    draft["payment_method_options"] = options


def given_method(call: Call) -> Obj | None:
    """The payment method a request brings: named, or made from data.

    Raises:
        Refusal: there is none of this name, or the data are wrong.
    """
    if call.params.get("payment_method"):
        return methods.resolve(call, call.params["payment_method"])
    if call.params.get("payment_method_data"):
        return methods.from_data(call, call.params["payment_method_data"], "payment_method_data")
    return None
