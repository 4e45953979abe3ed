"""Lines added up with their money, each currency by itself."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from billing.core.money import add_money


@dataclass(slots=True)
class Sum:
    """Lines and their money: minor units by currency."""

    lines: int = 0
    totals: Counter[str] = field(default_factory=Counter)

    def add(self, amount: int, currency: str) -> None:
        """Take in one line."""
        self.lines += 1
        add_money(self.totals, amount, currency)


def summed(sums: Iterable[Sum]) -> Sum:
    """Add sums up, each currency by itself."""
    total = Sum()
    for each in sums:
        total.lines += each.lines
        total.totals.update(each.totals)
    return total
