"""The geometry of charts: shares of a width, in per cent, as the templates draw them in SVG without a script.

A bar begins at 0 and ends at 100; its segments keep a gap, and the smallest is still seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing.core.tones import Tone

GAP = 0.35
# Per cent between two segments.
LEAST = 0.8
# Per cent that the smallest segment is drawn with.
PLACES = 4


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


def segments(parts: Iterable[tuple[Tone, int]]) -> Sequence[Segment]:
    """Return the segments of a bar, in the order of tones; parts of the same tone are one."""
    sizes = dict.fromkeys(Tone, 0)
    for tone, size in parts:
        sizes[tone] += size
    shown = {tone: size for tone, size in sizes.items() if size > 0}
    total = sum(shown.values())
    if not total:
        return ()
    room = 100.0 - GAP * (len(shown) - 1)
    widths = {tone: max(LEAST, room * size / total) for tone, size in shown.items()}
    over = sum(widths.values()) - room  # what the smallest were given is taken from the others, by their size
    wide = sum(width for width in widths.values() if width > LEAST)
    found, left = [], 0.0
    for tone, width in widths.items():
        drawn = width - (over * width / wide if width > LEAST else 0)
        found.append(Segment(tone, round(left, PLACES), round(drawn, PLACES)))
        left += drawn + GAP
    return tuple(found)
