"""Put on record what came before the items that stand: each generation of a reference by a revision of its run.

The ledger opens a generation only when the one before has ended, and every item comes with a line of a revision. So the
generations of all references are kept in turns: a revision with the next one of each, then the entries that end these.
Only the lines concerned are in it, which its header says (`PARTIAL`); the whole sheet is the last revision. Killed
anywhere, what is still missing is told again from what is on record.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from billing.core.entries import ItemRecord, Move
from billing.core.items import Kind, Run
from billing.core.records import PlannedLine, RunRecord, RunStatus
from billing.edge.ledger import LostRace
from billing.flow.engine.context import ItemContext
from billing.flow.engine.gather import gather
from billing.flow.kinds.charge.rebuilding.generations import Chapter, Story
from billing.flow.planning.planned import PARTIAL
from billing.flow.services import Services

CHUNK = 250
# Items brought up side by side: they share their commits.


async def backfill(services: Services, run: Run, base: RunRecord, stories: Sequence[Story]) -> None:
    """Keep every generation of the stories but leave the last of each as planned.

    Args:
        services: whose ledger it is.
        run: the run file's.
        base: the run as its plan would have it kept.
        stories: what the ledger lacks.
    """
    ending = [(story.item, story.ends) for story in stories if story.item is not None and story.ends]
    await _record(services, run, ending)
    for turn in range(max((len(story.chapters) for story in stories), default=0)):
        having = [story for story in stories if len(story.chapters) > turn]
        lines = [_line(story, story.chapters[turn], run) for story in having]
        await services.ledger.plan_run(_revision(services, base, having, turn), lines)
        closing = {story.reference: story.chapters[turn].closed for story in having if story.chapters[turn].closed}
        await _record(
            services, run, [(item, closing[item.reference]) for item in _newest(services, run, list(closing))]
        )


async def _record(services: Services, run: Run, moves: Sequence[tuple[ItemRecord, tuple[Move, ...]]]) -> None:
    ctx = ItemContext(services, run.policies)

    async def one(item: ItemRecord, *each: Move) -> None:
        with suppress(LostRace):  # somebody else rebuilds it too, and read the same lists
            await ctx.record(item, *each)

    for start in range(0, len(moves), CHUNK):
        await gather(*(partial(one, item, *each) for item, each in moves[start : start + CHUNK]))


def _newest(services: Services, run: Run, references: Sequence[str]) -> Iterator[ItemRecord]:
    for start in range(0, len(references), CHUNK):
        chunk = references[start : start + CHUNK]
        yield from services.ledger.obligations(services.platform, run.mode, run.period, chunk, Kind.CHARGE).values()


def _revision(services: Services, base: RunRecord, having: Sequence[Story], turn: int) -> RunRecord:
    """Return the run as this turn leaves it: its own items come to so much more."""
    existing = services.ledger.run(base.run_id)
    totals: Counter[str] = Counter({} if existing is None else dict(existing.header.get("totals", {})))
    for story in having:
        new, before = story.chapters[turn].new, story.chapters[turn - 1].new if turn else story.item
        totals[new.currency] += new.amount
        if before is not None and not (isinstance(before, ItemRecord) and before.run_id != base.run_id):
            totals[before.currency] -= before.amount
    return replace(
        base,
        header={**base.header, "totals": dict(sorted(totals.items())), PARTIAL: True},
        revision=1 if existing is None else existing.revision + 1,
        status=RunStatus.REBUILDING,
    )


def _line(story: Story, chapter: Chapter, run: Run) -> PlannedLine:
    """Return the line of a generation: as the file has it, or with the reference alone where it said otherwise then."""
    line, charge = story.line, None if story.line is None else story.line.item
    if line is not None and charge is not None and chapter.new.payer == charge.payer:
        return PlannedLine(line.line, line.cells, new=chapter.new)
    named = "reference" if "reference" in run.columns else next(iter(run.columns), "")
    cells = tuple(story.reference if column == named else "" for column in run.columns)
    return PlannedLine(0 if line is None else line.line, cells, new=chapter.new)
