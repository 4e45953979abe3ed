"""What a report tells of an item of one kind, behind the columns of the sheet itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from billing.core.entries import ItemRecord

HEAD = ("line", "status", "reason_code", "reason", "what_to_do")
TRIES = ("attempts", "first_try", "last_try", "next_try")
END = ("payout", "request_id", "run")
# Columns of every kind.
MOMENTS = frozenset({"first_try", "last_try", "next_try", "cancelled_at", "ends_at"})


@dataclass(frozen=True, slots=True)
class ReportColumns:
    """The columns of one kind.

    Attributes:
        ids: column -> the id on Stripe that it shows of an item, whoever owns it.
        own: column -> the same, told of the run's own items alone.
        amounts: columns of minor units, facts of the same name.
        untold: what is said of an item that failed while nothing on record says why.
    """

    ids: Mapping[str, Callable[[ItemRecord], str]]
    own: Mapping[str, Callable[[ItemRecord], str]]
    amounts: tuple[str, ...]
    untold: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """All of our columns, in their order."""
        return (*HEAD, *self.ids, *self.own, *TRIES, *self.amounts, *END)
