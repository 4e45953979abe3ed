"""What undoes a run: for each of its items that succeeded one item of the inverse kind, as a run file of its own.

Nothing is sent here. The file is read, planned, agreed to and carried out like any other; since each line keeps the
reference and the period of what it undoes, undoing a run twice asks for the same obligations. What a run of this ledger
has given back, or still may, is left out; so what is undone in several goes has a run for each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.items import Item
from billing.core.kinds import LIVES, is_final
from billing.core.life import Group
from billing.core.money import add_money
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.flow.engine.scheduler import PAGE
from billing.flow.kinds.inverses import INVERSES, Inverse, Said, inverse_of
from billing.flow.options import Selection


@dataclass(slots=True)
class Reversal:
    """What of a run can be undone.

    Attributes:
        record: the run.
        inverse: what undoes its items.
        items: how many of those that were asked for succeeded.
        totals: currency -> minor units of what undoes them.
        accounts: connected account -> how many.
        on_their_way: how many may still succeed: they are left out, and asked for again later.
        undone: how many are undone already, and left out.
        asked_for: run -> how many it is about to undo, or may have undone; they are left out.
        named: the patterns of the selection that name an item.
    """

    record: RunRecord
    inverse: Inverse
    items: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    on_their_way: int = 0
    undone: int = 0
    asked_for: Counter[str] = field(default_factory=Counter)
    named: set[str] = field(default_factory=set)


def look_through(ledger: Ledger, record: RunRecord, selection: Selection, said: Said) -> Reversal:
    """Count what of a run succeeded, what still may, and what of it was undone, or is about to be.

    Raises:
        UsageError: nothing undoes items of this kind, it is not said how, or a pattern names nothing.
    """
    life = LIVES[record.kind]
    found = Reversal(record, inverse_of(record.run_id, record.kind, said))
    before = _undoing(ledger, found)
    for item in _standing(ledger, record, life.states):
        found.named |= selection.named_by(item)
        if not selection.takes(item):
            continue
        group = life.group(item.state, str(item.facts.get("group") or ""))
        if group is Group.SUCCEEDED:
            _count(found, item, said, before)
        found.on_their_way += _on_its_way(item, group)
    unmatched = [each for each in (*selection.only, *selection.exclude) if each not in found.named]
    if unmatched:
        raise UsageError(f"nothing matches {', '.join(unmatched)}; nothing was written")
    return found


def _count(found: Reversal, item: ItemRecord, said: Said, before: Mapping[str, str]) -> None:
    run = before.get(str(item.object_id))
    if run is None:
        moves = found.inverse.build(item, said).amount
        found.items += 1
        add_money(found.totals, moves.minor, moves.currency)
        found.accounts[item.account] += 1
    elif run:
        found.asked_for[run] += 1
    else:
        found.undone += 1


def _on_its_way(item: ItemRecord, group: Group) -> bool:
    """Tell whether an item may still come to what can be undone."""
    return group in (Group.PROCESSING, Group.UNKNOWN, Group.PARKED) and not is_final(item.state)


def reversed_items(ledger: Ledger, found: Reversal, selection: Selection, said: Said) -> Iterator[Item]:
    """Stream what undoes the items of a run that succeeded and are not undone, account by account."""
    record, before = found.record, _undoing(ledger, found)
    life = LIVES[record.kind]
    done = [state for state in life.states if life.meanings[state].group is Group.SUCCEEDED]
    standing = (item for item in _standing(ledger, record, done) if str(item.object_id) not in before)
    return (found.inverse.build(item, said) for item in standing if selection.takes(item))


def run_name(ledger: Ledger, found: Reversal) -> str:
    """Return the name of the run that undoes what is left: a run of its own, beside those that have undone a part."""
    taken, record = {run.run_id for run in ledger.runs()}, found.record
    first = f"{record.name}-{LIVES[found.inverse.kind].noun}"
    names = (f"{first}-{number}" if number > 1 else first for number in count(1))
    return next(name for name in names if f"{name}-{record.period}" not in taken)


def _undoing(ledger: Ledger, reversal: Reversal) -> dict[str, str]:
    """Return the objects that other runs undo: object -> the run that may still do it, or empty where it is done."""
    found: dict[str, str] = {}
    for other in (run for run in ledger.runs() if _may_undo(run, reversal.record)):
        life = LIVES[other.kind]
        for item in _standing(ledger, other, [state for state in life.states if state not in life.reopens]):
            done = life.meanings[item.state].group is Group.SUCCEEDED or is_final(item.state)
            undone = str(item.content.get(reversal.inverse.undoes))
            if done or undone not in found:
                found[undone] = "" if done else other.run_id
    return found


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
    """What other runs have undone of a run: the items that stand undone, their money in minor units, and in a word."""

    items: int
    totals: Mapping[str, int]
    on_their_way: int
    done: str


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
                add_money(totals, item.amount, item.currency)
            underway += _on_its_way(item, group)
    return GivenBack(items, dict(sorted(totals.items())), underway, INVERSES[record.kind].done) if runs else None


def _may_undo(other: RunRecord, record: RunRecord) -> bool:
    same = (other.platform, other.mode) == (record.platform, record.mode)
    inverse = INVERSES.get(record.kind)
    return same and inverse is not None and other.kind is inverse.kind
