"""Checkout in setup mode: a page of the provider's where a payer saves a payment method.

Source: docs.stripe.com/api/checkout/sessions, docs.stripe.com/payments/checkout/save-and-reuse.
"""

from billing.sandbox import checkout_state, setups
from billing.sandbox.checkout_body import HOSTED, body_of
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid, refusal
from billing.sandbox.world import Call

SHORTEST, LONGEST = 1_800, 86_400  # seconds that a session may be open
OF_INTENT = ("allowed_payment_method_types", "customer", "excluded_payment_method_types", "payment_method_options")


def create(call: Call) -> Obj:
    """Open a session and its SetupIntent.

    Raises:
        Refusal: another mode, a page without a way back, neither currency nor types, or a time outside 30 minutes to
            24 hours; 400 naming the parameter.
    """
    _check(call)
    expires_at: int = call.params.get("expires_at", call.world.seconds + LONGEST)
    if not SHORTEST <= expires_at - call.world.seconds <= LONGEST:
        bound = "at least 30 minutes" if expires_at - call.world.seconds < SHORTEST else "less than 24 hours"
        raise invalid(f"The `expires_at` timestamp must be {bound} from Checkout Session creation.", "expires_at")
    intent = setups.opened(_for_intent(call))
    session = call.account["cs"].add(body_of(call, intent, expires_at))
    call.account.session_of[intent["id"]] = session["id"]
    call.world.agenda.add(float(expires_at), lambda: checkout_state.expire(call, session))
    return session


def _check(call: Call) -> None:
    params = call.params
    if "mode" not in params:
        raise invalid("Missing required param: mode.", "mode", "parameter_missing")
    if params["mode"] != "setup":
        raise invalid("The sandbox serves Checkout in setup mode alone.", "mode")
    if "currency" not in params and "allowed_payment_method_types" not in params:
        message = "Missing required param: currency. It is required in setup mode unless "
        raise invalid(f"{message}`allowed_payment_method_types` is set.", "currency", "parameter_missing")
    if "customer" in params and "customer_email" in params:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise invalid(message, "customer_email", "parameters_exclusive")
    hosted = params.get("ui_mode", HOSTED) == HOSTED
    needed, barred = ("success_url", "return_url") if hosted else ("return_url", "success_url")
    if needed not in params and params.get("redirect_on_completion") != "never":
        raise invalid(f"Missing required param: {needed}.", needed, "parameter_missing")
    if barred in params:
        raise invalid(f"You cannot pass `{barred}` with this `ui_mode`.", barred)


def _for_intent(call: Call) -> Call:
    """The call that opens the session's SetupIntent."""
    data = call.params.get("setup_intent_data") or {}
    params = {name: call.params[name] for name in OF_INTENT if name in call.params} | data
    return Call(
        call.world, call.account, call.connected, call.livemode, (), params, request_id=call.request_id,
        idempotency_key=call.idempotency_key,
    )  # fmt: skip


def retrieve(call: Call) -> Obj:
    """One session of this account."""
    return call.find("cs", call.ids[0], "session")


def update(call: Call) -> Obj:
    """Change what is noted on a session."""
    session = retrieve(call)
    metadata = merged(session["metadata"], call.params.get("metadata"))
    session["metadata"] = metadata
    return session


def expire(call: Call) -> Obj:
    """End an open session before its time.

    Raises:
        Refusal: it is complete or expired.
    """
    session = retrieve(call)
    if session["status"] != "open":
        message = 'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status '
        raise refusal(f"{message}of {session['status']}.")
    checkout_state.expire(call, session)
    return session


def listed(call: Call) -> Obj:
    """Sessions of this account, newest first; ``created``, ``customer``, ``status`` and the payer's address filter."""
    wanted = {name: call.params[name] for name in ("customer", "status") if name in call.params}
    email = (call.params.get("customer_details") or {}).get("email")

    def keep(row: Obj) -> bool:
        known = (row["customer_details"] or {}).get("email")
        return all(row[name] == wanted[name] for name in wanted) and email in (None, known)

    return call.account["cs"].page(call.params, "/v1/checkout/sessions", call.livemode, keep)
