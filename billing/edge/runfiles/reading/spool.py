"""Records parked in an unnamed temporary file, so that a file of a million lines never sits in memory."""

import io
import marshal
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from billing.core.errors import RunStopped

Record = tuple[Any, ...]
"""A tuple of texts, whole numbers, None and further such tuples: plain values only."""

_BATCH: Final = 256
# Records written together. Measured on rows of ten columns: 1.0 µs and 203 bytes a row to write, 0.4 µs to read back;
# JSON took 1.8 and 1.6 µs and 359 bytes, pickle about as long as marshal, which however can only ever hold values.
_LENGTH = struct.Struct("<I")


class Spool:
    """An append-only list of records on disk: written once, read in order as often as needed.

    The file has no name and mode 0600, so nobody else can open it and nothing is left behind after a kill.
    """

    def __init__(self, folder: Path | None = None) -> None:
        try:
            self._file: io.BufferedRandom = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  it lives as long as the spool
        except OSError as error:
            raise RunStopped(
                f"no temporary file can be made: {error.strerror}; set TMPDIR to a writable folder"
            ) from error
        self._pending: list[Record] = []

    def append(self, record: Record) -> None:
        """Add a record at the end.

        Raises:
            RunStopped: the temporary folder is full.
        """
        self._pending.append(record)
        if len(self._pending) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is pending; call it once after the last record.

        Raises:
            RunStopped: the temporary folder is full.
        """
        if not self._pending:
            return
        packed = marshal.dumps(self._pending)
        self._pending = []
        try:
            self._file.write(_LENGTH.pack(len(packed)) + packed)
            self._file.flush()
        except OSError as error:
            raise RunStopped(f"the temporary folder cannot be written: {error.strerror}; set TMPDIR") from error

    def __iter__(self) -> Iterator[Record]:
        """Every record in order. Several iterations may run side by side."""
        handle, offset = self._file.fileno(), 0
        while head := os.pread(handle, _LENGTH.size, offset):
            (length,) = _LENGTH.unpack(head)
            batch: list[Record] = marshal.loads(os.pread(handle, length, offset + _LENGTH.size))  # noqa: S302  our own file, unnamed, and marshal builds plain values only
            yield from batch
            offset += _LENGTH.size + length

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()
