"""What a comparison keeps beside movements and payouts, each a look-up named by its account and its own id."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from billing.core.reconciling.shown import DisputeShown

SIGHTING, DISPUTE, CURSOR, OUTCOME = "intent_seen", "dispute_seen", "compared", "reconciled"
# The kinds of look-ups. The last is named by the run or the period that was compared.

T = TypeVar("T", bound="Sighting | Dispute | Cursor")


@dataclass(frozen=True, slots=True)
class Sighting:
    """An intent with our metadata, as it was shown last: one that no item holds, or whose item is not over.

    Attributes:
        item, run, reference: of the item that holds it, else what its metadata says.
        held: whether an item holds it.
        state: of the item when it was seen, empty where none holds it: one that moved since is not compared.
        status: Stripe's word, or ``missing``.
        amount, currency, created: as Stripe shows them.
        charge: the latest one, or empty.
        unbooked: it is paid, and no row of the balance shows it yet.
        tried: when the latest charge was made, 0 where none was; an intent that is tried again is older than that.
    """

    item: str
    run: str
    reference: str
    held: bool
    state: str
    status: str
    amount: int
    currency: str
    created: int
    charge: str = ""
    unbooked: bool = False
    tried: int = 0

    @property
    def since(self) -> int:
        """From when on it is waited for: its latest charge, or without one its own beginning."""
        return self.tried or self.created


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute, a return or an inquiry of a charge of ours; the fields are those of `DisputeShown`."""

    charge: str
    intent: str
    amount: int
    currency: str
    status: str
    reason: str
    created: int
    due_by: int | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an account was read, and what the next look goes on with.

    Attributes:
        since: the first second that was read, ever.
        intents, rows, payouts: from which second on the next look lists each.
        listed_at: when the last look began; ``look`` names the comparison that it was part of.
        loose: rows that no payout is known to carry: id, net, available on, currency, held.
        recent: rows that the next look will be shown again.
        pages: list pages that the last look took.
        entry: the ledger's last entry when the last look was kept: what a line did after it, the look has not seen. 0
            where a release kept it that did not write it down.
    """

    since: int
    intents: int
    rows: int
    payouts: int
    listed_at: int
    loose: tuple[tuple[str, int, int, str, bool], ...] = ()
    recent: tuple[str, ...] = ()
    pages: int = 0
    look: str = ""
    entry: int = 0


def to_facts(kept: "Sighting | Dispute | Cursor") -> dict[str, Any]:
    """Return it as it is kept."""
    return asdict(kept)


def from_facts(kind: type[T], facts: Mapping[str, Any]) -> T:
    """Return what `to_facts` wrote."""
    known = {field.name for field in fields(kind)}
    found = {name: value for name, value in facts.items() if name in known}
    if kind is Cursor:
        found |= {"loose": tuple(tuple(row) for row in found["loose"]), "recent": tuple(found["recent"])}
    return kind(**found)


def dispute_of(shown: DisputeShown) -> Dispute:
    """Return a dispute as it is kept."""
    return Dispute(**{name: value for name, value in shown._asdict().items() if name != "id"})
