"""A plot as SVG by hand: lines, bars, axes and a legend on white. Nothing is loaded from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 960, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 96, 64
INK, PALE, GRID = "#24292f", "#57606a", "#e6e9ed"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
STEP_X, STEP_Y = 20, 20
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name in the legend, its colour, its points, its stroke."""

    name: str
    colour: str
    points: Points
    width: float = 2.0
    dashes: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """Bars from the bottom, each one unit wide: for what is rare and must be seen."""

    name: str
    colour: str
    points: Points


class Chart:
    """Collects what is drawn; ``svg`` returns the picture."""

    def __init__(self, title: str, x_name: str, y_name: str, x_end: float, y_end: float) -> None:
        """Axes run from 0 to ``x_end`` and ``y_end``."""
        self._names = (title, x_name, y_name)
        self._x_end, self._y_end = x_end, y_end
        self._note = ""
        self._below: list[str] = []
        self._drawn: list[str] = []
        self._legend: list[tuple[str, str, str]] = []

    def _x(self, value: float) -> float:
        return LEFT + value / self._x_end * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - min(max(value, 0.0), self._y_end) / self._y_end * (HEIGHT - TOP - BOTTOM)

    def bands(self, parts: Sequence[tuple[float, float, str]]) -> None:
        """Shade every second part of the time and name each at its top."""
        for n, (begin, end, name) in enumerate(parts):
            if n % 2:
                self._below.append(_rect(self._x(begin), TOP, self._x(end) - self._x(begin), HEIGHT - TOP - BOTTOM))
            self._below.append(_text((self._x(begin) + self._x(end)) / 2, TOP + 16, name, PALE, 12, "middle"))

    def line(self, line: Line) -> None:
        """Draw a curve."""
        points = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in line.points)
        dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
        style = f'fill="none" stroke="{line.colour}" stroke-width="{line.width}" stroke-linejoin="round"{dashes}'
        self._drawn.append(f'<polyline points="{points}" {style}/>')
        self._legend.append((line.name, line.colour, line.dashes))

    def marks(self, marks: Marks) -> None:
        """Draw bars where there is something."""
        width = self._x(1.0) - self._x(0.0)
        for x, y in marks.points:
            if y:
                top = self._y(y)
                height = self._y(0.0) - top
                self._drawn.append(
                    f'<rect x="{self._x(x):.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
                    f'fill="{marks.colour}"/>'
                )
        self._legend.append((marks.name, marks.colour, ""))

    def note(self, text: str) -> None:
        """Say under the title how it was made."""
        self._note = text

    def svg(self) -> str:
        """Return the picture."""
        title, x_name, y_name = self._names
        middle = (TOP + HEIGHT - BOTTOM) / 2
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="{FONT}" role="img" aria-label="{escape(title)}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
            _text(LEFT, 30, title, INK, 17, weight=600),
            _text(LEFT, 50, self._note, PALE, 12),
            *self._below,
            *self._axes(),
            *self._drawn,
            *self._legends(),
            _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_name, PALE, 12, "middle"),
            f'<g transform="rotate(-90 20 {middle})">{_text(20, middle, y_name, PALE, 12, "middle")}</g>',
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _axes(self) -> list[str]:
        drawn = []
        for y in range(0, int(self._y_end) + 1, STEP_Y):
            at = self._y(y)
            colour = INK if y == 0 else GRID
            drawn.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="{colour}"/>')
            drawn.append(_text(LEFT - 8, at + 4, str(y), PALE, 11, "end"))
        for x in range(0, int(self._x_end) + 1, STEP_X):
            at = self._x(x)
            drawn.append(f'<line x1="{at:.1f}" y1="{self._y(0)}" x2="{at:.1f}" y2="{self._y(0) + 5}" stroke="{INK}"/>')
            drawn.append(_text(at, self._y(0) + 19, str(x), PALE, 11, "middle"))
        return drawn

    def _legends(self) -> list[str]:
        drawn, x = [], float(LEFT)
        for name, colour, dashes in self._legend:
            dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
            style = f'stroke="{colour}" stroke-width="3"{dashed}'
            drawn.append(f'<line x1="{x:.0f}" y1="74" x2="{x + 24:.0f}" y2="74" {style}/>')
            drawn.append(_text(x + 30, 78, name, INK, 12))
            x += 58 + 6.6 * len(name)
        return drawn


def _text(x: float, y: float, words: str, colour: str, size: int, anchor: str = "start", weight: int = 400) -> str:
    style = f'fill="{colour}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def _rect(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="#f3f6fa"/>'
