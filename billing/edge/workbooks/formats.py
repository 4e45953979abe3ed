"""How cells look: the tones of the pages on paper, in light alone, with the word always beside the colour."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from billing.core.tones import Tone
from billing.edge.workbooks.rows import style_of

INK, INK2, LINE, SUNK = "#17191C", "#525861", "#E4E4DF", "#F2F2EE"
COLOURS: Mapping[Tone, str] = {
    Tone.PAID: "#1B7F52",
    Tone.WAY: "#2B6CB8",
    Tone.CUST: "#A96200",
    Tone.AGAIN: "#7556B6",
    Tone.FINAL: "#B5303A",
    Tone.UNK: "#454D59",
    Tone.SKIP: "#868C95",
}
# Those of `edge/pages/static/base.css` in light; a law holds the two together.
_TINT = 0.14
# How much of a tone lies under its word: the ink on it keeps a contrast of more than 7:1.
_DECIMALS = {0: "#,##0", 2: "#,##0.00", 3: "#,##0.000"}
MOMENT, DAY, ORDINAL = "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd", "0"
TEXT = "@"
# Of an amount that is too long for a number: a text, at the right like the others.


class Look(StrEnum):
    """What a line is to its reader."""

    PLAIN = "plain"
    TITLE = "title"
    VERDICT = "verdict"
    HEADING = "heading"
    NOTE = "note"
    HEAD = "head"
    TOTAL = "total"


class Side(StrEnum):
    """Where in its cell a text stands; ``apart`` is a little away from a number that may end before it."""

    OWN = "own"
    APART = "apart"
    RIGHT = "right"


_SIDES: Mapping[Side, Mapping[str, Any]] = {
    Side.OWN: {},
    Side.APART: {"align": "left", "indent": 1},
    Side.RIGHT: {"align": "right"},
}
_LOOKS: Mapping[Look, Mapping[str, Any]] = {
    Look.PLAIN: {},
    Look.TITLE: {"bold": True, "font_size": 18},
    Look.VERDICT: {"bold": True, "font_size": 12},
    Look.HEADING: {"bold": True, "font_size": 13},
    Look.NOTE: {"font_color": INK2},
    Look.HEAD: {"bold": True, "bg_color": SUNK, "bottom": 1, "bottom_color": INK2, "valign": "vcenter", "text_wrap": 1},
    Look.TOTAL: {"bold": True, "top": 1, "top_color": INK2},
}


def tint(tone: Tone) -> str:
    """Return what lies under the word of a tone."""
    parts = (int(COLOURS[tone][at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * _TINT):02X}" for part in parts)


def digits(decimals: int) -> str:
    """Return the number format of so many decimals, with the separators of whoever opens it."""
    return _DECIMALS.get(decimals) or "#,##0." + "0" * decimals


class Formats:
    """The formats of a workbook, each made once."""

    def __init__(self, workbook: Any) -> None:  # noqa: ANN401  a library without types
        """Begin without any."""
        self._workbook = workbook
        self._made: dict[tuple[Look, str, Tone | None, Side], int] = {}

    def of(self, look: Look, number: str = "", tone: Tone | None = None, side: Side = Side.OWN) -> int:
        """Return the number of the format of a cell."""
        name = (look, number, tone, side)
        found = self._made.get(name)
        if found is None:
            found = style_of(self._workbook.add_format(self._properties(look, number, tone, side)))
            self._made[name] = found
        return found

    def alarm(self) -> Any:  # noqa: ANN401  the same
        """Return the format of a check that does not come to 0."""
        return self._workbook.add_format(
            {"bg_color": tint(Tone.FINAL), "font_color": COLOURS[Tone.FINAL], "bold": True}
        )

    @staticmethod
    def _properties(look: Look, number: str, tone: Tone | None, side: Side) -> dict[str, Any]:
        found: dict[str, Any] = {"font_color": INK, **_LOOKS[look], **_SIDES[side]}
        if number:
            found |= {"num_format": number}
        if tone is not None:
            found |= {"bg_color": tint(tone), "left": 5, "left_color": COLOURS[tone]}
        return found
