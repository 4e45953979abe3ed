"""What a person does about a line that is not paid: one table by reason, and a sentence per status for the rest."""

from billing.core.life import Group
from billing.core.skips import SKIPS

STATUSES: dict[Group, str] = {
    Group.SUCCEEDED: "",
    Group.PROCESSING: "Nothing: the bank answers within days, and billing settle asks.",
    Group.DECLINED: "Ask the customer for another payment method.",
    Group.NEEDS_CUSTOMER: "Ask the customer to confirm with the bank or to pay.",
    Group.UNKNOWN: "Nothing: billing resolve asks Stripe what became of it.",
    Group.FAILED: "Nothing was taken. Mend the reason, and charge it under a new reference.",
    Group.SKIPPED: "See the reason.",
    Group.PENDING: "Run the same command again: it goes on.",
    Group.PARKED: "Open the payment in Stripe and see what became of it; billing resolve looks again.",
}
# What a line says whose reason is in no table.

_AMOUNT = "Nothing was taken. Correct the amount and run again with --amend."
_METHOD = "Nothing was taken. Ask the customer for another payment method, and run again with --amend."
_ACCOUNT = "Nothing was taken. Have the account put right in Stripe, and run again."

REFUSALS: dict[str, str] = {
    **dict.fromkeys(("amount_too_small", "amount_too_large", "parameter_invalid_integer"), _AMOUNT),
    **dict.fromkeys(
        ("payment_method_invalid_parameter", "payment_method_not_available", "payment_method_unexpected_state",
         "payment_method_unactivated", "payment_method_currency_mismatch"),
        _METHOD,
    ),
    **dict.fromkeys(
        ("account_invalid", "application_fees_not_allowed", "capability_not_active", "not_allowed_on_standard_account",
         "testmode_charges_only", "transfers_not_allowed", "account_cannot_charge"),
        _ACCOUNT,
    ),
    "not_in_step": "See the customer on the connected account in Stripe.",
    "not_refunded": "Nothing was given back. See the charge in Stripe.",
    "refund_returned": "The bank returned the money to the account. Ask the customer for another way to be paid.",
    "not_cancelled": "The subscription runs on. See it in Stripe.",
    "canceled_elsewhere": "See the intent in Stripe: who cancelled it, and why?",
}  # fmt: skip
# Of lines that failed, by Stripe's code. (docs.stripe.com/error-codes)


def what_to_do(group: Group, code: str) -> str:
    """Return the sentence for a line in this status and with this reason; empty only for one that is paid."""
    if group is Group.SKIPPED and code in SKIPS:
        return SKIPS[code].what_to_do
    if group is Group.FAILED and code in REFUSALS:
        return REFUSALS[code]
    return STATUSES[group]
