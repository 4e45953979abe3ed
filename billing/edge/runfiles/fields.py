"""One cell at a time: a text becomes a value, or an error that says what is wrong and what would help."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from billing.edge.texts.problems import FieldError, suggestion
from billing.edge.texts.safe_text import (
    BLANKS,
    foreign,
    foreign_in,
    invisible,
    named,
    quoted,
    sensitive,
    was_withheld,
)

METADATA = "metadata."
"""How the name of a column begins whose cells become metadata of the item."""

METADATA_KEYS = 50 - 5
# Stripe takes 50 keys; five are kept for our own. (docs.stripe.com/api/metadata)
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500
METADATA_RESERVED = "billing_"
# Our own names on every intent: billing_run, billing_reference, billing_item, billing_digest, and one to spare.

DESCRIPTION_LENGTH = 1000
REFERENCE_LENGTH = 100
ID_LENGTH = 255
# Stripe asks that columns for its ids hold 255 characters. (docs.stripe.com/upgrades)

SUFFIX_LENGTH = 18
# Prefix, "* " and suffix share 22 characters, and a prefix has at least two. (stripe: statement-descriptors)
SUFFIX_FORBIDDEN = "<>\\'\"*"


class Ids(NamedTuple):
    """Ids of Stripe's of one sort: what they name, such as ``a connected account``, and what they begin with."""

    noun: str
    prefixes: tuple[str, ...]


ACCOUNT = Ids("a connected account", ("acct",))
CUSTOMER = Ids("a platform customer", ("cus",))
METHOD = Ids("a payment method", ("pm",))
_COMMON = {prefix: ids.noun for ids in (ACCOUNT, CUSTOMER, METHOD) for prefix in ids.prefixes}
# Those that are easily put into one another's columns.
_NOT_CLONABLE = {
    "card": "a card of the old Sources API cannot be cloned: use its PaymentMethod, pm_…",
    "src": "a source cannot be cloned: use a PaymentMethod, pm_…",
    "ba": "a bank account of the old API cannot be cloned: use its PaymentMethod, pm_…",
    "tok": "a token cannot be cloned: use a PaymentMethod, pm_…",
}
_REFERENCE = re.compile(r"[^\W_][\w .:/#+=-]{0,99}")
_RUN_ON = re.compile(r"[A-Za-z0-9_]+")
_LOST_DIGITS = re.compile(r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{2,3}")
# How every spreadsheet shows a number too long for its column, and saves it: 1.23457E+11.


def id_reader(column: str, ids: Ids, *, required: bool) -> Callable[[str], str | None]:
    """A reader of ids of one sort; an empty optional one is None."""
    forms = (rf"{prefix}_[A-Za-z0-9_]{{1,{ID_LENGTH - len(prefix) - 1}}}" for prefix in ids.prefixes)
    good = re.compile("|".join(forms)).fullmatch

    def read(text: str) -> str | None:
        if good(text):
            return text
        text = text.strip(BLANKS)
        if good(text):
            return text
        if not text:
            return None if not required else _missing(column)
        raise _bad_id(column, text, ids)

    return read


def read_reference(text: str) -> str:
    """The operator's own id: 1-100 letters, digits and `` ._:/#+=-``, beginning with a letter or digit."""
    text = text.strip(BLANKS)
    if not text:
        _missing("reference")
    _refuse_sensitive("reference", text)
    if not _REFERENCE.fullmatch(text):
        raise _bad_reference(text)
    _refuse_lost_digits("reference", text)
    if not text.isascii():
        _refuse_invisible("reference", text)
        _check_letters(text)
    return text


def read_currency(text: str) -> str:
    """A code in lower case; whether Stripe knows it is asked with the amount."""
    code = text.strip(BLANKS)
    if not code:
        _missing("currency")
    if len(code) == 3 and code.isascii() and code.isalpha():
        return code.lower()
    odd = foreign(code) if len(code) == 3 else None
    if odd is not None:
        message = f"currency {quoted(code)} has {named(odd)} at character {code.index(odd) + 1}"
        raise FieldError("currency", "look_alike", message, "codes are ASCII; the character only looks right")
    hint = "use a three-letter code such as USD"
    raise FieldError("currency", "currency_form", f"currency {quoted(code)} is no currency code", hint)


def text_reader(column: str, longest: int) -> Callable[[str], str | None]:
    """A reader of free text; empty is None."""

    def read(text: str) -> str | None:
        text = text.strip(BLANKS)
        if not text:
            return None
        if not text.isascii() or not text.isprintable():
            _refuse_invisible(column, text, blanks=True)
        _refuse_sensitive(column, text)
        if was_withheld(text):
            message = f"{column} was taken out of the file of bad lines: {text}"
            raise FieldError(column, "withheld", message, "write what belongs there")
        if column.startswith(METADATA):
            _refuse_lost_digits(column, text)
        if len(text) > longest:
            raise FieldError(column, "too_long", f"{column} has {len(text)} characters, at most {longest} are allowed")
        return text

    return read


def read_suffix(text: str) -> str | None:
    """What follows the account's prefix on the card statement; empty is None."""
    text = "".join(" " if char in BLANKS else char for char in _suffix_text(text) or "")
    if not text:
        return None
    bad = next((char for char in text if not char.isascii() or char in SUFFIX_FORBIDDEN), None)
    if bad is not None:
        message = f"statement_suffix {quoted(text)} has {quoted(bad)}"
        raise FieldError("statement_suffix", "suffix_character", message, "Latin letters, digits and spaces are safe")
    if not any(char.isalpha() for char in text):
        message = f"statement_suffix {quoted(text)} has no letter"
        raise FieldError("statement_suffix", "suffix_letter", message, "Stripe wants at least one: NOV26, not 1126")
    return text


_suffix_text = text_reader("statement_suffix", SUFFIX_LENGTH)


def metadata_key(name: str) -> str:
    """The key of a ``metadata.<key>`` column.

    Raises:
        FieldError: the key is not one Stripe takes, or is one of ours. Its column is the name as given.
    """
    key = name.removeprefix(METADATA)
    if not key or len(key) > METADATA_KEY_LENGTH:
        message = f"metadata key {quoted(key)} has {len(key)} characters, 1 to {METADATA_KEY_LENGTH} are allowed"
        raise FieldError(name, "metadata_key", message)
    if "[" in key or "]" in key or key != key.strip(BLANKS):
        raise FieldError(name, "metadata_key", f"metadata key {quoted(key)} has square brackets or outer spaces")
    if key.lower().startswith(METADATA_RESERVED):
        message = f'metadata key {quoted(key)} begins with "{METADATA_RESERVED}"'
        raise FieldError(name, "metadata_reserved", message, "those names are written by billing itself")
    # The name itself must not be repeated: it may be what nobody should see, or what nobody can see.
    _refuse_invisible(name, key, "a metadata key")
    _refuse_sensitive(name, key, "a metadata key")
    return key


def _missing(column: str) -> NoReturn:
    raise FieldError(column, "missing", f"{column} is empty", "every item needs one")


def _refuse_sensitive(column: str, text: str, shown: str = "") -> None:
    found = sensitive(text)
    if found is not None:
        code, noun = found
        hint = "it must not reach any record: use an id instead"
        raise FieldError(column, code, f"{shown or column} holds {noun}", hint)


def _refuse_lost_digits(column: str, text: str) -> None:
    if _LOST_DIGITS.fullmatch(text):
        hint = "a spreadsheet made it of a long number: format the column as text and export it again"
        raise FieldError(column, "digits_lost", f"{column} {quoted(text)} has lost its last digits", hint)


def _refuse_invisible(column: str, text: str, shown: str = "", *, blanks: bool = False) -> None:
    shown = shown or column
    char = invisible(text, blanks=blanks)
    if not char:
        return
    if char.startswith("line break"):
        hint = "write the text on one line; an unclosed quote joins lines too"
        raise FieldError(column, "line_break", f"{shown} has a line break inside", hint)
    raise FieldError(column, "invisible_character", f"{shown} {quoted(text)} has an invisible {char}", "type it again")


def _bad_id(column: str, text: str, ids: Ids) -> FieldError:
    """The likeliest reason why a text is no id of its kind."""
    try:
        _refuse_sensitive(column, text)
        _refuse_invisible(column, text)
    except FieldError as error:
        return error
    odd = foreign(text)
    if odd is not None:
        message = f"{column} {quoted(text)} has {named(odd)} at character {text.index(odd) + 1}"
        return FieldError(
            column, "look_alike", message, "ids are ASCII; the character only looks right: copy the id again"
        )
    head, _, rest = text.partition("_")
    if head in ids.prefixes and len(text) > ID_LENGTH:
        return FieldError(column, "too_long", f"{column} has {len(text)} characters, at most {ID_LENGTH} are allowed")
    message = f"{column} {quoted(text)} is not {ids.noun} id"
    return FieldError(column, "id_form", message, _id_hint(column, head, rest, ids.prefixes))


def _id_hint(column: str, head: str, rest: str, prefixes: tuple[str, ...]) -> str:
    if column == "payment_method" and head in _NOT_CLONABLE:
        return _NOT_CLONABLE[head]
    if head not in prefixes and head in _COMMON:
        return f"that is {_COMMON[head]}: are two columns swapped?"
    if head in prefixes and rest and not _RUN_ON.fullmatch(rest):
        attach = "; a test token must be attached to a customer first" if column == "payment_method" else ""
        return f"after {head}_ only letters and digits follow{attach}"
    return f"it looks like {prefixes[0]}_1AbC…"


def _bad_reference(text: str) -> FieldError:
    try:
        _refuse_invisible("reference", text)
    except FieldError as error:
        return error
    if not unicodedata.is_normalized("NFC", text):
        return _not_composed(text)
    if len(text) > REFERENCE_LENGTH:
        message = f"reference has {len(text)} characters, at most {REFERENCE_LENGTH} are allowed"
        return FieldError("reference", "too_long", message)
    odd = next((char for char in text if not char.isascii() and not char.isalpha()), None)
    if odd is not None:
        return _odd_letter(text, odd)
    allowed = "letters, digits and ._:/#+=- and spaces, beginning with a letter or digit"
    return FieldError("reference", "reference_form", f"reference {quoted(text)} has a character not allowed", allowed)


def _check_letters(text: str) -> None:
    """Unicode letters in their composed form: two spellings of one word would be two references."""
    if not unicodedata.is_normalized("NFC", text):
        raise _not_composed(text)
    odd = next((char for char in text if not char.isascii() and unicodedata.category(char)[0] != "L"), None)
    if odd is not None:
        raise _odd_letter(text, odd)


def _odd_letter(text: str, odd: str) -> FieldError:
    hint = "letters of any alphabet, digits 0-9 and ._:/#+=-"
    return FieldError("reference", "reference_form", f"reference {quoted(text)} has {named(odd)}", hint)


def _not_composed(text: str) -> FieldError:
    hint = "retype it, or convert the file to Unicode NFC"
    return FieldError("reference", "reference_form", f"reference {quoted(text)} is not in composed form (NFC)", hint)


def unknown_column(name: str, free: Sequence[str]) -> FieldError:
    """The error for a name that is no field of an item; ``free`` are those it may have been meant for."""
    hint = suggestion(name, free)
    return FieldError(name, "unknown_column", f"unknown column {quoted(name)}{foreign_in(name, hint)}", hint)
