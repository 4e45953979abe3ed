"""Somebody who is asked to save payment details, as a line of a run file names them."""

from dataclasses import dataclass

from billing.core.items.item import Personal
from billing.core.money import NO_MONEY, Money


@dataclass(frozen=True, slots=True)
class Payer:
    """One payer to have payment details saved by, on the platform.

    Attributes:
        reference: the operator's own id of the payer, unique in the run and the same whenever the payer is meant.
        personal: e-mail, name and telephone number, which reach Stripe and nothing else.
        types: the kinds of payment methods that are asked for: ``card``, ``us_bank_account``.
        on_behalf_of: a connected account (``acct_…``) in whose country cards need strong authentication, or None.
        description: what it is for, in words that payer and operator read, or None.
        return_url: where a payer is sent from a page of Stripe's, or None.
        locale: the payer's language (``de``, ``en-GB``), or None for the browser's.
        setup_credential_usage: what card networks are told that the card is kept for, or None.
        link_until: the last day (ISO date) on which the payer's link is open; empty for a month from its making.
        first_payment: what the payer pays to the platform while saving, or no money.
        metadata: the line's own metadata in file order, without the ``billing_…`` names.
    """

    reference: str
    personal: Personal
    types: tuple[str, ...]
    on_behalf_of: str | None = None
    description: str | None = None
    return_url: str | None = None
    locale: str | None = None
    setup_credential_usage: str | None = None
    link_until: str = ""
    first_payment: Money = NO_MONEY
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def account(self) -> str:
        """The platform itself."""
        return ""

    @property
    def payer(self) -> str:
        """The reference: who is to become a customer has no id of Stripe's yet."""
        return self.reference

    @property
    def amount(self) -> Money:
        """The first payment."""
        return self.first_payment
