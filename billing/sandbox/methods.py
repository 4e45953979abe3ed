"""Payment methods: kept on the platform, cloned to a connected account, attached, detached, used up."""

from copy import deepcopy

from billing.sandbox.config import CloneSpentOn
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import CARD_ERROR, Obj, Refusal, invalid, missing, refusal
from billing.sandbox.testmethods import TestMethod, is_test_name, method_named
from billing.sandbox.world import Account, Call, Instrument

CLONABLE = ("card", "us_bank_account")  # docs.stripe.com/connect/direct-charges-multiple-accounts
NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
EXPIRY_MONTH, EXPIRY_YEAR = 12, 2034
CARD_NUMBERS = {  # docs.stripe.com/testing
    "4242424242424242": "pm_card_visa", "4000000000000077": "pm_card_bypassPending",
    "4000000000000341": "pm_card_chargeCustomerFail", "4000002760003184": "pm_card_authenticationRequired",
    "4000002500003155": "pm_card_authenticationRequiredOnSetup", "4000000000000002": "pm_card_visa_chargeDeclined",
    "4000008260003178": "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
    "5555555555554444": "pm_card_mastercard", "4000000000009995": "pm_card_visa_chargeDeclinedInsufficientFunds",
}  # fmt: skip


def create(call: Call) -> Obj:
    """Make a payment method from test details, or clone one of the platform's to this connected account."""
    if "payment_method" in call.params:
        return _clone(call)
    kind = call.params.get("type")
    if kind is None:
        raise invalid("Missing required param: type.", "type", "parameter_missing")
    card = call.params.get("card", {})
    if kind == "us_bank_account":
        name = "pm_usBankAccount_success"
    elif "token" in card:
        name = card["token"].replace("tok_", "pm_card_", 1)
    elif card.get("number") in CARD_NUMBERS:
        name = CARD_NUMBERS[card["number"]]
    else:
        raise refusal("Your card number is incorrect.", status=402, code="incorrect_number", kind=CARD_ERROR)
    expiry = (int(card.get("exp_month", EXPIRY_MONTH)), int(card.get("exp_year", EXPIRY_YEAR)))
    return make(call, method_named(name), expiry=expiry)


def make(call: Call, acts: TestMethod, expiry: tuple[int, int] = (EXPIRY_MONTH, EXPIRY_YEAR)) -> Obj:
    """A new unattached payment method that behaves as one of the test methods."""
    body: Obj = {
        "id": call.new_id("pm"), "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": _billing_details(call), "created": call.world.seconds, "customer": None,
        "livemode": call.livemode, "metadata": merged({}, call.params.get("metadata")), "type": acts.kind,
    }  # fmt: skip
    fingerprint = call.world.ids.new("", 16)
    if acts.kind == "card":
        body["card"] = _card(acts, expiry, fingerprint)
    elif acts.kind == "us_bank_account":
        body["us_bank_account"] = _bank_account(acts, fingerprint)
    else:
        body[acts.kind] = {}
    call.account.instruments[body["id"]] = Instrument(acts, set_up=acts.set_up)
    return call.account["pm"].add(body)


def _billing_details(call: Call) -> Obj:
    given: Obj = call.params.get("billing_details", {})
    return {"address": dict(NO_ADDRESS), "email": None, "name": None, "phone": None, "tax_id": None} | given


def _card(acts: TestMethod, expiry: tuple[int, int], fingerprint: str) -> Obj:
    return {
        "brand": acts.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": acts.country, "display_brand": acts.brand, "exp_month": expiry[0], "exp_year": expiry[1],
        "fingerprint": fingerprint, "funding": "credit", "generated_from": None, "last4": acts.last4,
        "networks": {"available": [acts.brand], "preferred": None}, "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True}, "wallet": None,
    }  # fmt: skip


def _bank_account(acts: TestMethod, fingerprint: str) -> Obj:
    return {
        "account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None, "fingerprint": fingerprint, "last4": acts.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]}, "routing_number": "110000000", "status_details": {},
    }  # fmt: skip


def _clone(call: Call) -> Obj:
    """The copy of a platform payment method on this connected account.

    Sharing one that is attached to no customer uses up the original
    (docs.stripe.com/connect/direct-charges-multiple-accounts).
    """
    if not call.connected:
        raise invalid("You can only share a PaymentMethod with a connected account.", "payment_method")
    if "type" in call.params:
        raise invalid("You cannot pass `type` together with `payment_method`.", "type", "parameters_exclusive")
    platform, customer = call.world.platform, call.params.get("customer")
    if customer is not None:
        platform["cus"].find(customer, call.livemode, "customer")
    original = platform["pm"].find(call.params["payment_method"], call.livemode, "payment_method")
    instrument = platform.instruments[original["id"]]
    _check_clonable(call, original, instrument, customer)
    metadata = merged({}, call.params.get("metadata"))
    if original["customer"] is None:
        instrument.dead = True
    clone = deepcopy(original) | {
        "id": call.new_id("pm"), "created": call.world.seconds, "customer": None, "allow_redisplay": "unspecified",
        "metadata": metadata,
    }  # fmt: skip
    call.account.instruments[clone["id"]] = Instrument(instrument.acts, origin=original["id"], set_up=instrument.set_up)
    return call.account["pm"].add(clone)


def _check_clonable(call: Call, original: Obj, instrument: Instrument, customer: str | None) -> None:
    if instrument.dead:
        raise spent(call)
    if original["type"] not in CLONABLE:
        message = f"PaymentMethods of type {original['type']} cannot be shared with connected accounts."
        raise refusal(message, param="payment_method")
    if original["customer"] != customer:
        whom = f"the customer {customer}" if customer else "this request; pass the customer it belongs to"
        raise refusal(f"The PaymentMethod {original['id']} is not attached to {whom}.", param="payment_method")


def spent(call: Call) -> Refusal:
    """The answer to a payment method that will never work again."""
    message = (
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with "
        "a connected account without Customer attachment, or was detached from a Customer. It may not be used again. "
        "To use a PaymentMethod multiple times, you must attach it to a Customer first."
    )
    return refusal(message, code=call.world.behaviour.spent_code or None, param="payment_method")


def resolve(call: Call, wanted: str) -> Obj:
    """The payment method a parameter names; a test name becomes a new object.

    Raises:
        Refusal: there is none on this account.
    """
    if is_test_name(wanted):
        return make(call, method_named(wanted))
    row = call.account["pm"].peek(wanted)
    if row is None or row["livemode"] != call.livemode:
        where = "the platform" if call.connected else "one of your connected accounts"
        hint = (
            f"; It's possible this PaymentMethod exists on {where}, in which case you should retry this request there."
        )
        raise refusal(
            f"No such PaymentMethod: '{wanted}'{hint}", status=404, code="resource_missing", param="payment_method"
        )
    return row


def use_up(account: Account, method: Obj, world_rule: CloneSpentOn, *, paid: bool) -> None:
    """Mark an unattached payment method as used, as far as the configured rule says an attempt uses it."""
    if method["customer"] is not None or world_rule is CloneSpentOn.NEVER:
        return
    if paid or world_rule is CloneSpentOn.ALWAYS:
        account.instruments[method["id"]].dead = True


def retrieve(call: Call) -> Obj:
    """One payment method of this account; a test name shows what it stands for, and keeps nothing."""
    return call.find("pm", call.ids[0])


def update(call: Call) -> Obj:
    """Change metadata or billing details of an attached payment method."""
    row = call.find("pm", call.ids[0])
    if row["customer"] is None:
        message = "You must save this PaymentMethod to a customer before you can update it."
        raise refusal(message, code="payment_method_unexpected_state")
    row["metadata"] = merged(row["metadata"], call.params.get("metadata"))
    row["billing_details"] = row["billing_details"] | call.params.get("billing_details", {})
    card = call.params.get("card", {})
    row.get("card", {}).update({name: card[name] for name in ("exp_month", "exp_year") if name in card})
    return row


def attach(call: Call) -> Obj:
    """Save a payment method to a customer of the same account; the cards that always decline are refused here."""
    if "customer" not in call.params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = call.find("cus", call.params["customer"], "customer", 400)
    row = resolve(call, call.ids[0])
    attach_to(call, row, customer["id"])
    return row


def attach_to(call: Call, row: Obj, customer: str) -> None:
    """Attach, or say why not.

    Raises:
        Refusal: it is used up, belongs to someone already, or its card declines the check.
    """
    instrument = call.account.instruments[row["id"]]
    if instrument.dead:
        raise spent(call)
    if row["customer"] is not None:
        raise refusal("The payment method you provided has already been attached to a customer.")
    decline = instrument.acts.decline
    if not instrument.acts.attaches and decline is not None:
        raise refusal(
            "Your card was declined.", status=402, code=decline.code, kind=CARD_ERROR,
            decline_code=decline.decline_code, advice_code=decline.advice,
        )  # fmt: skip
    row["customer"] = customer
    instrument.was_attached = True


def detach(call: Call) -> Obj:
    """Take a payment method from its customer, for good."""
    row = call.find("pm", call.ids[0])
    if row["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise refusal(message, code="payment_method_unexpected_state")
    owner = call.account["cus"].peek(row["customer"])
    if owner is not None and owner["invoice_settings"]["default_payment_method"] == row["id"]:
        owner["invoice_settings"]["default_payment_method"] = None
    let_go(call.account, row)
    return row


def let_go(account: Account, method: Obj) -> None:
    """A payment method without its customer never works again."""
    method["customer"] = None
    account.instruments[method["id"]].dead = True


def listed(call: Call) -> Obj:
    """The payment methods attached to one customer; without one, all of this account, unattached ones too."""
    customer = call.ids[0] if call.ids else call.params.get("customer")
    if customer is not None:
        call.find("cus", customer, "customer")
    url = f"/v1/customers/{customer}/payment_methods" if call.ids else "/v1/payment_methods"
    wanted = {name: call.params[name] for name in ("type", "allow_redisplay") if name in call.params}

    def keep(row: Obj) -> bool:
        return customer in (None, row["customer"]) and all(row[name] == wanted[name] for name in wanted)

    return call.account["pm"].page(call.params, url, call.livemode, keep)


def of_customer(call: Call) -> Obj:
    """One payment method, only if it is attached to this customer."""
    customer, wanted = call.ids
    call.find("cus", customer, "customer")
    row = call.find("pm", wanted, "payment_method")
    if row["customer"] != customer:
        raise missing("PaymentMethod", wanted, "payment_method")
    return row
