"""One file takes the place of another: at every moment one of the two lies there whole, and the old one is kept.

SQLite must have nothing open under the old name's companions (-wal, -shm) when that happens, else the new file would be
read with the old one's log. (sqlite.org/howtocorrupt.html, section 2.4) So the old ledger gives up its log first, and
is held exclusively until the new one lies in its place.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from billing.core.errors import LedgerError, LedgerHeld
from billing.edge.ledger.custody.location import create_private

WAIT_SECONDS = 5.0
# For another program that reads the old ledger to end its reading.
COMPANIONS = ("-wal", "-shm", "-journal")


@contextmanager
def held_alone(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the ledger so that no other connection reads or writes it, and nothing of it lies outside the file.

    Raises:
        LedgerHeld: another program has it open.
    """
    uri = f"file:{quote(str(path))}?mode=rw"
    conn = sqlite3.connect(uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("fullfsync = ON", "checkpoint_fullfsync = ON", "synchronous = FULL"):
            conn.execute(f"PRAGMA {pragma}")
        try:
            (mode,) = conn.execute("PRAGMA journal_mode = DELETE").fetchone()
            conn.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            mode = "wal"
        if mode != "delete":
            raise LedgerHeld(f"{path}: another program has it open; end that, then type the same again")
        yield conn
    finally:
        conn.close()


def recover(path: Path) -> None:
    """Take back what an upgrade that was cut off had begun to write to the old ledger: that it has no log any more."""
    if Path(f"{path}-journal").exists():
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True)) as conn:
            conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def fresh_draft(path: Path) -> Path:
    """Return an empty file beside the ledger; what an upgrade that was cut off left there is gone.

    Raises:
        LedgerError: it cannot be made.
    """
    draft = path.with_name(f"{path.name}.upgrading")
    discard(draft)
    create_private(draft)
    return draft


def discard(draft: Path) -> None:
    """Remove what is left of a draft; one that took the ledger's place is not there any more."""
    for end in ("", *COMPANIONS):
        with suppress(OSError):
            Path(f"{draft}{end}").unlink(missing_ok=True)


def require_free(kept: Path, path: Path) -> None:
    """Refuse where another file has the name under which the old ledger is to stay.

    Raises:
        LedgerError: move it away.
    """
    if kept.exists() and not kept.samefile(path):
        raise LedgerError(f"{kept}: is there already, and is not this ledger; move it away, then type the same again")


def replace(path: Path, draft: Path, kept: Path) -> None:
    """Put ``draft`` where ``path`` is, and leave that under the name ``kept``.

    Killed in between, the old ledger lies there under both names, or the new one.

    Raises:
        LedgerError: something of either lies outside the file, or the file system cannot keep the old one.
    """
    for end in COMPANIONS:
        if any(left.exists() and left.stat().st_size for left in (Path(f"{path}{end}"), Path(f"{draft}{end}"))):
            raise LedgerError(f"{path}{end}: something else writes to the ledger; end that, then type the same again")
    try:
        _sync(draft)
        if not kept.exists():
            kept.hardlink_to(path)
        _sync(path.parent)
        draft.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be kept as {kept.name} and replaced here ({error.strerror}); copy it to another disk"
        ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
