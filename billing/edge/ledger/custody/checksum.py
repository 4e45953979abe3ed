"""The whole file as it was closed: a ledger whose bytes nobody has touched since need not be read entry by entry.

A ledger is checked in full when it is opened, and everything written to it afterwards goes through the table of states,
the chain and the triggers. So when it is closed it is sound, and a sum over its bytes, under the ledger's own key and
kept beside it, says later that it still is. One byte that differs, a log that was not carried over, a sum that is
missing or that another key has made: then every entry is checked again, as after a kill.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

from billing.edge.ledger.chain import seal
from billing.edge.ledger.custody.location import PRIVATE

PIECE = 64 * 1024 * 1024
# Bytes summed by one thread at a time; hashlib lets other threads run meanwhile.
READ = 1024 * 1024
MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class FileChecksum:
    """The sum of one ledger's file: where it is kept, the ledger's key, and the ledger.

    Attributes:
        folder: beside the witness.
        key: of the ledger's chain.
        path: of the ledger, links resolved.
    """

    folder: Path
    key: bytes
    path: Path

    @property
    def file(self) -> Path:
        """Where the sum is kept; a name that no witness has. Deleting it costs one full check."""
        return self.folder / f".{hashlib.sha256(str(self.path).encode()).hexdigest()[:32]}.whole"

    def untouched(self) -> bool:
        """Tell whether the ledger is byte for byte what it was when it was last closed."""
        try:
            kept = json.loads(self.file.read_text(encoding="ascii"))["sum"]
            return not self._has_log() and compare_digest(str(kept), self._sum())
        except (OSError, ValueError, LookupError, TypeError):
            return False

    def keep(self) -> None:
        """Sum up a ledger that was just closed; where that fails the next opening checks every entry."""
        draft = self.file.with_suffix(f".{os.getpid()}")
        try:
            self.file.unlink(missing_ok=True)
            if self._has_log():
                return
            text = json.dumps({"path": str(self.path), "sum": self._sum()})
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, PRIVATE)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
            draft.replace(self.file)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _has_log(self) -> bool:
        """Tell whether there are commits outside the file itself."""
        log = Path(f"{self.path}-wal")
        return log.exists() and log.stat().st_size > 0

    def _sum(self) -> str:
        size = self.path.stat().st_size
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            places = range(0, size, PIECE)
            if len(places) < 2:
                sums = [_summed(descriptor, place) for place in places]
            else:
                with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
                    sums = list(pool.map(lambda place: _summed(descriptor, place), places))
        finally:
            os.close(descriptor)
        return seal(self.key, "connect-billing ledger file", size, *sums).hex()


def _summed(descriptor: int, place: int) -> str:
    """Return the SHA-256 of one piece of a file."""
    digest, end = hashlib.sha256(), place + PIECE
    while place < end and (part := os.pread(descriptor, min(READ, end - place), place)):
        digest.update(part)
        place += len(part)
    return digest.hexdigest()
