"""A folder of files that are kept in step: it removes what it wrote there earlier, and nothing else, ever.

A list in the folder names every file of it, from before the first one is written. So whoever is killed in between
leaves a folder that says that it is not whole, no half file, and nothing that the next writing would not find.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from billing.core.errors import RunStopped, UsageError
from billing.edge.privatefile import write_private

LIST = ".billing-statements"
UNFINISHED, WHOLE = "unfinished", "whole"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.(?:html|csv)")
_BESIDE = re.compile(r"\.(.+)\.[0-9a-f]{12}")
_HEAD = "written by billing report --per-account, which replaces and removes the files named here and no others\n"


@dataclass(slots=True)
class OwnFolder:
    """A folder to write, between `begin` and `finish`.

    Attributes:
        path: as typed.
        interrupted: whether an earlier writing did not come to its end.
    """

    path: Path
    interrupted: bool = False
    _before: frozenset[str] = frozenset()
    _now: tuple[str, ...] = field(default=())

    def check(self) -> None:
        """Refuse a place that is not free and not ours; worth asking before long work begins.

        Raises:
            UsageError: it holds something else.
            RunStopped: a symbolic link stands there.
        """
        try:
            self._look()
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be looked at: {error.strerror} (--per-account)") from error

    def _look(self) -> None:
        if self.path.is_symlink():
            raise RunStopped(f"{self.path}: is a symbolic link; name the folder itself")
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is there and is no folder; name another with --per-account")
        listed = self.path / LIST
        if listed.is_symlink() or not listed.is_file():
            if any(self.path.iterdir()):
                raise UsageError(f"{self.path} holds files that are no statements; name another with --per-account")
            return
        state, *names = listed.read_text("utf-8").splitlines()[1:] or [UNFINISHED]
        self.interrupted = state != WHOLE
        self._before = frozenset(name for name in names if _NAME.fullmatch(name))

    def begin(self, names: Sequence[str]) -> None:
        """Make the folder, and put down which files it is going to have; the last of them says that all are there.

        Raises:
            UsageError: one of them is there and not ours, or the folder cannot be made.
            RunStopped: a symbolic link stands there, or the disk says no.
        """
        self.check()
        odd = next((name for name in names if not _NAME.fullmatch(name)), None)
        if odd is not None:
            raise ValueError(f"{odd!r} is no name of a file of ours")
        foreign = next((name for name in names if name not in self._before and _is_there(self.path / name)), None)
        if foreign is not None:
            raise UsageError(f"{self.path / foreign} is there and is no statement of ours; move it away")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be made: {error.strerror}") from error
        self._now = tuple(names)
        self._list(UNFINISHED, sorted({*self._before, *names}))
        self._remove([names[-1]])

    def write(self, name: str, chunks: Iterable[str]) -> None:
        """Write one of the files, whole or not at all.

        Raises:
            UsageError: it cannot be written.
            RunStopped: a symbolic link stands there, or the disk says no.
        """
        write_private(self.path / name, chunks)

    def finish(self) -> int:
        """Remove what an earlier writing has left and this one does not have; return how many files that were."""
        stale = sorted(self._before - {*self._now})
        removed = self._remove(stale)
        self._sweep()
        self._list(WHOLE, sorted(self._now))
        return removed

    def _list(self, state: str, names: Iterable[str]) -> None:
        write_private(self.path / LIST, [_HEAD, f"{state}\n", *(f"{name}\n" for name in names)])

    def _remove(self, names: Iterable[str]) -> int:
        found = [self.path / name for name in names]
        files = [each for each in found if each.is_file() and not each.is_symlink()]
        for each in files:
            each.unlink()
        return len(files)

    def _sweep(self) -> None:
        """Remove what a writer that was killed has left beside its file (`write_private`)."""
        own = {*self._before, *self._now, LIST}
        for each in self.path.iterdir() if self.interrupted else ():
            beside = _BESIDE.fullmatch(each.name)
            if beside and beside[1] in own and not each.is_symlink():
                each.unlink(missing_ok=True)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
