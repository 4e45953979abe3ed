"""The ledger's side: one row, moved by the shipped table and by nothing else."""

from functools import cache
from typing import NamedTuple

from billing.core.entries import BrokenPromise, ItemRecord, Move, Note, apply
from billing.core.items import Kind
from billing.core.kinds.charge import Event, State
from billing.core.life import ImpossibleTransition
from billing.edge.ledger import drafts as writes

CRASHED = "crashed"
# In place of a state: the program tried to write what the table or ``apply`` refuses.
FLAGS = ("fence", "dead_clone", "recloned")

Write = tuple[str, int | None, int, int, tuple[tuple[str, bool | None], ...]]
# A move that can be hashed: name, attempt, intent, clone, facts.

Row = tuple[State, Event]


class Book(NamedTuple):
    """The row: state, attempt, the numbers of intent and clone (0 for none), and the facts that decide something."""

    state: str = State.PLANNED
    attempt: int = 0
    intent: int = 0
    clone: int = 0
    fence: bool = False
    dead_clone: bool = False
    recloned: bool = False


def write(name: str, attempt: int | None = None, intent: int = 0, clone: int = 0, **facts: bool | None) -> Write:
    """Return a move."""
    return name, attempt, intent, clone, tuple(sorted(facts.items()))


@cache
def record(book: Book, unchanged: bool, *moves: Write) -> Book | None:
    """Return the row after ``moves`` (one commit), or None for a lost race.

    ``unchanged``: nobody wrote since the writer last saw the row, so state, attempt and ver still agree.
    """
    found, real = _known(book), [_move(move) for move in moves]
    if not unchanged and not writes._seen(found, [(move, "") for move in real]):
        return None
    try:
        for move in real:
            found = apply(found, move)
    except (ImpossibleTransition, BrokenPromise):
        return book._replace(state=CRASHED)
    return _book(found)


@cache
def rows(book: Book, *moves: Write) -> frozenset[Row]:
    """Return the rows of the table that ``moves`` (one commit) use."""
    found, used = _known(book), set()
    for move in map(_move, moves):
        if isinstance(move.name, Event):
            used.add((found.state, move.name))
        found = apply(found, move)
    return frozenset(used)


def _move(move: Write) -> Move:
    name, attempt, intent, clone, facts = move
    return Move(
        Event(name) if name in set(Event) else Note(name),
        attempt,
        f"pi_{intent}" if intent else None,
        f"pm_{clone}" if clone else None,
        dict(facts),
    )


def _known(book: Book) -> ItemRecord:
    return ItemRecord(
        id=1,
        item_id="item",
        run_id="run-2026-11",
        kind=Kind.CHARGE,
        reference="R1",
        generation=0,
        account="acct_1",
        payer="cus_1",
        amount=100,
        currency="usd",
        digest="",
        content={},
        state=State(book.state),
        attempt=book.attempt,
        object_id=f"pi_{book.intent}" if book.intent else None,
        instrument_id=f"pm_{book.clone}" if book.clone else None,
        facts={name: True for name in FLAGS if getattr(book, name)},
    )


def _book(item: ItemRecord) -> Book:
    intent = int(item.object_id[3:]) if item.object_id else 0
    clone = int(item.instrument_id[3:]) if item.instrument_id else 0
    return Book(item.state, item.attempt, intent, clone, *(bool(item.facts.get(name)) for name in FLAGS))
