"""Checking a whole ledger: the database, the chain, every projection against the fold of its entries, every line."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from billing.core.entries import BrokenPromise, ItemRecord, Move, Note, RunStatus, apply
from billing.core.kinds import LIVES
from billing.core.life import ImpossibleTransition
from billing.edge.ledger import Verification
from billing.edge.ledger.chain import MAC_BYTES, Head, entry_mac, meta_seal, seal
from billing.edge.ledger.custody.witness import Witness
from billing.edge.ledger.drafts import run_times
from billing.edge.ledger.planning import LinesSeal, run_facts
from billing.edge.ledger.rows import RUN_COLUMNS, Runs, frozen, iso, json_text, move_of, run_of
from billing.edge.ledger.schema import differences

# ruff: noqa: S608 - the only texts put into these statements are constant lists of columns

MOST_FAULTS = 20
CHUNK = 2_000
_ITEMS = """SELECT id, run, reference, generation, account, lane, amount, currency, digest, content,
    state, attempt, ver, object_id, instrument_id, facts, last_event, book
    FROM items WHERE id > ? ORDER BY id LIMIT ?"""
_BREAKS = (BrokenPromise, ImpossibleTransition, LookupError, TypeError, ValueError, AttributeError, OverflowError)
# What a value that was edited can make of reading it; each is a fault to report, none may end the check.

Names = tuple[int, int, str, int, str]


class _Checks:
    """One check of one ledger; faults are sentences, the first twenty are kept."""

    def __init__(self, conn: sqlite3.Connection, key: bytes) -> None:
        self.conn, self.key = conn, key
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
        for sentence in differences(self.conn):
            self.fault(sentence)

    def meta(self) -> None:
        meta = dict(self.conn.execute("SELECT name, value FROM meta"))
        if meta.get("seal") != meta_seal(self.key, meta).hex():
            self.fault("meta: changed")
        self.head = Head(0, meta_seal(self.key, meta))

    def chain(self) -> None:
        seq, mac = self.head.seq, self.head.mac
        rows = self.conn.execute("SELECT seq, at, name, run, item, attempt, facts, mac FROM entries ORDER BY seq")
        for found, at, name, run, item, attempt, facts, kept in rows:
            seq += 1
            try:
                right = found == seq and kept == entry_mac(self.key, mac, seq, at, name, run, item, attempt, facts)
            except Exception:  # noqa: BLE001 - struct.error and whatever else an edited column provokes
                right = False
            if not right:
                self.fault(f"entry {found}: does not continue the chain")
            seq, mac = found, kept if isinstance(kept, bytes) and len(kept) == MAC_BYTES else mac
            self.entries += 1
            if item is None:
                self.of_runs.setdefault(run, []).append((found, at, name, attempt, facts))
            else:
                self.of_items += 1
        self.head = Head(seq, mac)

    def projections(self) -> None:
        runs, last, folded = Runs(self.conn), 0, 0
        while rows := self.conn.execute(_ITEMS, (last, CHUNK)).fetchall():
            entries = self._entries(last, rows[-1][0])
            for row in rows:
                own = entries.get(row[0], [])
                folded += len(own)
                if sentence := _item_fault(row, own, runs):
                    self.fault(f"item {row[0]} ({row[2]}): {sentence}")
            last = rows[-1][0]
            self.items += len(rows)
        if folded != self.of_items:
            self.fault(f"entries: {self.of_items - folded} belong to items that are not there")

    def _entries(self, after: int, last: int) -> dict[int, list[tuple[Any, ...]]]:
        rows = self.conn.execute(
            "SELECT item, run, name, attempt, facts FROM entries INDEXED BY entries_item WHERE item > ? AND item <= ? "
            "ORDER BY item, seq",
            (after, last),
        )
        return {item: list(own) for item, own in groupby(rows, itemgetter(0))}

    def runs(self) -> None:
        rows = self.conn.execute(f"SELECT id, book, {RUN_COLUMNS} FROM runs ORDER BY id").fetchall()
        for row, book, *columns in rows:
            notes = self.of_runs.pop(row, [])
            try:
                sentence = _run_fault(self.conn, row, book, tuple(columns), notes)
            except _BREAKS as error:
                sentence = f"cannot be read ({type(error).__name__})"
            if sentence:
                self.fault(f"run {columns[0]}: {sentence}")
        if self.of_runs:
            self.fault(f"runs: {len(self.of_runs)} that have entries are not there")
        extra = "SELECT DISTINCT run, revision FROM lines EXCEPT SELECT DISTINCT run, revision FROM lines WHERE " + (
            "revision BETWEEN 1 AND (SELECT revision FROM runs WHERE id = lines.run)"
        )
        for run, revision in self.conn.execute(extra):
            self.fault(f"lines: revision {revision} of run {run} was never planned")

    def lookups(self) -> None:
        for kind, name, at, facts, mac in self.conn.execute("SELECT kind, name, at, facts, mac FROM lookups"):
            if mac != seal(self.key, "lookup", kind, name, at, facts):
                self.fault(f"lookup {kind} {name}: changed")


def verify(conn: sqlite3.Connection, key: bytes, witness: Witness) -> Verification:
    """Check everything the connection sees in one moment. What cannot be read ends the part it stops, not the check.

    The witness is asked first, for others may go on writing: every entry that it has seen by then was durable before
    the moment begins, so one that is missing is really missing.

    Args:
        conn: outside a transaction.
        key: of the chain.
        witness: of this ledger.

    Only the witness is asked about a database whose pages do not fit together: walking through those can go round in
    circles and never end.
    """
    seen = witness.seen()
    checks = _Checks(conn, key)
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
    except (sqlite3.Error, *_BREAKS) as error:
        checks.fault(f"database: cannot be read ({error})")


def _witnessed(checks: _Checks, witness: Witness, seen: Head | None) -> None:
    if sentence := witness.fault(checks.conn, seen):
        checks.fault(sentence)


def _item_fault(row: tuple[Any, ...], entries: list[tuple[Any, ...]], runs: Runs) -> str:
    """Return what is wrong with one item, or an empty text."""
    if not entries or entries[0][2] != Note.ITEM_PLANNED:
        return "has no entry that planned it"
    run, book = row[1], row[17]
    planned = json.loads(entries[0][4])
    if frozen(row[0], run, book, *row[2:10]) != planned.get("frozen") or row[8] != planned.get("digest"):
        return "is not what was planned"
    if any(entry[1] != run for entry in entries):
        return "has entries under another run"
    try:
        start = _start(row, runs)
        folded, last_event = _fold(
            start, [move_of(start.kind, name, attempt, json.loads(facts)) for _, _, name, attempt, facts in entries[1:]]
        )
    except _BREAKS as error:
        return f"its entries cannot be folded ({error})"
    facts = json_text(folded.facts) if folded.facts else None
    expected = (folded.state, folded.attempt, folded.ver, folded.object_id, folded.instrument_id, facts, last_event)
    return "" if tuple(row[10:17]) == expected else f"is {row[10]}, its entries say {folded.state}, or details differ"


def _start(row: tuple[Any, ...], runs: Runs) -> ItemRecord:
    """Return the item as planned; what the plan froze is compared by its hash and stays out."""
    run_id, kind, *_ = runs[row[1]]
    planned = LIVES[kind].planned
    return ItemRecord(
        row[0], str(row[2]), run_id, kind, row[2], row[3], row[4], row[5], row[6], row[7], row[8], {}, planned
    )


def _fold(item: ItemRecord, moves: list[Move]) -> tuple[ItemRecord, str | None]:
    """Return what is known after ``moves``, and the last event among them."""
    last_event = None
    for move in moves:
        item = apply(item, move)
        last_event = last_event if isinstance(move.name, Note) else move.name
    return item, last_event


def _run_fault(conn: sqlite3.Connection, row: int, book: int, columns: tuple[Any, ...], notes: list[Names]) -> str:
    """Return what is wrong with one run, or an empty text."""
    run, header = run_of(columns), columns[6]
    times = ("", "", "")
    status: str = ""
    plans: list[dict[str, Any]] = []
    for _, at, name, _, text in notes:
        facts = json.loads(text)
        if name == Note.RUN_PLANNED:
            plans.append(facts)
            status, times = RunStatus.PLANNED, (iso(at), *times[1:])
        else:
            status = facts["status"]
            times = (times[0], *run_times(status, iso(at), times[1]))
    if not plans:
        return "has no entry that planned it"
    expected = {**run_facts(run), "header": frozen(header)}
    if {name: plans[-1].get(name) for name in expected} != expected or len(plans) != run.revision:
        return "is not what was planned"
    if (run.status, run.planned_at, run.started_at, run.finished_at) != (status, *times):
        return "status or times differ from its entries"
    first = conn.execute(
        "SELECT min(id) FROM runs WHERE platform = ? AND mode = ? AND period = ?", (run.platform, run.mode, run.period)
    ).fetchone()
    if (book,) != first:
        return "stands in another book than its period"
    return next(_line_faults(conn, row, plans), "")


def _line_faults(conn: sqlite3.Connection, row: int, plans: list[dict[str, Any]]) -> Iterator[str]:
    for revision, plan in enumerate(plans, 1):
        lines = LinesSeal()
        for line in conn.execute(
            "SELECT position, line, cells, item, reason, detail FROM lines WHERE run = ? AND revision = ? "
            "ORDER BY position",
            (row, revision),
        ):
            lines.add(*line)
        if (lines.hex(), lines.count) != (plan["lines"], plan["line_count"]):
            yield f"lines of revision {revision} are not what was planned"
