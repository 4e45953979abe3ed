"""Run files of payers: one person a line to have payment details saved by. Who it is stays out of every record.

(docs.stripe.com/payments/save-and-reuse, docs.stripe.com/connect/direct-charges-multiple-accounts)
"""

import re
from collections.abc import Callable
from datetime import date
from urllib.parse import unquote, urlsplit

from billing.core.findings import CHARGED_IN, charged_in
from billing.core.items import Kind, Payer, Personal
from billing.core.money import NO_MONEY, Money
from billing.edge.runfiles.amounts import Amounts
from billing.edge.runfiles.fields import ACCOUNT, DESCRIPTION_LENGTH, REFERENCE_LENGTH, id_reader, read_reference
from billing.edge.runfiles.schema import Cells, Column, Defaults, MoneyReader, Schema, text_column
from billing.edge.texts.problems import FieldError, suggestion
from billing.edge.texts.safe_text import BLANKS, PERSONAL, quoted, sensitive

EMAIL_LENGTH, NAME_LENGTH, PHONE_LENGTH, URL_LENGTH = 512, 256, 20, 2000
# Characters that Stripe takes (docs.stripe.com/api/customers/create); of an address as much as browsers do.
USAGES = ("installment", "recurring", "unscheduled")
# What card networks may be told that a card is kept for: docs.stripe.com/changelog/endive/2026-10-28,
# card-on-file usage indicators.
BANK = "us_bank_account"
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2}|-[0-9]{3})?")
_BETWEEN = re.compile(r"[\s,;+|]+")


# --- who it is: messages say what is wrong, and never what stands there ----------------------------------------------


def _given_back(column: str, text: str) -> str:
    """Refuse what a report or a list of bad lines has in the place of such a cell: nobody is called that."""
    if text == PERSONAL:
        message = f"{column} was withheld when this line was given back"
        raise FieldError(column, "withheld", message, "take it from the sheet that was sent, or empty the cell")
    return text


def _email(text: str) -> str:
    text = _given_back("email", text.strip(BLANKS))
    if not text:
        raise FieldError("email", "missing", "email is empty", "Stripe keeps it with the customer")
    if len(text) > EMAIL_LENGTH or not text.isprintable() or not _ADDRESS.fullmatch(text):
        raise FieldError("email", "email_form", "email is no e-mail address", "one address: a name, @, and a domain")
    return text


def _said(column: str, longest: int) -> Callable[[str], str | None]:
    """Read what somebody is called, or called at; empty is None."""

    def read(text: str) -> str | None:
        text = _given_back(column, text.strip(BLANKS))
        if len(text) > longest:
            message = f"{column} has {len(text)} characters, at most {longest} are allowed"
            raise FieldError(column, "too_long", message)
        if not text.isprintable():
            raise FieldError(column, "invisible_character", f"{column} has an invisible character", "type it again")
        return text or None

    return read


# --- what is asked for -----------------------------------------------------------------------------------------------


def _types(text: str) -> tuple[str, ...]:
    """The kinds of payment methods, in the order of the list of those that can be cloned; a card if none is named."""
    words = [word for word in _BETWEEN.split(text.strip(BLANKS).lower()) if word]
    for word in words:
        if word not in CHARGED_IN:
            message = f"types names {quoted(word)}, which cannot be cloned to other accounts"
            raise FieldError("types", "type_unknown", message, suggestion(word, tuple(CHARGED_IN)))
    return tuple(name for name in CHARGED_IN if name in words) or ("card",)


def _return_url(text: str) -> str | None:
    """Where a payer is sent from a page of Stripe's: https, without a password in it."""
    text = text.strip(BLANKS)
    if not text:
        return None
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > URL_LENGTH or not text.isascii() or not text.isprintable() or " " in text:
        raise FieldError("return_url", "url_form", "return_url is no address", "https://…, in ASCII")
    found = sensitive(unquote(text))
    if found is not None:
        hint = "it must not reach any record: use an id instead"
        raise FieldError("return_url", found[0], f"return_url holds {found[1]}", hint)
    return text


def _locale(text: str) -> str | None:
    text = text.strip(BLANKS)
    if text and not _LOCALE.fullmatch(text):
        raise FieldError("locale", "locale_form", f"locale {quoted(text)} is none", "a language such as de or en-GB")
    return text or None


def _usage(text: str) -> str | None:
    word = text.strip(BLANKS).lower()
    if word and word not in USAGES:
        message = f"setup_credential_usage {quoted(word)} is unknown"
        raise FieldError("setup_credential_usage", "usage_word", message, suggestion(word, USAGES))
    return word or None


def _day(text: str) -> str:
    """The last day of the links, as ``defaults`` says it.

    Raises:
        ValueError: it is no ISO date.
    """
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise ValueError("must be a day such as 2026-12-31") from None


_account = id_reader("on_behalf_of", ACCOUNT, required=False)


def _money(defaults: Defaults, decimal: str) -> MoneyReader:
    """Read what depends on each other: account, types, and the first payment with its currency."""
    amounts = Amounts(decimal)
    usual, last = defaults.get("types"), str(defaults.get("link_until") or "")

    def read(cells: Cells) -> tuple[str | None, tuple[str, ...], str, int, str]:
        behalf, wanted, major, code = cells
        types = _types(wanted) if wanted.strip(BLANKS) or not usual else usual
        account = _account(behalf)
        if account is not None and BANK in types:
            message = f"on_behalf_of beside {BANK}: such a mandate holds for {account} and for no other account"
            hint = "leave it empty for bank accounts that several accounts charge, or ask for card alone"
            raise FieldError("on_behalf_of", "mandate_of_one", message, hint)
        return account, types, last, *_first_payment(amounts, major, code, types)

    return read


def _first_payment(amounts: Amounts, major: str, code: str, types: tuple[str, ...]) -> tuple[int, str]:
    if not major.strip(BLANKS):
        if code.strip(BLANKS):
            message = "currency without a first_payment"
            raise FieldError("currency", "currency_alone", message, "leave it empty where nothing is paid at once")
        return NO_MONEY.minor, NO_MONEY.currency
    currency = amounts.currency(code)
    minor = amounts.needed(("first_payment", ""), (major, ""), currency)
    for name in types:
        if not charged_in(name, currency):
            raise FieldError("currency", "type_currency", f"{name} is not charged in {currency}", "ask for card alone")
    return minor, currency


def _payer(
    reference: str,
    description: str | None,
    return_url: str | None,
    locale: str | None,
    setup_credential_usage: str | None,
    on_behalf_of: str | None,
    types: tuple[str, ...],
    link_until: str,
    amount: int,
    currency: str,
    metadata: tuple[tuple[str, str], ...],
    personal: Personal,
) -> Payer:
    return Payer(
        reference, personal, types, on_behalf_of, description, return_url, locale, setup_credential_usage, link_until,
        Money(amount, currency), metadata,
    )  # fmt: skip


PAYERS = Schema(
    kind=Kind.PAYER,
    word="payers",
    columns=(
        Column("reference", read_reference, required=True, longest=REFERENCE_LENGTH),
        Column("email", _email, required=True, personal=True, longest=EMAIL_LENGTH),
        Column("name", _said("name", NAME_LENGTH), personal=True, longest=NAME_LENGTH),
        Column("phone", _said("phone", PHONE_LENGTH), personal=True, longest=PHONE_LENGTH),
        text_column("description", DESCRIPTION_LENGTH),
        Column("on_behalf_of"),
        Column("types"),
        Column("return_url", _return_url, longest=URL_LENGTH, few=True),
        Column("locale", _locale, few=True),
        Column("setup_credential_usage", _usage, few=True),
        Column("first_payment"),
        Column("currency"),
    ),
    amounts=(),
    money=_money,
    build=_payer,
    tells=frozenset({"email"}),
    defaults={
        "types": _types,
        "return_url": _return_url,
        "locale": _locale,
        "setup_credential_usage": _usage,
        "link_until": _day,
    },
)
