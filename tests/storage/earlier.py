"""Ledgers of earlier versions: those that releases left, laid down, and a ledger of today as they had it."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from billing.core.entries import Note
from billing.edge.ledger.chain import MACS, Head
from billing.edge.ledger.custody.keyfile import heads_folder
from billing.edge.ledger.custody.witness import Witness
from billing.edge.ledger.sqlite.schema import APPLICATION
from billing.edge.ledger.sqlite.upgrade import version_1, version_2
from tests.storage.releases import RELEASES

KEPT = tuple(sorted(folder.name for folder in RELEASES.iterdir() if folder.is_dir()))
DUMPS = {
    "meta": "SELECT name, value FROM meta ORDER BY 1",
    "runs": "SELECT id, run_id, platform, name, period, mode, kind, header, file_sha256, plan_digest, revision, "
    "status, planned_at, started_at, finished_at FROM runs ORDER BY 1",
    "items": "SELECT id, run, reference, generation, account, amount, currency, digest, content, state, attempt, ver, "
    "last_event, object_id, instrument_id, facts FROM items ORDER BY 1",
    "lines": "SELECT * FROM lines ORDER BY 1, 2, 3",
    "entries": "SELECT seq, at, name, run, item, attempt, facts, mac FROM entries ORDER BY 1",
    "lookups": "SELECT * FROM lookups ORDER BY 1, 2",
}
# What every version says alike.


def lay(release: str, folder: Path) -> Path:
    """Put the ledger that a release left into ``folder``, its key and its witness beside it; return the ledger."""
    kept = RELEASES / release
    for name in ("ledger.db", "ledger.key"):
        shutil.copy(kept / name, folder / name)
        (folder / name).chmod(0o600)
    shutil.rmtree(folder / "heads", ignore_errors=True)
    (folder / "heads").mkdir()
    for witness in (kept / "heads").iterdir():
        text = witness.read_bytes().replace(b"/kept", str(folder).encode())
        (folder / "heads" / witness.name).write_bytes(text)
    return folder / "ledger.db"


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what a ledger says, but for what versions say differently."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return {table: conn.execute(sql).fetchall() for table, sql in DUMPS.items()}


def without_upgrade(said: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return what an upgraded ledger said before it was upgraded."""
    added = (Note.LEDGER_UPGRADED, Note.KIND_ADDED)
    return said | {"entries": [entry for entry in said["entries"] if entry[2] not in added]}


def as_version_1(path: Path, key_file: Path) -> None:
    """Let the ledger at ``path`` be what a program of version 1 would have left, witness and all."""
    key, old = bytes.fromhex(key_file.read_text()), path.with_name("of_today.db")
    path.rename(old)
    with closing(sqlite3.connect(path)) as new, closing(sqlite3.connect(old)) as conn:
        for sql in version_1.DDL:
            new.execute(sql)
        for table, columns in (("meta", "*"), ("lines", "*"), ("lookups", "*"), ("runs", "*")):
            _copy(new, table, conn.execute(f"SELECT {columns} FROM {table}").fetchall())  # noqa: S608 - constants
        _copy(new, "items", [row[:-1] for row in conn.execute("SELECT * FROM items")])
        _copy(new, "transitions", version_1._transitions())
        meta = dict(new.execute("SELECT name, value FROM meta"))
        head = Head(0, bytes.fromhex(meta["seal"]))
        for row in conn.execute("SELECT seq, at, name, run, item, 0, 0, attempt, facts FROM entries ORDER BY seq"):
            head = Head(row[0], MACS[1](key, head.mac, *row))
            _copy(new, "entries", [(*row[:5], *row[7:], head.mac)])
        for law in version_1.LAWS:
            new.execute(law.sql)
        new.execute(f"PRAGMA application_id = {APPLICATION}")
        new.execute("PRAGMA user_version = 1")
        new.commit()
        new.execute("PRAGMA journal_mode = WAL")
    old.unlink()
    path.chmod(0o600)
    witness = Witness(heads_folder(key_file), meta["ledger"], path)
    witness.file.unlink(missing_ok=True)
    witness.keep(head)


def as_version_2(path: Path, _key_file: Path) -> None:
    """Let the ledger at ``path`` be what a program of version 2 would have left."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn, without_laws(conn):
        for table, rows in version_2.CAME_LATER.items():
            for row in rows:
                names = [name for _, name, *_ in conn.execute(f"PRAGMA table_info({table})")]
                conn.execute(f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in names)}", row)  # noqa: S608 - constants
                assert conn.execute("SELECT changes()").fetchone() == (1,)
        conn.execute("PRAGMA user_version = 2")


AS_EARLIER = {1: as_version_1, 2: as_version_2}
# Version -> what makes a ledger of today one of it.


@contextmanager
def without_laws(conn: sqlite3.Connection) -> Iterator[None]:
    """Take the triggers of a ledger away for a while."""
    laws = conn.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in laws:
        conn.execute(f"DROP TRIGGER {name}")
    yield
    for _, law in laws:
        conn.execute(law)


def _copy(new: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        new.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608 - constants


def upgrade_of(path: Path) -> dict[str, Any]:
    """Return what the entry of an upgrade says."""
    (facts,) = [entry[6] for entry in dump(path)["entries"] if entry[2] == Note.LEDGER_UPGRADED]
    return dict(json.loads(facts))
