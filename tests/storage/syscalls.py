"""The disk under a ledger, made to fail or to tell: SQLite's own seams for such tests, reached through ctypes.

Nothing of this is in the shipped code. SQLite's unix VFS lets a test replace each system call it makes
(``xSetSystemCall``, sqlite.org/c3ref/vfs.html), except fsync; that one is met a level higher, in the ``xSync`` of every
file the VFS opens. Both need the very library `_sqlite3` is linked with in this process, and that is proved, not
assumed: a database is opened and must be seen.

    with disk_of(path) as disk:             # before the ledger is opened: files opened earlier are not seen
        disk.fault = FAULTS["disk full"]    # from the disk.nth call on
"""

import _sqlite3
import ctypes
import errno
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ENDS = ("", "-wal", "-shm", "-journal")
SQLITE_IOERR_FSYNC = 10 | 4 << 8
# What SQLite's own xSync returns when fsync fails. (sqlite.org/rescode.html)


class SeamNotFound(Exception):
    """The SQLite library of this process cannot be reached: nothing was injected, so nothing was tested."""


@dataclass(frozen=True, slots=True)
class Fault:
    """How the disk fails.

    Attributes:
        number: the errno.
        on: "write" for everything that changes a file (write, pwrite, ftruncate), or "sync".
        short: the first failing write still writes half of what it was given.
        once: only the n-th call fails; else every later one, too.
    """

    number: int
    on: str = "write"
    short: bool = False
    once: bool = False


FAULTS: dict[str, Fault] = {
    "disk full": Fault(errno.ENOSPC),
    "disk full in the middle of a write": Fault(errno.ENOSPC, short=True),
    "over quota": Fault(errno.EDQUOT),
    "I/O error": Fault(errno.EIO),
    "I/O error once": Fault(errno.EIO, once=True),
    "remounted read-only": Fault(errno.EROFS),
    "fsync fails once": Fault(errno.EIO, on="sync", once=True),
    "fsync fails": Fault(errno.EIO, on="sync"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that reached a file: ``data`` at ``offset``, a new length (no data), a sync, or its deletion."""

    file: str
    kind: str
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Disk:
    """What happens under one ledger.

    Attributes:
        files: full names of the files that are its.
        fault: how it fails, from the ``nth`` call of that kind on (counted from 1); None: it is well.
        calls: how many of each kind have been asked for.
        failed: how many of them failed.
        on_fault: called when the first of them fails.
        changes: what reached the files, in order; None when nobody asks.
    """

    files: frozenset[str]
    fault: Fault | None = None
    nth: int = 1
    calls: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    on_fault: Callable[[], None] = lambda: None
    changes: list[Change] | None = None

    def refuses(self, kind: str) -> bool:
        """Count one call and tell whether it fails."""
        self.calls[kind] += 1
        fault = self.fault
        if fault is None or fault.on != kind or self.calls[kind] < self.nth or (fault.once and self.failed):
            return False
        self.failed += 1
        if self.failed == 1:
            self.on_fault()
        return True

    def half(self) -> bool:
        """Tell whether the call that fails now still does half its work."""
        return self.fault is not None and self.fault.short and self.failed == 1

    def note(self, change: Change) -> None:
        if self.changes is not None:
            self.changes.append(change)


_VFS_POINTERS = (
    "xOpen", "xDelete", "xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness",
    "xSleep", "xCurrentTime", "xGetLastError", "xCurrentTimeInt64", "xSetSystemCall", "xGetSystemCall",
    "xNextSystemCall",
)  # fmt: skip
_METHODS = (
    "xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize", "xLock", "xUnlock", "xCheckReservedLock",
    "xFileControl", "xSectorSize", "xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap",
    "xFetch", "xUnfetch",
)  # fmt: skip


class _Vfs(ctypes.Structure):
    """``sqlite3_vfs``, version 3."""

    _fields_ = [
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in _VFS_POINTERS),
    ]


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3: what can be done with an open file."""

    _fields_ = [
        ("iVersion", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in _METHODS),
    ]


_SIZES = {1: _Methods.xShmMap.offset, 2: _Methods.xFetch.offset, 3: ctypes.sizeof(_Methods)}


def _call(result: Any, *arguments: Any) -> Any:
    """Return the type of a C function whose errno travels with ctypes' own copy, both ways."""
    return ctypes.CFUNCTYPE(result, *arguments, use_errno=True)


_OPEN = _call(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)
_CLOSE = _call(ctypes.c_int, ctypes.c_int)
_UNLINK = _call(ctypes.c_int, ctypes.c_char_p)
_WRITE = _call(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
_PWRITE = _call(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64)
_TRUNCATE = _call(ctypes.c_int, ctypes.c_int, ctypes.c_int64)
_X_OPEN = _call(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
# The name stays a pointer: SQLite keeps it, so a copy of ctypes' own would dangle.
_X_SYNC = _call(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_X_SET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_X_GET = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)


class _Seam:
    """The hooks. Made once a process and kept for ever, because SQLite keeps pointers to them in its open files."""

    def __init__(self, library: ctypes.CDLL) -> None:
        library.sqlite3_vfs_find.restype = ctypes.c_void_p
        found = library.sqlite3_vfs_find(None)
        self._vfs = _Vfs.from_address(found) if found else _Vfs()
        if not found or self._vfs.iVersion < 3 or not self._vfs.xSetSystemCall:
            raise SeamNotFound("SQLite's default VFS has no system calls to replace (sqlite3_vfs version 3 is needed)")
        self._address = found
        self.disk: Disk | None = None
        self._of_descriptor: dict[int, str] = {}
        self._of_file: dict[int, str] = {}
        self._tables: dict[int, tuple[_Methods, Any, Any]] = {}
        self._x_open = _X_OPEN(self._vfs.xOpen)
        self._x_open_hook = _X_OPEN(self._opened)
        self._hooks = {
            name: hook
            for name, kind, make in (
                (b"open", _OPEN, self._open),
                (b"close", _CLOSE, self._close),
                (b"unlink", _UNLINK, self._unlink),
                (b"write", _WRITE, self._write),
                (b"pwrite", _PWRITE, self._pwrite),
                (b"pwrite64", _PWRITE, self._pwrite),
                (b"ftruncate", _TRUNCATE, self._truncate),
            )
            if (hook := self._hook(name, kind, make)) is not None
        }

    def _hook(self, name: bytes, kind: Any, make: Callable[[Any], Any]) -> Any:
        pointer = _X_GET(self._vfs.xGetSystemCall)(self._address, name)
        return kind(make(kind(pointer))) if pointer else None

    def install(self, disk: Disk | None) -> None:
        """Put the hooks in place for ``disk``, or take them out (None)."""
        self.disk = disk
        set_call = _X_SET(self._vfs.xSetSystemCall)
        for name, hook in self._hooks.items():
            if set_call(self._address, name, ctypes.cast(hook, ctypes.c_void_p) if disk else None):
                raise SeamNotFound(f"SQLite does not let its {name.decode()} be replaced")
        self._vfs.xOpen = ctypes.cast(self._x_open_hook if disk else self._x_open, ctypes.c_void_p).value

    # --- the system calls: each maker takes the call as it was and returns what stands in for it

    def _open(self, real: Any) -> Any:
        def hook(path: bytes, flags: int, mode: int) -> int:
            descriptor: int = real(path, flags, mode)
            if self.disk and descriptor >= 0 and (name := os.fsdecode(path)) in self.disk.files:
                self._of_descriptor[descriptor] = name
            return descriptor

        return hook

    def _close(self, real: Any) -> Any:
        def hook(descriptor: int) -> int:
            self._of_descriptor.pop(descriptor, None)
            return int(real(descriptor))

        return hook

    def _unlink(self, real: Any) -> Any:
        def hook(path: bytes) -> int:
            if self.disk and os.fsdecode(path) in self.disk.files:
                self.disk.note(Change(os.fsdecode(path), "delete"))
            return int(real(path))

        return hook

    def _write(self, real: Any) -> Any:
        def hook(descriptor: int, data: int, count: int) -> int:
            place = os.lseek(descriptor, 0, os.SEEK_CUR) if descriptor in self._of_descriptor else 0
            return self._written(descriptor, data, count, place, lambda most: real(descriptor, data, most))

        return hook

    def _pwrite(self, real: Any) -> Any:
        def hook(descriptor: int, data: int, count: int, offset: int) -> int:
            return self._written(
                descriptor, data, count, offset, lambda most: real(descriptor, data, most, ctypes.c_int64(offset))
            )

        return hook

    def _written(self, descriptor: int, data: int, count: int, offset: int, real: Callable[[int], int]) -> int:
        name, disk = self._of_descriptor.get(descriptor), self.disk
        if disk is None or name is None:
            return real(count)
        if disk.refuses("write"):
            if not disk.half() or count < 2:
                return self._refused(disk)
            count //= 2
        done = real(count)
        if done > 0:
            disk.note(Change(name, "write", offset, ctypes.string_at(data, done)))
        return done

    def _truncate(self, real: Any) -> Any:
        def hook(descriptor: int, length: int) -> int:
            name, disk = self._of_descriptor.get(descriptor), self.disk
            if disk is None or name is None:
                return int(real(descriptor, length))
            if disk.refuses("write"):
                return self._refused(disk)
            disk.note(Change(name, "length", length))
            return int(real(descriptor, length))

        return hook

    @staticmethod
    def _refused(disk: Disk) -> int:
        ctypes.set_errno(disk.fault.number if disk.fault else 0)
        return -1

    # --- fsync

    def _opened(self, vfs: int, pointer: int | None, file: int, flags: int, out: int | None) -> int:
        result: int = self._x_open(vfs, pointer, file, flags, out)
        self._of_file.pop(file, None)
        name = os.fsdecode(ctypes.string_at(pointer)) if pointer else ""
        if result == 0 and self.disk and name in self.disk.files:
            self._of_file[file] = name
            methods = ctypes.c_void_p.from_address(file)  # the first field of every sqlite3_file
            methods.value = ctypes.addressof(self._table(methods.value or 0)[0])
        return result

    def _table(self, original: int) -> tuple[_Methods, Any, Any]:
        """Return a copy of a file's methods in which ``xSync`` is ours."""
        if original not in self._tables:
            copy = _Methods()
            ctypes.memmove(ctypes.addressof(copy), original, _SIZES[min(ctypes.c_int.from_address(original).value, 3)])
            real = _X_SYNC(copy.xSync)

            def hook(file: int, flags: int) -> int:
                name, disk = self._of_file.get(file), self.disk
                if disk is None or name is None:
                    return int(real(file, flags))
                if disk.refuses("sync"):
                    return SQLITE_IOERR_FSYNC
                result = int(real(file, flags))
                disk.note(Change(name, "sync"))
                return result

            kept = _X_SYNC(hook)
            copy.xSync = ctypes.cast(kept, ctypes.c_void_p).value
            self._tables[original] = self._tables[ctypes.addressof(copy)] = (copy, real, kept)
        return self._tables[original]


def _libraries() -> Iterator[ctypes.CDLL]:
    """Yield where SQLite can be: in what `_sqlite3` brings with it (itself or what it is linked with), the program."""
    for place in (getattr(_sqlite3, "__file__", None), None):
        try:
            library = ctypes.CDLL(place, use_errno=True)
            library.sqlite3_vfs_find  # noqa: B018 - raises when it is not there
        except (OSError, AttributeError):
            continue
        yield library


@cache
def _seam() -> _Seam:
    for library in _libraries():
        seam = _Seam(library)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder).resolve() / "probe.db"
            probe = Disk(frozenset(f"{path}{end}" for end in ENDS))
            seam.install(probe)
            try:
                with closing(sqlite3.connect(path)) as conn:
                    conn.execute("CREATE TABLE probe (x)")
            finally:
                seam.install(None)
        if probe.calls["write"] and probe.calls["sync"]:
            return seam
    raise SeamNotFound(
        f"the SQLite library that {getattr(_sqlite3, '__file__', 'this Python')} uses ({sqlite3.sqlite_version}) "
        "cannot be reached from ctypes; use a Python whose _sqlite3 exports or is linked with it"
    )


def files_of(ledger: Path) -> frozenset[str]:
    """Return the full names of every file SQLite keeps for the ledger at ``ledger``."""
    return frozenset(f"{Path(os.path.realpath(ledger))}{end}" for end in ENDS)


def install(ledger: Path, fault: Fault | None = None, nth: int = 1) -> Disk:
    """Stand between SQLite and the ledger at ``ledger`` until `remove`, or until the process ends.

    Raises:
        SeamNotFound: that is not possible in this process.
    """
    disk = Disk(files_of(ledger), fault, nth)
    _seam().install(disk)
    return disk


def remove() -> None:
    """Leave SQLite alone again; files that are still open pass everything on."""
    _seam().install(None)


@contextmanager
def disk_of(ledger: Path) -> Iterator[Disk]:
    """Yield the disk under the ledger at ``ledger``; only files opened in this context are met."""
    disk = install(ledger)
    try:
        yield disk
    finally:
        remove()
