"""Mandates: a payer's consent to debits of a bank account (docs.stripe.com/api/mandates)."""

from billing.sandbox.refusals import Obj, refusal
from billing.sandbox.world import Call

BROWSER: Obj = {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "sandbox"}}


def accepted(call: Call, intent: Obj, method: Obj) -> str:
    """The id of the mandate that this confirm brings. A browser shows the text itself, and Stripe notes who accepted.

    Raises:
        Refusal: a server confirms a bank account, and nobody says that its owner consented.
    """
    given = (call.params.get("mandate_data") or {}).get("customer_acceptance")
    if given is None and not call.publishable:
        message = "This SetupIntent requires a mandate, but no existing mandate was found. Collect mandate acceptance "
        message += "from the customer and try again, providing acceptance data in the mandate_data parameter."
        raise refusal(message, code="setup_intent_mandate_invalid", param="mandate_data")
    return str(_made(call, intent, method, given or BROWSER)["id"])


def _made(call: Call, intent: Obj, method: Obj, given: Obj) -> Obj:
    how = given.get("type", "online")
    acceptance: Obj = {"accepted_at": given.get("accepted_at", call.world.seconds), "type": how}
    acceptance[how] = {"ip_address": None, "user_agent": None} | (given.get(how) or {}) if how == "online" else {}
    body: Obj = {
        "id": call.new_id("mandate"), "object": "mandate", "customer_acceptance": acceptance,
        "livemode": call.livemode, "multi_use": {}, "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: {}}, "status": "active",
        "type": "multi_use",
    }  # fmt: skip
    if intent["on_behalf_of"]:
        body["on_behalf_of"] = intent["on_behalf_of"]
    return call.account["mandate"].add(body)


def revoke(call: Call, method: str) -> None:
    """A detached payment method takes its consent with it (docs.stripe.com/payments/ach-direct-debit)."""
    for body in call.account["mandate"]:
        if body["payment_method"] == method:
            body["status"] = "inactive"
