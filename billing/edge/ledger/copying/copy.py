"""Copying a ledger so that it goes on elsewhere. At no moment may two be written: what one charges the other would too.

The order keeps that, whatever cuts it off:

1. The old ledger is held alone and checked.
2. Every row is copied, macs and all, and the copy is checked; it does not open as a ledger yet.
3. The old ledger notes where it goes; nothing may be written to it from now on.
4. The copy notes that it has arrived and becomes a ledger, in one step.

Cut off before 3, the old ledger goes on as if nothing had been. Cut off between 3 and 4, none can be charged from until
the same command has been typed again, which begins at 1.
"""

import asyncio
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

from billing.core.entries import Note
from billing.core.errors import Interrupted, LedgerDamaged, UsageError
from billing.edge.ledger import Verification
from billing.edge.ledger.chain import CHAIN, Head
from billing.edge.ledger.copying.asked import Copying, Tell
from billing.edge.ledger.copying.ends import TABLES, Source, Target
from billing.edge.ledger.copying.places import Found, found_at, open_source, open_target, place_of
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.custody.known_ledgers import url_of
from billing.edge.ledger.custody.witness import Witness, witnesses_of
from billing.edge.ledger.heads import joined
from billing.edge.ledger.identity import first_faults, key_of, missing
from billing.edge.ledger.moving import Chain, Chains, gone_to, moved, noted
from billing.edge.ledger.reader import Row
from billing.edge.ledger.rows import millis
from billing.edge.ledger_url import is_postgres

TOLD_EACH = 10_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did.

    Attributes:
        left, place: the ledger that was left, and where it goes on.
        entries, items: how many were copied.
        source_head, target_head: over all chains of both, once the copy was checked: the same. Empty if it was before.
        head: of the ledger that goes on.
        already: it had been copied before; nothing was done.
        warnings: what the operator should know.
    """

    left: str
    place: str
    entries: int
    items: int
    source_head: str
    target_head: str
    head: str
    already: bool
    warnings: tuple[str, ...]


async def copy_ledger(
    source: str,
    target: str,
    *,
    key_file: Path | None,
    clock: Callable[[], datetime],
    wait: float | None = None,
    environ: Mapping[str, str] = os.environ,
    tell: Tell = lambda _table, _rows: None,
) -> Copied:
    """Copy a ledger; it goes on at ``target``, and the one that is left may only be read.

    Args:
        source: URL of the ledger.
        target: URL of an empty database, or of a file that is not there.
        key_file, clock, wait, environ: as for `billing.edge.ledger.opening.open_ledger`.
        tell: is told how far it is.

    Raises:
        UsageError: the target is not empty, both are the same, or the ledger went elsewhere before.
        LedgerMissing: there is no ledger to copy.
        LedgerHeld: a runner holds it.
        LedgerDamaged: it does not agree with itself, or the copy does not agree with it.
        LedgerError: a database, a file or the key cannot be used.
    """
    asked = Copying(source, target, key_file or default_key_file(environ), clock, wait, environ, tell)
    places = place_of(source), place_of(target)
    if places[0] == places[1]:
        raise UsageError(f"{places[0]}: is both what is copied and where to; name another place")
    before, there = await asyncio.to_thread(lambda: (found_at(source), found_at(target)))
    if there is not None:
        return _already(places, before, there)
    if before is None:
        raise missing(places[0])
    return await _copied(asked)


def _already(places: tuple[str, str], before: Found | None, there: Found) -> Copied:
    """Return that the ledger has been copied there before.

    Raises:
        UsageError: what is there is something else.
    """
    left, place = places
    same = before is not None and before.ledger == there.ledger
    if same and before is not None and before.moved is not None and before.moved.place == place and not there.moved:
        return Copied(left, place, there.entries, there.items, "", "", "", already=True, warnings=())
    what = "this ledger as it was when it was left" if same and there.moved else "a ledger"
    raise UsageError(f"{place}: holds {what} already; a ledger is copied to an empty database, or to a new file")


async def _copied(asked: Copying) -> Copied:
    key, warnings = key_of(place_of(asked.source), asked.key_file, live=False)
    async with open_target(asked) as target:
        source = await open_source(asked, key)
        try:
            gone = _gone(source, target)
            loaded = await _in_thread(partial(_loaded, asked, source, target, key))
            if not gone:
                await source.ledger.note_moved(target.place, loaded.chains)
            last = source.last()
        finally:
            await source.ledger.aclose()  # tells the witness of the old place for the last time
        source.forget()
        if last is None:
            raise LedgerDamaged(f"{source.place}: has no entries any more")
        arrival = _arrival(key, millis(asked.clock()), source.place, last, loaded.chains)
        await _in_thread(lambda _stopping: target.complete([arrival] if gone else [last, arrival]))
    heads = {**loaded.copy.heads, CHAIN: Head(arrival[0], arrival[-1])}
    warnings += [*source.ledger.warnings, *_remembered(asked, loaded.ledger, target.place, heads[CHAIN])]
    warnings = list(dict.fromkeys(warnings))
    before, after = (joined(key, found.heads).mac.hex() for found in (loaded.original, loaded.copy))
    head = joined(key, heads) if is_postgres(asked.target) else heads[CHAIN]
    return Copied(
        source.place, target.place, loaded.original.entries, loaded.original.items, before, after, head.mac.hex(),
        already=False, warnings=tuple(warnings),
    )  # fmt: skip


def _gone(source: Source, target: Target) -> bool:
    """Tell whether the ledger has noted that it goes to the target: a copy was cut off then, and is done anew.

    Raises:
        UsageError: it went elsewhere.
    """
    last = source.last()
    found = moved(None if last is None else (last[2], last[1], last[8]))
    if found is None:
        return False
    if found.place != target.place:
        again = f"billing ledger copy {shlex.quote(url_of(source.place))} {shlex.quote(url_of(found.place))}"
        raise UsageError(f"{source.place}: {gone_to(found)}. If that copy was cut off, type it again: {again}")
    return True


class _Loaded(NamedTuple):
    ledger: str
    original: Verification
    copy: Verification
    chains: Chains


def _loaded(asked: Copying, source: Source, target: Target, key: bytes, stopping: Event) -> _Loaded:
    """Check the ledger, copy every row of it, and check the copy.

    Raises:
        LedgerDamaged: either is not sound, or they are not the same.
        Interrupted: somebody pressed Ctrl-C; nothing is left of the copy.
    """
    asked.tell("checking", 0)
    original = source.ledger.verify()
    _require_sound(source.place, original, "It was left as it is")
    target.begin()
    meta: dict[str, str] = {}
    for table in TABLES:
        rows = _counted(asked.tell, table, source.rows(table), stopping)
        if table == "meta":
            meta = dict(kept := list(rows))
            rows = iter(kept)
        target.write(table, rows)
    chains = _chains(source.workers(), original, bytes.fromhex(meta["seal"]))
    target.loaded(chains)
    asked.tell("checking the copy", 0)
    copy = target.verify(key)
    _require_sound(target.place, copy, f"Nothing opens it as a ledger; {source.place} was left as it is")
    if (copy.entries, copy.items, dict(copy.heads)) != (original.entries, original.items, dict(original.heads)):
        raise LedgerDamaged(f"{target.place}: what was copied is not the whole ledger; {source.place} is as it was")
    return _Loaded(meta["ledger"], original, copy, chains)


def _require_sound(place: str, found: Verification, left: str) -> None:
    if found.faults:
        raise LedgerDamaged(f"{place}: {first_faults(found.faults)}. {left}")


def _counted(tell: Tell, table: str, rows: Iterator[Row], stopping: Event) -> Iterator[Row]:
    count = 0
    for count, row in enumerate(rows, 1):
        if not count % TOLD_EACH:
            tell(table, count)
            if stopping.is_set():
                raise Interrupted
        yield row
    tell(table, count)


def _chains(workers: Mapping[int, str], found: Verification, seal: bytes) -> Chains:
    """Return all chains, those without an entry too, each with whose it is."""
    numbers = range(max({CHAIN, *workers, *found.heads}) + 1)
    return {
        number: Chain(found.heads.get(number, Head(0, seal)), workers.get(number, f"chain {number}"))
        for number in numbers
    }


def _arrival(key: bytes, at: int, left: str, last: Row, chains: Chains) -> Row:
    """Return the entry with which the ledger goes on, behind the one that says that it left."""
    before = Head(last[0], last[-1])
    ends = {**chains, CHAIN: Chain(before, chains[CHAIN].worker)}
    return noted(key, Note.LEDGER_ARRIVED, before.seq + 1, at, before, left, ends)


def _remembered(asked: Copying, ledger: str, place: str, head: Head) -> Iterator[str]:
    """Let the witnesses know of the new place, and yield a warning where one cannot be kept."""
    own, *others = witnesses_of(Witness(asked.heads, ledger, place))
    yield from filter(None, [own.keep(head)])
    for witness in others:
        if (seen := witness.seen()) is not None:
            yield from filter(None, [witness.keep(seen)])


async def _in_thread(work: Callable[[Event], T]) -> T:
    """Do what takes long on a thread; whoever is cancelled meanwhile lets it come to its next stop."""
    stopping = Event()
    try:
        return await asyncio.to_thread(work, stopping)
    except asyncio.CancelledError:
        stopping.set()
        raise
