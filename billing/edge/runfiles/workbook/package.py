"""The package of a workbook: a zip of XML parts, each read once as a stream and never further than a limit."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO
from xml.parsers import expat

from billing.edge.texts.problems import Unreadable

LARGEST_PART = 1024**3
# Bytes of a part once it is unpacked, counted as they come and not as the package says. Excel's most rows take 600 MB.
# See edge/runfiles/README.md, "Bounds".
MOST_PARTS = 10_000
_LARGEST_READ = 4 * 1024**2
# zipfile reads the list of parts in one piece: more of it is no workbook.
_CHUNK = 1 << 16
_LONGEST_TOKEN = 1 << 20
# Bytes that the XML parser may hold back for a tag that does not end.
_DEEPEST = 64
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
)
_MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
# The namespace of a workbook's parts, and the one of those that are saved as "strict".

Start = Callable[[str, dict[str, str]], None]


@contextmanager
def _damage(what: str) -> Iterator[None]:
    """Turn what a broken package makes the libraries raise into one sentence."""
    try:
        yield
    except Unreadable:
        raise
    except (*_DAMAGE, expat.ExpatError):
        raise Unreadable(0, 0, "damaged_workbook", f"{what} is damaged", "open it and save it again") from None


class _Guarded(io.RawIOBase):
    """The file as zipfile sees it: no single read may be large."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LARGEST_READ:
            raise Unreadable(0, 0, "too_many_parts", f"the workbook has more than {MOST_PARTS:,} parts")
        return self._file.read(_LARGEST_READ if size is None or size < 0 else size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


class Package:
    """An open workbook.

    Args:
        file: its bytes, seekable.

    Raises:
        Unreadable: it is damaged, encrypted, or larger than a workbook may be.
    """

    def __init__(self, file: BinaryIO) -> None:
        with _damage("the workbook"):
            self._zip = zipfile.ZipFile(_Guarded(file))
            entries = self._zip.infolist()
        if len(entries) > MOST_PARTS:
            raise Unreadable(0, 0, "too_many_parts", f"the workbook has more than {MOST_PARTS:,} parts")
        self._parts = {entry.filename.lower(): entry for entry in entries}
        # Two parts of one name are read as one by some programs and as the other by others.
        if len(self._parts) != len(entries):
            raise Unreadable(0, 0, "damaged_workbook", "the workbook has two parts of one name", "save it again")

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    @property
    def names(self) -> tuple[str, ...]:
        """The parts, in lower case, in the order of the package."""
        return tuple(self._parts)

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a part, or nothing."""
        with _damage("the workbook"), self._open(name) as part:
            return part.read(size)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part, as many as there really are and never more than the limit."""
        read = 0
        with _damage(f"the workbook, in {_shown(name)},"), self._open(name) as part:
            while chunk := part.read(_CHUNK):
                read += len(chunk)
                if read > LARGEST_PART:
                    message = f"a part of the workbook unpacks to more than {LARGEST_PART:,} bytes"
                    raise Unreadable(0, 0, "too_large", message, "split the run")
                yield chunk

    def _open(self, name: str) -> zipfile.ZipExtFile:
        entry = self._parts.get(name.lower())
        if entry is None:
            raise Unreadable(0, 0, "damaged_workbook", f"the workbook lacks its part {_shown(name)}", "save it again")
        if entry.flag_bits & 1:
            raise Unreadable(0, 0, "encrypted_workbook", "the workbook has a password", "save it without one")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Unreadable(0, 0, "damaged_workbook", "the workbook is packed in an unusual way", "save it again")
        return self._zip.open(entry)  # type: ignore[return-value]  # for reading it is always one


class Xml:
    """Reads a part as a stream of tags and texts, in constant memory.

    Names are those of the workbook's own namespaces without them; what is in another namespace has the name "" (its
    text is still given). Attributes of relationships are ``id``, without a namespace as all others.

    Args:
        package: where the part is.
        name: of the part.
        start, end, text: called for each; the names are the same in both. A text comes in one piece up to a limit.
    """

    def __init__(
        self,
        package: Package,
        name: str,
        start: Start,
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
        spaces: tuple[str, ...] = _MAIN,
    ) -> None:
        self._package, self._name, self._part = package, name, f"the workbook, in {_shown(name)},"
        parser = self._parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = _CHUNK
        parser.StartDoctypeDeclHandler = self._doctype
        self._begin, self._finish, self._known, self._depth = start, end, _Names(spaces), 0
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        if text is not None:
            parser.CharacterDataHandler = text

    def __iter__(self) -> Iterator[None]:
        """Take the part in; after each step what was found so far may be taken out."""
        fed = 0
        with _damage(self._part):
            for chunk in self._package.chunks(self._name):
                self._parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - self._parser.CurrentByteIndex > _LONGEST_TOKEN:
                    raise Unreadable(0, 0, "damaged_workbook", f"{self._part} has a tag without an end")
                yield
            self._parser.Parse(b"", True)
            yield

    def run(self) -> None:
        """Take the whole part in."""
        for _ in self:
            pass

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable(0, 0, "damaged_workbook", f"{self._part} is nested too deep")
        self._begin(self._known[name], attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._finish is not None:
            self._finish(self._known[name])

    def _doctype(self, *_: object) -> None:
        message = f"{self._part} declares a document type, which no spreadsheet writes"
        raise Unreadable(0, 0, "document_type", message, "save it again in a spreadsheet")


class _Names(dict[str, str]):
    """The name of a tag without its namespace; nothing for those of other namespaces."""

    def __init__(self, spaces: tuple[str, ...]) -> None:
        super().__init__()
        self._spaces = spaces

    def __missing__(self, name: str) -> str:
        space, _, local = name.rpartition(" ")
        found = local if space in self._spaces else ""
        if len(self) < _CHUNK:
            self[name] = found
        return found


def _shown(name: str) -> str:
    """The name of a part for a message: nothing but what parts are called."""
    return re.sub(r"[^A-Za-z0-9._/-]", "?", name[-60:])
