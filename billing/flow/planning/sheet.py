"""The lines of a run file by reference and by what they charge: short hashes, so that a million of them stay small."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from billing.core.items import Item
from billing.flow.planning.sought import short_hash


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
        self._by_payment = array("L", sorted(places, key=self._payments.__getitem__))
        self.forget()

    def forget(self) -> None:
        """Let no line be accounted for."""
        self.seen = bytearray(len(self.lines))

    def named(self, reference: str) -> int | None:
        """Return the place of the line with this reference, or None."""
        wanted = short_hash(reference)
        at = bisect_left(self._by_reference, wanted, key=self._references.__getitem__)
        if at < len(self._by_reference) and self._references[place := self._by_reference[at]] == wanted:
            return place
        return None

    def paying(self, payer: str, account: str, currency: str) -> Iterator[int]:
        """Yield the places of lines by which this payer pays this account in this currency."""
        wanted = payment(payer, account, currency)
        at = bisect_left(self._by_payment, wanted, key=self._payments.__getitem__)
        while at < len(self._by_payment) and self._payments[place := self._by_payment[at]] == wanted:
            yield place
            at += 1

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
