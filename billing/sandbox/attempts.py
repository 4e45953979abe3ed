"""One attempt to move money: what the bank says, and what becomes of intent, charge and payment method."""

from typing import NoReturn

from billing.sandbox import charges, methods
from billing.sandbox.banks import business_days_later
from billing.sandbox.intent_rules import check_method_fits
from billing.sandbox.refusals import CARD_ERROR, INVALID_REQUEST, Obj, Refusal, refusal
from billing.sandbox.testmethods import Act, Decline, decline_of
from billing.sandbox.world import Call

MESSAGES = {
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "insufficient_funds": "Your card has insufficient funds.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}
DISPUTE_DELAY_SECONDS = 60.0  # a test dispute opens about a minute after the charge


def examine(call: Call, intent: Obj) -> Obj:
    """The payment method of this attempt, checked; nothing has changed yet.

    Raises:
        Refusal: there is none, or it cannot pay this intent.
    """
    wanted = call.params.get("payment_method") or intent["payment_method"]
    if wanted is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise refusal(message, code="payment_intent_unexpected_state", payment_intent=dict(intent))
    method = methods.resolve(call, wanted)
    check_method_fits(call, intent, method)
    return method


def attempt(call: Call, intent: Obj, method: Obj) -> None:
    """Ask the bank. The intent is changed whatever it says.

    Raises:
        Refusal: declined; 402, with the intent inside.
    """
    if "receipt_email" in call.params:
        intent["receipt_email"] = call.params["receipt_email"]
    if "capture_method" in call.params:
        intent["capture_method"] = call.params["capture_method"]
    instrument = call.account.instruments[method["id"]]
    acts = instrument.acts
    off_session = bool(call.params.get("off_session"))
    if acts.kind == "us_bank_account":
        _send_debit(call, intent, method)
    elif _expired(call, method):
        _decline(call, intent, method, decline_of("expired_card"))
    elif acts.act is Act.ASKS or (acts.act is Act.ASKS_UNTIL_SET_UP and not instrument.set_up):
        _ask(call, intent, method, off_session=off_session)
    elif acts.act is Act.DECLINES and acts.decline is not None:
        _decline(call, intent, method, acts.decline)
    else:
        _pay(call, intent, method)


def _expired(call: Call, method: Obj) -> bool:
    year, month = charges.year_and_month(call.world.now)
    return (method["card"]["exp_year"], method["card"]["exp_month"]) < (year, month)


def _ask(call: Call, intent: Obj, method: Obj, *, off_session: bool) -> None:
    """Off session nobody can authenticate: that is a decline. On session the intent waits for the payer."""
    decline = decline_of("authentication_required")
    if off_session or call.params.get("error_on_requires_action"):
        _decline(call, intent, method, decline)
    methods.use_up(call.account, method, call.world.behaviour.clone_spent_on, paid=False)
    intent |= {
        "status": "requires_action", "payment_method": method["id"],
        "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}},
    }  # fmt: skip


def _pay(call: Call, intent: Obj, method: Obj) -> None:
    methods.use_up(call.account, method, call.world.behaviour.clone_spent_on, paid=True)
    charge = charges.make(call, intent, method, "succeeded")
    intent |= {
        "payment_method": method["id"], "latest_charge": charge["id"], "last_payment_error": None, "next_action": None,
    }  # fmt: skip
    if intent["capture_method"] == "manual":
        charge |= {"captured": False, "amount_captured": 0}
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        return
    _settle(call, intent, charge)


def capture_all(call: Call, intent: Obj, amount: int) -> None:
    """Take ``amount`` of an authorised charge; the rest is released."""
    charge = call.account["ch"].find(intent["latest_charge"], call.livemode)
    charge |= {"captured": True, "amount_captured": amount}
    fee = intent["application_fee_amount"]
    intent |= {"amount_capturable": 0, "application_fee_amount": min(fee, amount) if fee else fee}
    _settle(call, intent, charge)


def _settle(call: Call, intent: Obj, charge: Obj) -> None:
    amount = charge["amount_captured"]
    intent |= {"status": "succeeded", "amount_received": amount, "next_action": None, "processing": None}
    charges.book(call, intent, charge)
    acts = call.account.instruments[charge["payment_method"]].acts
    if acts.act is Act.DISPUTES:
        call.world.agenda.add(call.world.now + DISPUTE_DELAY_SECONDS, lambda: charges.dispute(call, charge))


def _decline(call: Call, intent: Obj, method: Obj, decline: Decline) -> NoReturn:
    methods.use_up(call.account, method, call.world.behaviour.clone_spent_on, paid=False)
    charge = charges.make(call, intent, method, "failed", decline)
    error = error_of(decline, CARD_ERROR, charge["id"], method)
    intent |= {
        "status": "requires_payment_method", "payment_method": None, "latest_charge": charge["id"],
        "last_payment_error": error, "next_action": None,
    }  # fmt: skip
    raise Refusal(402, error | {"payment_intent": dict(intent)})


def error_of(decline: Decline, kind: str, charge: str, method: Obj) -> Obj:
    """The error object of a decline, as it stands on the intent and in the 402."""
    error = refusal(
        MESSAGES.get(decline.decline_code or decline.code, "Your card was declined."), code=decline.code, kind=kind,
        charge=charge, decline_code=decline.decline_code, advice_code=decline.advice,
        network_decline_code=decline.network_decline, network_advice_code=decline.network_advice,
    ).error  # fmt: skip
    return error | {"payment_method": dict(method)}


def _send_debit(call: Call, intent: Obj, method: Obj) -> None:
    """A bank debit is known days later (docs.stripe.com/payments/ach-direct-debit)."""
    methods.use_up(call.account, method, call.world.behaviour.clone_spent_on, paid=True)
    charge = charges.make(call, intent, method, "pending")
    intent |= {
        "status": "processing", "payment_method": method["id"], "latest_charge": charge["id"],
        "last_payment_error": None, "next_action": None, "processing": {"type": "us_bank_account"},
    }  # fmt: skip
    acts = call.account.instruments[method["id"]].acts
    if acts.act is not Act.STAYS_PENDING:
        due = business_days_later(call.world.now, call.world.behaviour.debit_business_days)
        call.world.agenda.add(due, lambda: _answer_debit(call, intent, charge, method))


def _answer_debit(call: Call, intent: Obj, charge: Obj, method: Obj) -> None:
    if intent["status"] != "processing":
        return
    decline = call.account.instruments[method["id"]].acts.decline
    if decline is None:
        charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
        _settle(call, intent, charge)
        return
    charges.fail(charge, decline)
    intent |= {
        "status": "requires_payment_method", "payment_method": None, "processing": None,
        "last_payment_error": error_of(decline, INVALID_REQUEST, charge["id"], method),
    }  # fmt: skip
