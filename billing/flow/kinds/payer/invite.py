"""What the page on which a payer saves payment details asks of the flow: an invitation at a click, and what came of it.

A client secret is read from Stripe whenever one is asked for and handed to the caller; nothing of ours keeps it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.flow.services import Services


class Asks(StrEnum):
    """What the page confirms: ``confirmSetup`` of a SetupIntent, or ``confirmPayment`` of a first payment."""

    SETUP = "setup"
    PAYMENT = "payment"


class Answer(StrEnum):
    """Where a payer stands, for the page.

    ``open``: the payer may answer. ``declined``: the last try was refused, and the payer may try again. ``processing``:
    the bank, or two small deposits, take days; nothing is to be done. ``saved``: the method is the customer's default.
    ``closed``: nobody asks any more. ``stuck``: something that a person has to see to. ``later``: Stripe, or what must
    happen before, gave no answer; the same click again may.
    """

    OPEN = "open"
    DECLINED = "declined"
    PROCESSING = "processing"
    SAVED = "saved"
    CLOSED = "closed"
    STUCK = "stuck"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation, on record before anybody sees it.

    Attributes:
        asks: what the page confirms.
        client_secret: for Stripe.js alone. It is in no log, ledger, address or ``repr``.
        intent: ``seti_…`` or ``pi_…``.
        amount: of a first payment in minor units of ``currency``; 0 and empty for none.
        types: kinds of payment methods that are offered: ``card``, ``us_bank_account``.
    """

    asks: Asks
    client_secret: str = field(repr=False)
    intent: str
    amount: int
    currency: str
    types: tuple[str, ...]


async def invitation(services: Services, item: ItemRecord) -> Invitation | Answer:
    """Return the one open invitation of a payer, made if there is none; or why there is nothing to answer.

    Safe to repeat and from several processes at once: whoever comes second gets what the first has made.

    Args:
        services: the ledger open for writing, the gateway on the platform, its platform known (`Services.identify`).
        item: as the ledger shows it now; ``content`` has ``return_url``, ``locale`` and ``link_until`` (the last day).

    Raises:
        LedgerError: nothing is on record that was not before, and nobody has seen a secret.
        ProviderUnreachable: Stripe has been away for too long.
        CredentialsError: the key is refused, or lacks a permission.
    """
    raise NotImplementedError


async def follow(services: Services, item: ItemRecord) -> Answer:
    """Read what became of a payer's invitation, record it, and finish: the saved method becomes the default.

    What the browser says of itself is never asked. Safe to repeat; a payer without an invitation is ``open``.

    Raises:
        LedgerError, ProviderUnreachable, CredentialsError: as `invitation`.
    """
    raise NotImplementedError
