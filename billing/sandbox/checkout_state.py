"""What becomes of a Checkout session: completed by its payer, expired by the platform or by the clock."""

from billing.sandbox import events
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

DETAILS = ("address", "email", "name", "phone")


def session_of(call: Call, intent: Obj) -> Obj | None:
    """The session a SetupIntent belongs to, or none."""
    wanted = call.account.session_of.get(intent["id"])
    return None if wanted is None else call.account["cs"].peek(wanted)


def settle(call: Call, intent: Obj) -> None:
    """A session is complete once its payer has nothing left to do on its page: small deposits are named elsewhere."""
    session = session_of(call, intent)
    action = (intent["next_action"] or {}).get("type")
    waits = intent["status"] == "requires_action" and action != "verify_with_microdeposits"
    if session is None or session["status"] != "open" or waits or intent["status"] == "requires_payment_method":
        return
    session |= {"status": "complete", "url": None, "customer_details": _details(call, session)}
    events.record(call, "checkout.session.completed", session)


def _details(call: Call, session: Obj) -> Obj:
    """Who the payer is, as far as the session knows."""
    owner = call.account["cus"].peek(session["customer"]) if session["customer"] else None
    known = {name: owner[name] for name in DETAILS} if owner else dict.fromkeys(DETAILS)
    known["email"] = known["email"] or session["customer_email"]
    return known | {"business_name": None, "individual_name": None, "tax_exempt": "none", "tax_ids": []}


def expire(call: Call, session: Obj) -> None:
    """An open session is over, and its SetupIntent with it."""
    if session["status"] != "open":
        return
    session |= {"status": "expired", "url": None}
    intent = call.account["seti"].find(session["setup_intent"], session["livemode"])
    intent |= {"status": "canceled", "next_action": None}
    events.record(call, "setup_intent.canceled", intent)
    events.record(call, "checkout.session.expired", session)
