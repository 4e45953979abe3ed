"""What an intent may ask for: types that fit, fees, descriptors, and which options go together."""

import re

from billing.sandbox import methods
from billing.sandbox.config import AccountRefusal
from billing.sandbox.refusals import Obj, Refusal, invalid, refusal
from billing.sandbox.tariff import check_amount
from billing.sandbox.world import Account, Call

OPEN_STATUSES = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
AT_ANY_TIME = frozenset(
    {"description", "expand", "metadata", "payment_details", "receipt_email", "shipping", "transfer_group"}
)  # what an update may change of an intent that is over but not cancelled
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


def check_filter(call: Call) -> None:
    """A list of allowed types stands for itself.

    Raises:
        Refusal: 400 naming the parameter beside it.
    """
    params = call.params
    if "allowed_payment_method_types" in params:
        for name in EXCLUDED_BY_FILTER:
            if name in params:
                message = f"You may only specify one of these parameters: allowed_payment_method_types, {name}."
                raise invalid(message, name, "parameters_exclusive")


def check_only_opened(call: Call) -> None:
    """What belongs to a confirm and stands in a request that confirms nothing.

    Raises:
        Refusal: 400 naming the parameter.
    """
    for name in ONLY_WITH_CONFIRM:
        if call.params.get(name):
            raise invalid(f"`{name}` cannot be passed when creating a PaymentIntent unless `confirm` is true.", name)


def check_draft(call: Call, draft: Obj) -> None:
    """Every rule of an intent that is opened or changed; fills in the payment method types it will take.

    Raises:
        Refusal: 400 naming the parameter.
    """
    check_filter(call)
    check_amount(draft["amount"], draft["currency"], ["card"])
    check_fee(call, draft)
    check_statement(call)
    if call.params.get("customer"):
        call.find("cus", call.params["customer"], "customer", 400)
    merchant = call.params.get("on_behalf_of")
    if merchant and call.world.account(merchant) is None:
        raise invalid(f"No such account: '{merchant}'", "on_behalf_of", "resource_missing")
    draft["payment_method_types"] = _types(call.account, draft)
    check_amount(draft["amount"], draft["currency"], draft["payment_method_types"])


def _types(account: Account, draft: Obj) -> list[str]:
    allowed, excluded = draft["allowed_payment_method_types"], draft["excluded_payment_method_types"] or ()
    manual = draft["capture_method"] == "manual"
    kinds = fitting_types(account, draft["currency"], draft["amount"], manual=manual)
    kinds = [kind for kind in kinds if (allowed is None or kind in allowed) and kind not in excluded]
    if not kinds:
        message = "No valid payment method types for this PaymentIntent. Please ensure that you have activated payment "
        message += "methods compatible with your chosen currency and account."
        param = "allowed_payment_method_types" if allowed is not None else None
        raise refusal(message, code="payment_intent_invalid_parameter", param=param)
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


def check_fee(call: Call, draft: Obj) -> None:
    """The application fee: only on a connected account, never more than the amount.

    Raises:
        Refusal: 400 naming the parameter.
    """
    fee = draft["application_fee_amount"]
    if fee is None:
        return
    if not call.connected and call.params.get("application_fee_amount"):
        message = "Can only apply an application_fee_amount to a direct payment (using the Stripe-Account header)."
        raise invalid(message, "application_fee_amount", "application_fees_not_allowed")
    if fee < 0:
        raise invalid(
            "This value must be greater than or equal to 0.", "application_fee_amount", "parameter_invalid_integer"
        )
    if fee > draft["amount"]:
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


def check_confirm_options(call: Call, intent: Obj) -> None:
    """Options of a confirm that exclude each other.

    Raises:
        Refusal: 400 naming the parameter.
    """
    params, automatic = call.params, intent["automatic_payment_methods"]
    if params.get("mandate"):
        raise invalid(f"No such mandate: '{params['mandate']}'", "mandate", "resource_missing")
    if not automatic or not automatic["enabled"]:
        return
    if params.get("error_on_requires_action"):
        message = "You cannot use `error_on_requires_action` with automatic payment methods."
        raise invalid(message, "error_on_requires_action")
    redirects = automatic["allow_redirects"] != "never"
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


def check_update(call: Call, intent: Obj) -> None:
    """What of an intent can be changed in its state: everything, only what moves no money, or nothing.

    Raises:
        Refusal: 400 with the intent inside.
    """
    if intent["status"] in OPEN_STATUSES:
        return
    if intent["status"] == "canceled" or set(call.params) - AT_ANY_TIME:
        raise unexpected_state(call, intent, "updated")


def unexpected_state(call: Call, intent: Obj, verb: str) -> Refusal:
    """The answer to a step the intent's state does not allow, with the intent inside."""
    message = f"This PaymentIntent's status is {intent['status']}; it could not be {verb}."
    inside = dict(intent) if call.world.behaviour.carry_intent else None
    return refusal(message, code="payment_intent_unexpected_state", payment_intent=inside)
