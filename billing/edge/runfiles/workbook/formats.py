"""Number formats: what a number looks like in its cell, as far as that can be said for certain."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum, auto
from functools import lru_cache

from billing.core.money import CURRENCIES

DIGITS = 15
# Digits that a spreadsheet keeps of a number and shows. (Excel specifications and limits, "Number precision")


class Kind(Enum):
    """What a format makes of a number."""

    GENERAL = auto()
    FIXED = auto()
    DATE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Shape:
    """One section of a number format, understood.

    Attributes:
        kind: what it makes of a number; OTHER is everything that cannot be given back for certain.
        says: for OTHER: what it shows, such as ``shows a percentage``.
        least, most: decimals that are always shown, and that are shown at all.
        width: digits before the point that are always shown; ``00000`` has five.
        grouped: whether thousands are set apart.
        beside: what is shown beside the number, such as a currency; empty for none.
    """

    kind: Kind
    says: str = ""
    least: int = 0
    most: int = 0
    width: int = 1
    grouped: bool = False
    beside: str = ""

    def shown(self, number: Decimal) -> Decimal:
        """The number that is shown: rounded as the format says."""
        if self.kind is not Kind.FIXED:
            return Decimal(f"{number:.{DIGITS - 1}e}")
        last = Decimal(1).scaleb(-self.most)
        return number.quantize(last, ROUND_HALF_UP) if number.as_tuple().exponent < -self.most else number  # type: ignore[operator]  # it is finite

    def digits(self, number: Decimal, *, padded: bool = True) -> str:
        """The number as it is shown, without what sets thousands apart and without what stands beside it.

        Args:
            number: one that is shown as it is.
            padded: with the zeros in front of it that the format adds.
        """
        whole, _, decimals = f"{abs(number):f}".partition(".")
        decimals = decimals.rstrip("0").ljust(self.least, "0")
        sign = "-" if number < 0 else ""
        return sign + whole.zfill(self.width if padded else 1) + ("." + decimals if decimals else "")


GENERAL = Shape(Kind.GENERAL)

BUILT_IN: Mapping[int, str] = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00",
    # Which currency these show is up to the machine that shows them.
    5: "#,##0", 6: "#,##0", 7: "#,##0.00", 8: "#,##0.00", 41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00",
    9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM",
    20: "h:mm", 21: "h:mm:ss", 22: "m/d/yy h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mmss.0",
    37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""What the numbers of formats stand for that a workbook need not write down. (ECMA-376-1, 18.8.30)"""

_DOLLARS = (
    "usd cad aud nzd sgd hkd twd mxn clp cop ars bbd bmd bnd bsd bzd fjd gyd jmd kyd lrd nad sbd srd ttd xcd uyu dop"
)
_BESIDE = {
    "$": _DOLLARS, "US$": "usd", "C$": "cad nio", "CA$": "cad", "A$": "aud", "AU$": "aud", "NZ$": "nzd", "HK$": "hkd",
    "S$": "sgd", "NT$": "twd", "R$": "brl", "MX$": "mxn", "€": "eur", "£": "gbp egp fkp gip lbp shp", "¥": "jpy cny",
    "￥": "jpy cny", "円": "jpy", "元": "cny", "₹": "inr", "Rs": "inr", "₩": "krw", "₽": "rub", "₺": "try", "₴": "uah",
    "₪": "ils", "฿": "thb", "₫": "vnd", "₱": "php", "₦": "ngn", "₸": "kzt", "₾": "gel", "₼": "azn", "Fr.": "chf",
    "SFr.": "chf", "zł": "pln", "Kč": "czk", "kr": "sek nok dkk isk", "kr.": "dkk isk sek nok", "Ft": "huf",
    "lei": "ron", "лв.": "bgn", "RM": "myr", "Rp": "idr", "R": "zar",
}  # fmt: skip
SYMBOLS: Mapping[str, frozenset[str]] = {symbol: frozenset(codes.split()) for symbol, codes in _BESIDE.items()}
"""What is shown beside an amount, and the currencies that it may mean."""


def currencies_of(beside: str) -> frozenset[str] | None:
    """The currencies that a text beside an amount may mean; None where it is no currency at all."""
    found = SYMBOLS.get(beside)
    code = beside.lower()
    return found if found is not None else frozenset({code}) if code in CURRENCIES else None


def shape_for(number: Decimal, code: str) -> Shape:
    """What the format makes of this number."""
    sections = _sections(code)
    at = 1 if number < 0 and len(sections) > 1 else 2 if number == 0 and len(sections) > 2 else 0
    return sections[at]


@lru_cache(maxsize=4096)
def _sections(code: str) -> tuple[Shape, ...]:
    """The sections of a format: numbers above nothing, below it, nothing itself; the fourth is for texts."""
    return tuple(
        Shape(Kind.OTHER, "shows a sign that the number has not") if at != 1 and _signed(section) else _shape(section)
        for at, section in enumerate(_split(code)[:3])
    ) or (GENERAL,)


@lru_cache(maxsize=4096)
def shows_texts(code: str) -> bool:
    """Tell whether a format shows a text as it is: its section for texts hides and adds nothing."""
    sections = _split(code)
    of_texts = sections[3] if len(sections) > 3 else sections[-1] if "@" in sections[-1] else "@"
    tokens = [token for token in _TOKEN.findall(of_texts) if not (_COLOUR.fullmatch(token) or token[0] in "_ ")]
    return [token.lower() for token in tokens if token != "* "] in (["@"], ["general"])  # noqa: S105  no secret


_TOKEN = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]?|General|AM/PM|A/P|E[+-]|.', re.DOTALL | re.IGNORECASE)
_COLOUR = re.compile(r"\[(black|blue|cyan|green|magenta|red|white|yellow|color ?[0-9]{1,2})\]", re.IGNORECASE)
_CURRENCY = re.compile(r"\[\$([^\]-]*)(-[^\]]*)?\]")
_POWER = re.compile(r"[0#?.]E[+-]", re.IGNORECASE)
_SPAN = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_SPACING = "-+()' \u00a0\u202f"
# What stands beside a number and says nothing but its sign.
_LITERAL = frozenset(_SPACING + "$:")
_APART = frozenset(" '\u00a0\u202f")
# What sets digits apart and changes none of them.
_FILL = frozenset({"* ", "**", "*\u00a0"})
# What may fill a cell up to its width: a digit or a point would be one more of the number.


def _split(code: str) -> list[str]:
    sections = [""]
    for token in _TOKEN.findall(code):
        if token == ";":  # noqa: S105  no secret, a piece of a format
            sections.append("")
        else:
            sections[-1] += token
    return sections


def _literal(token: str) -> str | None:
    """What a piece of a format shows whatever the number is; None for a piece that shows some of the number."""
    found = _CURRENCY.fullmatch(token)
    if found:
        return found[1]
    if token[0] == '"':
        return token.strip('"')
    if token[0] == "\\":
        return token[1:]
    return token if token in _LITERAL or not token.isascii() else None


def _signed(section: str) -> bool:
    """Tell whether it shows a number that is not below nothing as one that is."""
    shown = "".join(_literal(token) or "" for token in _TOKEN.findall(section))
    return ("-" in shown or "(" in shown) and any(char in section for char in "#0?@gG")


def _shape(section: str) -> Shape:
    beside, rest, odd = _parts(section)
    if odd:
        return Shape(Kind.OTHER, odd)
    letters = set(rest.lower()) & set("ymdhsgbea")
    if rest.lower() == "general" or rest == "@":
        return GENERAL if not beside else Shape(Kind.OTHER, "shows more than the number")
    if letters and not _POWER.search(rest):
        return _date(rest.lower())
    return _fixed(beside, rest)


def _parts(section: str) -> tuple[str, str, str]:
    """What stands beside the number, what shows the number, and what cannot be understood."""
    beside, rest, between = "", "", ""
    for token in _TOKEN.findall(section):
        literal = _literal(token)
        if literal is not None:
            beside += literal
            between += literal if rest else ""
        elif _SPAN.fullmatch(token):
            return "", "", "shows a time"
        elif token[0] == "[":
            if not _COLOUR.fullmatch(token):
                return "", "", "shows some numbers in another way than others"
        elif token[0] == "*" and token not in _FILL:
            return "", "", "fills the cell with more than blanks"
        elif token[0] in "_*" and len(token) > 1:
            continue
        else:
            # A sign between digits stands for a point: 12$34, 12€34.
            if set(between) - _APART and not set(rest + token) & set("ymdhs"):
                return "", "", "shows something between the digits"
            rest += token
    return beside.strip(_SPACING), rest, ""


def _date(rest: str) -> Shape:
    if set(rest) & set("hs") or "am/pm" in rest or "a/p" in rest:
        return Shape(Kind.OTHER, "shows a time")
    if not set("ymd") <= set(rest):
        return Shape(Kind.OTHER, "shows a part of a date" if set(rest) & set("ymd") else "is none that is understood")
    return Shape(Kind.DATE)


_WIDEST = 60
_FIXED = re.compile(r"([#0?,]*)(\.([#0?]*))?(,*)")


def _fixed(beside: str, rest: str) -> Shape:
    for sign, says in (("%", "shows a percentage"), ("E", "shows a power of ten"), ("/", "shows a fraction")):
        if sign in rest.upper():
            return Shape(Kind.OTHER, says)
    found = _FIXED.fullmatch(rest)
    if found is None or not set(rest) & set("#0?"):
        return Shape(Kind.OTHER, "hides the number" if not rest else "is none that is understood")
    whole, decimals = found[1], found[3] or ""
    if len(rest) > _WIDEST:
        return Shape(Kind.OTHER, "is longer than any that is understood")
    if found[4] or whole.endswith(","):
        return Shape(Kind.OTHER, "shows thousands or millions")
    return Shape(
        Kind.FIXED,
        least=decimals.count("0"),
        most=len(decimals),
        width=whole.count("0"),
        grouped="," in whole,
        beside=beside,
    )
