"""What undoes a run: for each of its items that succeeded one item of the inverse kind, as a run file of its own.

Nothing is sent here. The file is read, planned, agreed to and carried out like any other; since each line keeps the
reference and the period of what it undoes, undoing a run twice asks for the same obligations. What a run of this ledger
has given back, or still may, is left out; so what is undone in several goes has a run for each.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.items import FeeBack, Kind, Refund
from billing.core.kinds import LIVES, phase_of
from billing.core.life import Group, Phase
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.flow.engine.scheduler import PAGE
from billing.flow.kinds.charge.reversal import refund_of
from billing.flow.options import Selection

REVERSALS: dict[Kind, Callable[[ItemRecord, FeeBack], Refund]] = {Kind.CHARGE: refund_of}
# What undoes an item, for the kinds that can be undone.
INVERSES: dict[Kind, tuple[Kind, ...]] = {Kind.CHARGE: (Kind.REFUND,)}
# The kinds whose runs may have undone items of a run.


@dataclass(slots=True)
class Reversal:
    """What of a run can be undone.

    Attributes:
        record: the run.
        items: how many of those that were asked for succeeded.
        totals: currency -> their minor units.
        accounts: connected account -> how many; their balances pay.
        on_their_way: how many may still succeed: they are left out, and asked for again later.
        undone: how many are undone already, and left out.
        asked_for: run -> how many it is about to undo, or may have undone; they are left out.
        named: the patterns of the selection that name an item.
    """

    record: RunRecord
    items: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    on_their_way: int = 0
    undone: int = 0
    asked_for: Counter[str] = field(default_factory=Counter)
    named: set[str] = field(default_factory=set)


def look_through(ledger: Ledger, record: RunRecord, selection: Selection) -> Reversal:
    """Count what of a run succeeded, what still may, and what of it was undone, or is about to be.

    Raises:
        UsageError: nothing undoes items of this kind, or a pattern names nothing.
    """
    life = LIVES[record.kind]
    _inverse(record)
    found, before = Reversal(record), _undoing(ledger, record)
    for item in _standing(ledger, record, life.states):
        found.named |= selection.named_by(item)
        if not selection.takes(item):
            continue
        group = life.group(item.state, str(item.facts.get("group") or ""))
        if group is Group.SUCCEEDED:
            _count(found, item, before)
        found.on_their_way += group in (Group.PROCESSING, Group.UNKNOWN, Group.PARKED)
    unmatched = [each for each in (*selection.only, *selection.exclude) if each not in found.named]
    if unmatched:
        raise UsageError(f"nothing matches {', '.join(unmatched)}; nothing was written")
    return found


def _count(found: Reversal, item: ItemRecord, before: Mapping[str, str]) -> None:
    run = before.get(str(item.object_id))
    if run is None:
        found.items += 1
        found.totals[item.currency] += item.amount
        found.accounts[item.account] += 1
    elif run:
        found.asked_for[run] += 1
    else:
        found.undone += 1


def reversed_items(ledger: Ledger, record: RunRecord, selection: Selection, fee: FeeBack) -> Iterator[Refund]:
    """Stream what undoes the items of a run that succeeded and are not undone, account by account."""
    life, inverse, before = LIVES[record.kind], _inverse(record), _undoing(ledger, record)
    done = [state for state in life.states if life.meanings[state].group is Group.SUCCEEDED]
    standing = (item for item in _standing(ledger, record, done) if str(item.object_id) not in before)
    return (inverse(item, fee) for item in standing if selection.takes(item))


def run_name(ledger: Ledger, record: RunRecord) -> str:
    """Return the name of the run that undoes what is left: a run of its own, beside those that have undone a part."""
    taken = {run.run_id for run in ledger.runs()}
    first = f"{record.name}-refunds"
    names = (f"{first}-{number}" if number > 1 else first for number in count(1))
    return next(name for name in names if f"{name}-{record.period}" not in taken)


def _undoing(ledger: Ledger, record: RunRecord) -> dict[str, str]:
    """Return the objects that other runs undo: object -> the run that may still do it, or empty where it is done."""
    found: dict[str, str] = {}
    for other in (run for run in ledger.runs() if _may_undo(run, record)):
        life = LIVES[other.kind]
        for item in _standing(ledger, other, [state for state in life.states if state not in life.reopens]):
            done = life.meanings[item.state].group is Group.SUCCEEDED or phase_of(item.state) is Phase.FINAL
            intent = str(item.content.get("intent"))
            if done or intent not in found:
                found[intent] = "" if done else other.run_id
    return found


def _inverse(record: RunRecord) -> Callable[[ItemRecord, FeeBack], Refund]:
    inverse = REVERSALS.get(record.kind)
    if inverse is None:
        raise UsageError(f"run {record.run_id} has {LIVES[record.kind].noun}, which nothing undoes")
    return inverse


def _standing(ledger: Ledger, record: RunRecord, states: Iterable[StrEnum]) -> Iterator[ItemRecord]:
    """Stream the items of a run in these states, account by account."""
    wanted = tuple(states)
    for account in sorted(ledger.workload(record.run_id, wanted)):
        row = 0
        while page := ledger.work(record.run_id, wanted, account, row, PAGE):
            row = page[-1].id
            yield from page


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What other runs have undone of a run: the items that stand undone, and their money in minor units."""

    items: int
    totals: Mapping[str, int]
    on_their_way: int


def given_back(ledger: Ledger, record: RunRecord) -> GivenBack | None:
    """Return what was undone of a run, or None where nothing was ever asked for."""
    totals: Counter[str] = Counter()
    items = underway = 0
    runs = [other for other in ledger.runs() if _may_undo(other, record)]
    for other in runs:
        life = LIVES[other.kind]
        for item in _standing(ledger, other, life.states):
            if item.content.get("of_run") != record.run_id:
                continue
            group = life.group(item.state, str(item.facts.get("group") or ""))
            if group is Group.SUCCEEDED:
                items += 1
                totals[item.currency] += item.amount
            underway += group in (Group.PROCESSING, Group.UNKNOWN, Group.PARKED)
    return GivenBack(items, dict(sorted(totals.items())), underway) if runs else None


def _may_undo(other: RunRecord, record: RunRecord) -> bool:
    same = (other.platform, other.mode) == (record.platform, record.mode)
    return same and other.kind in INVERSES.get(record.kind, ())
