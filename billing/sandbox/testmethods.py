"""The test payment methods, and what becomes of a charge with each (docs.stripe.com/testing, November 2026)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from billing.sandbox.refusals import missing


class Act(StrEnum):
    """What the bank behind a payment method does with a charge."""

    PAYS = "pays"
    DECLINES = "declines"
    ASKS = "asks"  # wants the payer's authentication every time
    ASKS_UNTIL_SET_UP = "asks_until_set_up"
    STAYS_PENDING = "stays_pending"  # a bank debit that is never answered
    DISPUTES = "disputes"  # pays, and takes it back later


class RefundAct(StrEnum):
    """What the bank behind a payment method does with money that is given back."""

    TAKES = "takes"
    TAKES_LATER = "takes_later"  # pending for some business days
    RETURNS = "returns"  # takes it, and returns it some business days later
    RETURNS_PENDING = "returns_pending"  # pending, then returned


@dataclass(frozen=True, slots=True)
class Decline:
    """A refusal by the issuer, by the bank or by Stripe itself.

    Attributes:
        code: the error code; most card declines share ``card_declined``.
        decline_code: the finer code, or none.
        advice: ``confirm_card_data``, ``do_not_try_again``, ``try_again_later`` or none.
        network_decline: the network's own decline code, two digits.
        network_advice: the network's own advice code, two digits.
        reason: the charge's ``outcome.reason``; the decline code where none is given.
        blocked: Stripe refused before the network was asked.
    """

    code: str
    decline_code: str | None = None
    advice: str | None = None
    network_decline: str | None = None
    network_advice: str | None = None
    reason: str | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a payer takes a paid charge back.

    Attributes:
        inquiry: the bank only asks; no money moves, and the charge can still be refunded.
        final: nothing can be answered, as with the return of a bank debit.
        network_code: the card network's own code of the reason.
    """

    reason: str
    network_code: str | None = None
    inquiry: bool = False
    final: bool = False


FRAUD = Complaint("fraudulent", "10.4")


@dataclass(frozen=True, slots=True)
class TestMethod:
    """One test payment method.

    Attributes:
        kind: its type; ``card`` and ``us_bank_account`` can be cloned, others cannot.
        attaches: false for the cards that decline already when they are saved.
        detached_at_once: the provider takes it from its customer as soon as it was saved, as it does with some that it
            blocks.
        asks_on_setup: wants the payer's authentication when it is saved.
        funds_at_once: skips the pending balance.
        disputes: how often a charge is disputed, each time a part of it.
        warns: its issuer suspects fraud after a charge.
        refund: what becomes of money that is given back.
    """

    __test__ = False

    kind: str = "card"
    act: Act = Act.PAYS
    decline: Decline | None = None
    brand: str = "visa"
    last4: str = "4242"
    country: str = "US"
    attaches: bool = True
    set_up: bool = False
    risk: str = "normal"
    detached_at_once: bool = False
    asks_on_setup: bool = False
    funds_at_once: bool = False
    complaint: Complaint = FRAUD
    disputes: int = 1
    warns: bool = False
    refund: RefundAct = RefundAct.TAKES


OWN_CODES = frozenset({  # decline codes that are error codes of their own (docs.stripe.com/error-codes)
    "authentication_required", "card_decline_rate_limit_exceeded", "expired_card", "incorrect_address", "incorrect_cvc",
    "incorrect_number", "incorrect_zip", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_number",
    "processing_error",
})  # fmt: skip

ADVICE = {  # decline code: advice code, network decline code (docs.stripe.com/declines/codes, 15 April 2026)
    "approve_with_id": ("try_again_later", "85"),
    "authentication_required": ("try_again_later", "65"),
    "call_issuer": ("try_again_later", "02"),
    "card_not_supported": ("confirm_card_data", "57"),
    "card_velocity_exceeded": ("try_again_later", "65"),
    "currency_not_supported": ("confirm_card_data", "57"),
    "do_not_honor": ("try_again_later", "05"),
    "do_not_try_again": ("do_not_try_again", "05"),
    "duplicate_transaction": ("try_again_later", "94"),
    "expired_card": ("confirm_card_data", "54"),
    "fraudulent": ("do_not_try_again", "59"),
    "generic_decline": ("try_again_later", "05"),
    "incorrect_address": ("confirm_card_data", "05"),
    "incorrect_cvc": ("confirm_card_data", "82"),
    "incorrect_number": ("confirm_card_data", "14"),
    "incorrect_pin": ("confirm_card_data", "55"),
    "incorrect_zip": ("confirm_card_data", "05"),
    "insufficient_funds": ("try_again_later", "51"),
    "invalid_account": ("confirm_card_data", "14"),
    "invalid_amount": ("try_again_later", "13"),
    "invalid_cvc": ("confirm_card_data", "82"),
    "invalid_expiry_month": ("confirm_card_data", "54"),
    "invalid_expiry_year": ("confirm_card_data", "54"),
    "invalid_number": ("confirm_card_data", "14"),
    "invalid_pin": ("confirm_card_data", "55"),
    "issuer_not_available": ("try_again_later", "91"),
    "lost_card": ("do_not_try_again", "41"),
    "merchant_blacklist": ("do_not_try_again", None),
    "mobile_device_authentication_required": ("try_again_later", "65"),
    "new_account_information_available": ("confirm_card_data", "05"),
    "no_action_taken": ("try_again_later", "21"),
    "not_permitted": ("do_not_try_again", "57"),
    "offline_pin_required": ("confirm_card_data", "55"),
    "online_or_offline_pin_required": ("confirm_card_data", "55"),
    "pickup_card": ("do_not_try_again", "04"),
    "pin_try_exceeded": ("do_not_try_again", "75"),
    "processing_error": ("try_again_later", "96"),
    "reenter_transaction": ("try_again_later", "19"),
    "restricted_card": ("do_not_try_again", "62"),
    "revocation_of_all_authorizations": ("do_not_try_again", "R1"),
    "revocation_of_authorization": ("do_not_try_again", "R0"),
    "security_violation": ("do_not_try_again", "63"),
    "service_not_allowed": ("do_not_try_again", "57"),
    "stolen_card": ("do_not_try_again", "43"),
    "stop_payment_order": ("do_not_try_again", "R0"),
    "testmode_decline": (None, None),
    "transaction_not_allowed": ("do_not_try_again", "57"),
    "try_again_later": ("try_again_later", "05"),
    "withdrawal_count_limit_exceeded": ("try_again_later", "65"),
}

BLOCKS = {  # outcome reason of a charge that Stripe stops itself: decline code, advice
    "highest_risk_level": ("fraudulent", None),
    "rule": ("fraudulent", None),
    "low_probability_of_authorization": ("generic_decline", "try_again_later"),
    "previously_declined_do_not_retry": ("previously_declined_do_not_retry", "do_not_try_again"),
}

DECLINE = "pm_sandbox_decline_"  # + decline code [ . advice code [ . network advice code ]]
BLOCK = "pm_sandbox_block_"  # + outcome reason
DEBIT = "pm_sandbox_debit_"  # + failure code of a bank debit, days later
REFUND = "pm_sandbox_refund_"  # + what the bank of a debit does with money that is given back


def decline_of(code: str, advice: str | None = None, network_advice: str | None = None) -> Decline:
    """The decline of one decline code, with the advice that usually goes with it unless another is given."""
    usual, network = ADVICE.get(code, (None, None))
    return Decline(
        code=code if code in OWN_CODES else "card_declined", decline_code=code, advice=advice or usual,
        network_decline=network, network_advice=network_advice,
    )  # fmt: skip


def _card(last4: str = "4242", brand: str = "visa", country: str = "US") -> TestMethod:
    return TestMethod(brand=brand, last4=last4, country=country)


def _declining(code: str, last4: str, *, attaches: bool = False) -> TestMethod:
    return TestMethod(act=Act.DECLINES, decline=decline_of(code), last4=last4, attaches=attaches)


def _asking(last4: str, act: Act = Act.ASKS, *, set_up: bool = False) -> TestMethod:
    return TestMethod(act=act, decline=decline_of("authentication_required"), last4=last4, set_up=set_up)


def _bank(act: Act = Act.PAYS, code: str | None = None, last4: str = "6789") -> TestMethod:
    decline = Decline(code=code, decline_code=code) if code else None
    return TestMethod(
        kind="us_bank_account", act=Act.DECLINES if code else act, decline=decline, brand="", last4=last4,
        refund=RefundAct.TAKES_LATER,
    )  # fmt: skip


def _blocked(reason: str, last4: str = "0101", risk: str = "highest", *, attaches: bool = True) -> TestMethod:
    decline_code, advice = BLOCKS[reason]
    decline = Decline("card_declined", decline_code, advice, reason=reason, blocked=True)
    return TestMethod(act=Act.DECLINES, decline=decline, last4=last4, risk=risk, attaches=attaches)


TEST_METHODS: dict[str, TestMethod] = {
    "pm_card_visa": _card(),
    "pm_card_visa_debit": _card("5556"),
    "pm_card_mastercard": _card("4444", "mastercard"),
    "pm_card_amex": _card("8431", "amex"),
    "pm_card_discover": _card("1117", "discover"),
    "pm_card_diners": _card("3220", "diners"),
    "pm_card_jcb": _card("0505", "jcb"),
    "pm_card_unionpay": _card("0005", "unionpay"),
    "pm_card_us": _card(),
    "pm_card_gb": _card("0000", country="GB"),
    "pm_card_de": _card("0001", country="DE"),
    "pm_card_fr": _card("0003", country="FR"),
    "pm_card_bypassPending": replace(_card("0077"), funds_at_once=True),
    "pm_card_pendingRefund": replace(_card("7726"), refund=RefundAct.TAKES_LATER),
    "pm_card_refundFail": replace(_card("5126"), refund=RefundAct.RETURNS),
    "pm_card_chargeCustomerFail": _declining("generic_decline", "0341", attaches=True),
    "pm_card_authenticationRequired": _asking("3184"),
    "pm_card_authenticationRequiredOnSetup": _asking("3155", Act.ASKS_UNTIL_SET_UP),
    "pm_card_authenticationRequiredSetupForOffSession": _asking("0446", Act.ASKS_UNTIL_SET_UP, set_up=True),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": replace(
        _declining("insufficient_funds", "3178", attaches=True), asks_on_setup=True
    ),
    "pm_card_visa_chargeDeclined": _declining("generic_decline", "0002"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declining("insufficient_funds", "9995"),
    "pm_card_visa_chargeDeclinedLostCard": _declining("lost_card", "9987"),
    "pm_card_visa_chargeDeclinedStolenCard": _declining("stolen_card", "9979"),
    "pm_card_chargeDeclinedExpiredCard": _declining("expired_card", "0069"),
    "pm_card_chargeDeclinedIncorrectCvc": _declining("incorrect_cvc", "0127"),
    "pm_card_chargeDeclinedProcessingError": _declining("processing_error", "0119"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": _declining("card_velocity_exceeded", "6975"),
    "pm_card_radarBlock": _blocked("highest_risk_level", attaches=False),
    "pm_card_riskLevelHighest": _blocked("highest_risk_level", "4954"),
    "pm_card_riskLevelElevated": replace(_card("9235"), risk="elevated"),
    "pm_card_createDispute": TestMethod(act=Act.DISPUTES, last4="0259"),
    "pm_card_createDisputeProductNotReceived": TestMethod(
        act=Act.DISPUTES, last4="2685", complaint=Complaint("product_not_received", "13.1")
    ),
    "pm_card_createDisputeInquiry": TestMethod(
        act=Act.DISPUTES, last4="1976", complaint=Complaint("fraudulent", "10.4", inquiry=True)
    ),
    "pm_card_createMultipleDisputes": TestMethod(act=Act.DISPUTES, disputes=2),
    "pm_card_createIssuerFraudRecord": replace(_card(), warns=True),
    "pm_usBankAccount_success": _bank(),
    "pm_usBankAccount_accountClosed": _bank(code="account_closed", last4="1113"),
    "pm_usBankAccount_noAccount": _bank(code="no_account", last4="1116"),
    "pm_usBankAccount_insufficientFunds": _bank(code="insufficient_funds", last4="2227"),
    "pm_usBankAccount_debitNotAuthorized": _bank(code="debit_not_authorized", last4="3335"),
    "pm_usBankAccount_invalidCurrency": _bank(code="payment_method_currency_mismatch", last4="4440"),
    "pm_usBankAccount_weeklyLimitExceeded": _bank(code="charge_exceeds_weekly_limit", last4="7771"),
    "pm_usBankAccount_dispute": replace(
        _bank(Act.DISPUTES, last4="5559"), complaint=Complaint("debit_not_authorized", final=True)
    ),
    "pm_usBankAccount_processing": _bank(Act.STAYS_PENDING, last4="0009"),
    "pm_usBankAccount_riskLevelHighest": _bank(code="payment_method_provider_decline", last4="4954"),
    "pm_sandbox_detached": replace(_card("9953"), detached_at_once=True),  # the sandbox's own, too
    "pm_sandbox_link": TestMethod(kind="link", brand="", last4=""),  # the sandbox's own: a type that cannot be cloned
}


def is_test_name(name: str) -> bool:
    """Whether a payment method id is a name for a test method rather than an object of its own."""
    return name in TEST_METHODS or name.startswith((DECLINE, BLOCK, DEBIT, REFUND))


def method_named(name: str) -> TestMethod:
    """What a test name stands for; the ``pm_sandbox_...`` names reach every code of the tables.

    Raises:
        Refusal: no such test method (404).
    """
    if name in TEST_METHODS:
        return TEST_METHODS[name]
    if name.startswith(DECLINE):
        code, advice, network_advice = [*name.removeprefix(DECLINE).split("."), "", ""][:3]
        decline = decline_of(code, advice or None, network_advice or None)
        act = Act.ASKS if code == "authentication_required" else Act.DECLINES
        return TestMethod(act=act, decline=decline, last4="0341")
    if name.startswith(DEBIT):
        return _bank(code=name.removeprefix(DEBIT), last4="3335")
    if name.removeprefix(REFUND) in set(RefundAct):
        return replace(_bank(), refund=RefundAct(name.removeprefix(REFUND)))
    if name.removeprefix(BLOCK) in BLOCKS:
        return _blocked(name.removeprefix(BLOCK))
    raise missing("PaymentMethod", name, "payment_method")
