"""What is written about runs and items: each function does one piece of work inside an open transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from billing.core.entries import BrokenPromise, Facts, ItemRecord, Move, Note, apply
from billing.core.kinds import life_of
from billing.core.life import ImpossibleTransition
from billing.core.records import RunStatus
from billing.edge.ledger import Kept, LostRace
from billing.edge.ledger.chain import seal
from billing.edge.ledger.rows import (
    INSTRUMENT,
    OBJECT,
    NamesOfRuns,
    due_of,
    entry_facts,
    iso,
    item_of_row,
    json_text,
    reads_back,
)
from billing.edge.ledger.store import Statement
from billing.edge.ledger.transaction import Conflict, Transaction, Unchained


def prepared(move: Move) -> tuple[Move, str]:
    """Return ``move`` as it will be read back, and the text of its entry's facts.

    Raises:
        TypeError, ValueError: the facts are not JSON.
        BrokenPromise: the facts use a name that belongs to the entry itself.
    """
    if OBJECT in move.facts or INSTRUMENT in move.facts:
        raise BrokenPromise(f"{move.name}: {OBJECT} and {INSTRUMENT} are set by the move, not by its facts")
    text = json_text(entry_facts(move))
    if reads_back(move.facts, text):
        return move, text
    facts = {name: value for name, value in json.loads(text).items() if name not in (OBJECT, INSTRUMENT)}
    return Move(move.name, move.attempt, move.object_id, move.instrument_id, facts), text


@dataclass(frozen=True, slots=True)
class Draft:
    """What moving an item on writes: rows of `Store.move` one after another, their entries, and the item after it."""

    rows: Sequence[tuple[object, ...]]
    entries: Sequence[Unchained]
    after: ItemRecord


def drafted(found: ItemRecord, run: int, moves: Sequence[tuple[Move, str]]) -> Draft:
    """Return what ``moves`` write over ``found``, an item of the run in row ``run``.

    Raises:
        ImpossibleTransition, BrokenPromise: the moves contradict it.
    """
    rows, entries = [], []
    for move, text in moves:
        after = apply(found, move)
        rows.append(_moved(found, after, move))
        entries.append((move.name.value, run, found.id, after.ver, after.attempt, text))
        found = after
    return Draft(rows, entries, found)


def hoped(item: ItemRecord, runs: NamesOfRuns, moves: Sequence[tuple[Move, str]]) -> Draft | None:
    """Return what ``moves`` write if the item still is as ``item`` says; None when that cannot be: then it is read.

    Drafted by the caller: what the writer's thread does meanwhile, the event loop has to wait for.
    """
    try:
        return drafted(item, runs.row(item.run_id), moves)
    except (ImpossibleTransition, BrokenPromise):
        return None


@dataclass(frozen=True, slots=True)
class Hope:
    """Moves of one item: what the caller knows of it, the moves with their texts, and what they write if that holds."""

    item: ItemRecord
    moves: Sequence[tuple[Move, str]]
    draft: Draft | None


def hope(item: ItemRecord, runs: NamesOfRuns, moves: Sequence[Move]) -> Hope:
    """Return ``moves`` made ready to be written.

    Raises:
        TypeError, ValueError, BrokenPromise: as `prepared` does.
    """
    ready = [prepared(move) for move in moves]
    return Hope(item, ready, hoped(item, runs, ready))


def record_all(tx: Transaction, runs: NamesOfRuns, hopes: Sequence[Hope], keep: Kept) -> list[ItemRecord]:
    """Append the moves of different items and keep look-ups, all or nothing.

    Raises:
        What `record` raises.
    """
    after = [record(tx, runs, hope.item, hope.moves, hope.draft) for hope in hopes]
    for kind, found in keep.items():
        keep_lookups(tx, kind, found)
    return after


def record(
    tx: Transaction, runs: NamesOfRuns, item: ItemRecord, moves: Sequence[tuple[Move, str]], draft: Draft | None
) -> ItemRecord:
    """Append ``moves`` if the item is still as ``item`` says, or if they only report what was seen of it.

    An item of one version has one content, so a hopeful transaction reads nothing: the update names the version.

    Raises:
        LostRace: it is not.
        ImpossibleTransition, BrokenPromise: the moves contradict what is on record.
        Conflict: a hopeful transaction had no reason to hope.
    """
    if not tx.optimistic:
        draft = drafted(*_on_record(tx, runs, item, moves), moves)
    if draft is None:
        raise Conflict
    tx.move(draft.rows, draft.entries)
    return draft.after


def _on_record(
    tx: Transaction, runs: NamesOfRuns, item: ItemRecord, moves: Sequence[tuple[Move, str]]
) -> tuple[ItemRecord, int]:
    """Return the item as it is on record, and the row of its run.

    Raises:
        LostRace: it is not as ``item`` says, and ``moves`` do not merely report what was seen of it.
    """
    row = tx.store.read(Statement.ITEM, (item.id,))
    if row is None:
        raise BrokenPromise(f"{item.item_id}: not in the ledger")
    found, run = item_of_row(row, runs), row[1]
    if (found.state, found.attempt, found.ver) != (item.state, item.attempt, item.ver) and not _seen(found, moves):
        raise LostRace(found)
    return found, run


def _seen(found: ItemRecord, moves: Sequence[tuple[Move, str]]) -> bool:
    """Tell whether every move reports what was seen of the very object on record, and the found state can take it."""
    return all(
        not isinstance(move.name, Note)
        and life_of(found.state).is_sighting(found.state, move.name)
        and (found.object_id or move.object_id) is not None
        and move.object_id in (None, found.object_id or move.object_id)
        and move.instrument_id in (None, found.instrument_id)
        for move, _ in moves
    )


def _moved(found: ItemRecord, after: ItemRecord, move: Move) -> tuple[object, ...]:
    """Return the row of `Store.move` that writes ``after`` over ``found``."""
    event = None if isinstance(move.name, Note) else move.name.value
    facts = json_text(after.facts) if after.facts else None
    became = (after.state.value, after.attempt, after.ver, after.object_id, after.instrument_id, event, facts)
    due = due_of(after.facts) if facts else None
    return (found.id, found.state.value, found.attempt, found.ver, *became, due)


def note_run(
    tx: Transaction, run_id: str, note: Note, status: RunStatus, facts: Facts, only_if: RunStatus | None = None
) -> bool:
    """Append a note about a run and set its status; a run starts once and may finish again after it continued.

    Returns whether it was written: not if the run has another status than ``only_if``, when that is given.

    Raises:
        BrokenPromise: there is no such run.
    """
    found = tx.store.read(Statement.RUN_STARTED_AT, (run_id,))
    if found is None:
        raise BrokenPromise(f"{run_id}: not in the ledger")
    if only_if is not None and tx.store.read(Statement.RUN_STATUS, (run_id,)) != (only_if,):
        return False
    row, started_at = found
    started_at, finished_at = run_times(status, iso(tx.at), started_at)
    tx.append([(note, row, None, 0, 0, json_text({**facts, "status": status}))])
    tx.store.write(Statement.SET_STATUS, [(status, started_at, finished_at, row)])
    return True


def note_beside(tx: Transaction, run_id: str, note: Note, facts: Facts) -> None:
    """Append a note about a run that leaves its status and its times alone.

    Raises:
        BrokenPromise: there is no such run.
    """
    found = tx.store.read(Statement.RUN_STARTED_AT, (run_id,))
    if found is None:
        raise BrokenPromise(f"{run_id}: not in the ledger")
    tx.append([(note, found[0], None, 0, 0, json_text(dict(facts)))])


def note_kinds(tx: Transaction, kinds: Iterable[str]) -> None:
    """Append that the ledger knows these kinds from now on."""
    tx.append((Note.KIND_ADDED.value, None, None, 0, 0, json_text({"kind": kind})) for kind in kinds)


def run_times(status: str, at: str, started_at: str) -> tuple[str, str]:
    """Return when a run started and finished, after a note at ``at`` gave it ``status``."""
    if status in (RunStatus.FINISHED, RunStatus.STOPPED):
        return started_at, at
    return (started_at or at) if status == RunStatus.RUNNING else started_at, ""


def keep_lookups(tx: Transaction, kind: str, found: Mapping[str, Facts]) -> None:
    """Keep what was looked up, each under a mac of its own; an older answer gives way."""
    texts = ((name, json_text(dict(facts))) for name, facts in found.items())
    tx.store.write(
        Statement.KEEP_LOOKUP,
        [(kind, name, tx.at, text, seal(tx.key, "lookup", kind, name, tx.at, text)) for name, text in texts],
    )
