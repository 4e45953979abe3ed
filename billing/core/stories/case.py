"""Everything that the ledger has of one obligation, gathered before it is put into words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from billing.core.entries import ItemRecord
from billing.core.groups import group_of
from billing.core.life import Group
from billing.core.movements import Movement, Payout
from billing.core.reconciling.findings import Finding
from billing.core.records import RunRecord


@dataclass(frozen=True, slots=True)
class Undoing:
    """An item of another run that undoes this one, and since when it stands where it stands."""

    item: ItemRecord
    at: str

    @property
    def done(self) -> bool:
        """Whether it has been undone."""
        return group_of(self.item) is Group.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Case:
    """One obligation.

    Attributes:
        record: the run of its newest item.
        zone: of that run.
        lives: its items, one for each time that it was begun; the last one says where it stands.
        row: of the outturn, of the last one.
        told: the columns of the report of the last one.
        done_at: when the last one came to its good end, or empty.
        since: when the last one came to where it stands.
        undoing: what gives it back, or ends it.
        movements: what Stripe has booked of it, whoever caused that.
        payouts: those that carry it, by id.
        findings: what a comparison found.
        looked: when the account was last read, epoch seconds; 0 where it never was.
    """

    record: RunRecord
    zone: ZoneInfo
    lives: Sequence[ItemRecord]
    row: str
    told: Mapping[str, str]
    done_at: str
    since: str
    undoing: Sequence[Undoing] = ()
    movements: Sequence[Movement] = ()
    payouts: Mapping[str, Payout] | None = None
    findings: Sequence[Finding] = ()
    looked: int = 0

    @property
    def item(self) -> ItemRecord:
        """The item that says where it stands."""
        return self.lives[-1]
