"""Between the values of ``core`` and the columns of a table, both ways."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import orjson

from billing.core.entries import Entry, Facts, ItemRecord, Move, Note
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds import LIVES
from billing.core.records import RunRecord, RunStatus

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_compact: Callable[[object], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_ascii: Callable[[object], str] = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

_TEXT = frozenset({str})
_EXACT = frozenset({str, int, bool, type(None)})
# Types that JSON gives back just as they were.

# The intent and the clone travel among an entry's facts under these names.
OBJECT, INSTRUMENT = "object_id", "instrument_id"


def json_text(value: object) -> str:
    """Return compact JSON. A text that UTF-8 cannot hold (half a surrogate pair in an answer) is escaped instead.

    Raises:
        TypeError, ValueError, RecursionError: it is not JSON.
    """
    if type(value) is dict and _flat(value):
        with suppress(orjson.JSONEncodeError):  # half a surrogate pair, or a number of more than 64 bits
            return orjson.dumps(value).decode()
    text = _compact(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _ascii(value)
    return text


def millis(at: datetime) -> int:
    """Return whole milliseconds since 1970; ``at`` must know its time zone."""
    return (at - EPOCH) // _MILLISECOND


def iso(at: int) -> str:
    """Return milliseconds since 1970 as ISO 8601 in UTC with milliseconds."""
    return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def due_of(facts: Facts) -> int | None:
    """Return when an item is to be looked at again, in milliseconds since 1970: the fact ``next_try``, or None."""
    told = facts.get("next_try")
    if not isinstance(told, str):
        return None
    try:
        return millis(datetime.fromisoformat(told))
    except (ValueError, TypeError):  # no moment, or one without its zone
        return None


def frozen(*columns: object) -> str:
    """Return 32 hex of the SHA-256 over columns, each with its length before it."""
    joined = "".join([f"{len(text)}:{text}" for text in map(str, columns)])
    return sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]


RUN_COLUMNS = (
    "run_id, platform, name, period, mode, kind, header, file_sha256, plan_digest, revision, status, "
    "planned_at, started_at, finished_at"
)


def run_of(row: tuple[Any, ...]) -> RunRecord:
    """Return the run of a row of ``RUN_COLUMNS``."""
    run_id, platform, name, period, mode, kind, header, file_sha256, plan_digest, revision, status, *times = row
    return RunRecord(
        run_id,
        platform,
        name,
        period,
        Mode(mode),
        Kind(kind),
        json.loads(header),
        file_sha256,
        plan_digest,
        revision,
        RunStatus(status),
        *times,
    )


class RunNames(NamedTuple):
    """What names a run and its items; ``period`` is what counts of it in an item's id."""

    run_id: str
    kind: Kind
    mode: Mode
    platform: str
    period: str

    def item_id(self, reference: str, generation: int) -> str:
        """Return the id of one of its items."""
        return item_id(self.mode, self.platform, self.period, reference, generation, self.kind)


class NamesOfRuns(Protocol):
    """What names the runs of a ledger, by their rows."""

    def __getitem__(self, row: int) -> RunNames:
        """Return what names the run in that row."""
        ...

    def row(self, run_id: str) -> int:
        """Return the row of a run.

        Raises:
            BrokenPromise: the ledger knows no such run.
        """
        ...


ITEM_COLUMNS = (
    "items.id, items.run, items.reference, items.generation, items.account, items.payer, items.amount, items.currency, "
    "items.digest, items.content, items.state, items.attempt, items.ver, items.object_id, items.instrument_id, "
    "items.facts"
)


def item_of_row(row: tuple[Any, ...], runs: NamesOfRuns) -> ItemRecord:
    """Return the item of a row of ``ITEM_COLUMNS``."""
    (row_id, run, reference, generation, account, payer, amount, currency, digest, content) = row[:10]
    (state, attempt, ver, object_id, instrument_id, facts) = row[10:16]
    names = runs[run]
    return ItemRecord(
        row_id,
        names.item_id(reference, generation),
        names.run_id,
        names.kind,
        reference,
        generation,
        account,
        payer,
        amount,
        currency,
        digest,
        json.loads(content),
        LIVES[names.kind].states(state),
        attempt,
        ver,
        object_id,
        instrument_id,
        json.loads(facts) if facts else {},
    )


def reads_back(facts: Facts, text: str) -> bool:
    """Tell whether JSON gives ``facts`` back just as they are, so that reading ``text`` again would teach nothing."""
    return text.isascii() and _flat(facts)


def _flat(facts: Facts) -> bool:
    """Tell whether there is nothing but texts, whole numbers, booleans and None, under names that are texts."""
    return _TEXT.issuperset(map(type, facts)) and _EXACT.issuperset(map(type, facts.values()))


_NAMES: Mapping[Kind, Mapping[str, StrEnum]] = {
    kind: {str(name): name for names in (life.events, Note) for name in names} for kind, life in LIVES.items()
}


def entry_facts(move: Move) -> dict[str, Any]:
    """Return everything of ``move`` that its entry keeps among its facts; the attempt has a column of its own."""
    facts = dict(move.facts)
    if move.object_id:
        facts[OBJECT] = move.object_id
    if move.instrument_id:
        facts[INSTRUMENT] = move.instrument_id
    return facts


def move_of(kind: Kind, name: str, attempt: int, facts: Facts) -> Move:
    """Return the move an entry records, so that folding the entries of an item gives what is known of it.

    Raises:
        KeyError: no event of the kind and no note has this name.
    """
    details = dict(facts)
    object_id, instrument_id = details.pop(OBJECT, None), details.pop(INSTRUMENT, None)
    return Move(_NAMES[kind][name], attempt, object_id, instrument_id, details)


ENTRY_COLUMNS = (
    "entries.seq, entries.at, entries.name, entries.run, entries.ver, entries.chain, entries.attempt, entries.facts, "
    "entries.mac, items.reference, items.generation, items.amount, items.currency"
)


def entry_of(row: tuple[Any, ...], runs: NamesOfRuns) -> Entry:
    """Return the entry of a row of ``ENTRY_COLUMNS`` (joined with its item, if it has one)."""
    seq, at, name, run, ver, chain, attempt, facts, mac, reference, generation, amount, currency = row
    names = None if run is None else runs[run]
    item = "" if names is None or reference is None else names.item_id(reference, generation)
    return Entry(
        seq,
        iso(at),
        name,
        "" if names is None else names.run_id,
        item,
        attempt,
        json.loads(facts),
        mac.hex(),
        reference or "",
        amount,
        currency or "",
        ver,
        chain,
    )
