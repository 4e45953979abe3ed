"""Requests as values: what is true of a request of a protocol, and one such request with how its answers are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from billing.core.declines import Decline
from billing.core.outcomes import Expected, LookWhy, Outcome, Refused
from billing.core.replies import Reply


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A request of a protocol, and what is true of it whatever item it is about. One value each, the same by identity.

    Attributes:
        name: as it stands in keys, facts and logs; never changed once a release has sent it.
        changes: it changes something, so it is a ``POST`` under an idempotency key; else a read without one.
        per_attempt: each attempt makes it anew; else it happens once for an item.
        starts: it starts an item: requests that finish one go before it.
        single: what it makes must not be made twice, so its next key waits for proof that the last one is spent.
        decisive: it is the one that moves money: it is sent once for each durable entry, and its 402 is a decline.
        looks: its refusal is believed only after a look at the object, which an earlier send may have changed.
        ends: it is a ``DELETE``: it has no key, because it may be repeated as it is.
    """

    name: str
    changes: bool = True
    per_attempt: bool = False
    starts: bool = False
    single: bool = False
    decisive: bool = False
    looks: bool = False
    ends: bool = False

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def keyed(self) -> bool:
        """Whether it is sent under an idempotency key."""
        return self.changes and not self.ends


def _nothing(*_: object) -> None:
    return None


def _unseen(_refused: Refused, _reply: Reply, _expected: Expected) -> LookWhy | None:
    return LookWhy.NO_INTENT


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """How the answers to a call are read: what the object that it is about shows.

    Attributes:
        accepted: the outcome of a 2xx.
        in_error: the outcome of an object inside an error that speaks for itself, whatever the error says; else None.
        declined: the decline that a 402 to a decisive call is, or None when it does not show what was declined.
        doubts: why a refusal of a call that looks is not believed, or None when the answer itself shows that it holds.
        blames_instrument: whether an error is about the item's instrument, which something has spent.
    """

    accepted: Callable[[Reply, Expected], Outcome]
    in_error: Callable[[Reply, Expected], Outcome | None] = _nothing
    declined: Callable[[Reply, Expected], Decline | None] = _nothing
    doubts: Callable[[Refused, Reply, Expected], LookWhy | None] = _unseen
    blames_instrument: Callable[[Mapping[str, Any]], bool] = lambda _error: False


@dataclass(frozen=True, slots=True)
class Call:
    """One request about an item, ready to be sent.

    Attributes:
        op: which request of the protocol.
        path: under the API's address.
        params: of the body, or of the query of a read.
        reads: how its answers are read.
        account: it is sent on this account: None for the item's own, empty for the platform itself.
        names: what its key names: None for the item, else what the request is once for.
    """

    op: Op
    path: str
    params: Mapping[str, Any]
    reads: Reads
    account: str | None = None
    names: str | None = None

    @property
    def of_platform(self) -> bool:
        """Whether it is sent on the platform itself: what refuses the account then refuses every item."""
        return self.account == ""
