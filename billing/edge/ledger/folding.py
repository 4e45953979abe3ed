"""Whether an entry continues the chain, and whether an item is what its entries say."""

import json
from operator import itemgetter
from typing import Any

from billing.core.entries import BrokenPromise, ItemRecord, Move, Note, apply
from billing.core.kinds import LIVES
from billing.core.life import ImpossibleTransition
from billing.edge.ledger.chain import CHAIN, Mac
from billing.edge.ledger.rows import Runs, due_of, frozen, json_text, move_of

BREAKS = (BrokenPromise, ImpossibleTransition, LookupError, TypeError, ValueError, AttributeError, OverflowError)
# What a value that was edited can make of reading it; each is a fault to report, none may end the check.

_SEQ = itemgetter(5)


def continues(row: tuple[Any, ...], key: bytes, mac: bytes, seq: int, rule: Mac) -> bool:
    """Tell whether an entry is the one with this number, behind the one with this mac."""
    try:
        return bool(row[0] == seq and row[6] == CHAIN and row[-1] == rule(key, mac, *row[:-1]))
    except Exception:  # noqa: BLE001 - struct.error and whatever else an edited column provokes
        return False


def item_fault(row: tuple[Any, ...], entries: list[tuple[Any, ...]], runs: Runs, *, due: bool) -> str:
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
