"""Checking a whole ledger: the database, the chains, every projection against the fold of its entries, every line."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from billing.core.entries import Note
from billing.core.errors import LedgerError
from billing.edge.ledger import Verification
from billing.edge.ledger.chain import CHAIN, MAC_BYTES, Head, Mac, eras, meta_seal, seal
from billing.edge.ledger.check import BREAKS, Line, Names, continues, item_fault, run_fault
from billing.edge.ledger.heads import joined
from billing.edge.ledger.planning import scope_of
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader
from billing.edge.ledger.rows import run_of
from billing.edge.ledger.runs import Runs

MOST_FAULTS = 20
CHUNK = 2_000
OF_THE_LEDGER = (Note.LEDGER_UPGRADED, Note.KIND_ADDED, Note.LEDGER_MOVED, Note.LEDGER_ARRIVED)


class Database(Protocol):
    """What a check asks of a database beside the questions of every ledger.

    Attributes:
        reader: outside of any moment.
        version: of the ledger; how its entries are chained unless an upgrade says otherwise.
        several: whether there may be more chains than one.
        due: whether items say when they are due.
    """

    reader: Reader
    version: int
    several: bool
    due: bool

    def damages(self) -> Iterator[str]:
        """Yield a sentence for what does not fit together in the database itself."""
        ...

    def differences(self) -> Iterator[str]:
        """Yield a sentence for every table, index, trigger or kind that is not as a program of the version makes it."""
        ...

    def strays(self, heads: Mapping[int, Head]) -> Iterator[str]:
        """Yield a sentence for every chain that does not end where the database says that it does."""
        ...


class Witnessing(Protocol):
    """Somebody who remembers where a chain stood."""

    def seen(self) -> Head | None:
        """Return where it last stood, if that is known."""
        ...

    def fault(self, reader: Reader, seen: Head | None) -> str:
        """Return a sentence when the ledger lacks the entry last seen, else an empty text."""
        ...


class _Checks:
    """One check of one ledger; faults are sentences, the first twenty are kept."""

    def __init__(self, of: Database, key: bytes) -> None:
        self.of, self.reader, self.key = of, of.reader, key
        self.faults: list[str] = []
        self.more = 0
        self.entries = self.items = self.of_items = 0
        self.sealed = Head(0, b"")
        self.heads: dict[int, Head] = {}
        self.of_runs: dict[int, list[Names]] = {}

    def fault(self, sentence: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(sentence)
        else:
            self.more += 1

    def database(self) -> None:
        for line in self.of.damages():
            self.fault(f"database: {line}")

    def schema(self) -> None:
        for sentence in self.of.differences():
            self.fault(sentence)

    def meta(self) -> None:
        meta: dict[str, str] = dict(self.reader.all(Question.META))
        if meta.get("seal") != meta_seal(self.key, meta).hex():
            self.fault("meta: changed")
        self.sealed = Head(0, meta_seal(self.key, meta))

    def chains(self) -> None:
        """Follow every chain from the ledger's own seal on; the numbers of all ascend together."""
        ends: dict[int, tuple[int, bytes]] = {}
        start, several = (self.sealed.seq, self.sealed.mac), self.of.several
        rules = _Rules(eras(self.reader.all(Question.UPGRADES, {"name": Note.LEDGER_UPGRADED}), self.of.version))
        for row in self.reader.stream(Question.EVERY_ENTRY):
            number, chain, kept = row[0], row[6] if several else CHAIN, row[-1]
            seq, mac = ends.get(chain, start)
            if not continues(row, self.key, mac, seq, chain, rules.at(number)):
                self.fault(f"entry {number}: does not continue the chain")
            ends[chain] = (number, kept if isinstance(kept, bytes) and len(kept) == MAC_BYTES else mac)
            self.entries += 1
            self._sort(row)
        self.heads = {chain: Head(*ends[chain]) for chain in sorted(ends)}
        for sentence in self.of.strays(self.heads):
            self.fault(sentence)

    def _sort(self, row: tuple[Any, ...]) -> None:
        """Put an entry to its run, or count it to the items'; one of the ledger itself must be of a kind for that."""
        seq, at, name, run, item, _, _, attempt, facts, _ = row
        if item is not None:
            self.of_items += 1
        elif run is not None:
            self.of_runs.setdefault(run, []).append((seq, at, name, attempt, facts))
        elif name not in OF_THE_LEDGER:
            self.fault(f"entry {seq}: is about no run, and not about the ledger")

    def projections(self) -> None:
        runs, last, folded = Runs(self.reader), 0, 0
        while rows := self.reader.all(Question.ITEMS_BEHIND, {"after": last, "most": CHUNK}):
            entries = self._entries(last, rows[-1][0])
            for row in rows:
                own = entries.get(row[0], [])
                folded += len(own)
                if sentence := item_fault(row, own, runs, due=self.of.due):
                    self.fault(f"item {row[0]} ({row[2]}): {sentence}")
            last = rows[-1][0]
            self.items += len(rows)
        if folded != self.of_items:
            self.fault(f"entries: {self.of_items - folded} belong to items that are not there")

    def _entries(self, after: int, last: int) -> dict[int, list[tuple[Any, ...]]]:
        rows = self.reader.stream(Question.ENTRIES_BETWEEN, {"after": after, "last": last})
        return {item: list(own) for item, own in groupby(rows, itemgetter(0))}

    def runs(self) -> None:
        for row, scope, *columns in self.reader.all(Question.EVERY_RUN):
            notes = self.of_runs.pop(row, [])
            try:
                sentence = self._run_fault(row, scope, tuple(columns), notes)
            except BREAKS as error:
                sentence = f"cannot be read ({type(error).__name__})"
            if sentence:
                self.fault(f"run {columns[0]}: {sentence}")
        if self.of_runs:
            self.fault(f"runs: {len(self.of_runs)} that have entries are not there")
        for run, revision in self.reader.stream(Question.STRAY_LINES):
            self.fault(f"lines: revision {revision} of run {run} was never planned")

    def _run_fault(self, row: int, scope: int, columns: tuple[Any, ...], notes: list[Names]) -> str:
        run = run_of(columns)
        ((first,),) = self.reader.all(Question.FIRST_OF_SCOPE, scope_of(run))

        def lines(revision: int) -> Iterable[Line]:
            return self.reader.stream(Question.LINES_OF, {"run": row, "revision": revision})

        return run_fault(run, columns[6], notes, lines, in_scope=scope == first)

    def lookups(self) -> None:
        for kind, name, at, facts, mac in self.reader.stream(Question.EVERY_LOOKUP):
            if mac != seal(self.key, "lookup", kind, name, at, facts):
                self.fault(f"lookup {kind} {name}: changed")


class _Rules:
    """Which mac holds for an entry, by its number."""

    def __init__(self, found: list[tuple[int, Mac]]) -> None:
        self._from, self._macs = [seq for seq, _ in found], [mac for _, mac in found]

    def at(self, number: int) -> Mac:
        return self._macs[bisect_right(self._from, number) - 1 if len(self._macs) > 1 else 0]


def verify(of: Database, key: bytes, witnesses: Sequence[Witnessing]) -> Verification:
    """Check everything the reader sees in one moment. What cannot be read ends the part it stops, not the check.

    The witnesses are asked first, for others may go on writing: every entry that they have seen by then was durable
    before the moment begins, so one that is missing is really missing.

    Args:
        of: the ledger in its database.
        key: of its chains.
        witnesses: of this ledger, one for each chain that one is known of.

    Only the witnesses are asked about a database that does not fit together itself: walking through one can go round
    in circles and never end.
    """
    seen = [(witness, witness.seen()) for witness in witnesses]
    checks = _Checks(of, key)
    try:
        with of.reader.at_one_moment():
            _check_all(checks)
            _carry_out(checks, lambda: _witnessed(checks, seen))
    except LedgerError as error:
        checks.fault(_unread(error))
    faults = [*checks.faults, *([f"and {checks.more} more"] if checks.more else [])]
    heads = checks.heads or {CHAIN: checks.sealed}
    return Verification(checks.entries, checks.items, joined(key, heads).mac.hex(), tuple(faults), heads)


def _check_all(checks: _Checks) -> None:
    contents = (checks.schema, checks.meta, checks.chains, checks.projections, checks.runs, checks.lookups)
    _carry_out(checks, checks.database)
    if not checks.faults:
        for part in contents:
            _carry_out(checks, part)


def _carry_out(checks: _Checks, part: Callable[[], None]) -> None:
    try:
        part()
    except (LedgerError, *BREAKS) as error:
        checks.fault(_unread(error))


def _unread(error: Exception) -> str:
    """Return the sentence about what could not be read, with what the database itself said of it."""
    return f"database: cannot be read ({error.__cause__ or error})"


def _witnessed(checks: _Checks, seen: Sequence[tuple[Witnessing, Head | None]]) -> None:
    for witness, head in seen:
        if sentence := witness.fault(checks.reader, head):
            checks.fault(sentence)
