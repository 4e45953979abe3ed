"""What a SetupIntent may ask for, which payment method fits it, and what its state allows."""

from billing.sandbox import methods
from billing.sandbox.intent_rules import OPEN_STATUSES, check_filter
from billing.sandbox.refusals import Obj, Refusal, invalid, refusal
from billing.sandbox.world import Account, Call

AT_ANY_TIME = frozenset({"description", "expand", "metadata"})
ONLY_WITH_CONFIRM = ("mandate_data", "return_url")
KINDS = {"card": "card_payments", "us_bank_account": "us_bank_account_ach_payments"}  # type to the capability it needs


def check_draft(call: Call, draft: Obj) -> None:
    """Every rule of an intent that is opened or changed; fills in the payment method types it will take.

    Raises:
        Refusal: 400 naming the parameter.
    """
    check_filter(call)
    if call.params.get("customer"):
        call.find("cus", call.params["customer"], "customer", 400)
    merchant = call.params.get("on_behalf_of")
    if merchant and call.world.account(merchant) is None:
        raise invalid(f"No such account: '{merchant}'", "on_behalf_of", "resource_missing")
    draft["payment_method_types"] = _types(call.account, draft)


def _types(account: Account, draft: Obj) -> list[str]:
    allowed, excluded = draft["allowed_payment_method_types"], draft["excluded_payment_method_types"] or ()
    kinds = [kind for kind, capability in KINDS.items() if account.active(capability)]
    kinds = [kind for kind in kinds if (allowed is None or kind in allowed) and kind not in excluded]
    if not kinds:
        message = "No valid payment method types for this SetupIntent. Please ensure that you have activated payment "
        message += "methods compatible with your account."
        param = "allowed_payment_method_types" if allowed is not None else None
        raise refusal(message, code="setup_intent_invalid_parameter", param=param)
    return kinds


def check_only_opened(call: Call) -> None:
    """What belongs to a confirm and stands in a request that confirms nothing.

    Raises:
        Refusal: 400 naming the parameter.
    """
    for name in ONLY_WITH_CONFIRM:
        if call.params.get(name):
            raise invalid(f"`{name}` cannot be passed when creating a SetupIntent unless `confirm` is true.", name)


def check_confirm_options(call: Call, intent: Obj) -> None:
    """An intent that takes whatever the platform has switched on may redirect, so it needs to know where back to.

    Raises:
        Refusal: 400 naming ``return_url``.
    """
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["enabled"] and automatic["allow_redirects"] != "never":
        if call.params.get("return_url"):
            return
        message = "This SetupIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
        message += "these payment methods might redirect your customer off of your page, you must provide a "
        raise invalid(f"{message}`return_url`.", "return_url")


def check_method_fits(call: Call, intent: Obj, method: Obj) -> None:
    """Whether this payment method can be set up by this intent.

    Raises:
        Refusal: it is used up, of a type the intent does not take, or another customer's.
    """
    if call.account.instruments[method["id"]].dead:
        raise methods.spent(call)
    if method["type"] not in intent["payment_method_types"]:
        message = f"The PaymentMethod provided ({method['type']}) is not allowed for this SetupIntent."
        message += f" It accepts: {', '.join(intent['payment_method_types'])}."
        raise refusal(message, code="setup_intent_invalid_parameter", param="payment_method")
    if method["customer"] not in (None, intent["customer"]):
        message = f"The PaymentMethod {method['id']} belongs to the Customer {method['customer']}. "
        message += "Please include the Customer in the `customer` parameter on the SetupIntent."
        raise refusal(message, param="payment_method")


def check_is_free(call: Call, intent: Obj) -> None:
    """The intent of a Checkout session is confirmed on its page, and ends with it.

    Raises:
        Refusal: 400.
    """
    if intent["id"] in call.account.session_of:
        raise refusal("You cannot perform this action on SetupIntents created by Checkout.")


def check_update(call: Call, intent: Obj) -> None:
    """What of an intent can be changed in its state: everything, only what sets nothing up, or nothing.

    Raises:
        Refusal: 400 with the intent inside.
    """
    if intent["status"] in OPEN_STATUSES:
        return
    if intent["status"] == "canceled" or set(call.params) - AT_ANY_TIME:
        raise unexpected_state(call, intent, "updated")


def unexpected_state(call: Call, intent: Obj, verb: str) -> Refusal:
    """The answer to a step the intent's state does not allow, with the intent inside."""
    message = f"This SetupIntent's status is {intent['status']}; it could not be {verb}."
    inside = dict(intent) if call.world.behaviour.carry_intent else None
    return refusal(message, code="setup_intent_unexpected_state", setup_intent=inside)
