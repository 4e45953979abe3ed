"""One attempt to set a payment method up: what its bank says, and what becomes of intent and payment method."""

from typing import NoReturn

from billing.sandbox import charges, checkout_state, deposits, events, mandates, methods
from billing.sandbox.banks import year_and_month
from billing.sandbox.challenges import challenge
from billing.sandbox.refusals import CARD_ERROR, Obj, Refusal, refusal
from billing.sandbox.testmethods import Act, Decline, decline_of
from billing.sandbox.world import Call, Instrument

ASKING = (Act.ASKS, Act.ASKS_UNTIL_SET_UP)


def attempt(call: Call, intent: Obj, method: Obj) -> None:
    """Ask the bank. The intent is changed whatever it says.

    Raises:
        Refusal: declined (402), or a bank account without a mandate (400); with the intent inside.
    """
    instrument = call.account.instruments[method["id"]]
    mandate = mandates.accepted(call, intent, method) if method["type"] == "us_bank_account" else None
    intent |= {
        "payment_method": method["id"], "last_setup_error": None, "next_action": None, "mandate": mandate,
        "latest_attempt": call.new_id("setatt"),
    }  # fmt: skip
    if mandate is not None:
        _ask_bank(call, intent, instrument)
    elif _expired(call, method):
        _decline(call, intent, method, decline_of("expired_card"))
    elif instrument.closed:
        _decline(call, intent, method, decline_of("invalid_account"))
    elif not instrument.acts.attaches and instrument.acts.decline is not None:
        _decline(call, intent, method, instrument.acts.decline)
    elif instrument.acts.asks_on_setup or (instrument.acts.act in ASKING and not instrument.set_up):
        _wait_for(call, intent, challenge(call, intent))
    else:
        succeed(call, intent)


def _expired(call: Call, method: Obj) -> bool:
    card = method.get("card")
    return card is not None and (card["exp_year"], card["exp_month"]) < year_and_month(call.world.now)


def _wait_for(call: Call, intent: Obj, action: Obj) -> None:
    """The payer has something to do before the method is set up."""
    intent |= {"status": "requires_action", "next_action": action}
    events.record(call, "setup_intent.requires_action", intent)
    checkout_state.settle(call, intent)


def authenticate(call: Call, intent: Obj, *, passed: bool) -> None:
    """The payer answers the bank's question: the method is set up, or this attempt is over."""
    if passed:
        succeed(call, intent)
        return
    method = call.account["pm"].find(intent["payment_method"], intent["livemode"])
    message = "We are unable to authenticate your payment method. Please choose a different payment method and try "
    message += "again."
    fail(call, intent, refusal(message, code="setup_intent_authentication_failure").error, method)


def succeed(call: Call, intent: Obj) -> None:
    """The method is ready for off-session use and belongs to the intent's customer, as its default or not at all."""
    method = call.account["pm"].find(intent["payment_method"], intent["livemode"])
    instrument = call.account.instruments[method["id"]]
    instrument.set_up = instrument.verified = True
    if method["type"] == "us_bank_account":
        instrument.merchant = intent["on_behalf_of"]
    if intent["customer"] is not None and method["customer"] is None:
        methods.give(call, method, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    events.record(call, "setup_intent.succeeded", intent)
    if instrument.acts.detached_at_once:
        methods.let_go(call, method)
    checkout_state.settle(call, intent)


def fail(call: Call, intent: Obj, error: Obj, method: Obj) -> None:
    """This attempt is over; the intent takes another payment method."""
    mandates.revoke(call, method["id"])
    intent |= {
        "status": "requires_payment_method", "payment_method": None, "next_action": None, "mandate": None,
        "last_setup_error": error | {"payment_method": dict(method)},
    }  # fmt: skip
    events.record(call, "setup_intent.setup_failed", intent)


def _decline(call: Call, intent: Obj, method: Obj, decline: Decline) -> NoReturn:
    error = refusal(
        charges.message_of(decline), code=decline.code, kind=CARD_ERROR, decline_code=decline.decline_code,
        advice_code=decline.advice, network_decline_code=decline.network_decline,
        network_advice_code=decline.network_advice,
    ).error  # fmt: skip
    fail(call, intent, error, method)
    inside: Obj = {"setup_intent": dict(intent)} if call.world.behaviour.carry_intent else {}
    raise Refusal(402, intent["last_setup_error"] | inside)


def _ask_bank(call: Call, intent: Obj, instrument: Instrument) -> None:
    """A bank account is set up at once if it is known to be the payer's; otherwise small deposits show it."""
    if not instrument.verified:
        _wait_for(call, intent, deposits.send(call, intent, lambda error: _give_up(call, intent, error)))
        return
    seconds = call.world.behaviour.setup_processing_seconds
    if not seconds:
        succeed(call, intent)
        return
    intent["status"] = "processing"
    checkout_state.settle(call, intent)
    call.world.agenda.add(call.world.now + seconds, lambda: succeed(call, intent))


def _give_up(call: Call, intent: Obj, error: Obj) -> None:
    """The deposits were never named, or wrongly too often."""
    fail(call, intent, error, call.account["pm"].find(intent["payment_method"], intent["livemode"]))


def verify(call: Call, intent: Obj) -> None:
    """The payer names the small deposits that reached the account.

    Raises:
        Refusal: wrong amounts or code; 400 with the intent inside, which waits on.
    """
    deposits.check(call, intent, lambda error: _give_up(call, intent, error))
    succeed(call, intent)
