"""Keeping a plan: a run, its lines and its new items in one transaction, streamed, however many there are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice

from billing.core.entries import BrokenPromise, Facts, Move, Note
from billing.core.errors import LedgerError, LedgerHeld
from billing.core.keys import item_id
from billing.core.kinds import LIVES
from billing.core.life import Scope
from billing.core.records import REBUILD_BEGUN, NewItem, PlannedLine, RunRecord, RunStatus, unfinished_rebuild
from billing.edge.ledger.drafts import note_run, prepared
from billing.edge.ledger.rows import due_of, frozen, iso, json_text
from billing.edge.ledger.store import Statement, Values
from billing.edge.ledger.transaction import Transaction, Unchained

CHUNK = 2_000
# Lines turned into rows at a time: large enough that the statements cost nothing, small enough that memory stays flat.


class LinesSeal:
    """A running SHA-256 over the lines of a revision, so that an edit of any of them is noticed."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.count = 0

    def add(self, position: int, line: int, cells: str, item: int | None, reason: str, detail: str) -> None:
        """Take in one line as it is kept; whatever else an edit made of a column is taken as text."""
        self.count += 1
        text = f"{position},{line},{item},{len(cells)}:{cells}{len(reason)}:{reason}{len(detail)}:{detail}"
        self._hash.update(text.encode("utf-8", "surrogatepass"))

    def hex(self) -> str:
        """Return the 64 hex of all lines taken in so far."""
        return self._hash.hexdigest()


def plan_run(tx: Transaction, record: RunRecord, lines: Iterable[PlannedLine], acks: Sequence[Facts] = ()) -> RunRecord:
    """Keep a plan and return its run with revision and time. ``run_planned`` seals the lines before it.

    What a person has accepted for it (``acks``) follows in the same transaction: there is no plan without it.

    A record that is ``rebuilding`` stays so in the same transaction: nobody ever finds its items merely planned.

    Raises:
        LedgerHeld: the run was planned or amended meanwhile: ``record.revision`` is not the next one.
        LedgerError: a rebuild of it was begun and this is none.
        BrokenPromise: a line has neither item nor reason, or an item's id is not that of its reference.
    """
    _require_rebuilt(tx, record)
    kept = replace(record, status=RunStatus.PLANNED, planned_at=iso(tx.at))
    header = json_text(dict(record.header))
    row, scope = _put_run(tx, kept, header)
    seal = _Plan(tx, kept, row, scope).keep(lines)
    planned = {**run_facts(kept), "header": frozen(header), "lines": seal.hex(), "line_count": seal.count}
    tx.append([(Note.RUN_PLANNED, row, None, 0, 0, json_text(planned))])
    for facts in acks:
        note_run(tx, record.run_id, Note.ACKNOWLEDGED, RunStatus.PLANNED, facts)
    if record.status is not RunStatus.REBUILDING:
        return kept
    note_run(tx, record.run_id, Note.REBUILD_STARTED, RunStatus.REBUILDING, {})
    return replace(kept, status=RunStatus.REBUILDING)


def _require_rebuilt(tx: Transaction, record: RunRecord) -> None:
    """Refuse to plan a run whose rebuild was begun and is not complete, unless the rebuild itself plans it.

    Raises:
        LedgerError: its items may be paid already.
    """
    if record.status is RunStatus.REBUILDING:
        return
    found = tx.store.read(Statement.RUN_STATUS, (record.run_id,))
    begun = tx.store.read(Statement.REBUILD_BEGUN, (REBUILD_BEGUN, record.run_id)) is not None
    # Once the run is on record its own status tells; until then the note that a rebuild was begun does.
    if found == (RunStatus.REBUILDING,) or (found is None and begun):
        raise LedgerError(unfinished_rebuild(record.run_id))


def run_facts(record: RunRecord) -> dict[str, object]:
    """Return what the entry of a planned run carries besides the hashes of its header and lines."""
    return {
        "run_id": record.run_id,
        "platform": record.platform,
        "name": record.name,
        "period": record.period,
        "mode": record.mode,
        "kind": record.kind,
        "revision": record.revision,
        "plan_digest": record.plan_digest,
        "file_sha256": record.file_sha256,
    }


def _put_run(tx: Transaction, run: RunRecord, header: str) -> tuple[int, int]:
    """Insert the run, or take up its next revision; return its row number and its scope."""
    names = (run.platform, run.name, run.period, run.mode, run.kind)
    found = tx.store.read(Statement.RUN_OF_ID, (run.run_id,))
    if run.revision != (found[2] + 1 if found else 1):
        raise LedgerHeld(
            f"{run.run_id}: was planned by another runner meanwhile; leave it to that one, or wait for its end"
        )
    if found:
        if found[3:] != names:
            raise BrokenPromise(f"{run.run_id}: an amendment cannot change platform, name, period, mode or kind")
        sums = (run.file_sha256, run.plan_digest, run.revision, run.status, run.planned_at)
        tx.store.write(Statement.AMEND_RUN, [(header, *sums, found[0])])
        return found[0], found[1]
    row = _number(tx, Statement.LAST_RUN) + 1
    scope = _number(tx, Statement.FIRST_OF_SCOPE, scope_of(run)) or row
    sums = (run.file_sha256, run.plan_digest, run.revision, run.status, run.planned_at)
    tx.store.write(Statement.PUT_RUN, [(row, run.run_id, scope, *names, header, *sums)])
    return row, scope


def _number(tx: Transaction, name: Statement, values: Values = ()) -> int:
    """Return the one number of a statement, 0 where it has none."""
    found = tx.store.read(name, values)
    return 0 if found is None else found[0] or 0


def scope_of(run: RunRecord) -> dict[str, object]:
    """Return by what the first run of a scope is asked for."""
    life = LIVES[run.kind]
    return {
        "platform": run.platform,
        "mode": run.mode,
        "kind": run.kind,
        "period": run.period,
        "always": life.scope is Scope.ALWAYS,
    }


class _Plan:
    """Turns planned lines into rows, a chunk at a time."""

    def __init__(self, tx: Transaction, run: RunRecord, row: int, scope: int) -> None:
        self._tx, self._run, self._row, self._scope = tx, run, row, scope
        self._last_item = _number(tx, Statement.LAST_ITEM)
        self._seal = LinesSeal()

    def keep(self, lines: Iterable[PlannedLine]) -> LinesSeal:
        """Insert every line with its item and entries; return the seal over the lines."""
        stream = iter(lines)
        while chunk := list(islice(stream, CHUNK)):
            self._chunk(chunk)
        return self._seal

    def _chunk(self, chunk: list[PlannedLine]) -> None:
        items: list[tuple[object, ...]] = []
        rows: list[tuple[object, ...]] = []
        skips: list[tuple[object, ...]] = []
        entries: list[Unchained] = []
        self._check_id(next((planned.new for planned in chunk if planned.new), None))
        for planned in chunk:
            if planned.new is not None:
                self._last_item += 1
                items.append(self._item(planned.new))
                entries.extend(self._entries(planned.new, planned.line, items[-1], skips))
            rows.append(self._line(planned))
        store = self._tx.store
        store.write(Statement.PUT_ITEM, items)
        store.write(Statement.SKIP_ITEM, skips)
        store.write(Statement.PUT_LINE, rows)
        self._tx.append(entries)

    def _check_id(self, new: NewItem | None) -> None:
        """Check one id of a chunk: the ledger derives ids, it does not keep them, so a plan's must be derived alike."""
        run = self._run
        period = LIVES[run.kind].scope.within(run.period)
        if new and new.item_id != item_id(run.mode, run.platform, period, new.reference, new.generation, run.kind):
            raise BrokenPromise(f"{new.reference}: {new.item_id} is not the id of this reference and generation")

    def _item(self, new: NewItem) -> tuple[object, ...]:
        run = self._run
        if new.kind is not run.kind:
            raise BrokenPromise(f"{new.reference}: a {new.kind} in a run of {run.kind}")
        return (
            self._last_item,
            self._row,
            self._scope,
            new.reference,
            new.generation,
            new.account,
            new.payer,
            new.amount,
            new.currency,
            new.digest,
            json_text(new.content),
        )

    def _entries(
        self, new: NewItem, line: int, columns: tuple[object, ...], skips: list[tuple[object, ...]]
    ) -> Iterator[Unchained]:
        facts = f'{{"digest":{json_text(new.digest)},"line":{line},"frozen":"{frozen(*columns)}"}}'
        yield Note.ITEM_PLANNED, self._row, self._last_item, 0, 0, facts
        if new.skip is not None:
            life = LIVES[new.kind]
            move, text = prepared(Move(life.skip, facts={**new.facts, "reason_code": new.skip}))
            kept = {name: value for name, value in move.facts.items() if value is not None}
            skips.append((life.skipped, move.name, json_text(kept), due_of(kept), self._last_item))
            yield move.name, self._row, self._last_item, 1, 0, text

    def _line(self, planned: PlannedLine) -> tuple[object, ...]:
        item = planned.item if planned.new is None else self._last_item
        if item is None and not planned.reason:
            raise BrokenPromise(f"line {planned.line}: brings no item and gives no reason")
        cells = json_text(planned.cells)
        position = self._seal.count + 1
        self._seal.add(position, planned.line, cells, item, planned.reason, planned.detail)
        return self._row, self._run.revision, position, planned.line, cells, item, planned.reason, planned.detail
