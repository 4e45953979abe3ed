"""What a report tells of an item of one kind, behind the columns of the sheet itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from billing.core.entries import ItemRecord
from billing.core.life import Group

HEAD = ("line", "status", "reason_code", "reason", "what_to_do")
TRIES = ("attempts", "first_try", "last_try", "next_try")
END = ("payout", "request_id", "run")
# Columns of every kind.
SETTLEMENT = "settlement_currency"
SETTLED = frozenset({"stripe_fee", "net"})
# The currency of an account's balance, and the columns whose amounts are in it and not in that of the line.
MOMENTS = frozenset(
    {"first_try", "last_try", "next_try", "cancelled_at", "current_period_end", "ends_at", "link_valid_until"}
)


@dataclass(frozen=True, slots=True)
class ReportColumns:
    """The columns of one kind.

    Attributes:
        ids: column -> the id on Stripe that it shows of an item, whoever owns it.
        own: column -> the same, told of the run's own items alone.
        amounts: columns of minor units, facts of the same name.
        settled: whether Stripe's fees and the net of an item are told, in the currency that they are settled in.
        links: column -> the same, given the key that the ledger's links are signed with (`billing.core.links`).
        untold: what is said of an item that failed while nothing on record says why.
        advice: what a person does about an item in a status, where that is not what is done about a payment.
        names: all of our columns, in their order; ``told`` are the same, to look a name up.
    """

    ids: Mapping[str, Callable[[ItemRecord], str]]
    own: Mapping[str, Callable[[ItemRecord], str]]
    amounts: tuple[str, ...]
    untold: Mapping[str, str]
    settled: bool = False
    links: Mapping[str, Callable[[ItemRecord, bytes], str]] = field(default_factory=dict)
    advice: Mapping[Group, str] = field(default_factory=dict)
    names: tuple[str, ...] = field(init=False)
    told: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Put the columns in their order, once: every line of a report asks for them."""
        settled = (SETTLEMENT,) if self.settled else ()
        names = (*HEAD, *self.ids, *self.own, *self.links, *TRIES, *self.amounts, *settled, *END)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "told", frozenset(names))
