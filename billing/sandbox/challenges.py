"""3D Secure: where a payer answers the bank's question, and how it is told to whoever confirmed."""

from urllib.parse import urlencode

from billing.sandbox.config import ThreeDSecure
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

BY_STRIPE_JS = {ThreeDSecure.REDIRECT: "three_d_secure_redirect", ThreeDSecure.MODAL: "stripe_3ds2_challenge"}


def challenge(call: Call, intent: Obj) -> Obj:
    """The ``next_action`` of an intent that asks: handled by Stripe.js, or an address to send the payer to."""
    secret = urlencode({"client_secret": intent["client_secret"]})
    page = call.world.page("hooks", f"3d_secure/{intent['id']}?{secret}")
    if call.params.get("use_stripe_sdk") or not call.params.get("return_url"):
        how = BY_STRIPE_JS[call.world.behaviour.three_d_secure]
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": how, "stripe_js": page}}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": call.params["return_url"], "url": page}}
