"""The witness: where the chain stood when last seen, kept beside the key, so that a cut or restored ledger is noticed.

A chain alone cannot tell that its end is missing. The witness may lag behind the ledger (it is not written with every
commit, and a kill may come first); the ledger may never be behind the witness.
"""

import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from billing.edge.ledger.chain import Head
from billing.edge.ledger.place import PRIVATE


@dataclass(frozen=True, slots=True)
class Witness:
    """The file that remembers one ledger: its folder, the ledger's id and where the ledger lies."""

    folder: Path
    ledger: str
    path: Path

    @property
    def file(self) -> Path:
        """The file itself; deleting it accepts the ledger as it is."""
        return self.folder / self.ledger

    def seen(self) -> Head | None:
        """Return where the chain last stood, or None when nothing was kept (or it cannot be read)."""
        return _read(self.file)[1]

    def keep(self, head: Head) -> str:
        """Remember ``head`` atomically; return a warning when that is not possible, else an empty text."""
        text = json.dumps({"path": str(self.path), "seq": head.seq, "mac": head.mac.hex()})
        draft = self.folder / f".{self.ledger}.{os.getpid()}"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, PRIVATE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.file)
        except OSError as error:
            return (
                f"{self.file}: cannot be kept ({error.strerror}); a ledger restored from a backup will not be noticed"
            )
        return ""

    def fault(self, conn: sqlite3.Connection) -> str:
        """Return a sentence when the ledger lacks the entry last seen, else an empty text."""
        seen = self.seen()
        if seen is None or seen.seq == 0:
            return ""
        row = conn.execute("SELECT mac FROM entries WHERE seq = ?", (seen.seq,)).fetchone()
        if row == (seen.mac,):
            return ""
        return (
            f"entry {seen.seq}, last seen by {self.file}, is not in it: the ledger was cut, or is an older copy. "
            f"Restore the newest copy. If there is none, compare with Stripe (billing reconcile) and only then delete "
            f"{self.file} to accept what is left"
        )


def remembered(folder: Path, path: Path) -> int:
    """Return how many entries a ledger at ``path`` had when last seen, 0 if none was ever seen there."""
    if not folder.is_dir():
        return 0
    heads = (_read(file) for file in folder.iterdir() if not file.name.startswith("."))
    return max((head.seq for where, head in heads if head and where == str(path)), default=0)


def _read(file: Path) -> tuple[str, Head | None]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return str(found["path"]), Head(int(found["seq"]), bytes.fromhex(found["mac"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "", None
