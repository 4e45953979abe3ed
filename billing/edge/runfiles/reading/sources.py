"""Where the bytes of a run file come from: a file that must not change while it is read, or standard input."""

import io
import os
import re
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from billing.core.errors import RunStopped, UsageError

STDIN = Path("-")
"""What stands for standard input on the command line."""

_YAML = re.compile(r"---|\{|[\"']?[A-Za-z_]+[\"']?\s*:(\s|$)")


class Opened:
    """An open source of bytes, and what it looked like before anything was read of it.

    Attributes:
        name: as the operator named it.
        file: the bytes, from their beginning.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        self.file = file
        self._before = self._look()

    def changed(self) -> bool:
        """Whether somebody wrote to the file since it was opened: half of what was read may be old, half new."""
        return self._look() != self._before

    def _look(self) -> tuple[int, int]:
        found = os.fstat(self.file.fileno())
        return found.st_size, found.st_mtime_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def opened(path: Path) -> Opened:
    """The file, open for reading; close it.

    Raises:
        UsageError: it cannot be opened, or is no regular file.
    """
    try:
        if not path.is_file():
            reason = "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "does not exist"
            raise UsageError(f"{path} {reason}")
        return Opened(str(path), path.open("rb"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the name is not usable"
        raise UsageError(f"{path} cannot be read: {why}") from None


def standard_input(folder: Path | None) -> Opened:
    """Everything on standard input, kept in an unnamed temporary file; close it.

    Raises:
        UsageError: a terminal is there, which would wait for somebody to type a sheet, or nothing at all.
        RunStopped: the temporary folder cannot be written.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or sys.stdin.isatty():
        raise UsageError("- is standard input, and none is there: billing check - --run NAME-PERIOD < sheet.csv")
    with ExitStack() as undone:
        try:
            kept = undone.enter_context(tempfile.TemporaryFile(dir=folder))
            for chunk in iter(partial(_chunk, stream), b""):
                kept.write(chunk)
            kept.seek(0)
        except OSError as error:
            why = f"{error.strerror}; set TMPDIR to a writable folder"
            raise RunStopped(f"standard input cannot be kept: {why}") from error
        undone.pop_all()  # it is closed with what is returned
    return Opened(str(STDIN), kept)


def _chunk(stream: BinaryIO) -> bytes:
    try:
        return stream.read(1 << 18)
    except OSError as error:
        raise UsageError(f"standard input cannot be read: {error.strerror or 'nothing is there'}") from None


def is_yaml(source: BinaryIO) -> bool:
    """Whether the text begins like YAML or JSON, and not like the header of a sheet."""
    head = source.read(io.DEFAULT_BUFFER_SIZE).decode("utf-8-sig", errors="replace")
    source.seek(0)
    lines = (line.strip() for line in head.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _YAML.match(first) is not None
