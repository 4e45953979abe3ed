"""The bytes of a file, read exactly once: hashed as they pass, refused when they are not UTF-8 text."""

import codecs
import hashlib
import io
from typing import BinaryIO, Protocol, TextIO

from billing.core.errors import UsageError
from billing.edge.texts.problems import Unreadable

LARGEST = 2 * 1024**3
# Bytes. Beyond it a file is a mistake, or should be several runs. (edge/runfiles/README.md, "Bounds")

_HINT = "save the file as UTF-8"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf32", "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf16", "UTF-16"),
)


class Digest(Protocol):
    """The part of a hash that reading needs."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""
        ...

    def hexdigest(self) -> str:
        """What the bytes so far come to, in hex."""
        ...


def new_digest() -> Digest:
    """SHA-256, the digest a plan is tied to."""
    return hashlib.sha256()


class ByteStream(io.BufferedIOBase):
    """A byte stream between a file and a text decoder: it hashes, counts, and looks for what no text file holds.

    Reading raises `Unreadable` for NUL bytes, UTF-16, UTF-32 and files beyond the limit.
    """

    def __init__(self, source: BinaryIO, digest: Digest, largest: int = LARGEST) -> None:
        super().__init__()
        self._source = source
        self._digest = digest
        self._largest = largest
        self._bytes = 0
        self._lines = 0

    def readable(self) -> bool:
        """It is, always: the decoder above asks."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, at most ``size``."""
        everything = size is None or size < 0
        try:
            chunk = self._source.read(self._largest - self._bytes + 1 if everything else size or 0)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or "it is no file to be read"
            raise UsageError(f"the file cannot be read: {why}") from None
        self._inspect(chunk)
        return chunk

    read1 = read  # TextIOWrapper asks for one raw read at a time

    def undecodable(self, error: UnicodeDecodeError) -> Unreadable:
        """Where in the file the decoder stopped.

        The decoder holds ``error.object``, whose end is the last byte handed out; so its start is known.
        """
        offset = self._bytes - len(error.object) + error.start
        line = self._lines - error.object[error.start :].count(b"\n") + 1
        byte = error.object[error.start]
        return Unreadable(line, 1, "not_utf8", f"byte 0x{byte:02X} at offset {offset} is not UTF-8", _HINT)

    def _inspect(self, chunk: bytes) -> None:
        for mark, code, name in _MARKS if not self._bytes else ():
            if chunk.startswith(mark):
                raise Unreadable(1, 1, code, f"the file is {name}: byte order mark at offset 0", _HINT)
        nul = chunk.find(b"\0")
        if nul >= 0:
            line, offset = self._lines + chunk[:nul].count(b"\n") + 1, self._bytes + nul
            raise Unreadable(line, 1, "nul_byte", f"NUL byte at offset {offset}", f"if it is UTF-16, {_HINT}")
        self._digest.update(chunk)
        self._bytes += len(chunk)
        self._lines += chunk.count(b"\n")
        if self._bytes > self._largest:
            raise Unreadable(0, 0, "too_large", f"the file is larger than {self._largest:,} bytes", "split the run")


def decoded(tap: ByteStream) -> TextIO:
    """The text of the file with its own line ends, a byte order mark stripped."""
    text = io.TextIOWrapper(tap, encoding="utf-8-sig", errors="strict", newline="")  # type: ignore[type-var]  # no name
    text._CHUNK_SIZE = 1 << 18  # type: ignore[attr-defined]  # noqa: SLF001  larger gulps: fewer calls into Python
    return text
