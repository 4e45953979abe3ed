"""One runner per ledger: a courtesy that says who is there. What keeps money safe is the charge protocol, not this."""

import asyncio
import fcntl
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from billing.core.errors import LedgerError, LedgerHeld
from billing.edge.ledger.custody.location import PRIVATE

POLL_SECONDS = 0.1
# How often a waiting runner asks again: too short for a person to notice, long enough to cost nothing.
GRACE_SECONDS = 0.3
# Whoever asks who holds a lock has to touch it for a moment; a runner that comes in that moment is not turned away.


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a ledger, as they said themselves; empty texts and 0 where they could not say.

    Attributes:
        purpose: what they do, such as ``run coaching-2026-11``.
        pid: of their process, on their host.
        host: its name.
        since: provider time, ISO 8601.
        workers: the ids of those who share it, in alphabetical order; nobody shares a file.
    """

    purpose: str = ""
    pid: int = 0
    host: str = ""
    since: str = ""
    workers: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``run coaching-2026-11 (pid 17 on host, since ...), by workers w0, w1``."""
        several = "workers" if len(self.workers) > 1 else "worker"
        workers = f"{several} {', '.join(self.workers)}" if self.workers else ""
        who = f" (pid {self.pid} on {self.host}, since {self.since})" if self.pid else ""
        if not self.purpose:
            return f"{workers or 'another runner'}{who}"
        return f"{self.purpose}{who}{', by ' if workers else ''}{workers}"


def holder_of(ledger: Path) -> Holder | None:
    """Return who holds the lock of ``ledger`` now, or None: then no process is charging from it, however it says.

    A run that was killed stays ``running`` in its ledger until it is continued; its lock went with its process.
    Nobody is known to hold a lock file that cannot be opened.
    """
    try:
        descriptor = os.open(_lock_file(ledger), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _lock_file(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".lock")


@dataclass(frozen=True, slots=True)
class Lock:
    """A held lock; it ends with `release` or with the process, however that dies."""

    descriptor: int

    def release(self) -> None:
        """Let the next runner in. The file stays: removing it would let two runners hold two files of one name."""
        with suppress(OSError):
            os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)


async def acquire(ledger: Path, *, purpose: str, since: datetime, wait: float | None) -> Lock:
    """Take the lock of ``ledger``, waiting up to ``wait`` seconds.

    Raises:
        LedgerHeld: somebody else still has it; the message names them.
        LedgerError: the lock file cannot be opened.
    """
    path = _lock_file(ledger)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, PRIVATE)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be opened ({error.strerror})") from error
    try:
        await _wait_for(descriptor, ledger, wait)
    except BaseException:
        os.close(descriptor)
        raise
    with suppress(OSError):  # the name of the holder is a courtesy; a full disk is for the ledger itself to report
        os.fchmod(descriptor, PRIVATE)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _name(purpose, since), 0)
    return Lock(descriptor)


def _name(purpose: str, since: datetime) -> bytes:
    """Return what another runner is told of the holder."""
    holder = {
        "purpose": purpose,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": since.isoformat("T", "seconds"),
    }
    return json.dumps(holder).encode()


async def _wait_for(descriptor: int, ledger: Path, wait: float | None) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(wait or 0, GRACE_SECONDS)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() >= deadline:
                raise LedgerHeld(f"{ledger}: held by {_holder(descriptor)}; wait for it to end, or stop it") from None
            await asyncio.sleep(POLL_SECONDS)
        else:
            return


def _holder(descriptor: int) -> Holder:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(str(found["purpose"]), int(found["pid"]), str(found["host"]), str(found["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder()
