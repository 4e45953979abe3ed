"""Currencies, charge limits, fees and exchange rates, as tables. Read on docs.stripe.com/currencies, November 2026."""

from fractions import Fraction

from billing.sandbox.refusals import Obj, invalid


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


ZERO_DECIMAL = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
HUNDREDS_ONLY = _codes("isk ugx")  # sent times 100 although no subunit is in use
THREE_DECIMAL = _codes("bhd jod kwd omr tnd")  # the last digit must be 0
TWO_DECIMAL = _codes(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop "
    "crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs "
    "khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab "
    "pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs "
    "uah usd uyu uzs wst xcd yer zar zmw "
)

MINIMUM = {  # minor units of the smallest charge
    **dict.fromkeys(_codes("usd aud cad chf eur brl inr nzd sgd zar idr ils php rub ars cop"), 50),
    **dict.fromkeys(_codes("aed myr pln ron"), 200),
    **dict.fromkeys(_codes("nok sek"), 300),
    **dict.fromkeys(_codes("jpy krw"), 50),
    **dict.fromkeys(_codes("mxn thb"), 1000),
    "gbp": 30, "dkk": 250, "hkd": 400, "czk": 1500, "huf": 17500,
}  # fmt: skip
MAXIMUM_DIGITS = {"card": 12, "us_bank_account": 8}

CARD_FEE = {  # for rehearsals: basis points of the amount, and a fixed part in minor units
    "usd": (290, 30), "eur": (150, 25), "gbp": (150, 20), "jpy": (360, 0), "cad": (290, 30), "aud": (170, 30),
}  # fmt: skip
OTHER_CARD_FEE = (290, 0)
DEBIT_FEE = (80, 500)  # basis points, and the most a bank debit costs, in cents
DISPUTE_FEE = 1500  # minor units
RETURN_FEE = (
    400  # cents, of a bank debit that comes back after it had succeeded (docs.stripe.com/payments/ach-direct-debit)
)

PER_DOLLAR = {  # invented, constant rates: a rehearsal must come out the same every day
    "usd": "1", "eur": "0.92", "gbp": "0.79", "jpy": "150", "cad": "1.36", "aud": "1.52", "chf": "0.88", "kwd": "0.308",
    "krw": "1380", "mxn": "18.2", "sek": "10.6", "nok": "10.8", "dkk": "6.9", "pln": "3.95", "isk": "138",
}  # fmt: skip


def known(currency: str) -> bool:
    """Whether charges can be made in this currency."""
    return currency in TWO_DECIMAL or currency in ZERO_DECIMAL | HUNDREDS_ONLY | THREE_DECIMAL


def check_positive(amount: int, param: str = "amount") -> None:
    """Refuse an amount below one minor unit.

    Raises:
        Refusal: 400 naming the parameter.
    """
    if amount < 1:
        raise invalid("Invalid positive integer", param, "parameter_invalid_integer")


def check_amount(amount: int, currency: str, kinds: list[str]) -> None:
    """Refuse what cannot be charged with any of these payment method types.

    Raises:
        Refusal: unknown currency, too small, too large, or digits the currency does not have.
    """
    if not known(currency):
        raise invalid(f"Invalid currency: {currency}.", "currency")
    check_positive(amount)
    if amount < MINIMUM.get(currency, 1):
        raise invalid(f"Amount must be at least {MINIMUM[currency]} {currency}.", "amount", "amount_too_small")
    digits = max((MAXIMUM_DIGITS[kind] for kind in kinds), default=12)
    if amount >= 10**digits:
        raise invalid(f"Amount must be no more than {10**digits - 1} {currency}.", "amount", "amount_too_large")
    if (currency in HUNDREDS_ONLY and amount % 100) or (currency in THREE_DECIMAL and amount % 10):
        raise invalid(f"Invalid amount: {amount} cannot be charged in {currency}.", "amount")


def fee(amount: int, currency: str, kind: str) -> int:
    """What the provider keeps of a charge, in minor units of ``currency``."""
    if kind == "us_bank_account":
        share, most = DEBIT_FEE
        return min(_part(amount, share), most)
    share, fixed = CARD_FEE.get(currency, OTHER_CARD_FEE)
    return min(_part(amount, share) + fixed, amount)


def _part(amount: int, basis_points: int) -> int:
    return (amount * basis_points + 5_000) // 10_000


def settled(amount: int, currency: str, into: str) -> tuple[int, float | None]:
    """The amount in the account's own currency, and the rate; no rate when nothing is converted."""
    if currency == into:
        return amount, None
    rate = Fraction(PER_DOLLAR.get(into, "1")) / Fraction(PER_DOLLAR.get(currency, "1"))
    rate *= Fraction(units(into), units(currency))
    return round(amount * rate), float(rate)


def units(currency: str) -> int:
    """Minor units in one major unit, as amounts are sent."""
    if currency in ZERO_DECIMAL:
        return 1
    return 1000 if currency in THREE_DECIMAL else 100


def fee_detail(kind: str, amount: int, currency: str, description: str) -> Obj:
    """One line of a balance transaction's fees."""
    return {"amount": amount, "application": None, "currency": currency, "description": description, "type": kind}
