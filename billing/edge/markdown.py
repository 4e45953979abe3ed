"""Texts of others in Markdown: whatever a sheet or Stripe wrote stays a text on GitHub, on GitLab, and anywhere else.

In a code span nothing is an element, an entity, a link, a mention, a picture or an emoji, and no platform looks for
issues or commits there. What could still end one is a run of backticks, a line end, and in a table a pipe.
(GitHub Flavored Markdown 0.29, 6.3 "Code spans" and 4.10 "Tables"; CommonMark 0.31.2, 6.1)
"""

import re
from collections.abc import Iterable

from billing.edge.logs import visible

NOTHING = "\N{EN DASH}"
LONGEST = 160
# Characters of a text of others; more say nothing to a reader, and a comment has only so many.
MOST_TICKS = 16
# Backticks in a row: renderers stop looking for longer ones (cmark after 80).
_TICKS = re.compile("`+")
_PLAIN = re.compile(
    # Words, numbers, and marks between them that mean nothing: no point or colon within a word.
    r"(?!.*\b(?:[0-9a-f]{7,40}|[A-Za-z]+-[0-9]+)\b)[A-Za-z](?:[A-Za-z0-9 ,'()/-]|[.;:?](?= |$))*"
)
# Looked for before it: what a platform takes for a commit or for an issue.


def code(text: str, *, cell: bool = True) -> str:
    """Write a text as a code span that shows exactly it, what cannot be seen as an escape; a dash for no text.

    Args:
        text: of whomever.
        cell: whether it stands in a table, where a pipe would end the cell: a backslash before one is taken away again
            by whoever reads the table, and by nobody outside of one.
    """
    shown = visible(text)
    if len(shown) > LONGEST:
        shown = shown[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if not shown:
        return NOTHING
    if not shown.strip(" "):
        shown = shown.replace(" ", "\\x20")
    ticks = max(map(len, _TICKS.findall(shown)), default=0)
    if ticks > MOST_TICKS:
        shown, ticks = shown.replace("`", "\\x60"), 0
    if cell:
        shown = shown.replace("|", "\\|")
    # One blank is taken off each end where both have one: room for a backtick there, and for blanks that are meant.
    room = " " if shown[0] == "`" or shown[-1] == "`" or shown[0] == shown[-1] == " " else ""
    fence = "`" * (ticks + 1)
    return f"{fence}{room}{shown}{room}{fence}"


def prose(text: str, *, cell: bool = True) -> str:
    """Write a sentence as it stands where nothing in it can mean anything to Markdown, else as `code`."""
    if len(text) <= 2 * LONGEST and _PLAIN.fullmatch(text):
        return text
    return code(text, cell=cell)


def table(head: Iterable[str], rows: Iterable[Iterable[str]], right: int = 1) -> str:
    """Write a table of cells that are Markdown already; columns from number ``right`` on are numbers."""
    names = list(head)
    marks = [":--" if place < right else "--:" for place in range(len(names))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (names, marks, *rows))


def block(lines: Iterable[str], language: str = "sh") -> str:
    """Write lines as a block of code that none of them can end."""
    shown = [visible(line) for line in lines]
    longest = max((len(run) for line in shown for run in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *shown, fence]) + "\n"


def folded(summary: str, body: str) -> str:
    """Write what opens when it is asked for; ``summary`` is our own plain text."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n</details>\n"
