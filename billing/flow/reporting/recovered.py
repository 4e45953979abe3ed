"""Lines that came to nothing at first: which of them are paid since, by which try and when, and what of the others.

Told by the items alone: each counts how often a bank said no to it, also before it was begun anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from billing.core.entries import ItemRecord
from billing.core.wording import parsed
from billing.flow.reporting.sums import Sum, summed


class Now(StrEnum):
    """Where a line stands that came to nothing at first."""

    PAID = "paid"
    WAITS = "waits"  # for its next try, or for an answer
    CUSTOMER = "customer"  # nothing but its customer helps
    LOST = "lost"


STANDS: Mapping[str, Now] = {
    "paid": Now.PAID,
    "on_its_way": Now.WAITS,
    "declined_for_now": Now.WAITS,
    "no_answer_yet": Now.WAITS,
    "look_in_stripe": Now.WAITS,
    "account_refuses": Now.WAITS,
    "not_yet": Now.WAITS,
    "customer_must_act": Now.CUSTOMER,
    "declined_for_good": Now.LOST,
    "not_paid": Now.LOST,
    "nothing_owed": Now.LOST,
    "left_out": Now.LOST,
}
# Of each row of an outturn.


@dataclass(slots=True)
class Recovered:
    """Lines that a bank has declined, or taken back, once at least.

    Attributes:
        now: where they stand, each with its money; all four are there.
        by_try: of those paid since: the try that was paid, from 2 on -> lines and money.
        by_day: of those paid since: the day on which that try was made, on the clocks of the run -> lines and money.
        undated: of those paid since, the ones whose try has no moment on record.
    """

    now: dict[Now, Sum] = field(default_factory=lambda: {now: Sum() for now in Now})
    by_try: dict[int, Sum] = field(default_factory=dict)
    by_day: dict[date, Sum] = field(default_factory=dict)
    undated: Sum = field(default_factory=Sum)

    @property
    def declined(self) -> Sum:
        """All of them."""
        return summed(self.now.values())

    @property
    def paid(self) -> Sum:
        """Those that are paid since."""
        return self.now[Now.PAID]

    def take(self, row: str, declines: int, amount: int, currency: str, tried: str, zone: ZoneInfo) -> None:
        """Take in one line.

        Args:
            row: of the outturn.
            declines: how often it came to nothing; 1 at least.
            amount, currency: its money.
            tried: when its last try was made, ISO 8601, or empty.
            zone: whose days are counted.
        """
        stands = STANDS[row]
        self.now[stands].add(amount, currency)
        if stands is not Now.PAID:
            return
        self.by_try.setdefault(declines + 1, Sum()).add(amount, currency)
        moment = parsed(tried, zone)
        day = self.undated if moment is None else self.by_day.setdefault(moment.date(), Sum())
        day.add(amount, currency)

    def in_order(self) -> None:
        """Put tries and days in their order."""
        self.by_try = dict(sorted(self.by_try.items()))
        self.by_day = dict(sorted(self.by_day.items()))


def declines_of(item: ItemRecord) -> int:
    """Return how often an item came to nothing, generations before it among them."""
    told = item.facts.get("declines") or item.content.get("earlier_declines") or 0
    return told if type(told) is int else 0
