"""Early fraud warnings: a card's issuer believes that a charge is fraud; no money has moved yet.

Source: docs.stripe.com/api/radar/early_fraud_warnings.
"""

from billing.sandbox import events
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

KIND = "radar.early_fraud_warning"
FRAUD_TYPES = frozenset({
    "card_never_received", "fraudulent_card_application", "made_with_counterfeit_card", "made_with_lost_card",
    "made_with_stolen_card", "misc", "unauthorized_use_of_card",
})  # fmt: skip


def warn(call: Call, charge: Obj, fraud_type: str) -> Obj:
    """The issuer of a charge's card has told of a suspicion."""
    body: Obj = {
        "id": call.new_id("issfr"), "object": KIND, "actionable": _actionable(charge), "charge": charge["id"],
        "created": call.world.seconds, "fraud_type": fraud_type, "livemode": charge["livemode"],
    }  # fmt: skip
    if charge["payment_intent"]:
        body["payment_intent"] = charge["payment_intent"]
    call.account["issfr"].add(body)
    events.record(call, f"{KIND}.created", body)
    return body


def look_again(call: Call, charge: Obj) -> None:
    """A charge was refunded or disputed: nothing is left to be done about its warnings."""
    for body in call.account["issfr"]:
        if body["charge"] == charge["id"] and body["actionable"] != _actionable(charge):
            before = events.snapshot(body)
            body["actionable"] = not body["actionable"]
            events.record(call, f"{KIND}.updated", body, before)


def _actionable(charge: Obj) -> bool:
    return not charge["disputed"] and not charge["refunded"]
