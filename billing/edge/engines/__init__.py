"""What runs the shards of a run: this process alone, or workers on many machines that share one ledger.

An engine delivers each shard at least once and knows nothing of money: that no charge is made twice is the ledger's
doing. It may deliver a shard again after a crash, to another worker, at any time.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Placed:
    """A shard on its way to whoever works it.

    Attributes:
        run_id: whose items these are.
        revision: of the run, when it was cut.
        round: a number that is higher each time the run is handed out: what was left of an earlier round is cut anew,
            under names that nothing of the earlier round has.
        number: from 1, within the round.
        partition: shards with the same one are worked one at a time.
        priority: from 1; a lower one is worked first.
        payload: JSON for whoever works it: which items, and how. No secret, and nobody's name.
    """

    run_id: str
    revision: int
    round: int
    number: int
    partition: str
    priority: int
    payload: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What no other shard is called: submitting the same one again changes nothing."""
        return f"{self.run_id}:{self.revision}.{self.round}:{self.number}"


class Engine(Protocol):
    """Takes shards and hands each to a worker; every call is safe to repeat."""

    async def submit(self, shards: Sequence[Placed]) -> None:
        """Take these; one that was taken before is not taken twice."""
        ...

    async def work(self, execute: Callable[[Placed], Awaitable[None]]) -> None:
        """Have ``execute`` work shards until cancelled; one whose ``execute`` raised is delivered again."""
        ...

    async def recover(self) -> tuple[str, ...]:
        """Put back what workers hold that are dead; return their ids."""
        ...

    async def left(self, run_id: str) -> int:
        """Return how many shards of a run are not done: waiting, or being worked."""
        ...

    async def cancel(self, run_id: str) -> None:
        """Take back the shards of a run that nobody has begun."""
        ...

    async def aclose(self) -> None:
        """Let go of what the engine holds; what it was told to keep stays kept."""
        ...
