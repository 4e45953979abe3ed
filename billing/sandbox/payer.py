"""The payer: what somebody does at their bank or on a page of the platform's, beside the API."""

from enum import StrEnum

from billing.sandbox import attempts, intents
from billing.sandbox.config import ConfigProblem
from billing.sandbox.refusals import Obj, Refusal
from billing.sandbox.world import Account, Call, World


class Deed(StrEnum):
    """What a payer can do about an intent."""

    AUTHENTICATE = "authenticate"  # passes the 3D Secure that the bank asked for
    FAIL = "fail"  # does not pass it
    PAY = "pay"  # confirms on session, with another payment method if one is named


def act(world: World, intent: str, deed: Deed, method: str) -> Obj:
    """Have the payer of an intent do something; what became of the intent.

    Raises:
        ConfigProblem: there is no such intent, or nothing to authenticate.
    """
    account, body = _found(world, intent)
    params: Obj = {"payment_method": method, "return_url": "https://example.com/paid"}
    call = Call(world, account, account is not world.platform, body["livemode"], (intent,), params)
    if deed is not Deed.PAY and body["status"] != "requires_action":
        raise ConfigProblem(f"{intent} asks for nothing: its status is {body['status']}")
    said = None
    try:
        if deed is Deed.PAY:
            intents.confirm(call)
        else:
            attempts.authenticate(call, body, passed=deed is Deed.AUTHENTICATE)
    except Refusal as refusal:
        said = refusal.error["message"]
    return {"intent": intent, "account": account.id, "status": body["status"], "refused": said}


def _found(world: World, intent: str) -> tuple[Account, Obj]:
    for account in world.everyone():
        body = account["pi"].peek(intent)
        if body is not None:
            return account, body
    raise ConfigProblem(f"no payment intent {intent!r}")
