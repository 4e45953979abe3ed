"""From the entries of a line to the steps of its story: each entry in exactly one step, steps in the order of time.

Details are told together, as long as they are of one try on one day; what was sent is told with what came of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from zoneinfo import ZoneInfo

from billing.core import wording
from billing.core.entries import Entry, ItemRecord, Note, merged
from billing.core.kinds import LIVES
from billing.core.stories.gaps import Scene, gaps_of
from billing.core.stories.notes import ADOPTED, RETOLD
from billing.core.stories.story import Record, Step
from billing.core.stories.tables import TELLINGS
from billing.core.stories.words import Role

UNSHOWN = frozenset({"hosted_link", "link_base"})
# Facts that lead to a form which asks for payment details: whoever has one could fill it in.
CARRIED = frozenset({"object_id", "instrument_id"})
By = Mapping[int, str]
# Who carried out an entry, by its number, as far as that is known.


@dataclass(frozen=True, slots=True)
class Told:
    """One entry in words, before it is put together with others."""

    role: Role
    step: Step
    attempt: int
    day: str


def steps_of(item: ItemRecord, entries: Sequence[Entry], zone: ZoneInfo, by: By) -> list[Step]:
    """Return the steps that the entries of one item make, in order.

    Args:
        item: whose they are; of it only what the plan fixed is told.
        entries: all of its own, in the order of the ledger.
        zone: whose clocks days are told on.
        by: who carried them out.
    """
    return list(_folded(_told(item, entries, zone, by)))


def in_time(steps: Iterable[Step]) -> list[Step]:
    """Let the time of steps ascend that stand in the order of the ledger: where clocks disagree, that order is right.

    The records behind a step keep the time of their entries.
    """
    found: list[Step] = []
    for step in steps:
        latest = max(found[-1].at, step.at) if found else step.at
        found.append(step if step.at == latest else replace(step, at=latest))
    return found


def _told(item: ItemRecord, entries: Sequence[Entry], zone: ZoneInfo, by: By) -> Iterator[Told]:
    life, telling = LIVES[item.kind], TELLINGS[item.kind]
    names = {str(name): name for every in (life.events, Note) for name in every}
    state, known = life.planned, dict[str, object]()
    for place, entry in enumerate(entries):
        name = names[entry.name]
        known = dict(merged(known, entry.facts))
        facts = {fact: value for fact, value in entry.facts.items() if value is not None}
        gaps = gaps_of(Scene(item, zone, entry.at, entry.attempt, facts, known))
        words = telling.of(name, state)
        marks = [RETOLD] if facts.get("rebuilt") else [ADOPTED] if facts.get("adopted") else []
        role = Role.LEAD if _leads_to_skip(life.skip, entries, place) else words.role
        step = Step(
            entry.at, words.title(gaps), (*words.sentences(gaps), *marks), words.tone,
            turning=role is Role.TURN, record=(_record(entry, facts, by),),
        )  # fmt: skip
        yield Told(role, step, entry.attempt, wording.day(entry.at, zone))
        if not isinstance(name, Note):
            state = life.advance(state, name).to


def _leads_to_skip(skip: StrEnum, entries: Sequence[Entry], place: int) -> bool:
    """Tell whether a line was planned only to be left out in the same breath."""
    entry, after = entries[place], entries[place + 1 : place + 2]
    return entry.name == Note.ITEM_PLANNED and bool(after) and after[0].name == skip and after[0].seq == entry.seq + 1


def _record(entry: Entry, facts: Mapping[str, object], by: By) -> Record:
    shown = {name: value for name, value in facts.items() if name not in UNSHOWN}
    return Record(entry.seq, entry.at, entry.name, entry.attempt, entry.run_id, by.get(entry.seq, ""), shown)


def _folded(told: Iterable[Told]) -> Iterator[Step]:
    """Put details together, and what was sent with what came of it; the words of the last entry count."""
    held: list[Told] = []
    for one in told:
        if held and not _together(held[-1], one):
            yield _joined(held)
            held = []
        held.append(one)
        if one.role is Role.TURN:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _together(before: Told, after: Told) -> bool:
    """Tell whether entries of one day are told as one: a lead with what follows, details with those of their try."""
    if before.day != after.day:
        return False
    return before.role is Role.LEAD or (after.role is Role.DETAIL and before.attempt == after.attempt)


def _joined(held: Sequence[Told]) -> Step:
    last = held[-1].step
    return replace(last, record=tuple(record for one in held for record in one.step.record))
