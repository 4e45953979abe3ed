"""Checking a whole ledger: the database, the chain, every projection against the fold of its entries, every line."""

import sqlite3
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

from billing.core.entries import Note
from billing.edge.ledger import Verification
from billing.edge.ledger.chain import MAC_BYTES, Head, eras, macs, meta_seal, seal
from billing.edge.ledger.check import BREAKS, Line, Names, continues, item_fault, run_fault
from billing.edge.ledger.custody.witness import Witness
from billing.edge.ledger.planning import scope_of
from billing.edge.ledger.rows import run_of
from billing.edge.ledger.runs import Runs
from billing.edge.ledger.sqlite.chain_reads import read_upgrades
from billing.edge.ledger.sqlite.layout import LAYOUT, Layout

MOST_FAULTS = 20
CHUNK = 2_000
_LINES = """SELECT position, line, cells, item, reason, detail FROM lines WHERE run = ? AND revision = ?
    ORDER BY position"""
OF_THE_LEDGER = (Note.LEDGER_UPGRADED, Note.KIND_ADDED, Note.LEDGER_MOVED, Note.LEDGER_ARRIVED)


class _Checks:
    """One check of one ledger; faults are sentences, the first twenty are kept."""

    def __init__(self, conn: sqlite3.Connection, key: bytes, layout: Layout) -> None:
        self.conn, self.key, self.layout = conn, key, layout
        self.faults: list[str] = []
        self.more = 0
        self.entries = self.items = self.of_items = 0
        self.head = Head(0, b"")
        self.of_runs: dict[int, list[Names]] = {}

    def fault(self, sentence: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(sentence)
        else:
            self.more += 1

    def database(self) -> None:
        for (line,) in self.conn.execute("PRAGMA integrity_check(5)"):
            if line != "ok":
                self.fault(f"database: {line}")

    def schema(self) -> None:
        for sentence in self.layout.differences(self.conn):
            self.fault(sentence)

    def meta(self) -> None:
        meta = dict(self.conn.execute("SELECT name, value FROM meta"))
        if meta.get("seal") != meta_seal(self.key, meta).hex():
            self.fault("meta: changed")
        self.head = Head(0, meta_seal(self.key, meta))

    def chain(self) -> None:
        seq, mac = self.head.seq, self.head.mac
        rules = macs(eras(read_upgrades(self.conn), self.layout.version))
        for row, rule in zip(self.conn.execute(self.layout.entries), rules, strict=False):
            seq += 1
            if not continues(row, self.key, mac, seq, rule):
                self.fault(f"entry {row[0]}: does not continue the chain")
            seq, kept = row[0], row[-1]
            mac = kept if isinstance(kept, bytes) and len(kept) == MAC_BYTES else mac
            self.entries += 1
            self._sort(row)
        self.head = Head(seq, mac)

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
        runs, last, folded = Runs(self.conn), 0, 0
        while rows := self.conn.execute(self.layout.items, (last, CHUNK)).fetchall():
            entries = self._entries(last, rows[-1][0])
            for row in rows:
                own = entries.get(row[0], [])
                folded += len(own)
                if sentence := item_fault(row, own, runs, due=self.layout.due):
                    self.fault(f"item {row[0]} ({row[2]}): {sentence}")
            last = rows[-1][0]
            self.items += len(rows)
        if folded != self.of_items:
            self.fault(f"entries: {self.of_items - folded} belong to items that are not there")

    def _entries(self, after: int, last: int) -> dict[int, list[tuple[Any, ...]]]:
        rows = self.conn.execute(self.layout.of_items, (after, last))
        return {item: list(own) for item, own in groupby(rows, itemgetter(0))}

    def runs(self) -> None:
        for row, scope, *columns in self.conn.execute(self.layout.runs).fetchall():
            notes = self.of_runs.pop(row, [])
            try:
                sentence = self._run_fault(row, scope, tuple(columns), notes)
            except BREAKS as error:
                sentence = f"cannot be read ({type(error).__name__})"
            if sentence:
                self.fault(f"run {columns[0]}: {sentence}")
        if self.of_runs:
            self.fault(f"runs: {len(self.of_runs)} that have entries are not there")
        extra = """SELECT DISTINCT run, revision FROM lines EXCEPT SELECT DISTINCT run, revision FROM lines
            WHERE revision BETWEEN 1 AND (SELECT revision FROM runs WHERE id = lines.run)"""
        for run, revision in self.conn.execute(extra):
            self.fault(f"lines: revision {revision} of run {run} was never planned")

    def _run_fault(self, row: int, scope: int, columns: tuple[Any, ...], notes: list[Names]) -> str:
        run = run_of(columns)
        (first,) = self.conn.execute(self.layout.first, scope_of(run)).fetchone()

        def lines(revision: int) -> Iterable[Line]:
            return self.conn.execute(_LINES, (row, revision))

        return run_fault(run, columns[6], notes, lines, in_scope=scope == first)

    def lookups(self) -> None:
        for kind, name, at, facts, mac in self.conn.execute("SELECT kind, name, at, facts, mac FROM lookups"):
            if mac != seal(self.key, "lookup", kind, name, at, facts):
                self.fault(f"lookup {kind} {name}: changed")


def verify(conn: sqlite3.Connection, key: bytes, witness: Witness, layout: Layout = LAYOUT) -> Verification:
    """Check everything the connection sees in one moment. What cannot be read ends the part it stops, not the check.

    The witness is asked first, for others may go on writing: every entry that it has seen by then was durable before
    the moment begins, so one that is missing is really missing.

    Args:
        conn: outside a transaction.
        key: of the chain.
        witness: of this ledger.
        layout: of its version.

    Only the witness is asked about a database whose pages do not fit together: walking through those can go round in
    circles and never end.
    """
    seen = witness.seen()
    checks = _Checks(conn, key, layout)
    conn.execute("BEGIN")
    try:
        _check_all(checks)
        _carry_out(checks, lambda: _witnessed(checks, witness, seen))
    finally:
        conn.execute("ROLLBACK")
    faults = [*checks.faults, *([f"and {checks.more} more"] if checks.more else [])]
    return Verification(checks.entries, checks.items, checks.head.mac.hex(), tuple(faults))


def _check_all(checks: _Checks) -> None:
    contents = (checks.schema, checks.meta, checks.chain, checks.projections, checks.runs, checks.lookups)
    _carry_out(checks, checks.database)
    if not checks.faults:
        for part in contents:
            _carry_out(checks, part)


def _carry_out(checks: _Checks, part: Callable[[], None]) -> None:
    try:
        part()
    except (sqlite3.Error, *BREAKS) as error:
        checks.fault(f"database: cannot be read ({error})")


def _witnessed(checks: _Checks, witness: Witness, seen: Head | None) -> None:
    if sentence := witness.fault(checks.conn, seen):
        checks.fault(sentence)
