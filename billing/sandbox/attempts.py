"""One attempt to move money: what the bank says, and what becomes of intent, charge and payment method."""

from typing import NoReturn

from billing.sandbox import charges, deposits, disputes, events, methods, payment_events, refunds
from billing.sandbox.banks import business_days_later, year_and_month
from billing.sandbox.challenges import challenge
from billing.sandbox.intent_body import given_method
from billing.sandbox.intent_rules import check_method_fits
from billing.sandbox.refusals import CARD_ERROR, INVALID_REQUEST, Obj, Refusal, refusal
from billing.sandbox.testmethods import Act, Decline, decline_of
from billing.sandbox.world import Call

DISPUTE_DELAY_SECONDS = 60.0  # a test dispute opens about a minute after the charge


def examine(call: Call, intent: Obj) -> Obj:
    """The payment method of this attempt, checked; nothing has changed yet.

    Raises:
        Refusal: there is none, or it cannot pay this intent.
    """
    method = given_method(call)
    if method is None and intent["payment_method"] is not None:
        method = methods.resolve(call, intent["payment_method"])
    if method is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise refusal(message, code="payment_intent_unexpected_state", payment_intent=dict(intent))
    check_method_fits(call, intent, method)
    return method


def attempt(call: Call, intent: Obj, method: Obj) -> None:
    """Ask the bank. The intent is changed whatever it says.

    Raises:
        Refusal: declined; 402, with the intent inside.
    """
    instrument = call.account.instruments[method["id"]]
    acts = instrument.acts
    off_session = bool(call.params.get("off_session"))
    if acts.kind == "us_bank_account":
        _ask_bank(call, intent, method)
    elif _expired(call, method):
        _decline(call, intent, method, decline_of("expired_card"))
    elif instrument.closed:
        _decline(call, intent, method, decline_of("invalid_account"))
    elif acts.act is Act.ASKS or (acts.act is Act.ASKS_UNTIL_SET_UP and not instrument.set_up):
        _ask(call, intent, method, off_session=off_session)
    elif acts.act is Act.DECLINES and acts.decline is not None:
        _decline(call, intent, method, acts.decline)
    else:
        _pay(call, intent, method)


def _expired(call: Call, method: Obj) -> bool:
    return (method["card"]["exp_year"], method["card"]["exp_month"]) < year_and_month(call.world.now)


def _ask(call: Call, intent: Obj, method: Obj, *, off_session: bool) -> None:
    """Off session nobody can authenticate: that is a decline. On session the intent waits for the payer."""
    if off_session or call.params.get("error_on_requires_action"):
        _decline(call, intent, method, decline_of("authentication_required"))
    intent |= {"status": "requires_action", "payment_method": method["id"], "next_action": challenge(call, intent)}
    payment_events.moved(call, intent)


def authenticate(call: Call, intent: Obj, *, passed: bool) -> None:
    """The payer answers the bank's question: the charge goes ahead, or this attempt is over."""
    method = call.account["pm"].find(intent["payment_method"], intent["livemode"])
    if passed:
        call.account.instruments[method["id"]].set_up = True
        _pay(call, intent, method)
        return
    message = "We are unable to authenticate your payment method. Please choose a different payment method and try "
    message += "again."
    _give_up(call, intent, method, refusal(message, code="payment_intent_authentication_failure").error)


def _give_up(call: Call, intent: Obj, method: Obj, error: Obj) -> None:
    """What the payer had to do was not done: this attempt is over, and the intent takes another payment method."""
    methods.use_up(call.account, method, call.world.behaviour.clone_spent_on, paid=False)
    intent |= {
        "status": "requires_payment_method", "payment_method": None, "next_action": None,
        "last_payment_error": error | {"payment_method": dict(method)},
    }  # fmt: skip
    payment_events.moved(call, intent)


def _save(call: Call, intent: Obj, method: Obj) -> None:
    """A payment method that is to be used again is attached to the intent's customer; any other is used up."""
    if intent["setup_future_usage"] and intent["customer"] and method["customer"] is None:
        call.account.instruments[method["id"]].set_up = True
        methods.give(call, method, intent["customer"])
    methods.use_up(call.account, method, call.world.behaviour.clone_spent_on, paid=True)


def _pay(call: Call, intent: Obj, method: Obj) -> None:
    _save(call, intent, method)
    charge = charges.make(call, intent, method, "succeeded")
    intent |= {
        "payment_method": method["id"], "latest_charge": charge["id"], "last_payment_error": None, "next_action": None,
    }  # fmt: skip
    if intent["capture_method"] == "manual":
        charge |= {"captured": False, "amount_captured": 0}
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        payment_events.moved(call, intent, charge)
        return
    _settle(call, intent, charge)


def capture_held(call: Call, intent: Obj, amount: int) -> None:
    """Take ``amount`` of an authorised charge; the rest is released."""
    charge = call.account["ch"].find(intent["latest_charge"], call.livemode)
    fee = intent["application_fee_amount"]
    fee = min(fee, amount) if fee else fee
    intent |= {"amount_capturable": 0, "application_fee_amount": fee}
    charge |= {"captured": True, "amount_captured": amount, "application_fee_amount": fee}
    charge |= {name: intent[name] for name in ("statement_descriptor", "statement_descriptor_suffix")}
    charge["calculated_statement_descriptor"] = charges.statement(call.account, intent, "card")
    _settle(call, intent, charge, told="charge.captured")
    if amount < charge["amount"]:
        refunds.release(call, charge, charge["amount"] - amount)


def _settle(call: Call, intent: Obj, charge: Obj, told: str = "charge.succeeded") -> None:
    amount = charge["amount_captured"]
    intent |= {"status": "succeeded", "amount_received": amount, "next_action": None, "processing": None}
    charges.answered(call, intent, charge)
    events.record(call, told, charge)
    payment_events.moved(call, intent)
    acts = call.account.instruments[charge["payment_method"]].acts
    if acts.act is Act.DISPUTES or acts.warns:
        due = call.world.now + DISPUTE_DELAY_SECONDS
        call.world.agenda.add(due, lambda: disputes.complain(call.unasked(), charge, acts))


def _decline(call: Call, intent: Obj, method: Obj, decline: Decline) -> NoReturn:
    methods.use_up(call.account, method, call.world.behaviour.clone_spent_on, paid=False)
    charge = charges.make(call, intent, method, "failed", decline)
    error = error_of(decline, CARD_ERROR, charge["id"], method)
    intent |= {
        "status": "requires_payment_method", "payment_method": None, "latest_charge": charge["id"],
        "last_payment_error": error, "next_action": None,
    }  # fmt: skip
    payment_events.moved(call, intent, charge)
    raise Refusal(402, error | {"payment_intent": dict(intent)})


def error_of(decline: Decline, kind: str, charge: str, method: Obj) -> Obj:
    """The error object of a decline, as it stands on the intent and in the 402."""
    error = refusal(
        charges.message_of(decline), code=decline.code, kind=kind, charge=charge, decline_code=decline.decline_code,
        advice_code=decline.advice, network_decline_code=decline.network_decline,
        network_advice_code=decline.network_advice,
    ).error  # fmt: skip
    return error | {"payment_method": dict(method)}


def _ask_bank(call: Call, intent: Obj, method: Obj) -> None:
    """A debit needs an account that is known to be the payer's, and a consent that holds for this merchant.

    Raises:
        Refusal: the mandate was given to another connected account alone.
    """
    instrument = call.account.instruments[method["id"]]
    if instrument.merchant not in (None, call.account.id, intent["on_behalf_of"]):
        message = f"The mandate of {method['id']} was accepted on behalf of another account."
        raise refusal(message, code="payment_intent_mandate_invalid", payment_intent=dict(intent))
    if instrument.verified:
        _send_debit(call, intent, method)
        return
    intent |= {
        "status": "requires_action", "payment_method": method["id"],
        "next_action": deposits.send(call, intent, lambda error: _give_up(call, intent, method, error)),
    }  # fmt: skip
    payment_events.moved(call, intent)


def verify(call: Call, intent: Obj) -> None:
    """The payer names the small deposits that reached the account, and the debit is sent.

    Raises:
        Refusal: wrong amounts or code; 400 with the intent inside, which waits on.
    """
    method = call.account["pm"].find(intent["payment_method"], intent["livemode"])
    deposits.check(call, intent, lambda error: _give_up(call, intent, method, error))
    call.account.instruments[method["id"]].verified = True
    _send_debit(call, intent, method)


def _send_debit(call: Call, intent: Obj, method: Obj) -> None:
    """A bank debit is known days later (docs.stripe.com/payments/ach-direct-debit)."""
    _save(call, intent, method)
    charge = charges.make(call, intent, method, "pending")
    intent |= {
        "status": "processing", "payment_method": method["id"], "latest_charge": charge["id"],
        "last_payment_error": None, "next_action": None,
    }  # fmt: skip
    if call.world.behaviour.debits_booked_at_once:
        charges.book(call, intent, charge)
    payment_events.moved(call, intent, charge)
    acts = call.account.instruments[method["id"]].acts
    if acts.act is not Act.STAYS_PENDING:
        due = business_days_later(call.world.now, call.world.behaviour.debit_business_days)
        call.world.agenda.add(due, lambda: _answer_debit(call.unasked(), intent, charge, method))


def _answer_debit(call: Call, intent: Obj, charge: Obj, method: Obj) -> None:
    if intent["status"] != "processing":
        return
    decline = call.account.instruments[method["id"]].acts.decline
    if decline is None:
        charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
        _settle(call, intent, charge)
        return
    charges.fail(charge, decline)
    charges.refused(call, charge)
    intent |= {
        "status": "requires_payment_method", "payment_method": None, "processing": None,
        "last_payment_error": error_of(decline, INVALID_REQUEST, charge["id"], method),
    }  # fmt: skip
    payment_events.moved(call, intent, charge)
