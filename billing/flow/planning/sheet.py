"""The lines of a run file by reference and by what they charge: short hashes, so that a million of them stay small."""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from billing.core.items import Item
from billing.flow.planning.sought import short_hash

MOST = sys.maxsize


class Sheet:
    """The lines of a file, each by its place.

    Attributes:
        lines: place -> line number.
        amounts: place -> minor units.
        seen: place -> whether something was found that accounts for the line.
    """

    def __init__(self) -> None:
        """Hold no line yet."""
        self.lines, self.amounts = array("L"), array("q")
        self._references, self._payments = array("Q"), array("Q")
        self._by_reference, self._by_payment = array("L"), array("L")
        self.seen = bytearray()
        self._next = array("L")

    def add(self, line: int, item: Item) -> None:
        """Take in a line; only before `settle`."""
        self.lines.append(line)
        self.amounts.append(item.amount.minor)
        self._references.append(short_hash(item.reference))
        self._payments.append(payment(item.payer, item.account, item.amount.currency))

    def settle(self) -> None:
        """Order the lines, so that they are found."""
        places = range(len(self.lines))
        self._by_reference = array("L", sorted(places, key=self._references.__getitem__))
        by_amount = sorted(places, key=self.amounts.__getitem__)
        self._by_payment = array("L", sorted(by_amount, key=self._payments.__getitem__))
        self.forget()

    def forget(self) -> None:
        """Let no line be accounted for."""
        self.seen = bytearray(len(self.lines))
        self._next = array("L", bytes(len(self.lines) * array("L").itemsize))

    def named(self, reference: str) -> int | None:
        """Return the place of the line with this reference, or None."""
        wanted = short_hash(reference)
        at = bisect_left(self._by_reference, wanted, key=self._references.__getitem__)
        if at < len(self._by_reference) and self._references[place := self._by_reference[at]] == wanted:
            return place
        return None

    def unseen(self, payer: str, account: str, currency: str, least: int = 0, most: int = MOST) -> int | None:
        """Return the line of the least amount within bounds by which this payer pays that account and that is not seen.

        However many lines they share: what was found to be seen is jumped over the next time.
        """
        wanted = payment(payer, account, currency)
        at = bisect_left(self._by_payment, (wanted, least), key=self._key)
        at = self._jump(at)
        if at < len(self._by_payment) and self._payments[place := self._by_payment[at]] == wanted:
            return place if self.amounts[place] <= most else None
        return None

    def _key(self, place: int) -> tuple[int, int]:
        return self._payments[place], self.amounts[place]

    def _jump(self, start: int) -> int:
        """Return where the first line at or after a place of the order is that is not seen."""
        at, count = start, len(self._by_payment)
        while at < count and self.seen[self._by_payment[at]]:
            at = self._next[at] or at + 1
        while start < at:  # the whole way becomes short, not the first step alone
            after = self._next[start] or start + 1
            self._next[start], start = at, after
        return at

    def signed(self, place: int) -> tuple[int, int, int]:
        """Return what makes a line that one, whatever its place: its reference, who pays whom, how much."""
        return self._references[place], self._payments[place], self.amounts[place]

    def alike(self) -> Iterator[tuple[int, int]]:
        """Yield places of lines that charge what an earlier line charges, with that line's place."""
        start = 0
        while start < len(self._by_payment):
            wanted, first = self._payments[self._by_payment[start]], dict[int, int]()
            while start < len(self._by_payment) and self._payments[place := self._by_payment[start]] == wanted:
                earlier = first.setdefault(self.amounts[place], place)
                if earlier != place:
                    yield place, earlier
                start += 1


def payment(payer: str, account: str, currency: str) -> int:
    """Return the short hash of who pays whom, and in which currency."""
    return short_hash(f"{payer} {account} {currency}")
