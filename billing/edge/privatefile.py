"""Files that only their owner may read, written whole or not at all."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from billing.core.errors import RunStopped


def write_private(path: Path, chunks: Iterable[str]) -> None:
    """Write text to ``path`` with mode 0600: first beside it, then in its place, so that no half file is ever seen.

    Raises:
        RunStopped: a symbolic link stands at ``path`` (somebody may have planted it), or the disk says no.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        _refuse_link(path)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w",
                       encoding="utf-8", newline="") as file:  # fmt: skip
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        _refuse_link(path)
        beside.replace(path)
    except OSError as error:
        raise RunStopped(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise RunStopped(f"{path}: is a symbolic link; name the file itself")
    if path.exists() and not path.is_file():
        raise RunStopped(f"{path}: is not a plain file")
