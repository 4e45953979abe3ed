"""What an intent may ask for: types that fit, fees, descriptors, and which options go together."""

import re

from billing.sandbox import methods
from billing.sandbox.config import AccountRefusal
from billing.sandbox.refusals import Obj, Refusal, invalid, refusal
from billing.sandbox.tariff import check_amount
from billing.sandbox.world import Account, Call

OPEN_STATUSES = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
REMOVED = "payment_method_types"
FORBIDDEN_IN_DESCRIPTOR = re.compile(r"[<>\\'\"*]")
MAX_DESCRIPTOR = 22  # prefix, "* " and suffix together
ONLY_WITH_CONFIRM = ("off_session", "error_on_requires_action", "return_url", "mandate", "mandate_data")
EXCLUDED_BY_FILTER = ("excluded_payment_method_types", "automatic_payment_methods", "payment_method_configuration")


def refuse_removed(name: str) -> Refusal:
    """The answer to ``payment_method_types``, gone since API version 2026-09-30.endive."""
    message = f"`{name}` can no longer be set on this API version. Use `allowed_payment_method_types` instead."
    return invalid(message, name, "payment_method_types_no_longer_supported")


def fitting_types(account: Account, currency: str, amount: int, *, manual: bool) -> list[str]:
    """The payment method types this account can take for this payment."""
    kinds = []
    if account.active("card_payments"):
        kinds.append("card")
    if currency == "usd" and amount >= 50 and account.active("us_bank_account_ach_payments") and not manual:
        kinds.append("us_bank_account")
    return kinds


def check_create(call: Call) -> list[str]:
    """Every rule of an open; returns the payment method types the intent will take.

    Raises:
        Refusal: 400, or the account cannot charge.
    """
    params = call.params
    currency = params["currency"].lower()
    check_amount(params["amount"], currency, ["card"])
    check_can_charge(call)
    check_fee(call, params["amount"])
    check_statement(call)
    if "customer" in params:
        call.find("cus", params["customer"], "customer", 400)
    if not params.get("confirm"):
        for name in ONLY_WITH_CONFIRM:
            if params.get(name):
                raise invalid(
                    f"`{name}` cannot be passed when creating a PaymentIntent unless `confirm` is true.", name
                )
    check_confirm_options(call, None)
    return _types(call, currency)


def _types(call: Call, currency: str) -> list[str]:
    params = call.params
    manual = params.get("capture_method") == "manual"
    allowed = params.get("allowed_payment_method_types")
    if allowed is not None:
        for name in EXCLUDED_BY_FILTER:
            if name in params:
                message = f"You may only specify one of these parameters: allowed_payment_method_types, {name}."
                raise invalid(message, name, "parameters_exclusive")
    kinds = fitting_types(call.account, currency, params["amount"], manual=manual)
    kinds = [kind for kind in kinds if allowed is None or kind in allowed]
    kinds = [kind for kind in kinds if kind not in params.get("excluded_payment_method_types", ())]
    if not kinds:
        message = "No valid payment method types for this PaymentIntent. Please ensure that you have activated payment "
        message += "methods compatible with your chosen currency and account."
        param = "allowed_payment_method_types" if allowed is not None else None
        raise refusal(message, code="payment_intent_invalid_parameter", param=param)
    check_amount(params["amount"], currency, kinds)
    return kinds


def check_can_charge(call: Call) -> None:
    """Whether this account may take charges at all.

    Raises:
        Refusal: 400, by code or in words alone, as configured.
    """
    if call.account.body["charges_enabled"]:
        return
    if call.world.behaviour.account_refusal is AccountRefusal.WORDS:
        raise refusal("Your account cannot currently make charges.")
    message = f"The account {call.account.id} cannot currently make charges: capability card_payments is not active."
    raise refusal(message, code="capability_not_active", param="stripe_account")


def check_fee(call: Call, amount: int) -> None:
    """The application fee: only on a connected account, never more than the amount.

    Raises:
        Refusal: 400 naming the parameter.
    """
    fee = call.params.get("application_fee_amount")
    if fee is None or fee == "":
        return
    if not call.connected:
        message = "Can only apply an application_fee_amount to a direct payment (using the Stripe-Account header)."
        raise invalid(message, "application_fee_amount", "application_fees_not_allowed")
    if fee < 0:
        raise invalid(
            "This value must be greater than or equal to 0.", "application_fee_amount", "parameter_invalid_integer"
        )
    if fee > amount:
        raise invalid("application_fee_amount must be less than or equal to the amount.", "application_fee_amount")


def check_statement(call: Call) -> None:
    """The descriptor suffix: prefix, ``* `` and suffix in 22 Latin characters, a letter among them.

    Source: docs.stripe.com/get-started/account/statement-descriptors.

    Raises:
        Refusal: 400 naming the parameter.
    """
    suffix = call.params.get("statement_descriptor_suffix")
    if not suffix:
        return
    prefix = call.account.body["settings"]["card_payments"]["statement_descriptor_prefix"] or ""
    problem = None
    if FORBIDDEN_IN_DESCRIPTOR.search(suffix):
        problem = "contains one of the characters < > \\ ' \" *"
    elif not suffix.isascii() or not suffix.isprintable():
        problem = "contains characters that are not Latin"
    elif not re.search("[A-Za-z]", suffix):
        problem = "must contain at least one letter"
    elif len(prefix) + 2 + len(suffix) > MAX_DESCRIPTOR:
        problem = (
            f"is too long: with the prefix {prefix!r} it may have {max(MAX_DESCRIPTOR - 2 - len(prefix), 0)} characters"
        )
    if problem:
        raise invalid(f"The statement descriptor suffix {problem}.", "statement_descriptor_suffix")


def check_confirm_options(call: Call, intent: Obj | None) -> None:
    """Options of a confirm that exclude each other.

    Raises:
        Refusal: 400 naming the parameter.
    """
    params = call.params
    automatic = (
        intent["automatic_payment_methods"] is not None if intent else "allowed_payment_method_types" not in params
    )
    if not automatic or (intent is None and not params.get("confirm")):
        return
    if params.get("error_on_requires_action"):
        message = "You cannot use `error_on_requires_action` with automatic payment methods."
        raise invalid(message, "error_on_requires_action")
    redirects = params.get("automatic_payment_methods", {}).get("allow_redirects") != "never"
    if redirects and not params.get("off_session") and not params.get("return_url"):
        message = "This PaymentIntent accepts payment methods that may redirect; provide a `return_url`."
        raise invalid(message, "return_url")


def check_method_fits(call: Call, intent: Obj, method: Obj) -> None:
    """Whether this payment method can pay this intent.

    Raises:
        Refusal: it is used up, of a type the intent does not take, or another customer's.
    """
    if call.account.instruments[method["id"]].dead:
        raise methods.spent(call)
    if method["type"] not in intent["payment_method_types"]:
        message = f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent."
        message += f" It accepts: {', '.join(intent['payment_method_types'])}."
        raise refusal(message, code="payment_intent_incompatible_payment_method", param="payment_method")
    if method["customer"] not in (None, intent["customer"]):
        message = f"The PaymentMethod {method['id']} belongs to the Customer {method['customer']}. "
        message += "Please include the Customer in the `customer` parameter on the PaymentIntent."
        raise refusal(message, param="payment_method")
    if method["type"] == "card" and intent["statement_descriptor"]:
        message = "`statement_descriptor` cannot be used for card charges; use `statement_descriptor_suffix`."
        raise invalid(message, "statement_descriptor")


def unexpected_state(call: Call, intent: Obj, verb: str) -> Refusal:
    """The answer to a step the intent's state does not allow, with the intent inside."""
    message = f"This PaymentIntent's status is {intent['status']}; it could not be {verb}."
    inside = dict(intent) if call.world.behaviour.carry_intent else None
    return refusal(message, code="payment_intent_unexpected_state", payment_intent=inside)
