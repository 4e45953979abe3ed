"""The accounts of a journal: what each is for, what it is called unless the settings say otherwise."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

PLACE = "{account}"
# Stands in a name for the connected account whose money it is.
SAMPLE = "acct_1A2b3C"


class Role(StrEnum):
    """What an account of the journal is for; the value is the name of its setting, behind ``export.``."""

    CLEARING = "clearing"
    BANK = "bank"
    SALES = "sales"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    DISPUTE_FEES = "dispute_fees"
    STRIPE_FEES = "stripe_fees"
    APPLICATION_FEES = "application_fees"
    OTHER_FEES = "other_fees"
    SUSPENSE = "suspense"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One account of the journal.

    Attributes:
        name: unless the settings say otherwise; `PLACE` stands for the connected account.
        holds: what is booked there.
    """

    name: str
    holds: str


MEANINGS: Mapping[Role, Meaning] = {
    Role.CLEARING: Meaning("assets:stripe:{account}", "what Stripe holds: every movement, less what was paid out"),
    Role.BANK: Meaning("assets:bank:{account}", "what payouts have brought to the bank of the connected account"),
    Role.SALES: Meaning("income:sales:{account}", "what payers were charged"),
    Role.REFUNDS: Meaning("income:refunds:{account}", "what was given back to payers"),
    Role.DISPUTES: Meaning("expenses:disputes:{account}", "what banks took back, returned debits among it"),
    Role.DISPUTE_FEES: Meaning("expenses:dispute-fees:{account}", "what Stripe keeps for a dispute or a return"),
    Role.STRIPE_FEES: Meaning("expenses:stripe-fees:{account}", "what Stripe keeps of charges"),
    Role.APPLICATION_FEES: Meaning("expenses:application-fees:{account}", "the platform's share: its own income"),
    Role.OTHER_FEES: Meaning("expenses:other-fees:{account}", "taxes on fees, and fees of a type not named here"),
    Role.SUSPENSE: Meaning("equity:suspense:{account}", "what no rule books: a person looks, then books it again"),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """What the accounts of a journal are called where it goes.

    Attributes:
        names: by role, with `PLACE` where the connected account stands.
        written: makes of such a name the one that the program reads.
    """

    names: Mapping[Role, str]
    written: Callable[[str], str]

    def name(self, role: Role, account: str) -> str:
        """Return the name of an account of the journal, of one connected account."""
        return self.written(self.names[role].replace(PLACE, account))

    def faults(self) -> Iterator[tuple[Role, str, str]]:
        """Yield (role, name, why) for each name that the program does not take."""
        for role, name in self.names.items():
            try:
                self.name(role, SAMPLE)
            except ValueError as error:
                yield role, name, str(error)
