"""A run beside the one before it: which lines are new, gone or changed, counted, and the first of them named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from billing.core.entries import Facts
from billing.core.keys import length_prefixed

KEPT = 10_000
# Lines of each variance that are named; all of them are counted and signed.
_BYTES = 16


@dataclass(frozen=True, slots=True)
class Named:
    """A line that is named: of the file, of the run before (then without a number), or a whole account.

    Attributes:
        reference: of the line, or empty for an account.
        payer: the platform customer.
        account: the connected account.
        amount: minor units of ``currency``.
        line: 1-based line of the file, or 0.
        was: the reference in the run before where it is another one: then it was recognised by payer and account.
        before: minor units in the run before, of an amount that moved.
        lines: of an account, how many.
    """

    reference: str = ""
    payer: str = ""
    account: str = ""
    amount: int = 0
    currency: str = ""
    line: int = 0
    was: str = ""
    before: int | None = None
    lines: int = 0

    def to_json(self) -> Facts:
        """Return what there is of it, under the names that a run file has for it."""
        told = {
            "reference": self.reference,
            "customer": self.payer,
            "account": self.account,
            "amount": self.amount if self.currency else None,
            "currency": self.currency,
            "before": self.before,
            "was": self.was,
            "line": self.line or None,
            "lines": self.lines or None,
        }
        return {name: value for name, value in told.items() if value not in ("", None)}


@dataclass(slots=True)
class Gathered:
    """Lines of one variance: all are counted and signed, the first are named."""

    count: int = 0
    named: list[Named] = field(default_factory=list)
    _sum: int = 0

    def add(self, named: Named, *signed: str | int) -> None:
        """Count one; ``signed`` is what makes it that one, whatever its line."""
        self.count += 1
        self._sum += int.from_bytes(blake2b(length_prefixed(signed), digest_size=_BYTES).digest(), "big")
        if len(self.named) < KEPT:
            self.named.append(named)

    @property
    def seen(self) -> str:
        """A hash (32 hex) over all of them, in whatever order."""
        return (self._sum % (1 << 8 * _BYTES)).to_bytes(_BYTES, "big").hex()


@dataclass(slots=True)
class Sums:
    """How many lines a run's sheet has, and its minor units per currency."""

    lines: int = 0
    totals: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """A run beside the ones before it of the same name.

    Attributes:
        previous: the run before; empty where there is none.
        before: the lines and totals of the runs before, the latest first.
        new, gone: lines that have nothing like them there, and the other way round.
        changed: lines whose amount moved by more than the policy lets pass.
        renamed: lines recognised by payer and account under another reference.
        same: lines with the same reference and amount.
    """

    previous: str
    before: list[Sums] = field(default_factory=list)
    new: Gathered = field(default_factory=Gathered)
    gone: Gathered = field(default_factory=Gathered)
    changed: Gathered = field(default_factory=Gathered)
    renamed: int = 0
    same: int = 0

    @property
    def last(self) -> Sums:
        """The lines and totals of the run before."""
        return self.before[0] if self.before else Sums()

    def to_json(self) -> Facts:
        """Return the counts; what they count is named by the variances."""
        return {
            "previous": self.previous,
            "lines_before": self.last.lines,
            "totals_before": dict(sorted(self.last.totals.items())),
            "new": self.new.count,
            "gone": self.gone.count,
            "changed": self.changed.count,
            "renamed": self.renamed,
            "same": self.same,
        }
