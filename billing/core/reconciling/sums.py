"""Both sides of an account, added up by currency: what the ledger expects, what Stripe booked, and where it went."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from billing.core.reconciling.kinds import Place


@dataclass(slots=True)
class Sums:
    """The sums of one currency, in minor units: what adds to a balance is positive, what leaves it is negative.

    Attributes:
        ours, theirs: by row of the statement: what the ledger expects, and what Stripe booked.
        explained: what the named items change.
        paid_out, on_its_way, held: where Stripe's net is: with a bank; on the balance or under way; back on the balance
            after a payout that failed.
        payouts: those that were paid; ``arrives`` is when the next one under way is expected, epoch seconds.
        lines: paid lines.
        converted: presentment currency -> what was charged in it and settled in this one.
    """

    ours: Counter[Place] = field(default_factory=Counter)
    theirs: Counter[Place] = field(default_factory=Counter)
    explained: int = 0
    paid_out: int = 0
    on_its_way: int = 0
    held: int = 0
    payouts: set[str] = field(default_factory=set)
    arrives: int | None = None
    lines: int = 0
    converted: Counter[str] = field(default_factory=Counter)

    @property
    def net_ours(self) -> int:
        """What the accounts should have."""
        return sum(self.ours.values())

    @property
    def net(self) -> int:
        """What they have, as Stripe books it."""
        return sum(self.theirs.values())

    @property
    def difference(self) -> int:
        """Stripe's net less ours."""
        return self.net - self.net_ours

    @property
    def unexplained(self) -> int:
        """What of the difference no named item explains; anything but 0 is itself to be shown."""
        return self.difference - self.explained

    def add(self, other: "Sums") -> None:
        """Take in the sums of another account in the same currency."""
        self.ours.update(other.ours)
        self.theirs.update(other.theirs)
        self.converted.update(other.converted)
        self.explained += other.explained
        self.paid_out += other.paid_out
        self.on_its_way += other.on_its_way
        self.held += other.held
        self.payouts |= other.payouts
        self.lines += other.lines
        moments = [each for each in (self.arrives, other.arrives) if each is not None]
        self.arrives = min(moments, default=None)

    def as_facts(self) -> dict[str, object]:
        """Return them as a program reads them: what went away is positive under a name that says so."""
        told: dict[str, object] = {
            **{str(place): self.ours[place] * SIGNS[place] for place in Place if place is not Place.EXTRA_FEES},
            "net": self.net_ours,
            "paid_out": self.paid_out,
            "on_its_way": self.on_its_way,
            "held": self.held,
            "difference": self.difference,
            "explained": self.explained,
            "unexplained": self.unexplained,
            "stripe": {str(place): self.theirs[place] * SIGNS[place] for place in Place} | {"net": self.net},
        }
        return told | ({"converted_from": dict(sorted(self.converted.items()))} if self.converted else {})


SIGNS: Mapping[Place, int] = {Place.CHARGED: 1, Place.OTHER: 1} | {
    place: -1 for place in Place if place not in (Place.CHARGED, Place.OTHER)
}


def together(each: Iterable[Mapping[str, Sums]]) -> dict[str, Sums]:
    """Add up accounts, each currency by itself."""
    found: dict[str, Sums] = {}
    for sums in each:
        for currency, one in sums.items():
            found.setdefault(currency, Sums()).add(one)
    return dict(sorted(found.items()))
