"""Why a charge was declined and what would help, as a dated table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from billing.core.life import Group

TABLE_DATE = "2026-04-15"
# The day of Stripe's list the codes were taken from (docs.stripe.com/declines/codes). The remedies are ours, in line
# with Stripe's advice texts. A code not listed is reported and never repeated on its own.


class Remedy(StrEnum):
    """What has to happen before another attempt makes sense."""

    NEVER = "never"
    CUSTOMER = "customer"
    LATER = "later"
    SOON = "soon"
    CHECK = "check"
    REPORT = "report"


MEANINGS: dict[Remedy, str] = {
    Remedy.NEVER: "this payment method will not pay; another one is needed",
    Remedy.CUSTOMER: "the payer must do something first",
    Remedy.LATER: "may work after days",
    Remedy.SOON: "may work after minutes, with a new clone",
    Remedy.CHECK: "look at Stripe before anything else",
    Remedy.REPORT: "not in the table; a person reads it",
}


STRICTNESS = (Remedy.NEVER, Remedy.CUSTOMER, Remedy.CHECK, Remedy.REPORT, Remedy.LATER, Remedy.SOON)
# When advice, reason and codes disagree the strictest row decides; among equals the one with more authority.


@dataclass(frozen=True, slots=True)
class Rule:
    """One row.

    Attributes:
        remedy: what would help.
        note: what happened.
        what_to_do: for the person who acts.
        group: `needs_customer` where only the payer can put it right, by whatever means; else `declined`.
        block_card: whether the platform's payment method is blocked for all.
    """

    remedy: Remedy
    note: str
    what_to_do: str
    group: Group
    block_card: bool = False


@dataclass(frozen=True, slots=True)
class Decline:
    """A certain no to one attempt.

    Attributes:
        code: the most telling name of the reason, for reports.
        remedy: what would help.
        group: how a report groups it.
        note: what happened, in a few words.
        what_to_do: a sentence for the person who acts.
        block_card: no item of any account may try this platform payment method again.
        decline_code: the issuer's or Stripe's code, or None.
        advice_code: Stripe's advice, or None.
        network_decline_code: the card network's code, or None.
        network_advice_code: the card network's advice, or None.
        wait: how long the card's network asks to wait before another attempt; it only ever lengthens a gap.
        charge: the failed charge's id, or None.
        request_id: the provider's id of the request that told it, or empty.
    """

    code: str
    remedy: Remedy
    group: Group
    note: str
    what_to_do: str
    block_card: bool = False
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    wait: timedelta | None = None
    charge: str | None = None
    request_id: str = ""


Texts = tuple[str, str, Group]
# What happened, what to do about it, and whether it takes the customer.

_BLOCKED = (
    "the card is lost, stolen, restricted or under suspicion",
    "Do not try this card again. Ask the customer for another payment method.",
    Group.NEEDS_CUSTOMER,
)
_ADVISED = (
    "the issuer advises never to try this payment again",
    "Do not try this card again. Ask the customer for another payment method.",
    Group.NEEDS_CUSTOMER,
)
_WITHDRAWN = ("the customer withdrew consent", "Do not charge again; contact the customer.", Group.NEEDS_CUSTOMER)
_NEW_DETAILS = (
    "the card's details are wrong or out of date",
    "Ask the customer for new card details.",
    Group.NEEDS_CUSTOMER,
)
_OTHER_CARD = (
    "this card cannot make this payment",
    "Ask the customer for another card, or charge in another currency.",
    Group.NEEDS_CUSTOMER,
)
_BANK_LIFTS = (
    "the bank does not permit this kind of payment",
    "Ask the customer for another payment method; only the bank can lift it.",
    Group.NEEDS_CUSTOMER,
)
_READER = (
    "a code of card readers, unexpected here",
    "Ask the customer for another payment method.",
    Group.NEEDS_CUSTOMER,
)
_TEST_CARD = (
    "a test card met live mode",
    "Check that key, run file and payment methods belong to one mode.",
    Group.DECLINED,
)
_AUTHENTICATE = (
    "the bank wants the customer to authenticate",
    "Ask the customer to pay on session, where authentication is possible.",
    Group.NEEDS_CUSTOMER,
)
_CORRECT = (
    "the bank could not match the customer's details",
    "Ask the customer to correct the payment details on the platform.",
    Group.NEEDS_CUSTOMER,
)
_CALL_BANK = (
    "the bank wants to hear from the customer",
    "Ask the customer to call the bank, then try again.",
    Group.NEEDS_CUSTOMER,
)
_LATER = ("the bank gave no reason", "Try again in a few days.", Group.DECLINED)
_FUNDS = ("not enough money, or a spending limit", "Try again in some days, best after payday.", Group.DECLINED)
_SOON = ("a passing fault at the bank", "Try once more after some minutes.", Group.DECLINED)
_RADAR = (
    "Stripe blocked the payment before the network",
    "Read the charge's risk insights in the Dashboard.",
    Group.DECLINED,
)
_NEW_ACCOUNT = (
    "the bank account cannot be debited",
    "Ask the customer for another bank account or a new mandate.",
    Group.NEEDS_CUSTOMER,
)
_LIMITED = ("too many tries for this card or intent", "Pause; then a person decides.", Group.DECLINED)
_CHECK = (
    "the bank takes it for a repeat of a recent payment",
    "Look for a payment of the same amount before charging again.",
    Group.DECLINED,
)
_TOKEN = (
    "the card's network does not take the token that stands for the card",
    "Pause; then a person decides: it has to be sent otherwise.",
    Group.DECLINED,
)
_UNKNOWN = (
    "a code that is not in the table of declines",
    "A person reads it in the Dashboard and decides.",
    Group.DECLINED,
)


def _rows(remedy: Remedy, texts: Texts, codes: str, *, block_card: bool = False) -> dict[str, Rule]:
    """Return one rule under each of the blank-separated ``codes``."""
    return dict.fromkeys(codes.split(), Rule(remedy, *texts, block_card=block_card))


# Mastercard's advice 03 (do not try again) and 21 (payment cancelled): any repeat within 30 days costs a fee.
NETWORK_ADVICE: dict[str, Rule] = _rows(Remedy.NEVER, _ADVISED, "03 21", block_card=True)

MASTERCARD = "mastercard"
# As Stripe names the brand of a card: the rows that follow are this network's and are read for no other.
MASTERCARD_ADVICE: dict[str, Rule] = {
    **_rows(Remedy.CUSTOMER, _NEW_DETAILS, "01"),
    **_rows(Remedy.LATER, _LATER, "02 24 25 26 27 28 29 30"),
    **_rows(Remedy.REPORT, _TOKEN, "04"),
    **_rows(Remedy.NEVER, _OTHER_CARD, "22 40 41 43"),
}
# 01 new account information; 02 try later; 04 token requirements; 22 the product does not suit the merchant; 40, 41, 43
# prepaid or virtual numbers that pay once or not again. (developer.paypal.com/braintree/docs/reference/general/
# processor-responses/mastercard-merchant-advice-codes; 22 is in notices of processors alone)
MASTERCARD_WAITS: dict[str, timedelta] = {
    "24": timedelta(hours=1),
    "25": timedelta(hours=24),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}
# How long to wait, by the same list.

ADVICE: dict[str, Rule] = {
    **_rows(Remedy.NEVER, _ADVISED, "do_not_try_again"),
    **_rows(Remedy.CUSTOMER, _CORRECT, "confirm_card_data"),
    **_rows(Remedy.LATER, _LATER, "try_again_later"),
}

REASONS: dict[str, Rule] = {
    **_rows(Remedy.NEVER, _RADAR, "previously_declined_do_not_retry highest_risk_level rule"),
    **_rows(Remedy.LATER, _RADAR, "low_probability_of_authorization"),
}

CODES: dict[str, Rule] = {
    **_rows(
        Remedy.NEVER,
        _BLOCKED,
        "lost_card stolen_card pickup_card restricted_card fraudulent merchant_blacklist security_violation",
        block_card=True,
    ),
    **_rows(
        Remedy.NEVER,
        _WITHDRAWN,
        "revocation_of_authorization revocation_of_all_authorizations stop_payment_order",
        block_card=True,
    ),
    **_rows(Remedy.NEVER, _ADVISED, "do_not_try_again"),
    **_rows(Remedy.NEVER, _NEW_DETAILS, "invalid_account new_account_information_available expired_card"),
    **_rows(Remedy.NEVER, _NEW_DETAILS, "incorrect_number invalid_number invalid_expiry_month invalid_expiry_year"),
    **_rows(Remedy.NEVER, _NEW_DETAILS, "incorrect_cvc invalid_cvc expired_payment_method"),
    **_rows(Remedy.NEVER, _OTHER_CARD, "card_not_supported currency_not_supported"),
    **_rows(Remedy.NEVER, _OTHER_CARD, "payment_method_restricted payment_method_not_available"),
    **_rows(Remedy.NEVER, _BANK_LIFTS, "not_permitted service_not_allowed transaction_not_allowed"),
    **_rows(Remedy.NEVER, _READER, "incorrect_pin invalid_pin pin_try_exceeded offline_pin_required"),
    **_rows(Remedy.NEVER, _READER, "online_or_offline_pin_required"),
    **_rows(Remedy.NEVER, _TEST_CARD, "testmode_decline live_mode_test_card"),
    **_rows(Remedy.CUSTOMER, _AUTHENTICATE, "authentication_required authentication_not_handled"),
    **_rows(Remedy.CUSTOMER, _AUTHENTICATE, "mobile_device_authentication_required authentication_failure"),
    **_rows(Remedy.CUSTOMER, _AUTHENTICATE, "payment_intent_authentication_failure approval_required"),
    **_rows(Remedy.CUSTOMER, _CORRECT, "confirm_card_data incorrect_zip incorrect_address"),
    **_rows(Remedy.CUSTOMER, _CALL_BANK, "call_issuer invalid_amount"),
    **_rows(Remedy.LATER, _LATER, "try_again_later do_not_honor generic_decline no_action_taken"),
    **_rows(Remedy.LATER, _FUNDS, "insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded"),
    **_rows(Remedy.SOON, _SOON, "processing_error issuer_not_available reenter_transaction approve_with_id"),
    **_rows(Remedy.CHECK, _CHECK, "duplicate_transaction"),
    **_rows(Remedy.REPORT, _LIMITED, "card_decline_rate_limit_exceeded payment_intent_rate_limit_exceeded"),
    **_rows(Remedy.REPORT, _LIMITED, "request_blocked action_blocked"),
    **_rows(Remedy.NEVER, _NEW_ACCOUNT, "account_closed no_account debit_not_authorized bank_account_restricted"),
    **_rows(Remedy.NEVER, _NEW_ACCOUNT, "bank_account_unusable payment_method_bank_account_blocked"),
}

UNLISTED = Rule(Remedy.REPORT, *_UNKNOWN)


def decline_of(error: Mapping[str, Any], charge: Mapping[str, Any] | None = None, request_id: str = "") -> Decline:
    """Return the decline that an error object describes.

    Args:
        error: Stripe's ``error`` of a 402, or an intent's ``last_payment_error``. Anything missing counts as absent.
        charge: the failed charge when it is at hand expanded; its ``outcome`` holds Stripe's own reason.
        request_id: the provider's id of the request that told it.
    """
    # Stripe sends its usual advice along with most codes: `authentication_required` comes with `try_again_later`, and
    # yet only the payer can help. So an advice may make a decline stricter than its code, never softer.
    outcome = _mapping((charge or _mapping(error.get("charge"))).get("outcome"))
    network_advice = (_text(error.get("network_advice_code") or outcome.get("network_advice_code")) or "").zfill(2)
    of_mastercard = _brand(error, charge) == MASTERCARD
    matched = list(_matches(error, outcome, network_advice))
    if of_mastercard and network_advice in MASTERCARD_ADVICE:
        # Beside a code that is in no table it makes nothing softer: that one is a person's to read.
        matched = [*(matched or [("", UNLISTED)]), (network_advice, MASTERCARD_ADVICE[network_advice])]
    name, rule = min(matched, key=lambda row: STRICTNESS.index(row[1].remedy), default=("", UNLISTED))
    decline_code, code = _text(error.get("decline_code")), _text(error.get("code"))
    advised = any(name in table for table in (ADVICE, NETWORK_ADVICE, MASTERCARD_ADVICE))
    # An advice says what to do, not why: the reason is the better name for a report.
    reason = (name if name and not advised else "") or decline_code or code or name or "unknown"
    return Decline(
        code=reason,
        remedy=rule.remedy,
        group=rule.group,
        # That no reason was given is not said beside one.
        note=CODES[reason].note if rule.note == _LATER[0] and reason in CODES else rule.note,
        what_to_do=rule.what_to_do,
        block_card=any(row.block_card for _, row in matched),
        decline_code=decline_code,
        advice_code=_text(error.get("advice_code")),
        network_decline_code=_text(error.get("network_decline_code")),
        network_advice_code=_text(error.get("network_advice_code")),
        wait=MASTERCARD_WAITS.get(network_advice) if of_mastercard else None,
        charge=_text(error.get("charge")) or _text((charge or _mapping(error.get("charge"))).get("id")),
        request_id=request_id,
    )


def _brand(error: Mapping[str, Any], charge: Mapping[str, Any] | None) -> str | None:
    """Return the brand of the card that was declined, as the error or the failed charge shows it."""
    card = _mapping(_mapping(error.get("payment_method")).get("card"))
    details = _mapping(_mapping((charge or _mapping(error.get("charge"))).get("payment_method_details")).get("card"))
    return _text(card.get("brand")) or _text(details.get("brand"))


def _matches(error: Mapping[str, Any], outcome: Mapping[str, Any], network_advice: str) -> Iterator[tuple[str, Rule]]:
    """Yield the rows that speak, in order of authority."""
    lookups = (
        (NETWORK_ADVICE, network_advice),
        (ADVICE, _text(error.get("advice_code")) or _text(outcome.get("advice_code"))),
        (REASONS, _text(outcome.get("reason"))),
        (CODES, _text(error.get("decline_code"))),
        (CODES, _text(error.get("code"))),
    )
    for table, name in lookups:
        if name and name in table:
            yield name, table[name]


def _text(value: object) -> str | None:
    """Return a non-empty text, or None for anything else."""
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def table_as_markdown() -> str:
    """Return the table as the documentation shows it, one row per group of codes with one rule."""
    rows = [
        "| source | codes | remedy | status | blocks the card | what happened | what to do |",
        "|---|---|---|---|---|---|---|",
    ]
    tables = {
        "network advice": NETWORK_ADVICE,
        "Mastercard's advice": MASTERCARD_ADVICE,
        "advice": ADVICE,
        "outcome reason": REASONS,
        "code": CODES,
    }
    for source, table in tables.items():
        for rule in dict.fromkeys(table.values()):
            codes = ", ".join(f"`{code}`" for code, row in table.items() if row == rule)
            blocks = "yes" if rule.block_card else ""
            rows.append(
                f"| {source} | {codes} | {rule.remedy} | {rule.group} | {blocks} | {rule.note} | {rule.what_to_do} |"
            )
    return "\n".join(
        [*rows, f"| | any other | {UNLISTED.remedy} | {UNLISTED.group} | | {UNLISTED.note} | {UNLISTED.what_to_do} |"]
    )
