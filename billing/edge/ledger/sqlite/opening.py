"""Opening a ledger: is this the place, the key, the file, the newest copy? Only then may anything be written to it."""

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from billing.core.errors import LedgerDamaged, LedgerError
from billing.edge.ledger.custody.checksum import FileChecksum
from billing.edge.ledger.custody.keyfile import default_key_file, heads_folder, make_key
from billing.edge.ledger.custody.known_ledgers import Making, gone, others, predecessors, require_not_gone
from billing.edge.ledger.custody.location import (
    check_file_system,
    check_folder,
    check_one_name,
    check_private,
    create_private,
    ledger_path,
    mounts,
)
from billing.edge.ledger.custody.lock import Lock, acquire
from billing.edge.ledger.custody.witness import Witness, traces_at
from billing.edge.ledger.database import Made
from billing.edge.ledger.identity import described, first_faults, key_of, missing
from billing.edge.ledger.moving import LAST_ENTRY, Moved, moved, require_here
from billing.edge.ledger.rows import iso, millis
from billing.edge.ledger.sqlite.chain_reads import read_head
from billing.edge.ledger.sqlite.connection import connect
from billing.edge.ledger.sqlite.identity import Place, check_kinds, check_meta, require_whole, unusable
from billing.edge.ledger.sqlite.layout import checked
from billing.edge.ledger.sqlite.ledger import Opened, SqliteLedger
from billing.edge.ledger.sqlite.reader import SqliteReader
from billing.edge.ledger.sqlite.tables import create

Clock = Callable[[], datetime]
OLDEST_SQLITE = (3, 33, 0)
# Many items are moved on by one statement, UPDATE ... FROM. (sqlite.org/lang_update.html, section 2.2)
HEADER_BYTES = 100
# A shorter file is no database, yet SQLite would take some for an empty one. (sqlite.org/fileformat.html, 1.3)


async def open_ledger(
    url: str,
    *,
    key_file: Path | None,
    clock: Clock,
    write: bool = True,
    wait: float | None = None,
    live: bool = False,
    purpose: str = "",
    lock: bool = True,
    making: Making = Making.FIRST,
    inline: bool = False,
    upgrade: bool = False,
    moved: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> SqliteLedger:
    """Open the ledger a URL names; to write, make it if there is none, and check all of it if there is one.

    One that is byte for byte as it was last closed was checked then; see `billing.edge.ledger.custody.checksum`.

    Args:
        url: ``sqlite:///relative/ledger.db`` or ``sqlite:////absolute/ledger.db``.
        key_file: the key of the chain; None means the user's own, made on first use.
        clock: provider time, aware of its zone; the ``at`` of every entry.
        write: False opens it read-only: no lock, no complete check, a damaged one too.
        wait: seconds to wait for another runner to end; None refuses at once.
        live: real money: permissions wider than the owner's, a container's own layer and a ledger beside others of the
            same key are refused instead of warned of.
        purpose: who holds the lock, for the other runner's message.
        lock: False leaves the lock alone; nothing but the message depends on it.
        making: whether one may be made, and where.
        inline: commit on the calling thread, without any thread of our own.
        upgrade: take one that lacks a kind of this program, to give it that kind.
        moved: take one that was copied elsewhere, to finish that.
        environ: where HOME and XDG_CONFIG_HOME are looked up.

    Raises:
        UsageError: the URL names no SQLite file, or, in live mode, one that would be made beside others unasked.
        LedgerMissing: there is none to read, and none was ever seen there; or there is no such folder.
        LedgerHeld: another runner holds it.
        LedgerDamaged: it does not agree with itself, is older than what was last seen, or is gone altogether.
        LedgerError: the place, the file or the key cannot be used; the message says what helps.
    """
    path, key_file = ledger_path(url), key_file or default_key_file(environ)
    _require_sqlite(path)
    if not path.exists() and making is not Making.ANEW:
        require_not_gone(heads_folder(key_file), path)
    if not path.exists() and making is Making.NEVER:
        raise missing(path)
    check_folder(path, write=write)
    warnings = check_file_system(path, mounts(), live=live and write)
    held = await acquire(path, purpose=purpose, since=clock(), wait=wait) if write and lock else None
    try:
        request = _Request(path, key_file, clock, write, live, making, held, tuple(warnings), upgrade, moved)
        opened = _open(request) if inline else await asyncio.to_thread(_open, request)
        return SqliteLedger(opened, lambda: millis(clock()), inline=inline)
    except BaseException:
        if held:
            held.release()
        raise


def _require_sqlite(path: Path) -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE[:2]))
        raise LedgerError(f"{path}: SQLite {sqlite3.sqlite_version} is too old, {needed} is needed; use a newer Python")


@dataclass(frozen=True, slots=True)
class _Request:
    path: Path
    key_file: Path
    clock: Clock
    write: bool
    live: bool
    making: Making
    lock: Lock | None
    warnings: tuple[str, ...]
    upgrade: bool
    moved: bool

    @property
    def place(self) -> Place:
        """Where the ledger and its key are."""
        return Place(self.path, self.key_file)

    @property
    def heads(self) -> Path:
        """The folder of the witnesses."""
        return heads_folder(self.key_file)


def _open(request: _Request) -> Opened:
    """Check key and file, and return the connection to write with (or none)."""
    path = request.path
    size = _size(request)
    new = size is None
    warnings = [*request.warnings, *(gone(request.heads, path) if new else ())]
    beside = others(request.heads, path, request.making, live=request.live) if not size else ()
    if not size and not request.key_file.exists():
        make_key(request.key_file)
    key, more = key_of(path, request.key_file, live=request.live)
    if new:
        create_private(path)
    require_whole(path)
    check_one_name(path)
    for file in (path, *(Path(f"{path}{end}") for end in ("-wal", "-shm"))):
        if file.exists():
            warnings += check_private(file, live=request.live)
    whole = FileChecksum(request.heads, key, path)
    untouched = request.write and not new and whole.untouched()
    try:
        conn, witness, left = _connect(request, key, new=new, untouched=untouched)
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    warnings += more
    if request.write and not new:
        warnings += predecessors(request.heads, path, witness.ledger)
    if conn and (warning := witness.keep(read_head(conn))):
        warnings.append(warning)
    made = Made(beside) if not size else None
    return Opened(path, key, conn, request.lock, witness, whole, untouched, tuple(warnings), made, left)


def _size(request: _Request) -> int | None:
    """Return how many bytes there are of the ledger, or None when it is to be made.

    Raises:
        LedgerMissing: there is none to read.
        LedgerDamaged: it is gone, or too short.
    """
    path = request.path
    size = path.stat().st_size if path.exists() else None
    if size is None and request.making is not Making.ANEW:
        require_not_gone(request.heads, path)  # asked again: whoever waited for the lock may have waited long
    if not size and not (request.write and request.making is not Making.NEVER):
        require_not_gone(request.heads, path)
        raise missing(path)
    if size and size < HEADER_BYTES:
        raise LedgerDamaged(f"{path}: is too short to be a ledger; restore the newest copy, or name another file")
    return size


def _connect(
    request: _Request, key: bytes, *, new: bool, untouched: bool
) -> tuple[sqlite3.Connection | None, Witness, Moved | None]:
    """Return the connection to write with, the witness, and where the ledger went if it was copied elsewhere."""
    conn = connect(request.path, write=request.write)
    try:
        if request.write:
            _create_if_empty(conn, request, key, new=new)
        meta = check_meta(conn, request.place, key)
        check_kinds(conn, request.path, write=request.write and not request.upgrade)
        left = _left(conn)
        if request.write and not request.moved:
            require_here(str(request.path), left)
        witness = Witness(request.heads, meta["ledger"], request.path)
        if not request.write:
            conn.close()
            return None, witness, left
        faults = tuple(filter(None, [_unseen(conn, witness)])) if untouched else checked(conn, key, [witness]).faults
        if faults:
            raise LedgerDamaged(f"{request.path}: {first_faults(faults)}. Nothing is sent; it can still be read")
    except BaseException:
        conn.close()
        raise
    return conn, witness, left


def _left(conn: sqlite3.Connection) -> Moved | None:
    """Return where the ledger went; one whose last entry cannot be read is damaged, which the full check says."""
    with suppress(sqlite3.DatabaseError):
        return moved(conn.execute(LAST_ENTRY).fetchone())
    return None


def _unseen(conn: sqlite3.Connection, witness: Witness) -> str:
    return witness.fault(SqliteReader(conn), witness.seen())


def _create_if_empty(conn: sqlite3.Connection, request: _Request, key: bytes, *, new: bool) -> None:
    """Make the tables where there are none yet, as after a kill while they were made.

    Raises:
        LedgerDamaged: there is a file without tables where a ledger with entries was seen before.
    """
    conn.execute("BEGIN IMMEDIATE")
    try:
        (version,) = conn.execute("PRAGMA user_version").fetchone()
        (tables,) = conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if version == 0 and tables == 0:
            if not new and (found := traces_at(request.heads, request.path)):
                raise LedgerDamaged(
                    f"{request.path}: is empty, and had {found[0].entries} entries when last seen; restore the newest "
                    "copy, or delete it and rebuild each of its runs (billing ledger rebuild FILE)"
                )
            create(conn, described(key, secrets.token_hex(16), iso(millis(request.clock()))))
    except BaseException:
        conn.execute("ROLLBACK")
        raise
    conn.execute("COMMIT")
