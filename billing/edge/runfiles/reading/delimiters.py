"""What separates the fields of a CSV and the decimals of its amounts: a character, or the word for it."""

import csv
from collections.abc import Callable

WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_NEVER = '\r\n" .-_'
# Line ends, the quote, and what stands inside ids and amounts.

USUAL = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}
"""What spreadsheets write, and how it is named to a person."""

_DECIMALS = {"point": ".", "comma": ",", ".": ".", ",": ","}


def delimiter_of(text: str) -> str:
    """The character that a word or a character stands for; nothing stays nothing: the header will show it.

    Raises:
        ValueError: it is neither.
    """
    char = WORDS.get(text, text)
    if char and (len(char) != 1 or char in _NEVER or not char.isascii() or char.isalnum()):
        raise ValueError("must be one character, or one of: " + ", ".join(sorted(WORDS)))
    return char


def decimal_of(text: str) -> str:
    """The character that ``point`` or ``comma`` stands for.

    Raises:
        ValueError: it is neither word.
    """
    try:
        return _DECIMALS[text]
    except KeyError:
        raise ValueError("must be point or comma") from None


def detected(header: str, is_known: Callable[[str], bool]) -> str:
    """The usual character that splits a header line into the most known titles; a comma when nothing is better."""

    def item(char: str) -> int:
        try:
            return sum(map(is_known, next(csv.reader([header], delimiter=char), [])))
        except csv.Error:
            return 0

    return max(USUAL, key=item)
