"""When a list is cheaper than single reads: a page shows a hundred objects for the price of one, wanted or not.

Stripe does not say how long a list is. So one is begun where many names are wanted, and left again when it turns out to
be long and to hold little of them; single reads do the rest. How long a list was is remembered for the next time.
"""

from dataclasses import dataclass
from math import ceil

PAGE = 100
# Objects a page holds, the most Stripe gives. (docs.stripe.com/api/pagination)
LEAST = 10
# Names from which a list is begun: its first page may be in vain, and that should cost a tenth of the single reads.
IN_VAIN = 10
# A list may be left after as many pages without anything wanted as make a tenth of the single reads. So one that is ten
# times longer than what is wanted of it is still read to its end, and one that is hopeless costs a tenth more.
GAIN, GROWN = 2, 1.2
# A list of known length is read where that takes half of the single reads, so that it pays even if it has grown; it is
# read to its end while it is no longer than a fifth more than last time.
MONTHLY_READS, READS_PER_TRANSACTION = 10_000, 500
# Reads that Stripe allows in 30 days: so many for each transaction on average, at least so many in all.
# Source: docs.stripe.com/rate-limits.


@dataclass(frozen=True, slots=True)
class Search:
    """What is wanted of one list.

    Attributes:
        wanted: names.
        objects: how long the list was when it was last read to its end; None when it never was.
    """

    wanted: int
    objects: int | None = None

    @property
    def pages(self) -> int:
        """How many pages it had, or, while that is not known, as many as what is wanted fills."""
        return ceil((self.wanted if self.objects is None else self.objects) / PAGE)

    @property
    def begins(self) -> bool:
        """Whether the list is tried at all."""
        if self.objects is not None:
            return 0 < self.pages * GAIN <= self.wanted
        return self.wanted >= LEAST

    def goes_on(self, pages: int, found: int) -> bool:
        """Tell whether the list still pays after so many pages and so many names found."""
        if self.objects is not None and pages < self.pages * GROWN:
            return True
        return pages < max(self.wanted // IN_VAIN, 1) + found

    @property
    def is_sure(self) -> bool:
        """Tell whether ``reads`` is known beforehand: of a list that was never read it is the least it can be."""
        return self.objects is not None or not self.begins

    @property
    def reads(self) -> int:
        """How many requests it will take to find everything, as far as one can tell before."""
        return self.pages if self.begins else self.wanted


def share_of_reads(reads: int, transactions: int) -> float:
    """Return which part of a month's reads this is, if the platform makes only so many transactions in it."""
    return reads / max(MONTHLY_READS, READS_PER_TRANSACTION * transactions)
