"""What the ledger keeps: entries that are never edited, and what is known of an item as their fold."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any

from billing.core.items import Kind
from billing.core.kinds import life_of

Facts = Mapping[str, Any]
# JSON-able details of an entry: texts, whole numbers, booleans, flat lists. Never a key, a name or an e-mail.


class Note(StrEnum):
    """Entries that record a fact without moving an item.

    ``part_prepared``: the intent or the clone is on record, the other one is still missing. ``key_renewed``: the next
    request of one operation carries the next key number; it is durable before that request leaves.
    ``skip_confirmed``: the operator wants an item that ended unpaid to stay so, whatever becomes of what it ended for.
    ``set_aside``: why the item waits where it is, for its account or for a person.
    ``acknowledged``: a person accepts how the run differs from the ones before it, and says why.
    ``rebuild_started``, ``rebuild_finished``: between the two the run waits for what Stripe shows of its items, and
    may not be started.
    ``method_replaced``: the next attempt of an item, on the same object, uses another payment method of its payer.
    ``method_moved``: a sync has given a subscription another copy of the payer's method.
    ``renewal_seen``: what a list shows of a subscription that has begun: its renewals are Stripe's.
    ``reconciled``: of an item, what Stripe booked of it; of a run, how it compared with Stripe as a whole.
    ``ledger_upgraded``, ``kind_added``: about the ledger itself. What was written before an upgrade keeps its form.
    ``ledger_moved``: the ledger was copied elsewhere, and is written there from now on; one that ends with this entry
    is the one that was left. ``ledger_arrived``: the one that goes on.
    """

    RUN_PLANNED = "run_planned"
    ACKNOWLEDGED = "acknowledged"
    RUN_STARTED = "run_started"
    RUN_FINISHED = "run_finished"
    RUN_STOPPED = "run_stopped"
    REBUILD_STARTED = "rebuild_started"
    REBUILD_FINISHED = "rebuild_finished"
    ITEM_PLANNED = "item_planned"
    PART_PREPARED = "part_prepared"
    SET_ASIDE = "set_aside"
    KEY_RENEWED = "key_renewed"
    SKIP_CONFIRMED = "skip_confirmed"
    METHOD_REPLACED = "method_replaced"
    METHOD_MOVED = "method_moved"
    RENEWAL_SEEN = "renewal_seen"
    RECONCILED = "reconciled"
    LEDGER_UPGRADED = "ledger_upgraded"
    KIND_ADDED = "kind_added"
    LEDGER_MOVED = "ledger_moved"
    LEDGER_ARRIVED = "ledger_arrived"


@dataclass(frozen=True, slots=True)
class Move:
    """One entry to append for an item: an event of its table of states, or a note.

    Attributes:
        name: what happened: an event of the kind's table of states, or a `Note`.
        attempt: the new attempt's number, only with an event whose edge opens one.
        object_id: the provider object that fulfils the item (an intent, for a charge). Set once, for ever.
        instrument_id: what this attempt spends (a clone, for a charge). Set once per attempt.
        facts: details; they overwrite those known under the same name, None removes one.
    """

    name: StrEnum
    attempt: int | None = None
    object_id: str | None = None
    instrument_id: str | None = None
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """What is known of one item: the projection of its entries.

    Attributes:
        id: the ledger's row number, ascending in planning order.
        item_id: the item id of ``core.keys``.
        run_id: the run that owns the item.
        kind: which table of states it lives by.
        reference: the operator's own id.
        generation: 0 for the first; the next follows only one that came to nothing or came back, by an operator.
        account: the connected account.
        payer: the platform customer; its items run one after another.
        amount: minor units of ``currency``.
        digest: of what the file asked for.
        content: what the requests are built from, JSON-able, frozen by the plan.
        state: the state of the item.
        attempt: 0 before the first.
        ver: grows by one with each entry; every write names the one it saw.
        object_id: the intent, once on record.
        instrument_id: this attempt's clone, once on record.
        facts: the latest details under each name.
    """

    id: int
    item_id: str
    run_id: str
    kind: Kind
    reference: str
    generation: int
    account: str
    payer: str
    amount: int
    currency: str
    digest: str
    content: Facts
    state: StrEnum
    attempt: int = 0
    ver: int = 0
    object_id: str | None = None
    instrument_id: str | None = None
    facts: Facts = field(default_factory=dict)


Planned = tuple[int, str, str, Kind, str, int, str, str, int, str, str, Facts]
_planned: Callable[[ItemRecord], Planned] = attrgetter(
    "id", "item_id", "run_id", "kind", "reference", "generation",
    "account", "payer", "amount", "currency", "digest", "content",
)  # fmt: skip
# What the plan fixed of an item: the first fields of `ItemRecord`, as they stand there. An item moves four times, and
# `dataclasses.replace` looks every field up by its name.


class BrokenPromise(Exception):
    """An entry would contradict what is on record; the program is wrong, so it stops before it sends anything."""


class CloneTaken(BrokenPromise):
    """The clone is on record of another item: the answer that named it was another request's."""


def apply(item: ItemRecord, move: Move) -> ItemRecord:
    """Return ``item`` after ``move``.

    Raises:
        ImpossibleTransition: the table of states has no such row.
        BrokenPromise: another object or instrument is already on record, or the edge needs an object where none is,
            or forbids the one that is.
    """
    edge = None if isinstance(move.name, Note) else life_of(item.state).advance(item.state, move.name)
    state = item.state if edge is None else edge.to
    attempt = item.attempt if move.attempt is None else move.attempt
    instrument = None if attempt != item.attempt else item.instrument_id
    if move.object_id and item.object_id not in (None, move.object_id):
        raise BrokenPromise(f"{item.item_id}: a second object, {move.object_id} after {item.object_id}")
    if move.instrument_id and instrument not in (None, move.instrument_id):
        raise BrokenPromise(f"{item.item_id}: a second instrument in attempt {attempt}")
    object_id = item.object_id or move.object_id
    if edge is not None and not edge.object.allows(object_id):
        raise BrokenPromise(f"{item.item_id}: {move.name} {edge.object} an object on record, there is {object_id}")
    return ItemRecord(
        *_planned(item),
        state=state,
        attempt=attempt,
        ver=item.ver + 1,
        object_id=object_id,
        instrument_id=instrument or move.instrument_id,
        facts=merged(item.facts, move.facts),
    )


def merged(old: Facts, new: Facts) -> Facts:
    """Return ``old`` overwritten by ``new``, where None removes a fact."""
    if not new:
        return old
    return {name: value for name, value in {**old, **new}.items() if value is not None}


def fold(planned: ItemRecord, moves: Iterable[Move]) -> ItemRecord:
    """Return what is known of an item after its moves, in order."""
    item = planned
    for move in moves:
        item = apply(item, move)
    return item


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger as it is kept.

    Attributes:
        seq: 1, 2, 3 ... without a gap.
        at: provider time in UTC, ISO 8601 with milliseconds.
        name: the event or note.
        run_id: the run it belongs to; empty for an entry about the ledger itself.
        item_id: the item id, or empty for an entry about the run.
        reference, amount, currency: of the item, amount in minor units; empty and None for an entry about the run.
        ver: the item's after it; 0 for an entry about the run.
        chain: in which chain of the ledger it stands.
        attempt: the item's attempt after it.
        facts: its details, object and instrument included.
        mac: hex of the chain: HMAC-SHA256 over the previous mac and this entry.
    """

    seq: int
    at: str
    name: str
    run_id: str
    item_id: str
    attempt: int
    facts: Facts
    mac: str
    reference: str = ""
    amount: int | None = None
    currency: str = ""
    ver: int = 0
    chain: int = 0
