"""Whether an entry continues the chain, and whether an item, a run and its lines are what their entries say."""

import json
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any

from billing.core.entries import BrokenPromise, ItemRecord, Move, Note, apply
from billing.core.kinds import LIVES
from billing.core.life import ImpossibleTransition
from billing.core.records import RunRecord, RunStatus
from billing.edge.ledger.chain import Mac
from billing.edge.ledger.drafts import run_times
from billing.edge.ledger.planning import LinesSeal, run_facts
from billing.edge.ledger.rows import NamesOfRuns, due_of, frozen, iso, json_text, move_of

BREAKS = (BrokenPromise, ImpossibleTransition, LookupError, TypeError, ValueError, AttributeError, OverflowError)
# What a value that was edited can make of reading it; each is a fault to report, none may end the check.

_SEQ = itemgetter(5)

Names = tuple[int, int, str, int, str]
Line = tuple[int, int, str, int | None, str, str]


def continues(row: tuple[Any, ...], key: bytes, mac: bytes, seq: int, chain: int, rule: Mac) -> bool:
    """Tell whether an entry comes behind the one with this number and mac in its chain; numbers may be left out."""
    try:
        return bool(row[0] > seq and row[6] == chain and row[-1] == rule(key, mac, *row[:-1]))
    except Exception:  # noqa: BLE001 - struct.error and whatever else an edited column provokes
        return False


def item_fault(row: tuple[Any, ...], entries: list[tuple[Any, ...]], runs: NamesOfRuns, *, due: bool) -> str:
    """Return what is wrong with one item, or an empty text."""
    if not entries or entries[0][2] != Note.ITEM_PLANNED:
        return "has no entry that planned it"
    run, scope = row[1], row[17]
    planned = json.loads(entries[0][4])
    if frozen(row[0], run, scope, *row[2:10]) != planned.get("frozen") or row[8] != planned.get("digest"):
        return "is not what was planned"
    if any(entry[1] != run for entry in entries):
        return "has entries under another run"
    if [entry[6] for entry in entries] != list(range(len(entries))) or sorted(entries, key=_SEQ) != entries:
        return "its entries do not follow one another"
    try:
        start = _start(row, runs)
        columns = (entry[2:5] for entry in entries[1:])
        moves = [move_of(start.kind, name, attempt, json.loads(facts)) for name, attempt, facts in columns]
        folded, last_event = _fold(start, moves)
    except BREAKS as error:
        return f"its entries cannot be folded ({error})"
    facts = json_text(folded.facts) if folded.facts else None
    expected = (folded.state, folded.attempt, folded.ver, folded.object_id, folded.instrument_id, facts, last_event)
    same = tuple(row[10:17]) == expected and (not due or row[18] == due_of(folded.facts))
    return "" if same else f"is {row[10]}, its entries say {folded.state}, or details differ"


def _start(row: tuple[Any, ...], runs: NamesOfRuns) -> ItemRecord:
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


def run_fault(
    run: RunRecord, header: str, notes: list[Names], lines: Callable[[int], Iterable[Line]], *, in_scope: bool
) -> str:
    """Return what is wrong with one run, or an empty text.

    Args:
        run: as it stands on record.
        header: its text.
        notes: its entries: seq, at, name, attempt, facts.
        lines: gives the lines of a revision, in order.
        in_scope: whether its scope is that of the first run of its platform, mode, kind and period.
    """
    times = ("", "", "")
    status: str = ""
    plans: list[dict[str, Any]] = []
    for _, at, name, _, text in notes:
        facts = json.loads(text)
        if name == Note.RUN_PLANNED:
            plans.append(facts)
            status, times = RunStatus.PLANNED, (iso(at), *times[1:])
        elif "status" in facts:  # notes beside it have none
            status = facts["status"]
            times = (times[0], *run_times(status, iso(at), times[1]))
    if not plans:
        return "has no entry that planned it"
    expected = {**run_facts(run), "header": frozen(header)}
    if {name: plans[-1].get(name) for name in expected} != expected or len(plans) != run.revision:
        return "is not what was planned"
    if (run.status, run.planned_at, run.started_at, run.finished_at) != (status, *times):
        return "status or times differ from its entries"
    if not in_scope:
        return "stands in another scope than its period"
    return next(_line_faults(plans, lines), "")


def _line_faults(plans: list[dict[str, Any]], lines: Callable[[int], Iterable[Line]]) -> Iterator[str]:
    for revision, plan in enumerate(plans, 1):
        sealed = LinesSeal()
        for line in lines(revision):
            sealed.add(*line)
        if (sealed.hex(), sealed.count) != (plan["lines"], plan["line_count"]):
            yield f"lines of revision {revision} are not what was planned"
