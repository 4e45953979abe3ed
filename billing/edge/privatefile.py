"""Files that only their owner may read, written whole or not at all."""

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from billing.core.errors import RunStopped, UsageError

_NOT_THERE = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EROFS,
                        errno.ENAMETOOLONG})  # fmt: skip
# The name was wrong; anything else is the disk's fault.


def is_passage(path: Path) -> bool:
    """Whether writing there passes the text on: a pipe or a device, ``/dev/stdout`` and its like among them."""
    if path.absolute().is_relative_to("/dev"):
        return path.exists() and not path.is_dir()
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def write_private(path: Path, chunks: Iterable[str], encoding: str = "utf-8") -> None:
    """Write text to ``path`` with mode 0600: first beside it, then in its place, so that no half file is ever seen.

    A pipe or a device is written to and stays what it is.

    Raises:
        UsageError: no such file can be made, or nobody reads the pipe.
        RunStopped: a symbolic link stands at ``path`` (somebody may have planted it), or the disk says no.
    """
    with _explained(path):
        if is_passage(path):
            _pass_on(path, (chunk.encode(encoding) for chunk in chunks))
        else:
            _replace(path, chunks, encoding)


def make_private(path: Path, make: Callable[[Path], object]) -> None:
    """Let ``make`` write a file that takes its place at ``path`` as `write_private` puts it there.

    It is made in a folder of its own beside ``path``, which only the owner may enter and which is gone afterwards with
    all that is in it, whatever happens. A pipe or a device is passed what was made.

    Args:
        path: where it shall stand.
        make: writes the file it is handed, which is there and empty; other files beside it are its scratch.

    Raises:
        UsageError: no such file can be made, or nobody reads the pipe.
        RunStopped: a symbolic link stands at ``path``, or the disk says no.
    """
    with _explained(path):
        if is_passage(path):
            with tempfile.TemporaryDirectory() as folder:
                made = _made(Path(folder), make)
                _pass_on(path, _pieces(made))
        else:
            _refuse_link(path)
            with _folder_beside(path) as scratch:
                made = _made(scratch, make)
                _refuse_link(path)
                made.replace(path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in words what the system says of a file."""
    try:
        yield
    except (OSError, ValueError) as error:
        number, why = getattr(error, "errno", None), getattr(error, "strerror", None) or "the name is not usable"
        if number is None or number in _NOT_THERE:
            raise UsageError(f"{path}: cannot be written: {why}") from error
        if number == errno.ENXIO:
            raise UsageError(f"{path}: nobody reads this pipe; nothing was written") from error
        raise RunStopped(f"{path}: cannot be written: {why}") from error


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    folder = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    folder.mkdir(0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return the file that was made, durable."""
    made = folder / "made"
    os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    make(made)
    with made.open("rb") as file:
        os.fsync(file.fileno())
    return made


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 16):
            yield piece


def _pass_on(path: Path, chunks: Iterable[bytes]) -> None:
    # Opening a pipe that nobody reads would wait for ever; once somebody does, writing may wait for them.
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.writelines(chunks)


def _replace(path: Path, chunks: Iterable[str], encoding: str) -> None:
    _refuse_link(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w",
                       encoding=encoding, newline="") as file:  # fmt: skip
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        _refuse_link(path)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise RunStopped(f"{path}: is a symbolic link; name the file itself")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is not a plain file")
