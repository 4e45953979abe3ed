"""How an entry is told: a row of a table, and how its gaps are filled.

A gap is written ``{price}``. A sentence with a gap that nothing fills is left out, so that a table never claims what an
entry does not prove; of several titles the first one counts whose gaps can all be filled. A sentence behind a mark,
`when`, is told only where that mark is known, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter
from typing import NamedTuple

from billing.core.tones import Tone

PLAIN = ""
# Of a step without an icon of its own.
WARN = "warn"
# Of a step that a person should look at.
Gaps = Mapping[str, str]
# What fills the gaps that can be filled.


class Role(StrEnum):
    """What an entry is to those around it.

    ``turn``: the line stands otherwise after it. ``detail``: it is told with the details before it. ``lead``: it is
    told with whatever comes next, since only that says what came of it.
    """

    TURN = "turn"
    DETAIL = "detail"
    LEAD = "lead"


class Sentence(NamedTuple):
    """A sentence, told where ``mark`` is known; without a mark, always."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """How an entry is told; see the module.

    Attributes:
        titles: the first that can be filled counts.
        says: those that can be filled are told.
        tone: a colour and its icon, or none.
        role: what it is to the entries around it.
    """

    titles: tuple[str, ...]
    says: tuple[Sentence, ...] = ()
    tone: str = PLAIN
    role: Role = Role.TURN

    def title(self, gaps: Gaps) -> str:
        """Return the title."""
        return next(found for each in self.titles if (found := filled(each, gaps)) is not None)

    def sentences(self, gaps: Gaps) -> tuple[str, ...]:
        """Return what is told below it."""
        found = (filled(each.text, gaps) for each in self.says if not each.mark or each.mark in gaps)
        return tuple(text for text in found if text is not None)


def when(mark: str, text: str) -> Sentence:
    """Return a sentence that is told where a mark is known."""
    return Sentence(text, mark)


def turn(titles: str | tuple[str, ...], *says: str | Sentence, tone: str | Tone = PLAIN) -> Words:
    """Return the words of an entry after which the line stands otherwise."""
    return _words(titles, says, tone, Role.TURN)


def detail(titles: str | tuple[str, ...], *says: str | Sentence) -> Words:
    """Return the words of an entry that is told with the details around it."""
    return _words(titles, says, PLAIN, Role.DETAIL)


def lead(titles: str | tuple[str, ...], *says: str | Sentence, tone: str | Tone = PLAIN) -> Words:
    """Return the words of an entry that is told with what comes next; they are read while nothing has come yet."""
    return _words(titles, says, tone, Role.LEAD)


def _words(titles: str | tuple[str, ...], says: tuple[str | Sentence, ...], tone: str, role: Role) -> Words:
    every = (titles,) if isinstance(titles, str) else titles
    told = tuple(each if isinstance(each, Sentence) else Sentence(each) for each in says)
    return Words(every, told, str(tone), role)


def gaps_in(text: str) -> set[str]:
    """Return the names of the gaps of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def filled(text: str, gaps: Gaps) -> str | None:
    """Fill a text in, or return None where something is not known. What fills a gap is never read as a gap itself."""
    return text.format_map(gaps) if gaps_in(text) <= gaps.keys() else None
