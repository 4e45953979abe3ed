"""What stands behind test details: which test method a card or account number is, and what of it is shown."""

import hashlib
from dataclasses import dataclass, field

from billing.sandbox.banks import year_and_month
from billing.sandbox.refusals import CARD_ERROR, Obj, Refusal, invalid, missing, refusal
from billing.sandbox.testmethods import TEST_METHODS, TestMethod, method_named
from billing.sandbox.world import World

EXPIRY = (12, 2034)  # month and year of what is made by a test name
CARD_NUMBERS = {  # docs.stripe.com/testing
    "4242424242424242": "visa", "4000056655665556": "visa_debit", "5555555555554444": "mastercard",
    "2223003122003222": "mastercard", "5200828282828210": "mastercard", "5105105105105100": "mastercard",
    "378282246310005": "amex", "371449635398431": "amex", "6011111111111117": "discover",
    "6011000990139424": "discover",
    "3056930009020004": "diners", "36227206271667": "diners", "3566002020360505": "jcb", "6200000000000005": "unionpay",
    "4000008260000000": "gb", "4000002760000016": "de", "4000002500000003": "fr",
    "4000000000000077": "bypassPending", "4000003720000278": "bypassPending",
    "4000000000000341": "chargeCustomerFail", "4000002760003184": "authenticationRequired",
    "4000002500003155": "authenticationRequiredOnSetup",
    "4000003800000446": "authenticationRequiredSetupForOffSession",
    "4000008260003178": "authenticationRequiredChargeDeclinedInsufficientFunds",
    "4000000000000002": "visa_chargeDeclined", "4000000000009995": "visa_chargeDeclinedInsufficientFunds",
    "4000000000009987": "visa_chargeDeclinedLostCard", "4000000000009979": "visa_chargeDeclinedStolenCard",
    "4000000000000069": "chargeDeclinedExpiredCard", "4000000000000127": "chargeDeclinedIncorrectCvc",
    "4000000000000119": "chargeDeclinedProcessingError",
    "4000000000006975": "visa_chargeDeclinedVelocityLimitExceeded", "4100000000000019": "radarBlock",
    "4000000000004954": "riskLevelHighest", "4000000000009235": "riskLevelElevated",
    "4000000000000259": "createDispute", "4000000000002685": "createDisputeProductNotReceived",
    "4000000000001976": "createDisputeInquiry",
}  # fmt: skip
ACCOUNT_NUMBERS = {  # docs.stripe.com/payments/ach-direct-debit/accept-a-payment, routing number 110000000
    "000123456789": "success", "000111111113": "accountClosed", "000111111116": "noAccount",
    "000222222227": "insufficientFunds", "000333333335": "debitNotAuthorized", "000444444440": "invalidCurrency",
    "000555555559": "dispute", "000000000009": "processing", "000777777771": "weeklyLimitExceeded",
}  # fmt: skip
NUMBERS = {name: number for number, name in reversed(CARD_NUMBERS.items())} | {
    name: number for number, name in ACCOUNT_NUMBERS.items()
}
LINKED = "fca_sandbox_"  # + what the account does: a test account that was chosen at the bank's own page
MESSAGES = {
    "incorrect_number": "Your card number is incorrect.",
    "invalid_expiry_month": "Your card's expiration month is invalid.",
    "invalid_expiry_year": "Your card's expiration year is invalid.",
}


@dataclass(frozen=True, slots=True)
class Details:
    """A payment method about to be made.

    Attributes:
        number: the card's or the account's; equal numbers show equal fingerprints.
        expiry: month and year of a card.
        verified: whether a bank account may be attached.
        bank: of a bank account, what is shown otherwise than usual.
    """

    acts: TestMethod
    number: str
    expiry: tuple[int, int] = EXPIRY
    verified: bool = True
    bank: Obj = field(default_factory=dict)


def named(name: str, number: str = "") -> Details:
    """What a test name stands for; ``number`` makes it somebody's own.

    Raises:
        Refusal: no such test method.
    """
    short = name.removeprefix("pm_card_").removeprefix("pm_usBankAccount_")
    return Details(method_named(name), number or NUMBERS.get(short, name))


def card(world: World, given: Obj) -> Details:
    """The card of a token or a number.

    Raises:
        Refusal: an unknown token (400), an unknown number or an expiry that is over (402).
    """
    if "token" in given:
        name = given["token"].replace("tok_", "pm_card_", 1)
        if name not in TEST_METHODS:
            raise missing("token", given["token"], "card[token]", 400)
        return named(name)
    number = str(given.get("number", "")).replace(" ", "")
    if number not in CARD_NUMBERS:
        raise _wrong("incorrect_number")
    expiry = (int(given.get("exp_month", EXPIRY[0])), int(given.get("exp_year", EXPIRY[1])))
    _check_expiry(world, *expiry)
    return Details(method_named(f"pm_card_{CARD_NUMBERS[number]}"), number, expiry)


def _check_expiry(world: World, month: int, year: int) -> None:
    this_year, this_month = year_and_month(world.now)
    if not 1 <= month <= 12 or (year == this_year and month < this_month):
        raise _wrong("invalid_expiry_month")
    if not this_year <= year <= this_year + 50:
        raise _wrong("invalid_expiry_year")


def _wrong(code: str) -> Refusal:
    return refusal(MESSAGES[code], status=402, code=code, kind=CARD_ERROR)


def bank(given: Obj, path: str) -> Details:
    """The bank account of a number; it can be attached once it is verified.

    Raises:
        Refusal: a number missing, or not one of the test numbers.
    """
    if "financial_connections_account" in given:
        return _linked(given, path)
    for name in ("account_holder_type", "account_number", "routing_number"):
        if name not in given:
            raise invalid(f"Missing required param: {path}[{name}].", f"{path}[{name}]", "parameter_missing")
    number = given["account_number"]
    if number not in ACCOUNT_NUMBERS:
        message = "You must use a test bank account number in test mode."
        raise refusal(message, code="account_number_invalid", param=f"{path}[account_number]")
    if given["routing_number"] != "110000000":
        message = "You must use a test routing number in test mode. Try 110000000."
        raise refusal(message, code="routing_number_invalid", param=f"{path}[routing_number]")
    shown: Obj = {name: given[name] for name in ("account_holder_type", "account_type") if name in given}
    return Details(method_named(f"pm_usBankAccount_{ACCOUNT_NUMBERS[number]}"), number, verified=False, bank=shown)


def _linked(given: Obj, path: str) -> Details:
    """The bank account that a payer chose at their bank's own page; nothing is left to verify."""
    name = given["financial_connections_account"].removeprefix(LINKED)
    numbers = {known: number for number, known in ACCOUNT_NUMBERS.items()}
    if name not in numbers:
        param = f"{path}[financial_connections_account]"
        raise missing("financialconnections account", given["financial_connections_account"], param, 400)
    return Details(method_named(f"pm_usBankAccount_{name}"), numbers[name])


def fingerprint_of(seed: int, number: str) -> str:
    """The same for the same number, whoever holds it; another in another sandbox."""
    return hashlib.sha256(f"{seed} {number}".encode()).hexdigest()[:16]
