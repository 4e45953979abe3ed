"""The payer: what somebody does at their bank or on a page of the provider's, beside the API."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from billing.sandbox import attempts, deposits, intents, setup_attempts, setups
from billing.sandbox.config import ConfigProblem
from billing.sandbox.refusals import Obj, Refusal
from billing.sandbox.world import Account, Call, World

RIGHT = str(deposits.RIGHT["descriptor_code"])
AFTERWARDS = "https://example.com/paid"


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
    verify: Callable[[Call], Obj]


STEPS = {
    "pi": _Steps(
        intents.confirm,
        lambda call, body, passed: attempts.authenticate(call, body, passed=passed),
        intents.verify_microdeposits,
    ),
    "seti": _Steps(
        setups.confirmed,
        lambda call, body, passed: setup_attempts.authenticate(call, body, passed=passed),
        setups.verify_microdeposits,
    ),
}


def act(world: World, intent: str, deed: Deed, method: str) -> Obj:
    """Have the payer of an intent do something; what became of the intent. A Checkout session stands for its intent.

    Raises:
        ConfigProblem: there is no such intent, or nothing to authenticate.
    """
    if deed is Deed.PAY:
        return confirm(world, intent, {"payment_method": method})
    _, body, _ = found(world, intent)
    if deposits.waits(body):
        return verify(world, intent, RIGHT if deed is Deed.AUTHENTICATE else "SM00XX")
    return authenticate(world, intent, passed=deed is Deed.AUTHENTICATE)


def confirm(world: World, intent: str, params: Obj) -> Obj:
    """The payer confirms on session with what ``params`` names or describes; what became of the intent.

    Raises:
        ConfigProblem: there is no such intent.
    """
    account, body, steps = found(world, intent)
    usual: Obj = {"return_url": AFTERWARDS, "use_stripe_sdk": True, "client_secret": body["client_secret"]}
    call = _call(world, account, body, usual | params)
    return _told(account, body, lambda: steps.confirm(call))


def authenticate(world: World, intent: str, *, passed: bool) -> Obj:
    """The payer passes the bank's question or does not; what became of the intent.

    Raises:
        ConfigProblem: there is no such intent, or it asks for nothing.
    """
    account, body, steps = found(world, intent)
    if body["status"] != "requires_action":
        raise ConfigProblem(f"{body['id']} asks for nothing: its status is {body['status']}")
    call = _call(world, account, body, {})
    return _told(account, body, lambda: steps.authenticate(call, body, passed))


def verify(world: World, intent: str, code: str) -> Obj:
    """The payer names the small deposit on a bank account; what became of the intent.

    Raises:
        ConfigProblem: there is no such intent.
    """
    account, body, steps = found(world, intent)
    call = _call(world, account, body, {"descriptor_code": code, "client_secret": body["client_secret"]})
    return _told(account, body, lambda: steps.verify(call))


def _call(world: World, account: Account, body: Obj, params: Obj) -> Call:
    connected = account is not world.platform
    return Call(world, account, connected, body["livemode"], (body["id"],), params, publishable=True)


def _told(account: Account, body: Obj, step: Callable[[], object]) -> Obj:
    said = None
    try:
        step()
    except Refusal as refusal:
        said = refusal.error["message"]
    return {"intent": body["id"], "account": account.id, "status": body["status"], "refused": said}


def found(world: World, wanted: str) -> tuple[Account, Obj, _Steps]:
    """An intent by its own id or by its open Checkout session's, with its account and what can be done to it.

    Raises:
        ConfigProblem: there is none.
    """
    for account in world.everyone():
        session = account["cs"].peek(wanted)
        if session is not None and session["status"] != "open":
            raise ConfigProblem(f"{wanted} is {session['status']}")
        for prefix, steps in STEPS.items():
            body = account[prefix].peek(wanted if session is None else session["setup_intent"])
            if body is not None:
                return account, body, steps
    raise ConfigProblem(f"no intent {wanted!r}")
