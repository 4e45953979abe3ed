"""The geometry of charts, as the templates draw them in SVG without a script.

Widths are in per cent of the chart and heights in em of its text, so that a chart fills any width, grows with the
text, and stretches neither its words nor its marks. A bar begins at 0; its segments keep a gap, and the smallest is
still seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from billing.core.tones import Tone

GAP = 0.35
# Per cent between two segments.
LEAST = 0.8
# Per cent that the smallest segment is drawn with.
PLACES = 4
HIGH, HEAD, FOOT = 10.0, 1.6, 1.8
# Em: what the highest column, or the curve, has; above it for a number; below it for names.
SPACE, LOWEST = 0.12, 0.12
# Em between two parts of a column, and what the smallest is drawn with.
FILLED = 0.6
# Of the room of a column; the rest parts it from the next.
ROOM = 38
# Characters of text that stand beside each other on the narrowest screen.


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar.

    Attributes:
        tone: its colour.
        left, width: in per cent of the bar.
    """

    tone: Tone
    left: float
    width: float


def segments(parts: Iterable[tuple[Tone, int]], whole: int = 0) -> Sequence[Segment]:
    """Return the segments of a bar, in the order of tones; parts of the same tone are one.

    Args:
        parts: tones with their sizes.
        whole: what the full width stands for where bars are held against each other; else the sum of the parts.
    """
    sizes = dict.fromkeys(Tone, 0)
    for tone, size in parts:
        sizes[tone] += size
    shown = {tone: size for tone, size in sizes.items() if size > 0}
    total = sum(shown.values())
    if not total:
        return ()
    room = max(LEAST * len(shown), 100.0 * total / max(whole, total) - GAP * (len(shown) - 1))
    widths = {tone: max(LEAST, room * size / total) for tone, size in shown.items()}
    over = sum(widths.values()) - room  # what the smallest were given is taken from the others, by their size
    wide = sum(width for width in widths.values() if width > LEAST)
    found, left = [], 0.0
    for tone, width in widths.items():
        drawn = width - (over * width / wide if width > LEAST else 0)
        found.append(Segment(tone, round(left, PLACES), round(drawn, PLACES)))
        left += drawn + GAP
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a column: its colour, and where it begins and how high it is, in em."""

    tone: Tone
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a plot.

    Attributes:
        left, width, middle: in per cent.
        parts: from the base upwards.
        number: above it; empty where it would touch the next.
        above: where that stands, in em.
        name: below it; empty likewise.
    """

    left: float
    width: float
    middle: float
    parts: tuple[Part, ...]
    number: str
    above: float
    name: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What a plot is drawn in: its height, its base and the line of names under it, in em."""

    columns: tuple[Column, ...] = ()
    height: float = HEAD + HIGH + FOOT
    base: float = HEAD + HIGH
    names: float = HEAD + HIGH + FOOT - 0.4


def columns(bars: Sequence[tuple[str, str, Mapping[Tone, int]]]) -> Plot:
    """Return a plot of columns.

    Args:
        bars: the name of each, its number as text, and its parts from the base upwards.
    """
    most = max((sum(parts.values()) for _, _, parts in bars), default=0)
    each = 100.0 / max(len(bars), 1)
    names, numbers = _apart([name for name, _, _ in bars]), _apart([number for _, number, _ in bars])
    made = []
    for index, (_, _, parts) in enumerate(bars):
        stack, top = _stacked(parts, most)
        left = each * index + each * (1 - FILLED) / 2
        made.append(Column(_short(left), _short(each * FILLED), _short(each * (index + 0.5)), stack,
                           numbers[index], _short(top - 0.4), names[index]))  # fmt: skip
    return Plot(tuple(made))


def _stacked(parts: Mapping[Tone, int], most: int) -> tuple[tuple[Part, ...], float]:
    """Return the parts of one column and where it ends above."""
    top, found = HEAD + HIGH, []
    for tone, size in parts.items():
        if size > 0:
            height = max(LOWEST, HIGH * size / most - SPACE)
            top -= height
            found.append(Part(tone, _short(top), _short(height)))
            top -= SPACE
    return tuple(found), max(top, HEAD - 0.2)


def _apart(texts: Sequence[str]) -> list[str]:
    """Return texts beside each other, those left out that would touch the next on a narrow screen; the last stays."""
    longest = max((len(text) for text in texts), default=0) + 1
    step = max(1, -(-len(texts) * longest // ROOM))
    last = len(texts) - 1
    return [text if (last - index) % step == 0 else "" for index, text in enumerate(texts)]


def curve(values: Sequence[float], most: float) -> str:
    """Return the path of a curve in a square of 100, which is stretched to the plot; ``most`` is its upper edge."""
    if not values or most <= 0:
        return ""
    step = 100.0 / max(len(values) - 1, 1)
    points = (
        f"{_short(step * at):g} {_short(100 - 100 * min(value, most) / most):g}" for at, value in enumerate(values)
    )
    return "M" + " ".join(points)


def _short(number: float) -> float:
    return round(number, PLACES)
