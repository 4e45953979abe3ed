"""A SetupIntent as it is shown, and what the parameters of a request make of it (docs.stripe.com/api/setup_intents)."""

from copy import deepcopy

from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

UNSET = ("allowed_payment_method_types", "cancellation_reason", "customer", "customer_account", "description",
         "excluded_payment_method_types", "flow_directions", "last_setup_error", "latest_attempt", "managed_payments",
         "mandate", "next_action", "on_behalf_of", "payment_method", "payment_method_configuration_details",
         "single_use_mandate")  # fmt: skip
AS_GIVEN = ("allowed_payment_method_types", "customer", "description", "excluded_payment_method_types", "on_behalf_of",
            "usage")  # fmt: skip
OPTIONS: dict[str, Obj] = {  # of each type an intent accepts, as long as nothing else was asked for
    "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
    "us_bank_account": {"verification_method": "automatic"},
}
UNSHOWN_OPTIONS = ("moto", "three_d_secure", "networks")


def blank(call: Call) -> Obj:
    """A new intent before any parameter is read."""
    wanted = call.new_id("seti")
    return {
        "id": wanted, "object": "setup_intent", **dict.fromkeys(UNSET),
        "application": call.world.application if call.connected else None,
        "automatic_payment_methods": _automatic(call), "client_secret": f"{wanted}_secret_{call.world.ids.new('')}",
        "created": call.world.seconds, "livemode": call.livemode, "metadata": {}, "payment_method_options": {},
        "payment_method_types": [], "status": "requires_payment_method", "usage": "off_session",
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
    draft |= {name: None if params[name] == "" else params[name] for name in AS_GIVEN if name in params}
    draft["metadata"] = merged(intent["metadata"], params.get("metadata"))
    return draft


def with_options(call: Call, draft: Obj) -> None:
    """Fill up the options of each type the intent accepts."""
    given, old = call.params.get("payment_method_options") or {}, draft["payment_method_options"]
    draft["payment_method_options"] = {
        kind: deepcopy(OPTIONS[kind]) | old.get(kind, {}) | _shown(given.get(kind) or {})
        for kind in draft["payment_method_types"]
    }


def _shown(asked: Obj) -> Obj:
    return {name: value for name, value in asked.items() if name not in UNSHOWN_OPTIONS}
