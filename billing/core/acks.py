"""That a person has accepted how a run differs from the one before it, on record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from billing.core.entries import Facts
from billing.core.variances import Variance


@dataclass(frozen=True, slots=True)
class Ack:
    """That a person accepted a variance, on record.

    Attributes:
        variance: its name.
        seen: what was accepted: another hash is another variance, and is asked for again.
        count, of, says: its numbers, as they were read.
        reason: in that person's words.
        by: user and host.
    """

    variance: str
    seen: str
    count: int
    of: int
    says: str
    reason: str
    by: str

    @classmethod
    def of_variance(cls, found: Variance, reason: str, by: str) -> "Ack":
        """Return that somebody accepted what was found."""
        return cls(found.name, found.seen, found.count, found.of, found.says, reason, by)

    def covers(self, found: Variance) -> bool:
        """Tell whether exactly this was accepted."""
        return (self.variance, self.seen) == (found.name, found.seen)

    def to_facts(self) -> Facts:
        """Return it as the ledger keeps it."""
        return {
            "variance": self.variance,
            "says": self.says,
            "count": self.count,
            "of": self.of,
            "reason": self.reason,
            "by": self.by,
            "seen": self.seen,
        }


def acks_from(kept: Sequence[Mapping[str, object]]) -> Iterator[Ack]:
    """Return what `Ack.to_facts` wrote.

    Raises:
        KeyError, TypeError: it is none of that.
    """
    for each in kept:
        yield Ack(**each)  # type: ignore[arg-type]
