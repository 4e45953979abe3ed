"""The standard streams of a process: always there, UTF-8, and never the reason why it ends.

Whoever reads a stream may be gone, its disk may be full, a supervisor may have closed it. None of these changes what
was done, so none of them may change how the process ends, except one: an answer that could not be written whole is an
answer that nobody has, and the exit code says so.
"""

import io
import os
import select
import sys
from contextlib import suppress
from errno import EPIPE
from typing import TYPE_CHECKING, TextIO

from billing.core.exits import Exit

if TYPE_CHECKING:
    from typing_extensions import Buffer

IN, OUT, ERR = 0, 1, 2


class LastingStream(io.RawIOBase):
    """A descriptor whose first failure is remembered; what is written afterwards goes nowhere.

    Attributes:
        lost: the error number of that failure, or None.
    """

    def __init__(self, descriptor: int) -> None:
        """Write to this descriptor; it stays open."""
        super().__init__()
        self._descriptor = descriptor
        self.lost: int | None = None

    def writable(self) -> bool:
        """Say that it is written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Tell whether a terminal is there."""
        return os.isatty(self._descriptor)

    def write(self, data: "Buffer", /) -> int:
        """Write, and wait where the reader is slow."""
        size = memoryview(data).nbytes
        if self.lost is not None:
            return size
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # a pipe that somebody else has made non-blocking
            select.select([], [self._descriptor], [])
            return self.write(data)
        except OSError as error:
            self.lost = error.errno or EPIPE
            return size


def steady_streams() -> None:
    """Open what is closed on /dev/null, and put streams in place that never fail. To be called before anything else.

    A socket that took the number of a closed standard descriptor would be written to by whoever prints, and libraries
    refuse to close it.
    """
    for descriptor in (IN, OUT, ERR):
        _open_if_closed(descriptor)
    if sys.stdin is None:
        sys.stdin = open(IN, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115  as long as the process
    sys.stdout = _lasting(OUT)
    sys.stderr = _lasting(ERR)


def _open_if_closed(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != descriptor:  # a lower one was free, too
            os.dup2(opened, descriptor)
            os.close(opened)
        os.set_inheritable(descriptor, True)  # as the one that was missing


def _lasting(descriptor: int) -> TextIO:
    raw = LastingStream(descriptor)
    buffered = io.BufferedWriter(raw)
    # Lines for a person at once; a program gets whole blocks, and stderr is never late.
    at_once = raw.isatty() or descriptor == ERR
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", newline="", line_buffering=at_once)


def lost(stream: TextIO) -> int | None:
    """Return the error that has ended a stream, or None while it is well (or none of ours)."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, LastingStream) else None


def last_word(code: int) -> int:
    """Write what is left and return the exit code: an answer that could not be written whole is no success.

    A reader that went away has read what it wanted; any other failure (a full disk) makes a success `Exit.STOPPED`,
    and leaves every other code as it is.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    why = lost(sys.stdout)
    if why is None or why == EPIPE:
        return code
    sys.stderr.write(f"error: stdout cannot be written: {os.strerror(why)}; the answer is not whole\n")
    return code or Exit.STOPPED
