"""What whoever works at a run tells the others: which round it is, how far it has come, and the word to pause or stop.

Nothing here is evidence: all of it may be lost, and then the same command again begins another round. A round is what
one command has handed out: the shards of what was left of a run at that moment.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

COUNTED = ("unpaid", "sent", "rate_limited", "resent")
# What is counted of a shard while it is worked: items that were not paid, requests, those turned away, those sent anew.


class Word(StrEnum):
    """What is said to everybody who works at a run."""

    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Said:
    """A word about a run; the first one of a round stands.

    Attributes:
        word: what is to be done.
        reason: a sentence for a person.
        by: who said it: user and host, or a worker.
        exit_code: with which the run ends by it.
        same_error: the refusal that came last, and how often in a row; an empty code for none.
    """

    word: Word
    reason: str
    by: str
    exit_code: int
    same_error: tuple[str, int] = ("", 0)


@dataclass(frozen=True, slots=True)
class Round:
    """What was handed out of a run at once, and how far that has come.

    Attributes:
        run_id, revision: of the run.
        number: of the round; a later one has a higher number.
        shards: how many it was cut into.
        asked: how it is carried out (JSON).
        handed_out: whether all of them were submitted.
        over: whether its end is on record.
        said: the word to pause or stop, or None.
        begun, ended: how many shards were begun, and how many of these are not worked any more.
        counts: of all shards together, by `COUNTED`.
    """

    run_id: str
    revision: int
    number: int
    shards: int
    asked: Mapping[str, Any] = field(default_factory=dict)
    handed_out: bool = False
    over: bool = False
    said: Said | None = None
    begun: int = 0
    ended: int = 0
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))

    @property
    def done(self) -> bool:
        """Whether nobody works at it, or will: every shard has had its end, or a word keeps the others from one."""
        if self.said is not None:
            return self.begun == self.ended
        return self.handed_out and self.ended >= self.shards


@dataclass(frozen=True, slots=True)
class Present:
    """A worker that has said that it is there.

    Attributes:
        worker: its id.
        host: of its machine.
        since: when it began (UTC, ISO 8601).
        seen: when it said so last.
        silent_seconds: how long ago that is, by the clock of the database.
    """

    worker: str
    host: str
    since: str
    seen: str
    silent_seconds: float


Note = Callable[[Round], Awaitable[None]]


class Controls(Protocol):
    """Where rounds are kept. Every call is durable as far as anything here is, and safe to repeat."""

    async def open_round(self, begins: Round, after: int) -> bool:
        """Make this the run's round, if ``after`` was its last one (0: none); tell whether it is."""
        ...

    async def handed_out(self, run_id: str, number: int) -> None:
        """Note that every shard of a round was submitted."""
        ...

    async def round(self, run_id: str) -> Round | None:
        """Return the last round of a run."""
        ...

    async def rounds(self) -> list[Round]:
        """Return the last round of each run that has one whose end is not on record."""
        ...

    async def say(self, run_id: str, said: Said) -> Said | None:
        """Say a word about the round of a run that is not over; return which word stands, or None without such."""
        ...

    async def tell(
        self, run_id: str, number: int, shard: int, worker: str, counts: Mapping[str, int], *, ended: bool = False
    ) -> Round | None:
        """Note how far a shard has come, add to its counts, and return how the run stands by now.

        Nothing is noted of a round that is not the run's any more.
        """
        ...

    async def end(self, run_id: str, number: int, note: Note) -> bool:
        """Have ``note`` put the end of a round on record if it is done and not over, one caller at a time.

        It is over once ``note`` has returned; tell whether this call did that. What ``note`` raises is raised.
        """
        ...

    async def at_work(self, run_id: str) -> Mapping[str, int]:
        """Return worker -> how many shards of the round of a run it has begun and not ended."""
        ...

    async def workers(self) -> list[Present]:
        """Return the workers that have said that they are there, by id."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(slots=True)
class _Shard:
    worker: str
    counts: Counter[str] = field(default_factory=Counter)
    ended: bool = False


class Remembered:
    """Controls for one process, which works alone: as long as it lives there is nobody else to tell."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rounds: dict[str, Round] = {}
        self._shards: defaultdict[str, dict[int, _Shard]] = defaultdict(dict)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def open_round(self, begins: Round, after: int) -> bool:
        """Make this the run's round, if ``after`` was its last one."""
        async with self._locks[begins.run_id]:
            last = self._rounds.get(begins.run_id)
            if (last.number if last else 0) != after:
                return False
            self._rounds[begins.run_id] = begins
            self._shards[begins.run_id] = {}
            return True

    async def handed_out(self, run_id: str, number: int) -> None:
        """Note that every shard was submitted."""
        self._change(run_id, number, handed_out=True)

    async def round(self, run_id: str) -> Round | None:
        """Return the last round of a run."""
        found = self._rounds.get(run_id)
        if found is None:
            return None
        shards = self._shards[run_id].values()
        counts = {name: sum(shard.counts[name] for shard in shards) for name in COUNTED}
        return replace(found, begun=len(shards), ended=sum(shard.ended for shard in shards), counts=counts)

    async def rounds(self) -> list[Round]:
        """Return the last rounds whose end is not on record."""
        found = [await self.round(run_id) for run_id in self._rounds]
        return [each for each in found if each is not None and not each.over]

    async def say(self, run_id: str, said: Said) -> Said | None:
        """Say a word; the first one stands."""
        found = self._rounds.get(run_id)
        if found is None or found.over:
            return None
        if found.said is None:
            self._change(run_id, found.number, said=said)
        return self._rounds[run_id].said

    async def tell(
        self, run_id: str, number: int, shard: int, worker: str, counts: Mapping[str, int], *, ended: bool = False
    ) -> Round | None:
        """Note how far a shard has come, and return how the run stands by now."""
        found = self._rounds.get(run_id)
        if found is not None and found.number == number:
            noted = self._shards[run_id].setdefault(shard, _Shard(worker))
            noted.worker, noted.ended = worker, noted.ended or ended
            noted.counts.update(counts)
        return await self.round(run_id)

    async def end(self, run_id: str, number: int, note: Note) -> bool:
        """Have ``note`` put the end of a round on record if it is done and not over."""
        async with self._locks[run_id]:
            found = await self.round(run_id)
            if found is None or found.number != number or found.over or not found.done:
                return False
            await note(found)
            self._change(run_id, number, over=True)
            return True

    async def at_work(self, run_id: str) -> Mapping[str, int]:
        """Return worker -> shards at work."""
        return Counter(shard.worker for shard in self._shards[run_id].values() if not shard.ended)

    async def workers(self) -> list[Present]:
        """Nobody has to say that they are there."""
        return []

    async def aclose(self) -> None:
        """Nothing is held."""

    def _change(self, run_id: str, number: int, **values: Any) -> None:  # noqa: ANN401  any field of a round
        found = self._rounds.get(run_id)
        if found is not None and found.number == number:
            self._rounds[run_id] = replace(found, **values)
