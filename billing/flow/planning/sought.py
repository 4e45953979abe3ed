"""The names that look-ups are for, and what was found of each: as little as possible of as many as there are.

Connected accounts, and customers whose default is meant, are kept by name, because the plan needs their names. Payment
methods are as many as the lines of the file: each takes seventeen bytes.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Generic, TypeVar

from billing.core.entries import Facts
from billing.core.findings import CHARGED_IN

T = TypeVar("T")
TROUBLES = ("method_unknown", "method_not_clonable", "method_expired")
MARKS = ("", *CHARGED_IN, *TROUBLES)
# What is known of a payment method: nothing yet, its type, or why nobody can use it (a skip reason).


def short_hash(text: str) -> int:
    """Return eight bytes of a name: among a million of them, two are alike once in thirty million files."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def mark_of(facts: Facts, now: datetime) -> str:
    """Return what a payment method is good for: its type, or why nobody can use it (a skip reason)."""
    method_type = facts.get("type")
    if method_type not in CHARGED_IN:
        return "method_not_clonable"
    year, month = facts.get("exp_year"), facts.get("exp_month")
    if year and month and (year, month) < (now.year, now.month):
        return "method_expired"
    return str(method_type)


class Names(Generic[T]):
    """Names that are wanted, with what is known of each.

    Attributes:
        known: name -> what is known, None while that is nothing.
        open: how many nothing is known of.
    """

    def __init__(self) -> None:
        """Want nothing yet."""
        self.known: dict[str, T | None] = {}
        self.open = 0

    def __len__(self) -> int:
        """How many are wanted."""
        return len(self.known)

    def want(self, name: str) -> None:
        """Ask for a name; what is known of it stays."""
        if name not in self.known:
            self.known[name] = None
            self.open += 1

    def doubt(self, name: str) -> None:
        """Forget what is known of a name."""
        if self.known[name] is not None:
            self.known[name] = None
            self.open += 1

    def take(self, name: str, found: T) -> bool:
        """Take note of what was found; tell whether it was wanted and not known."""
        if name not in self.known:
            return False
        was_open = self.known[name] is None
        self.known[name] = found
        self.open -= was_open
        return was_open

    def still_open(self) -> Iterator[str]:
        """Yield the names nothing is known of, in order."""
        yield from sorted(name for name, found in self.known.items() if found is None)


class Methods:
    """The payment methods of a file, each with the customer who pays with it.

    Attributes:
        owners: methods that a line wants for another customer than theirs -> the customer they are saved for, or empty.
        open: how many nothing is known of.
    """

    def __init__(self) -> None:
        """Want nothing yet."""
        self._names, self._payers, self._marks = array("Q"), array("Q"), bytearray()
        self._shared: set[int] = set()
        self.owners: dict[str, str] = {}
        self.open = 0

    def __len__(self) -> int:
        """How many are wanted."""
        return len(self._names)

    def want(self, method: str, payer: str) -> None:
        """Ask for a method that is to pay for a customer; only before `settle`."""
        self._names.append(short_hash(method))
        self._payers.append(short_hash(payer))

    def settle(self) -> None:
        """Order what is wanted, each once; one that is to pay for several customers is remembered as such."""
        names, payers = array("Q"), array("Q")
        for place in sorted(range(len(self._names)), key=self._names.__getitem__):
            name, payer = self._names[place], self._payers[place]
            if not names or names[-1] != name:
                names.append(name)
                payers.append(payer)
            elif payers[-1] != payer:
                self._shared.add(name)
        self._names, self._payers, self._marks = names, payers, bytearray(len(names))
        self.open = len(names)

    def mark(self, method: str) -> str:
        """Return what is known of a method, empty for nothing."""
        place = self._place(method)
        return "" if place is None else MARKS[self._marks[place]]

    def is_open(self, method: str) -> bool:
        """Tell whether a method is wanted and nothing is known of it."""
        place = self._place(method)
        return place is not None and not self._marks[place]

    def doubt(self, method: str) -> None:
        """Forget what is known of a method."""
        self._set(method, "")

    def take(self, method: str, mark: str, owner: str) -> bool:
        """Take note of what a method is; tell whether it was wanted and not known."""
        place = self._place(method)
        if place is None:
            return False
        if self._names[place] in self._shared or self._payers[place] != short_hash(owner):
            self.owners[method] = owner
        return self._set(method, mark)

    def lose(self, method: str) -> None:
        """Take note that there is no such method."""
        self._set(method, "method_unknown")

    def _set(self, method: str, mark: str) -> bool:
        place = self._place(method)
        if place is None:
            return False
        was_open, code = not self._marks[place], MARKS.index(mark)
        self._marks[place] = code
        self.open += (not code) - was_open
        return was_open

    def _place(self, method: str) -> int | None:
        name = short_hash(method)
        place = bisect_left(self._names, name)
        return place if place < len(self._names) and self._names[place] == name else None
