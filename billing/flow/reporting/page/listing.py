"""The list of all lines: written while the run is gathered, kept on disk, given out in the order of the sheet or by
accounts. Memory keeps where a line is, not the line.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

from markupsafe import Markup

from billing.core import dashboard
from billing.core.records import RunRecord
from billing.core.tones import TONES
from billing.core.wording import day, priced
from billing.edge.logs import visible
from billing.edge.pages.rows import ItemRow, item_row
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.reporting.overview import Line

OWN = frozenset({
    "main", "money", "person", "why", "back", "bank", "agree", "accounts", "speed", "lines", "proof", "find", "found",
    "all", "parts", "references", "q", "s", *(f"i-{tone}" for tone in (*TONES.values(), "warn")),
    *(f"{plot}-{what}" for plot in ("back", "bank", "speed") for what in "td"),
})  # fmt: skip
# Ids that the page itself has; a reference of that name gets another anchor.
CHUNK = 1 << 14
# Characters that are given out at once.
ORDINALS = {2: "second try", 3: "third try", 4: "fourth try"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a line is: its reference and anchor, its account, and its place among the lines of that account."""

    name: str
    anchor: str
    account: str
    nth: int


@dataclass(slots=True)
class Listing:
    """The rows of all lines."""

    record: RunRecord
    zone: ZoneInfo
    entries: list[Entry] = field(default_factory=list)
    _places: dict[str, "array[int]"] = field(default_factory=dict)
    _anchors: set[str] = field(default_factory=lambda: set(OWN))
    _file: IO[bytes] = field(default_factory=TemporaryFile)
    _end: int = 0

    def take(self, line: Line) -> None:
        """Take in one line."""
        name = visible(line.reference)
        anchor = self._anchor(name, line.number)
        row = item_row(_row(line, name, anchor, self.record, self.zone)).encode("utf-8", "replace")
        places = self._places.setdefault(line.account, array("Q"))
        self.entries.append(Entry(name, anchor, line.account, len(places)))
        places.append(self._end)
        self._file.write(row)
        self._end += len(row)

    def close(self) -> None:
        """Forget the rows."""
        self._file.close()

    def counts(self) -> dict[str, int]:
        """Return account -> lines, by id."""
        return {account: len(self._places[account]) for account in sorted(self._places)}

    def all(self) -> Iterator[Markup]:
        """Stream all rows in the order of the sheet."""
        self._file.seek(0)
        while lines := self._file.readlines(CHUNK):
            yield Markup(b"".join(lines).decode())  # noqa: S704  written by `item_row`

    def of(self, account: str, first: int, after: int) -> Iterator[Markup]:
        """Stream the rows of an account: those from place ``first`` to before ``after``."""
        for place in self._places[account][first:after]:
            self._file.seek(place)
            yield Markup(self._file.readline().decode())  # noqa: S704  the same

    def _anchor(self, name: str, number: int) -> str:
        """Return an id for a line that no other has: its reference, as a rule."""
        wanted = name or f"line-{number}"
        found, again = wanted, 1
        while found in self._anchors:
            again += 1
            found = f"{wanted}~{number}" if again == 2 else f"{wanted}~{number}~{again}"
        self._anchors.add(found)
        return found


def person_row(line: Line, record: RunRecord) -> Markup:
    """Write a line that needs a person, with why."""
    name = visible(line.reference) or f"line {line.number}"
    why = first_up(line.says) or first_up(row_words(record.kind, line.row))
    return item_row(ItemRow(name, _address(line, record), priced(line.amount, line.currency),
                            visible(line.customer), visible(line.account), visible(why)))  # fmt: skip


def _row(line: Line, name: str, anchor: str, record: RunRecord, zone: ZoneInfo) -> ItemRow:
    words = first_up(row_words(record.kind, line.row))
    return ItemRow(
        name or f"line {line.number}", _address(line, record), priced(line.amount, line.currency),
        visible(line.customer), visible(line.account), words, visible(_more(line, record, zone)), anchor, line.row,
        TONES[line.row],
    )  # fmt: skip


def _address(line: Line, record: RunRecord) -> str:
    return dashboard.of_object(line.payment, record.mode, line.account) if line.payment else ""


def _more(line: Line, record: RunRecord, zone: ZoneInfo) -> str:
    """Say what stands behind the state of a line."""
    told = line.told
    if not line.listed:
        return "its line was taken out of the sheet"
    if line.row == "paid":
        tries = int(told["attempts"]) if told.get("attempts", "").isdigit() else 1
        again = ORDINALS.get(tries, f"try {tries}") if tries > 1 else ""
        return ", ".join(part for part in (day(told.get("last_try", ""), zone, short=True), again) if part)
    then = day(told.get("next_try", ""), zone, short=True) if line.row == "declined_for_now" else ""
    elsewhere = f"in {told['run']}" if told.get("run", "") not in ("", record.run_id) else ""
    return ", ".join(part for part in (then and f"tried again {then}", line.says, elsewhere) if part)
