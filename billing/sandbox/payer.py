"""The payer: what somebody does at their bank or on a page of the platform's, beside the API."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from billing.sandbox import attempts, intents, setup_attempts, setups
from billing.sandbox.config import ConfigProblem
from billing.sandbox.refusals import Obj, Refusal
from billing.sandbox.world import Account, Call, World


class Deed(StrEnum):
    """What a payer can do about an intent."""

    AUTHENTICATE = "authenticate"  # passes the 3D Secure that the bank asked for, or names the small deposits
    FAIL = "fail"  # does not pass it
    PAY = "pay"  # confirms on session, with another payment method if one is named; a SetupIntent is saved, not paid


@dataclass(frozen=True, slots=True)
class _Steps:
    """What a payer's deeds do to one kind of intent."""

    confirm: Callable[[Call], Obj]
    authenticate: Callable[[Call, Obj, bool], None]


STEPS = {
    "pi": _Steps(intents.confirm, lambda call, body, passed: attempts.authenticate(call, body, passed=passed)),
    "seti": _Steps(setups.confirmed, lambda call, body, passed: setup_attempts.authenticate(call, body, passed=passed)),
}


def act(world: World, intent: str, deed: Deed, method: str) -> Obj:
    """Have the payer of an intent do something; what became of the intent. A Checkout session stands for its intent.

    Raises:
        ConfigProblem: there is no such intent, or nothing to authenticate.
    """
    account, body, steps = _found(world, _of_session(world, intent))
    intent = body["id"]
    if deed is not Deed.PAY and body["status"] != "requires_action":
        raise ConfigProblem(f"{intent} asks for nothing: its status is {body['status']}")
    params: Obj = {"payment_method": method, "return_url": "https://example.com/paid", "use_stripe_sdk": True}
    params["client_secret"] = body["client_secret"]
    call = Call(
        world, account, account is not world.platform, body["livemode"], (intent,), params, publishable=True
    )  # fmt: skip
    said = None
    try:
        if deed is Deed.PAY:
            steps.confirm(call)
        else:
            steps.authenticate(call, body, deed is Deed.AUTHENTICATE)
    except Refusal as refusal:
        said = refusal.error["message"]
    return {"intent": intent, "account": account.id, "status": body["status"], "refused": said}


def _of_session(world: World, wanted: str) -> str:
    """The intent of an open Checkout session; of anything else the id as it is."""
    for account in world.everyone():
        session = account["cs"].peek(wanted)
        if session is not None:
            if session["status"] != "open":
                raise ConfigProblem(f"{wanted} is {session['status']}")
            return str(session["setup_intent"])
    return wanted


def _found(world: World, intent: str) -> tuple[Account, Obj, _Steps]:
    for account in world.everyone():
        for prefix, steps in STEPS.items():
            body = account[prefix].peek(intent)
            if body is not None:
                return account, body, steps
    raise ConfigProblem(f"no intent {intent!r}")
