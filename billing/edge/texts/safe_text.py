"""What a text from outside may hold, and how it may be shown: nothing invisible, no secret, no person."""

import re
import unicodedata

BLANKS = " \u00a0\u2007\u202f"
"""What is trimmed around a value: blanks, and those that a spreadsheet writes so that a line does not break there."""

_LONGEST_QUOTE = 60

# First digits and lengths of the card schemes. A number that no scheme issues is no card, so a long invoice number is
# refused only when it could really be charged. (ISO/IEC 7812; the issuers' published ranges)
_SCHEMES: tuple[tuple[str, range], ...] = (
    (r"4", range(13, 20)),  # Visa
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", range(16, 17)),  # Mastercard
    (r"3[47]", range(15, 16)),  # American Express
    (r"30[0-5]|309|36|3[89]", range(14, 20)),  # Diners Club
    (r"35(2[89]|[3-8])", range(16, 20)),  # JCB
    (r"6011|64[4-9]|65|62|81", range(16, 20)),  # Discover, UnionPay
    (r"50|5[6-8]|6", range(13, 20)),  # Maestro
    (r"220[0-4]", range(16, 20)),  # Mir
)
_ISSUED = tuple((re.compile(prefix), lengths) for prefix, lengths in _SCHEMES)

# Digits as people write card numbers: in one run, or in groups with one kind of separator.
_CARD_LIKE = re.compile(
    r"(?<!\d)(?:\d{13,19}|\d{4}([ .-])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ .-])\d{6}\2\d{4,5}|\d{4}([ .-])\d{4}\3\d{5})(?!\d)",
    re.ASCII,
)
# Bounded repeats: a long text without an address must not be looked through once per character.
_EMAIL = re.compile(r"[^\s@＠<>\"',;|]{1,64}[@＠][^\s@＠]{1,255}\.[^\s@＠.]{2,63}")
# Where a word begins, whatever looks like a key is one; inside of a word (task_test_run, my_secret_santa) only what is
# as long and as mixed as a key. (docs.stripe.com/keys)
_MIXED = r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20,}"
_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|rk|pk|rkcs|ek)_(?:live|test|org)|whsec|(?:pi|seti|src|cs|in|cuss)_\w+_secret)_\w+"
    rf"|(?:(?:sk|rk|pk|rkcs|ek)_(?:live|test|org)|whsec|_secret)_{_MIXED}"
)
_BANK_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])")
_PHONE = re.compile(
    r"(?<![\w+])(?:\+|00)[1-9][0-9]{0,2}[ ./()-]{0,2}[0-9](?:[ ./()-]{0,2}[0-9]){6,12}(?![0-9])"
    r"|(?<![\w.,/-])\(?0[1-9][0-9]{1,4}\)?[ /-]{1,3}[0-9]{3,}(?:[ -]?[0-9]{2,}){0,3}(?![0-9])"
)
# A quick look that rules out all three at once: most texts end here.
_SUSPECT = re.compile(
    r"[@＠]|\d{13}|\d{4}[ .-]\d{4}|_(?:live|test|org|secret)_|whsec_|[A-Z]{2}\d{2} ?[A-Z0-9]{4}", re.ASCII
)


def sensitive(text: str) -> tuple[str, str] | None:
    """The code and the words for what must never be recorded, if the text holds it, else None.

    Codes: ``card_data`` (a number some card scheme issues, with a correct check digit), ``personal_data`` (an e-mail
    address, or a bank account's IBAN with correct check digits), ``secret`` (an API key, a webhook secret or a client
    secret).
    """
    if not _SUSPECT.search(text):
        return None
    if any(_is_card(found.group()) for found in _CARD_LIKE.finditer(text)):
        return "card_data", "a card number"
    if _EMAIL.search(text):
        return "personal_data", "an e-mail address"
    if any(_is_iban(found.group()) for found in _BANK_ACCOUNT.finditer(text)):
        return "personal_data", "a bank account number (IBAN)"
    return ("secret", "a secret key") if _SECRET.search(text) else None


def phone_like(text: str) -> bool:
    """Whether the text seems to hold a telephone number. Not certain enough to refuse it."""
    return _PHONE.search(text) is not None


def was_withheld(text: str) -> bool:
    """Whether the text is what `withheld` left in the place of something else."""
    return text in _PLACEHOLDERS


def suspect(text: str) -> bool:
    """Whether `sensitive` has to look closer; False is certain, True is not."""
    return _SUSPECT.search(text) is not None


def withheld(text: str) -> str:
    """The text, or a placeholder when it holds what must never be recorded."""
    found = sensitive(text)
    return text if found is None else f"[{found[1]} withheld]"


_PLACEHOLDERS = frozenset(
    f"[{noun} withheld]"
    for noun in ("a card number", "an e-mail address", "a bank account number (IBAN)", "a secret key", "personal data")
)
PERSONAL = "[personal data withheld]"
"""What stands in the place of a cell that says who somebody is."""


def quoted(text: str) -> str:
    """The text for a message: in quotes, on one line, shortened, with nothing invisible and nothing sensitive."""
    found = sensitive(text)
    if found is not None:
        return f"[{found[1]} withheld]"
    shown = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    if invisible(shown) or not shown.isprintable():
        shown = "".join(char if char.isprintable() and char not in _BLANK else _escaped(char) for char in shown)
    return f'"{shown}"'


def invisible(text: str, *, blanks: bool = False) -> str:
    """The name of the first character nobody can see in the text, or empty. Plain spaces are fine.

    With ``blanks`` the wider and narrower ones are fine too: a spreadsheet and a French keyboard write U+00A0 before a
    colon, a Japanese one writes U+3000. They show as blanks and stay what they are.
    """
    if text.isprintable() and _BLANK.isdisjoint(text):
        return ""
    bad = next((char for char in text if _hidden(char) and not (blanks and unicodedata.category(char) == "Zs")), "")
    return named(bad) if bad else ""


def named(char: str) -> str:
    """A character's name and code point: ``NO-BREAK SPACE U+00A0``."""
    return f"{unicodedata.name(char, _UNNAMED.get(char, 'control character'))} U+{ord(char):04X}"


def foreign(text: str) -> str | None:
    """The first character that is not ASCII."""
    return next((char for char in text if not char.isascii()), None)


def foreign_in(name: str, hint: str) -> str:
    """`` (it has CYRILLIC SMALL LETTER A U+0430)`` for a name that only looks like the one suggested, or nothing."""
    odd = foreign(name) if hint.startswith("did") else None
    return f" (it has {named(odd)})" if odd is not None else ""


_UNNAMED = {"\n": "line break", "\r": "line break", "\t": "tab", "\0": "NUL", "\x1b": "escape"}

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Letters, marks and symbols to Unicode, blank to the eye: two references that differ in one look the same.
# (Unicode DerivedCoreProperties, Default_Ignorable_Code_Point; and BRAILLE PATTERN BLANK)


def _hidden(char: str) -> bool:
    if char in _BLANK:
        return True
    category = unicodedata.category(char)
    # Unassigned code points pass: they are newer than this Python's table, not invisible. Noncharacters never come.
    return char != " " and category[0] in "CZ" and (category != "Cn" or _noncharacter(ord(char)))


def _noncharacter(point: int) -> bool:
    return 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _is_iban(text: str) -> bool:
    """The check digits of ISO 13616: the country moved to the end, letters as numbers, one left over from 97."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    issued = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _ISSUED)
    return issued and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812: every second digit from the right doubled, the digits added up."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0
