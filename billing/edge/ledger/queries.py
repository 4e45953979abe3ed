"""The questions flows ask of an embedded ledger: parameters only, an index under each, streams in one snapshot."""

import heapq
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from enum import StrEnum
from operator import itemgetter

from billing.core.entries import BrokenPromise, Entry, Facts, ItemRecord, Note
from billing.core.errors import LedgerDamaged
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.core.life import Life, Scope
from billing.core.records import Arrived, Held, ReportLine, RunRecord, Settling, SheetTally, Tally
from billing.edge.ledger import statements as ask
from billing.edge.ledger.chain import Head, seal
from billing.edge.ledger.finding import SqliteFinder
from billing.edge.ledger.onlooking import SqliteOnlooker
from billing.edge.ledger.rows import (
    ITEM_COLUMNS,
    RUN_COLUMNS,
    entry_of,
    iso,
    item_of_row,
    millis,
    run_of,
)
from billing.edge.ledger.runs import Runs
from billing.edge.ledger.sqlite.chain_reads import read_head
from billing.edge.ledger.sqlite.store import FIRST_OF_SCOPE

# ruff: noqa: S608 - the only texts put into these statements are the constant lists of columns above

MOST_AT_ONCE = 500
Open = Callable[[], AbstractContextManager[sqlite3.Connection]]


@contextmanager
def _legible() -> Iterator[None]:
    """Tell a person instead of a debugger that the file cannot be read."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise LedgerDamaged(f"the ledger cannot be read ({error}); restore the newest copy") from error


class Queries:
    """Reads on one read-only connection; what streams opens a connection of its own and sees one moment throughout.

    Attributes:
        kept_runs: what never changes about the runs it has met.
        onlooker: the questions of whoever looks while others write.
        finder: the questions about one item.
    """

    def __init__(self, conn: sqlite3.Connection, open_snapshot: Open, key: bytes) -> None:
        self._conn, self._open, self._key = conn, open_snapshot, key
        self.kept_runs = Runs(conn)
        self.onlooker = SqliteOnlooker(conn, self.kept_runs)
        self.finder = SqliteFinder(conn, self.kept_runs, self._unsealed)

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See the same moment in every read until the context ends; what streams must have ended by then."""
        with _legible():
            self._conn.execute("BEGIN")
            self._conn.execute("SELECT 1 FROM runs LIMIT 1").fetchone()  # only a read begins to see a moment
        before, self._open = self._open, lambda: nullcontext(self._conn)
        try:
            yield
        finally:
            self._open = before
            self._conn.execute("ROLLBACK")

    @_legible()
    def head(self) -> Head:
        """Return the end of the chain."""
        return read_head(self._conn)

    @_legible()
    def run(self, run_id: str) -> RunRecord | None:
        """Return one run."""
        row = self._conn.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return run_of(row) if row else None

    @_legible()
    def runs(self) -> list[RunRecord]:
        """Return every run, the newest first."""
        return [run_of(row) for row in self._conn.execute(f"SELECT {RUN_COLUMNS} FROM runs ORDER BY id DESC")]

    def _place(self, run_id: str) -> tuple[int, int, int]:
        """Return (row, scope, revision) of a run, zeros when there is none."""
        sql = "SELECT id, scope, revision FROM runs WHERE run_id = ?"
        return self._conn.execute(sql, (run_id,)).fetchone() or (0, 0, 0)

    def _run_rows(self, run_id: str | None) -> list[int]:
        """Return the row of one run, or of all."""
        if run_id is None:
            return [row for (row,) in self._conn.execute("SELECT id FROM runs ORDER BY id")]
        with suppress(BrokenPromise):  # what the ledger does not know has no rows
            return [self.kept_runs.row(run_id)]
        return []

    @_legible()
    def tally(self, run_id: str) -> list[Tally]:
        """Count the items and foreign lines of a run.

        An item that another generation replaced is the business of that one, unless the latest sheet still lists it.
        """
        row, _, revision = self._place(run_id)
        asked = {"run": row, "revision": revision}
        items = self._conn.execute(ask.TALLY, asked).fetchall()
        foreign = self._conn.execute(ask.FOREIGN, asked).fetchall()
        life = self.kept_runs.life(row)
        return [Tally(life.states(state), *rest) for state, *rest in items] + [
            Tally(life.skipped, "", reason, "", count, 0, owned=False) for reason, count in foreign
        ]

    @_legible()
    def sheet(self, run_id: str) -> list[SheetTally]:
        """Count every line of the latest sheet of a run once, with its money, then the items that it no longer lists.

        An item that another generation replaced is the business of that one.
        """
        row, _, revision = self._place(run_id)
        asked, life = {"run": row, "revision": revision}, self.kept_runs.life(row)
        found = [_sheet_tally(life, each, listed=True) for each in self._conn.execute(ask.SHEET, asked)]
        if revision > 1:
            found += [_sheet_tally(life, each, listed=False) for each in self._conn.execute(ask.UNLISTED, asked)]
        return found

    def report(self, run_id: str) -> Iterator[ReportLine]:
        """Stream the lines of the latest revision, then items whose line an amendment dropped."""
        with _legible(), self._open() as conn:
            yield from _listed(conn, run_id, ask.REPORT)
            yield from _dropped(conn, run_id, ask.DROPPED)

    def report_by_account(self, run_id: str) -> Iterator[ReportLine]:
        """Stream the same, account by account: the database sorts, on disk where that is much."""
        with _legible(), self._open() as conn:
            both = (_listed(conn, run_id, ask.REPORT_BY_ACCOUNT), _dropped(conn, run_id, ask.DROPPED_BY_ACCOUNT))
            yield from heapq.merge(*both, key=_account)

    @_legible()
    def item(self, row: int) -> ItemRecord:
        """Return one item by row number.

        Raises:
            KeyError: there is none.
        """
        found = self._conn.execute(f"SELECT {ITEM_COLUMNS} FROM items WHERE id = ?", (row,)).fetchone()
        if found is None:
            raise KeyError(row)
        return item_of_row(found, self.kept_runs)

    @_legible()
    def obligations(
        self, platform: str, mode: Mode, period: str, references: Sequence[str], kind: Kind
    ) -> dict[str, ItemRecord]:
        """Return the newest generation of each reference on record."""
        asked = _asked(references)
        always = LIVES[kind].scope is Scope.ALWAYS
        of = {"platform": platform, "mode": mode, "kind": kind, "period": period, "always": always}
        rows = self._conn.execute(
            ask.OBLIGATIONS, (asked, *self._conn.execute(FIRST_OF_SCOPE, of).fetchone())
        ).fetchall()
        return {item.reference: item for item in (item_of_row(row, self.kept_runs) for row in rows)}

    @_legible()
    def on_record(self, objects: Sequence[str]) -> dict[str, StrEnum]:
        """Return those of ``objects`` that an item has on record, each with the state of its item."""
        sql = """SELECT object_id, run, state FROM json_each(?) AS asked
            CROSS JOIN items ON items.object_id = asked.value"""
        rows = self._conn.execute(sql, (_asked(objects),)).fetchall()
        return {found: self.kept_runs.life(run).states(state) for found, run, state in rows}

    @_legible()
    def by_object(self, objects: Sequence[str]) -> dict[str, ItemRecord]:
        """Return the items that have these provider objects on record, by object."""
        rows = self._conn.execute(ask.BY_OBJECT, (_asked(objects),)).fetchall()
        return {str(item.object_id): item for item in (item_of_row(row, self.kept_runs) for row in rows)}

    def ids(self, kind: Kind, after: int) -> Iterator[tuple[int, str]]:
        """Stream (row, item id) of the items of a kind in rows above ``after``."""
        with _legible(), self._open() as conn:
            runs = Runs(conn)
            for row, run, reference, generation in conn.execute(ask.IDS, (kind, after)):
                yield row, runs[run].item_id(reference, generation)

    def of_kind(self, platform: str, mode: Mode, kind: Kind, states: Iterable[StrEnum]) -> Iterator[ItemRecord]:
        """Stream the items of a kind in these states, of all its runs, in the order they were planned."""
        with _legible(), self._open() as conn:
            kept = Runs(conn)
            for row in conn.execute(ask.OF_KIND, (platform, mode, kind, json.dumps(sorted(set(states))))):
                yield item_of_row(row, kept)

    def held(self, run_id: str, states: Iterable[StrEnum] | None = None) -> Iterator[Held]:
        """Stream what a run holds, in the order it was planned, or only what is in these states, state by state."""
        with _legible(), self._open() as conn:
            run, _, _ = self._place(run_id)
            life = self.kept_runs.life(run)
            for at in ("",) if states is None else sorted(set(states)):
                sql, parameters = (ask.HELD_IN, (run, at)) if at else (ask.HELD, (run,))
                for row in conn.execute(sql, parameters):
                    yield _held(life, row)

    def listed(self, run_id: str) -> Iterator[Held]:
        """Stream what stands for the lines of the latest sheet of a run, in its order, in whichever run it is held."""
        with _legible(), self._open() as conn:
            row, _, revision = self._place(run_id)
            life = self.kept_runs.life(row)
            for each in conn.execute(ask.LISTED, (row, revision)):
                yield _held(life, each)

    def standing(self, run_id: str) -> Iterator[tuple[int, StrEnum, bool]]:
        """Stream (row, state, whether the latest revision has a line for it) of a run's items; none that was replaced.

        An item is replaced by its next generation, in this run or another.
        """
        with _legible(), self._open() as conn:
            row, _, revision = self._place(run_id)
            life = self.kept_runs.life(row)
            for item, state, listed in conn.execute(ask.STANDING, {"run": row, "revision": revision}):
                yield item, life.states(state), bool(listed)

    @_legible()
    def workload(self, run_id: str | None, states: Iterable[StrEnum]) -> dict[str, int]:
        """Count items in these states per connected account, in the order of the file within each state."""
        counts: dict[str, int] = {}
        wanted = sorted(set(states))
        for row in self._run_rows(run_id):
            for state in wanted:
                for account, count in self._conn.execute(
                    "SELECT account, count(*) FROM items WHERE run = ? AND state = ? GROUP BY account ORDER BY min(id)",
                    (row, state),
                ):
                    counts[account] = counts.get(account, 0) + count
        return counts

    @_legible()
    def work(
        self, run_id: str | None, states: Iterable[StrEnum], account: str, after: int, limit: int
    ) -> list[ItemRecord]:
        """Return up to ``limit`` items of an account in these states above row ``after``, ascending."""
        wanted = sorted(set(states))
        sql = ask.work_in(len(wanted))
        rows = [
            row
            for run in self._run_rows(run_id)
            for row in self._conn.execute(sql, [p for state in wanted for p in (run, state, account, after, limit)])
        ]
        rows.sort(key=itemgetter(0))
        return [item_of_row(row, self.kept_runs) for row in rows[:limit]]

    def arrived(self, run_id: str, event: StrEnum, unless: StrEnum, since: str) -> Iterator[Arrived]:
        """Stream the items of a run that an event has brought where they stand, unless another came right before."""
        asked = {"event": event, "unless": unless, "since": millis(datetime.fromisoformat(since))}
        with _legible(), self._open() as conn:
            for account, currency, found, at, first_try in conn.execute(
                ask.ARRIVED, {"run": self._place(run_id)[0], **asked}
            ):
                yield Arrived(account, currency, found, at / 1000, first_try)

    def settling(
        self, run_id: str, begins: Iterable[StrEnum], ends: Iterable[StrEnum], back: Iterable[StrEnum]
    ) -> Iterator[Settling]:
        """Stream every way of days that the items of a run's latest sheet were sent on."""
        names = {"begins": begins, "ends": ends, "back": back}
        with _legible(), self._open() as conn:
            row, _, revision = self._place(run_id)
            asked = {"run": row, "revision": revision, **{name: json.dumps(sorted(of)) for name, of in names.items()}}
            runs = Runs(conn)
            for left, ended, end, taken_back, *columns in conn.execute(ask.SETTLING, asked):
                moments = ["" if at is None else iso(at) for at in (left, ended, taken_back)]
                item = item_of_row(tuple(columns), runs)
                yield Settling(item, moments[0], end or "", moments[1], moments[2])

    @_legible()
    def accounts_begun(self, accounts: Sequence[str], states: Iterable[StrEnum]) -> set[str]:
        """Return those of ``accounts`` on which an item of any run is in one of these states."""
        rows = self._conn.execute(
            "SELECT value FROM json_each(?) AS asked WHERE EXISTS (SELECT 1 FROM runs CROSS JOIN json_each(?) AS begun "
            "CROSS JOIN items ON items.run = runs.id AND items.state = begun.value AND items.account = asked.value)",
            (_asked(accounts), _asked(sorted(states))),
        )
        return {account for (account,) in rows}

    @_legible()
    def lookups(self, kind: str, names: Sequence[str], not_before: str) -> dict[str, Facts]:
        """Return look-ups kept at or after ``not_before``.

        Raises:
            LedgerDamaged: one of them was changed by something else.
        """
        rows = self._conn.execute(
            "SELECT lookups.name, at, facts, mac FROM json_each(?) AS asked CROSS JOIN lookups "
            "ON lookups.kind = ? AND lookups.name = asked.value AND at >= ?",
            (_asked(names), kind, millis(datetime.fromisoformat(not_before))),
        ).fetchall()
        return {name: self._unsealed(kind, name, at, facts, mac) for name, at, facts, mac in rows}

    def kept(self, kind: str, prefix: str) -> Iterator[tuple[str, Facts]]:
        """Stream the look-ups of a kind whose names begin with ``prefix``.

        Raises:
            LedgerDamaged: one of them was changed by something else.
        """
        with _legible(), self._open() as conn:
            asked = {"kind": kind, "first": prefix, "last": prefix + ask.LAST}
            for name, at, facts, mac in conn.execute(ask.KEPT, asked):
                yield name, self._unsealed(kind, name, at, facts, mac)

    def _unsealed(self, kind: str, name: str, at: int, facts: str, mac: bytes) -> Facts:
        if mac != seal(self._key, "lookup", kind, name, at, facts):
            raise LedgerDamaged(f"lookups: {kind} {name} was changed by something else")
        found: Facts = json.loads(facts)
        return found

    @_legible()
    def sizes(self) -> tuple[int, int]:
        """Return how many entries and items there are."""
        sql = "SELECT (SELECT ifnull(max(seq), 0) FROM entries), (SELECT ifnull(max(id), 0) FROM items)"
        entries, items = self._conn.execute(sql).fetchone()
        return entries, items

    def run_entries(self, run_id: str) -> Iterator[Entry]:
        """Stream the entries about a run as a whole, in order."""
        with _legible(), self._open() as conn:
            runs = Runs(conn)
            for entry in conn.execute(ask.ENTRIES_OF_RUN_ALONE, (self._place(run_id)[0],)):
                yield entry_of(entry, runs)

    @_legible()
    def entry_counts(self, run_id: str) -> dict[str, int]:
        """Count the entries of a run by name."""
        return dict(self._conn.execute(ask.ENTRY_COUNTS, (self._place(run_id)[0],)).fetchall())

    @_legible()
    def latest_stop(self, run_id: str) -> Facts:
        """Return the facts of a run's latest early stop, or none; it is near the end of what the run has written."""
        row = self._conn.execute(
            "SELECT facts FROM entries WHERE run = ? AND item IS NULL AND name = ? ORDER BY seq DESC LIMIT 1",
            (self._place(run_id)[0], Note.RUN_STOPPED),
        ).fetchone()
        return json.loads(row[0]) if row else {}

    def entries(self, run_id: str | None, reference: str | None, after: int) -> Iterator[Entry]:
        """Stream entries in order: all, those of a run, or those of the items with one reference."""
        with _legible(), self._open() as conn:
            runs = Runs(conn)
            row = self._place(run_id)[0] if run_id is not None else None
            sql = ask.ENTRIES_OF_RUN if reference is None else ask.ENTRIES_OF_ITEMS
            found = conn.execute(sql, {"after": after, "run": row, "reference": reference})
            for entry in found:
                yield entry_of(entry, runs)


def _listed(conn: sqlite3.Connection, run_id: str, sql: str) -> Iterator[ReportLine]:
    """Yield the lines of the latest revision of a run."""
    runs = Runs(conn)
    row, revision = _run_and_revision(conn, run_id)
    (header,) = conn.execute("SELECT header FROM runs WHERE id = ?", (row,)).fetchone() or ("{}",)
    named = tuple(map(str, json.loads(header).get("columns", ())))
    for line, cells, reason, detail, *columns in conn.execute(sql, (row, revision)):
        item = item_of_row(tuple(columns), runs) if columns[0] is not None else None
        owned = item is not None and columns[1] == row
        of_sheet = named if item is None else ()
        yield ReportLine(line, tuple(json.loads(cells)), item, owned, reason, detail, columns=of_sheet)


def _dropped(conn: sqlite3.Connection, run_id: str, sql: str) -> Iterator[ReportLine]:
    """Yield the items of a run whose line its latest revision does not have any more."""
    runs = Runs(conn)
    row, revision = _run_and_revision(conn, run_id)
    found = conn.execute(sql, {"run": row, "revision": revision}) if revision > 1 else ()
    for line, cells, _, detail, replaced, *columns in found:
        dropped, texts = item_of_row(tuple(columns), runs), tuple(json.loads(cells))
        yield ReportLine(line, texts, dropped, True, "", detail, listed=False, replaced=bool(replaced))


def _run_and_revision(conn: sqlite3.Connection, run_id: str) -> tuple[int, int]:
    """Return (row, revision) of a run, zeros when there is none."""
    found: tuple[int, int] | None = conn.execute("SELECT id, revision FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    return found or (0, 0)


def _account(line: ReportLine) -> bytes:
    """Return what the database orders accounts by."""
    return b"" if line.item is None else line.item.account.encode()


def _held(life: Life, row: tuple[str, str, str, int, str, str, str, str]) -> Held:
    reference, payer, account, amount, currency, state, group, reason = row
    return Held(reference, payer, account, amount, currency, life.states(state), group, reason)


def _sheet_tally(life: Life, row: tuple[str, str, str, str, str, int, int], *, listed: bool) -> SheetTally:
    account, state, grouping, reason, currency, lines, amount = row
    return SheetTally(account, life.states(state), grouping, reason, currency, lines, amount, listed)


def _asked(names: Sequence[str]) -> str:
    """Return names as the one parameter of a statement."""
    if len(names) > MOST_AT_ONCE:
        raise ValueError(f"{len(names)} names asked for at once, at most {MOST_AT_ONCE}")
    return json.dumps(list(names))
