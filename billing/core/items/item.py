"""What every kind of item shares: its mode, its kind, what it goes by, and who it is about."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from billing.core.money import Money


class Mode(StrEnum):
    """Which of Stripe's two worlds a run belongs to."""

    TEST = "test"
    LIVE = "live"

    @property
    def livemode(self) -> bool:
        """The value every Stripe object of this mode carries in ``livemode``."""
        return self is Mode.LIVE


class Kind(StrEnum):
    """What fulfilling an item means. Each kind has its own table of states; the ledger knows them all alike."""

    CHARGE = "charge"
    REFUND = "refund"
    PAYER = "payer"
    SUBSCRIPTION = "subscription"
    CANCELLATION = "cancellation"
    SYNC = "sync"


@dataclass(frozen=True, slots=True, repr=False)
class Personal:
    """Who somebody is: by the names of its columns, for requests to Stripe and nothing else.

    No record, log, report or message has any of it; what shows an item shows that something was withheld.
    """

    values: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Personal(withheld)" if self.values else "Personal()"

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.values)


NOBODY = Personal()
"""What items have that say nothing of anybody."""


class Named(Protocol):
    """What an item goes by, on record or in a file: what a person names when some of a run's items are meant."""

    @property
    def reference(self) -> str:
        """The operator's own id, unique in the run."""
        ...

    @property
    def account(self) -> str:
        """The connected account (``acct_…``) it happens on; empty for the platform itself."""
        ...

    @property
    def payer(self) -> str:
        """The platform customer (``cus_…``); items of one payer are carried out one after another."""
        ...


class Item(Named, Protocol):
    """What one line of a run file asks for, of whatever kind: as much as plans and the ledger need to know of each."""

    @property
    def amount(self) -> Money:
        """The money that moves, in minor units of its currency; `NO_MONEY` where none does."""
        ...
