"""A connection to the file of an embedded ledger."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

BUSY_SECONDS = 60.0
# How long a write waits for another process's transaction; a plan of a million lines is the longest there is.


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open a connection; transactions are ours, and any thread may use it (SQLite serialises calls).

    Raises:
        sqlite3.Error: as SQLite finds the file.
    """
    uri = f"file:{quote(str(path))}?mode={'rw' if write else 'ro'}"
    conn = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _check_schema_text(conn)
        for pragma in ("foreign_keys = ON", "trusted_schema = OFF", "cell_size_check = ON", "recursive_triggers = ON"):
            conn.execute(f"PRAGMA {pragma}")
        if write:
            _write_ahead(conn)
            for pragma in (
                "synchronous = FULL",  # a commit is on the disk before anybody acts on it
                "fullfsync = ON",  # macOS: through the drive's cache too
                "checkpoint_fullfsync = ON",
                "wal_autocheckpoint = 0",  # the writer does it, between commits
                "journal_size_limit = 0",  # the log's size is what it holds, not what it once held
                "cache_size = -32768",
            ):
                conn.execute(f"PRAGMA {pragma}")
        else:
            conn.execute("PRAGMA query_only = ON")
    except BaseException:
        conn.close()
        raise
    return conn


def _check_schema_text(conn: sqlite3.Connection) -> None:
    """Let damage inside the name of a column be SQLite's kind of error, which every caller expects, not Python's.

    Raises:
        sqlite3.DatabaseError: the schema is no text, or cannot be read.
    """
    try:
        for (sql,) in conn.execute("SELECT CAST(sql AS BLOB) FROM sqlite_schema WHERE sql IS NOT NULL"):
            sql.decode()
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("the schema is malformed: not UTF-8") from error


def _write_ahead(conn: sqlite3.Connection) -> None:
    """Let the log be written ahead of the database. SQLite does not raise when it cannot: it answers with the old mode.

    Raises:
        sqlite3.OperationalError: it could not, such as after an fsync that failed.
    """
    (mode,) = conn.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"its journal_mode stays {mode}, not wal")
