"""Reading a file that holds a secret or a certificate: a regular file, small, and never waited for."""

import os
import stat
from pathlib import Path


class NotRead(Exception):
    """The file cannot be used; the message says why, to follow its name."""


def read_small(path: Path, most: int) -> tuple[bytes, int]:
    """Return the whole content of a file, and its permissions. A link is followed: mounted secrets are links.

    Args:
        path: of the file.
        most: bytes; what such a file can hold at most.

    Raises:
        FileNotFoundError: there is none.
        NotRead: it cannot be read, is no regular file (opening a pipe would wait for somebody to write to it), or is
            larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotRead(f"cannot be read ({error.strerror})") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotRead("is no regular file")
        content = b""
        while len(content) <= most and (part := os.read(descriptor, most + 1 - len(content))):
            content += part
    except OSError as error:
        raise NotRead(f"cannot be read ({error.strerror})") from None
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise NotRead(f"is larger than {most:,} bytes")
    return content, stat.S_IMODE(found.st_mode)


def one_line(content: bytes) -> str:
    """Return the text of a file of one line, without what editors put around it: a byte order mark, blanks, line ends.

    Raises:
        NotRead: it is not plain ASCII.
    """
    try:
        return content.decode("utf-8-sig").strip().encode("ascii").decode()
    except UnicodeError:
        raise NotRead("is not plain text (save it as UTF-8)") from None
