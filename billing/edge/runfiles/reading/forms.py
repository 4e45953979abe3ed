"""What a file is by its first bytes, whatever its name says: text, a workbook, or something that looks like one."""

import io
import struct
from collections.abc import Mapping
from enum import Enum, auto
from typing import BinaryIO

from billing.core.errors import UsageError
from billing.edge.runfiles.reading.byte_stream import Digest
from billing.edge.texts.problems import Unreadable

LARGEST_WORKBOOK = 256 * 1024**2
# Bytes. A million lines of ten columns take about 60 MB. (edge/runfiles/README.md, "Bounds")
_CHUNK = 1 << 18
_ZIP, _OLE = (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Form(Enum):
    """What a file is."""

    TEXT = auto()
    NOTHING = auto()
    ZIP = auto()
    OLD = auto()
    ENCRYPTED = auto()


_SAVE = "in the spreadsheet: Save as, Excel workbook (.xlsx)"
MEANS: Mapping[Form, tuple[str, str]] = {
    Form.TEXT: ("is text and no workbook", "name it .csv"),
    Form.ZIP: ("is packed as a workbook is, and no text", "name it .xlsx"),
    Form.OLD: ("is a workbook of the old kind (.xls)", _SAVE),
    Form.ENCRYPTED: ("is a workbook with a password", "save it without one"),
}
"""What a file is that should be something else, and what would help."""


def form_of(file: BinaryIO) -> Form:
    """Say what a file is; its bytes are given back.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        head = file.read(512)
        form = _form(file, head)
        file.seek(0)
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror or 'it is no file to be read'}") from None
    return form


def _form(file: BinaryIO, head: bytes) -> Form:
    if not head:
        return Form.NOTHING
    if head.startswith(_ZIP):
        return Form.ZIP
    if head.startswith(_OLE):
        return Form.ENCRYPTED if "EncryptedPackage".encode("utf-16-le") in _directory(file, head) else Form.OLD
    return Form.TEXT


def _directory(file: BinaryIO, head: bytes) -> bytes:
    """The first names in a compound file. (MS-CFB, 2.2: where they begin, and how long a sector is)"""
    shift, first = struct.unpack_from("<H", head.ljust(512), 30)[0], struct.unpack_from("<I", head.ljust(512), 48)[0]
    file.seek(min((first + 1) << min(shift, 12), 2 * 1024**3))
    return file.read(io.DEFAULT_BUFFER_SIZE)


def hash_whole(file: BinaryIO, digest: Digest) -> None:
    """Take all bytes into the digest.

    Raises:
        Unreadable: there are more than a workbook has.
        UsageError: they cannot be read.
    """
    read = 0
    try:
        while chunk := file.read(_CHUNK):
            read += len(chunk)
            if read > LARGEST_WORKBOOK:
                message = f"the workbook is larger than {LARGEST_WORKBOOK:,} bytes"
                raise Unreadable(0, 0, "too_large", message, "split the run, or give it as CSV")
            digest.update(chunk)
        file.seek(0)
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror or 'it is no file to be read'}") from None
