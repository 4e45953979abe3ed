"""The shared texts of a workbook: kept in an unnamed temporary file, so that their number takes no memory."""

import os
import tempfile
from array import array
from pathlib import Path

from billing.core.errors import RunStopped
from billing.edge.runfiles.reading.remembered import Remembered
from billing.edge.runfiles.workbook.cells import unescaped
from billing.edge.runfiles.workbook.package import Package, Xml
from billing.edge.texts.problems import Unreadable

LONGEST = 128 * 1024
# Characters in a cell, as for a field of a CSV; a spreadsheet keeps 32,767.
MOST = 16_000_000
# Texts: eight bytes of memory each.
_WINDOW = 1 << 16
# Bytes read at once: the texts of one line mostly stand together.


class Pieces:
    """A text as it comes from XML, piece by piece; what shows how it is pronounced is left out."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._open = False
        self._aside = 0

    def start(self, name: str) -> None:
        """A tag begins."""
        if name == "rPh":
            self._aside += 1
        self._open = name == "t" and not self._aside

    def end(self, name: str) -> None:
        """A tag ends."""
        if name == "rPh":
            self._aside -= 1
        self._open = False

    def text(self, text: str) -> None:
        """A text comes by.

        Raises:
            Unreadable: with it the cell is longer than any may be.
        """
        if self._open:
            self._length += len(text)
            if self._length > LONGEST:
                raise Unreadable(0, 0, "too_long", "the workbook has a cell longer than 128 KiB")
            self._parts.append(text)

    def taken(self) -> str:
        """The whole text; the next one begins."""
        text = "".join(self._parts)
        self._parts, self._length = [], 0
        return text


class Strings:
    """The shared texts by their index. Close it.

    Raises:
        RunStopped: the temporary folder cannot be written.
        Unreadable: the part that has them is damaged.
    """

    def __init__(self, package: Package, part: str | None, folder: Path | None) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  it is closed with the workbook
        except OSError as error:
            raise RunStopped(f"no temporary file can be made: {error.strerror}; set TMPDIR") from error
        self._ends = array("Q", [0])
        self._window, self._from = b"", 0
        self.of = Remembered(self._read).__getitem__
        try:
            if part is not None:
                self._fill(package, part)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    def _fill(self, package: Package, part: str) -> None:
        pieces, pending, written = Pieces(), list[bytes](), 0

        def start(name: str, _: dict[str, str]) -> None:
            pieces.start(name)

        def end(name: str) -> None:
            nonlocal written
            pieces.end(name)
            if name == "si":
                text = unescaped(pieces.taken()).encode()
                written += len(text)
                self._ends.append(written)
                if len(self._ends) > MOST:
                    raise Unreadable(0, 0, "too_large", f"the workbook has more than {MOST:,} texts", "split the run")
                pending.append(text)

        for _ in Xml(package, part, start, end, pieces.text):
            self._write(b"".join(pending))
            pending.clear()
        self._write(b"", flush=True)

    def _write(self, data: bytes, *, flush: bool = False) -> None:
        try:
            self._file.write(data)
            if flush:
                self._file.flush()
        except OSError as error:
            raise RunStopped(f"the temporary folder cannot be written: {error.strerror}; set TMPDIR") from error

    def _read(self, index: int) -> str:
        """One text.

        Raises:
            Unreadable: there is none of this index.
        """
        if not 0 <= index < len(self._ends) - 1:
            raise Unreadable(
                0, 0, "damaged_workbook", "a cell points at a text that the workbook lacks", "save it again"
            )
        begin, end = self._ends[index], self._ends[index + 1]
        if not self._from <= begin <= end <= self._from + len(self._window):
            self._window, self._from = os.pread(self._file.fileno(), max(_WINDOW, end - begin), begin), begin
        return self._window[begin - self._from : end - self._from].decode()
