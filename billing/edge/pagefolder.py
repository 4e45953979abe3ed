"""A folder of pages beside a page: written whole beside the old one, then put in its place.

Only what billing wrote is ever removed. A folder with any other file in it, a symbolic link, and a file of that name
are refused before anything is written.
"""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from billing.core.errors import RunStopped, UsageError
from billing.edge.privatefile import write_private

MARK = b'<meta name="generator" content="connect-billing '
# Of every page that billing writes, among its first bytes.
HEAD = 1 << 12
NAME = re.compile(r"[a-z]+-[0-9]{3,}\.html")


@dataclass(frozen=True, slots=True)
class PageFolder:
    """A folder that holds pages of ours and nothing else."""

    path: Path

    def check(self) -> None:
        """Refuse a place that is not free and not ours.

        Raises:
            UsageError: something else stands there.
            RunStopped: a symbolic link does.
        """
        if self.path.is_symlink():
            raise RunStopped(f"{self.path}: is a symbolic link; name another file")
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is there and is no folder; name another file")
        try:
            foreign = next((each for each in sorted(self.path.iterdir()) if not _is_ours(each)), None)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be looked into: {error.strerror}") from error
        if foreign is not None:
            raise UsageError(f"{foreign} is not from a report; move it away, or name another file")

    def replace(self, pages: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Write pages, by name, and put them in the place of older ones.

        Raises:
            UsageError: something else stands there, or nothing can be written there.
            RunStopped: a symbolic link stands there, or the disk says no.
        """
        self.check()
        made = self._beside()
        try:
            made.mkdir(mode=0o700)
            for name, chunks in pages:
                write_private(made / name, chunks)
            self.check()
            old = self._beside()
            if self.path.exists():
                self.path.rename(old)
                made.rename(self.path)
                _remove(old)
            else:
                made.rename(self.path)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from error
        finally:
            _remove(made)

    def remove(self) -> None:
        """Remove the pages of an older report; what is not ours stays, and is no error."""
        if self.path.is_dir() and not self.path.is_symlink() and all(_is_ours(each) for each in self.path.iterdir()):
            _remove(self.path)

    def _beside(self) -> Path:
        return self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}")


def _remove(folder: Path) -> None:
    if not folder.is_dir():
        return
    for each in _ours(folder):
        each.unlink()
    folder.rmdir()


def _ours(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.iterdir()) if _is_ours(each))


def _is_ours(path: Path) -> bool:
    """Tell whether billing wrote a file: its name and its first bytes say so, and it is a plain file."""
    if not NAME.fullmatch(path.name) or path.is_symlink() or not path.is_file():
        return False
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        return MARK in file.read(HEAD)
