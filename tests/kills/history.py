"""What several workers did, held against what a shared ledger promises: each worker's story, and nobody's word for it.

A history is put together from outside: what the database made durable and when it did (the time of each entry's
transaction, `commit_times`), what each worker's log says was durable, what reached the provider, and since when others
had declared a worker dead. All times are seconds of one machine's clock.

Promises
    *one story*     the versions of an item follow each other without a gap and none is there twice; each is what the
                    table of states allows after the one before, and none was durable before the one before
    *kept*          what a worker was told is durable is there, and was there by then
    *write-ahead*   a request that counts reached the provider after the entry that says so was durable, written by the
                    very worker that sent it; and never more often than that entry stands there
    *fenced*        a worker that others have declared dead writes nothing until it has begun anew
    *own chain*     entries of a chain were durable in the order of their numbers
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from billing.core.entries import Note
from billing.core.kinds.charge import CHARGE_LIFE, Event, State

STARTS = {
    # the request that counts -> the entry that must be durable before it, and how often each may be sent for one
    "payment_intents.create": (Event.PREPARE_STARTED, None),
    "payment_methods.create": (Event.PREPARE_STARTED, None),
    "payment_intents.confirm": (Event.CONFIRM_STARTED, 1),
    "payment_intents.cancel": (Event.CANCEL_STARTED, None),
}
GRAIN = 0.002
# Logs tell milliseconds, the database more.


@dataclass(frozen=True, slots=True)
class Write:
    """An entry about an item.

    Attributes:
        seq: its number in the whole ledger.
        item: the reference of its line.
        ver: of the item after it; 0 for the plan's.
        name: what happened.
        worker: in whose chain it is.
        durable: when.
    """

    seq: int
    item: str
    ver: int
    name: str
    worker: str
    durable: float


@dataclass(frozen=True, slots=True)
class Told:
    """A worker says that moves of an item are durable."""

    worker: str
    item: str
    moves: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a worker reached the provider."""

    worker: str
    operation: str
    item: str
    at: float


@dataclass(frozen=True, slots=True)
class Fence:
    """Others have declared a worker dead at ``since``; it began anew at ``until``."""

    worker: str
    since: float
    until: float = float("inf")


@dataclass(slots=True)
class History:
    """All that is known of a run over several workers."""

    writes: list[Write] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    fences: list[Fence] = field(default_factory=list)

    def broken(self) -> list[str]:
        """Return each promise that was broken, in a sentence; nothing of a sound history."""
        return [f"{name}: {said}" for name, law in LAWS.items() for said in law(self)]


def _one_story(history: History) -> Iterator[str]:
    by_item: defaultdict[str, list[Write]] = defaultdict(list)
    for write in history.writes:
        by_item[write.item].append(write)
    for item, writes in by_item.items():
        writes.sort(key=lambda write: (write.ver, write.seq))
        yield from _in_order(item, writes)
        yield from _allowed(item, writes)


def _in_order(item: str, writes: Sequence[Write]) -> Iterator[str]:
    vers = [write.ver for write in writes]
    if vers != list(range(len(vers))):
        yield f"{item} has the versions {vers}"
    for one, other in pairwise(writes):
        if one.seq > other.seq or one.durable > other.durable:
            yield f"{item}: {other.name} ({other.worker}) was durable before what it follows, {one.name} ({one.worker})"


def _allowed(item: str, writes: Sequence[Write]) -> Iterator[str]:
    state = State.PLANNED
    for write in writes:
        if write.ver == 0 or write.name in set(Note):
            continue
        edge = CHARGE_LIFE.edges.get((state, Event(write.name)))
        if edge is None:
            yield f"{item}: {write.name} ({write.worker}) after {state}"
            return
        state = State(edge.to)


def _kept(history: History) -> Iterator[str]:
    there: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for write in sorted(history.writes, key=lambda write: write.durable):
        there[write.worker, write.item, write.name].append(write.durable)
    seen: Counter[tuple[str, str, str]] = Counter()
    for told in sorted(history.told, key=lambda told: told.at):
        for name in told.moves:
            what = told.worker, told.item, name
            durable = there[what][seen[what] :][:1]
            seen[what] += 1
            if not durable:
                yield f"{told.item}: {told.worker} was told that {name} is durable, and it is not there"
            elif durable[0] > told.at + GRAIN:
                yield f"{told.item}: {told.worker} was told that {name} is durable before it was"


def _write_ahead(history: History) -> Iterator[str]:
    sent: Counter[tuple[str, str, str]] = Counter()
    for call in sorted(history.calls, key=lambda call: call.at):
        if call.operation not in STARTS:
            continue
        event, times = STARTS[call.operation]
        entries = [write for write in history.writes if (write.item, write.name) == (call.item, event)]
        before = sum(write.worker == call.worker and write.durable <= call.at for write in entries)
        sent[call.worker, call.operation, call.item] += 1
        often = sent[call.worker, call.operation, call.item]
        if not before and not _resumed(history, call, event):
            yield f"{call.item}: {call.operation} of {call.worker} without {event} of its own before it"
        elif times and often > times * before:
            yield f"{call.item}: {call.operation} of {call.worker} sent {often} times for {before} {event}"


def _resumed(history: History, call: Call, event: Event) -> bool:
    """Tell whether a request may be sent again for an entry of another worker: all but the one that moves money."""
    return event is not Event.CONFIRM_STARTED and any(
        (write.item, write.name) == (call.item, event) and write.durable <= call.at for write in history.writes
    )


def _fenced(history: History) -> Iterator[str]:
    for fence in history.fences:
        for write in history.writes:
            if write.worker == fence.worker and fence.since < write.durable < fence.until:
                yield f"{write.item}: {write.name} was written by {write.worker} after others had declared it dead"


def _own_chain(history: History) -> Iterator[str]:
    by_chain: defaultdict[str, list[Write]] = defaultdict(list)
    for write in sorted(history.writes, key=lambda write: write.seq):
        by_chain[write.worker].append(write)
    for worker, writes in by_chain.items():
        for one, other in pairwise(writes):
            if one.durable > other.durable:
                yield f"{worker}: entry {other.seq} was durable before entry {one.seq}"


LAWS = {
    "one story": _one_story,
    "kept": _kept,
    "write-ahead": _write_ahead,
    "fenced": _fenced,
    "own chain": _own_chain,
}

# --- where it comes from ------------------------------------------------------------------------------------------

COMMITTED = """
SELECT entries.seq, items.reference, entries.ver, entries.name, chains.worker,
       extract(epoch FROM pg_xact_commit_timestamp(entries.xmin))::float8
FROM billing.entries JOIN billing.items ON items.id = entries.item JOIN billing.chains ON chains.chain = entries.chain
ORDER BY entries.seq
"""
# The server must have ``track_commit_timestamp`` on. A time is taken when a commit begins to be written, so a request
# after it by less than a disk takes is believed.


def writes_of(url: str) -> list[Write]:
    """Return what a ledger in PostgreSQL has of items, with the time of each commit."""
    import psycopg

    with psycopg.connect(url) as connection:
        return [Write(*row) for row in connection.execute(COMMITTED)]


def told_by(worker: str, events: Iterable[dict[str, Any]], seconds: Any) -> Iterator[Told]:
    """Yield what a worker's log says was durable; ``seconds`` reads a line's time."""
    for event in events:
        if event["event"] in ("item_step", "item_moved"):
            yield Told(worker, event["reference"], tuple(event["moves"]), seconds(event["timestamp"]))
