"""Where a ledger may lie: a local disk, a folder that can be written, a file nobody else can read."""

import os
import stat
from pathlib import Path

from billing.core.errors import LedgerError, LedgerMissing, UsageError
from billing.edge.ledger_url import shown

# Write-ahead logging needs shared memory and honest locks between processes, which network and pass-through file
# systems do not give. (sqlite.org/wal.html, section 1; sqlite.org/howtocorrupt.html, section 2.1)
NETWORK = {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "ncpfs", "afpfs", "ceph", "lustre", "beegfs", "gfs2"}
SHARED_WITH_A_HOST = {"9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs"}
UNSAFE_FILE_SYSTEMS = frozenset(NETWORK | SHARED_WITH_A_HOST)
PASSING_FILE_SYSTEMS = frozenset({"overlay", "aufs"})
# A container's own layer: works, but is gone with the container.

PRIVATE = 0o600


def ledger_path(url: str) -> Path:
    """Return the path a ledger URL names, symbolic links resolved, so that one ledger has one lock and one log.

    Raises:
        UsageError: the URL names no SQLite file.
    """
    path = url.removeprefix("sqlite:///")
    if path == url or path in ("", ":memory:") or "\0" in path or "?" in path:
        raise UsageError(
            f"{shown(url)!r} is no ledger URL: sqlite:///relative/ledger.db, sqlite:////absolute/ledger.db "
            "or postgresql://user@host/database"
        )
    return Path(os.path.realpath(path))


def file_system(path: Path, mountinfo: str) -> str:
    """Return the type of the file system ``path`` lies on, from the text of ``/proc/self/mountinfo``; empty if unknown.

    (man 5 proc_pid_mountinfo: the mount point is field 5, the type follows a lone dash; blanks are octal escapes.)
    """
    best, found = "", ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].encode().decode("unicode_escape")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, found = point, after.split(" ")[0]
    return found


def check_file_system(path: Path, mountinfo: str, *, live: bool = False) -> list[str]:
    """Return warnings about the file system under ``path``.

    Raises:
        LedgerError: write-ahead logging would not be safe there; or the ledger would be lost with its container, and
            the mode is live: the next container would begin a new one, and charge everybody again.
    """
    system = file_system(path, mountinfo)
    if system in UNSAFE_FILE_SYSTEMS or system.startswith("fuse"):
        raise LedgerError(
            f"{path}: lies on {system}, where a SQLite ledger can be damaged; put it on a local disk "
            "(BILLING_LEDGER=sqlite:////local/path/ledger.db)"
        )
    if system in PASSING_FILE_SYSTEMS:
        message = f"{path}: lies on the container's own layer ({system}) and is lost with it; mount a volume"
        if live:
            raise LedgerError(f"{message}. Nothing was sent")
        return [message]
    return []


def mounts() -> str:
    """Return the kernel's table of mounts, empty where there is none."""
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def check_folder(path: Path, *, write: bool) -> None:
    """Tell whether the folder of ``path`` can be used as asked.

    Raises:
        LedgerMissing: there is no such folder.
        UsageError: the path names a folder.
        LedgerError: the folder cannot be written.
    """
    folder = path.parent
    if not folder.is_dir():
        raise LedgerMissing(f"{path}: there is no folder {folder}; make it (mkdir -p {folder}) or name another ledger")
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    if write and not os.access(folder, os.W_OK | os.X_OK):
        raise LedgerError(f"{path}: cannot write in {folder}; the ledger needs a writable folder (BILLING_LEDGER)")


def check_private(path: Path, *, live: bool, mask: int = 0o077) -> list[str]:
    """Return warnings about permissions of ``path`` wider than its owner; in live mode they are refused.

    Raises:
        LedgerError: others can open the file, and the mode is live.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:  # a log goes when the last writer closes
        return []
    if not mode & mask:
        return []
    message = f"{path}: mode {mode:04o} lets others at it; type: chmod 600 {path}"
    if live:
        raise LedgerError(message)
    return [message]


def check_one_name(path: Path) -> None:
    """Raise `LedgerError` if the file has a second name: each would have a log and a lock of its own.

    (sqlite.org/howtocorrupt.html, section 2.5)
    """
    links = path.stat().st_nlink
    if links > 1:
        raise LedgerError(f"{path}: has {links} hard links; SQLite needs one name per ledger, remove the others")


def create_private(path: Path) -> None:
    """Make an empty file only its owner can open; SQLite gives its companions (-wal, -shm) the same mode.

    Raises:
        LedgerError: it cannot be made there.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, PRIVATE)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be created ({error.strerror})") from error
    os.fchmod(descriptor, PRIVATE)
    os.close(descriptor)
