"""What the page asks of the program behind it, and what it is told."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from billing.core.money import Money


class Answer(StrEnum):
    """Where a payer stands.

    ``open``: the payer may answer. ``declined``: the last try was refused, and the payer may try again. ``processing``:
    the bank, or small deposits, take their time. ``saved``: done. ``closed``: nobody asks any more. ``stuck``: a person
    of the business has to look. ``later``: no answer could be had; the same click again may bring one.
    """

    OPEN = "open"
    DECLINED = "declined"
    PROCESSING = "processing"
    SAVED = "saved"
    CLOSED = "closed"
    STUCK = "stuck"
    LATER = "later"


class Asks(StrEnum):
    """What the page confirms: ``confirmSetup`` of a SetupIntent, or ``confirmPayment`` of a first payment."""

    SETUP = "setup"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a payer is asked for: nothing that names the payer.

    Attributes:
        reference: the business's own id of the line.
        about: what it is for, in the business's words; may be empty.
        locale: the language of the line; empty for the browser's.
        types: the kinds of payment methods that are taken: ``card``, ``us_bank_account``.
        timezone: IANA name in which the days of the line are meant.
        return_url: where a payer who has finished may go on, such as the business's own page; empty for nowhere.
        payment: what is paid at once, or was paid with it; None where nothing is charged.
        owed: whether a charge is open that is tried with what is saved.
        answer: as the record has it; Stripe may know more.
    """

    reference: str
    about: str = ""
    locale: str = ""
    types: tuple[str, ...] = ("card",)
    timezone: str = "UTC"
    return_url: str = ""
    payment: Money | None = None
    owed: bool = False
    answer: Answer = Answer.OPEN


@dataclass(frozen=True, slots=True)
class Opened:
    """An open invitation. The secret is for Stripe.js alone: it is in no log, address or ``repr``."""

    asks: Asks
    client_secret: str = field(repr=False)


class Invitations(Protocol):
    """The payers of a ledger, each by the id of its item."""

    async def look(self, item: str) -> Asked | None:
        """Return what a payer is asked for by what is on record, or None where there is no such item."""
        ...

    async def open(self, item: str) -> Opened | Answer:
        """Return the one open invitation of a payer, made if there is none, or why there is nothing to open.

        Safe to repeat and at the same time: there is never a second one beside it.
        """
        ...

    async def outcome(self, item: str) -> Answer:
        """Read at Stripe what became of it, and record that."""
        ...
