"""The life of one line on a terminal: the answer first, then money, then what happened, then what may be done."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from zoneinfo import ZoneInfo

from billing.cli.books import open_books
from billing.cli.session import Session
from billing.cli.tables import WIDTH, priced
from billing.cli.terminal import write_json, write_out
from billing.cli.typed import following
from billing.core import wording
from billing.core.exits import Exit
from billing.core.stories.story import Beside, Command, Head, Money, Step, Story
from billing.edge.logs import visible
from billing.flow.reporting.life import story_of
from billing.flow.reporting.life_found import found

INDENT = "  "
BELOW = " " * 12
# Where the text of a step begins, behind its time of day.
NOT_CARRIED = frozenset({"run", "record"})
# Options of this command that mean something else to the next one.


async def explain(session: Session, asked: str, run_id: str | None, *, record: bool) -> int:
    """Print it."""
    async with open_books(session) as ledger:
        with ledger.at_one_moment():
            meant = found(ledger, asked, run_id)
            story = story_of(ledger, meant.record, meant.reference)
    if session.json:
        write_json(story.as_json())
    else:
        write_out(line + "\n" for line in as_text(story, record=record))
    return Exit.OK


def as_text(story: Story, *, record: bool) -> Iterator[str]:
    """Write a story, line by line; ``record`` shows the entries of the ledger behind each step, too."""
    yield from _head(story.head)
    for paragraph in story.answer:
        yield ""
        yield from _wrapped(paragraph)
    if story.money.rows or story.money.says:
        yield from _money(story.money)
    if story.steps:
        yield from _steps(story, record=record)
    yield from _next(story)
    if story.beside:
        yield from _beside(story.beside)
    if story.steps and not record:
        yield ""
        yield from _wrapped(f"{wording.counted(story.entries, 'entry', 'entries')} of the ledger tell this: --record")


def _head(head: Head) -> Iterator[str]:
    place = f", line {head.line}" if head.line else ""
    gone = "" if head.listed else ", no longer in the sheet"
    yield from _wrapped(f"{head.reference}: {head.run}{place}{gone}, {head.mode} mode", "", INDENT)
    if head.account or head.customer:
        money = f"{priced(head.amount, head.currency)} " if head.currency else ""
        whom = f"from {head.customer} to {head.account}" if money else f"{head.customer} {head.account}".strip()
        yield from _wrapped(f"{money}{whom}")
    if head.payment:
        yield from _wrapped(f"{head.object_name} {head.payment}")
    yield from _wrapped(f"Times in {head.zone}.")


def _money(money: Money) -> Iterator[str]:
    yield from ("", "Money")
    if money.rows:
        cells = [(row.words, priced(row.amount, row.currency)) for row in money.rows]
        wide, high = (max(map(len, column)) for column in zip(*cells, strict=True))
        yield from (visible(f"{INDENT}{words:<{wide}}  {figure:>{high}}") for words, figure in cells)
    for sentence in money.says:
        yield from _wrapped(sentence)


def _steps(story: Story, *, record: bool) -> Iterator[str]:
    zone = ZoneInfo(story.head.zone)
    yield from ("", "What happened")
    for day, steps in groupby(story.steps, key=lambda step: wording.day(step.at, zone)):
        yield f"{INDENT}{day}"
        for step in steps:
            yield from _step(step, zone, record=record)


def _step(step: Step, zone: ZoneInfo, *, record: bool) -> Iterator[str]:
    yield from _wrapped(step.title, f"{INDENT}{wording.clock(step.at, zone):<{len(BELOW) - len(INDENT)}}", BELOW)
    if step.says:
        yield from _wrapped(" ".join(step.says), BELOW, BELOW)
    if record:
        for line in step.lines:
            yield from _wrapped(line, BELOW, BELOW + INDENT)


def _next(story: Story) -> Iterator[str]:
    todo = story.todo
    yield from ("", f"What comes next: {visible(todo.title[:1].lower() + todo.title[1:])}")
    if todo.says:
        yield from _wrapped(todo.says)
    for command in todo.commands:
        yield f"{INDENT}{INDENT}{_typed(command)}"


def _beside(others: tuple[Beside, ...]) -> Iterator[str]:
    yield from ("", "The same reference elsewhere")
    for each in others:
        yield from _wrapped(f"{each.run}, {each.kind}: {each.says}")
        yield f"{INDENT}{INDENT}{_typed(each.command)}"


def _typed(command: Command) -> str:
    """Return a command as it can be pasted, with the options typed now that it takes as well."""
    return following(command.name, *command.arguments, without=NOT_CARRIED, **command.options)


def _wrapped(text: str, first: str = INDENT, later: str = INDENT) -> list[str]:
    return textwrap.wrap(
        visible(text), WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    )  # fmt: skip
