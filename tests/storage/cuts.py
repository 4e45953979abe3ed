"""A power cut: what the disk holds of a ledger's files, when only what was synced is sure to be there."""

import random
from dataclasses import dataclass
from pathlib import Path

from tests.storage.syscalls import Change

SECTOR = 512
# The least a disk writes whole.


@dataclass(frozen=True, slots=True)
class Cut:
    """What a cut left: the content of each file that is there, and how many changes were unsynced, lost, torn."""

    files: dict[str, bytes]
    unsynced: int
    lost: int
    torn: int


def _applied(content: bytes, change: Change) -> bytes:
    if change.kind == "length":
        return content[: change.offset].ljust(change.offset, b"\0")
    end = change.offset + len(change.data)
    return content[: change.offset].ljust(change.offset, b"\0") + change.data + content[end:]


def _torn(change: Change, dice: random.Random) -> list[Change]:
    """Return those sectors of a write that reached the disk."""
    cuts = range(0, len(change.data), SECTOR)
    return [
        Change(change.file, "write", change.offset + at, change.data[at : at + SECTOR])
        for at in cuts
        if dice.random() < 0.5
    ]


def _survivors(pending: list[Change], dice: random.Random) -> tuple[list[Change], int]:
    """Return what a disk may have kept of unsynced changes, in one of three ways, and how many of them are torn."""
    if not pending:
        return [], 0
    way = dice.choice(("a prefix", "any of them", "sectors of any of them"))
    if way == "a prefix":
        kept = pending[: dice.randint(0, len(pending))]
        if len(kept) < len(pending) and pending[len(kept)].kind == "write":
            return [*kept, *_torn(pending[len(kept)], dice)], 1
        return kept, 0
    kept = [change for change in pending if dice.random() < 0.5]
    if way == "any of them":
        return kept, 0
    torn = [part for change in kept for part in (_torn(change, dice) if change.kind == "write" else [change])]
    return torn, sum(change.kind == "write" for change in kept)


def cut(changes: list[Change], dice: random.Random) -> Cut:
    """Return the files as a disk may hold them after ``changes``: all that was synced, and some of the rest."""
    synced: dict[str, bytes] = {}
    pending: dict[str, list[Change]] = {}
    for change in changes:
        if change.kind == "delete":
            synced.pop(change.file, None)
            pending.pop(change.file, None)
        elif change.kind == "sync":
            for each in pending.pop(change.file, []):
                synced[change.file] = _applied(synced.get(change.file, b""), each)
        else:
            pending.setdefault(change.file, []).append(change)
    unsynced, lost, torn = 0, 0, 0
    for file, waiting in pending.items():
        kept, halves = _survivors(waiting, dice)
        unsynced, lost, torn = unsynced + len(waiting), lost + (len(kept) < len(waiting)), torn + halves
        for each in kept:
            synced[file] = _applied(synced.get(file, b""), each)
    return Cut(synced, unsynced, lost, torn)


def restart(ledger: Path, found: Cut) -> None:
    """Lay the files down as the machine finds them; its shared memory is gone."""
    for end in ("-wal", "-shm", "-journal"):
        Path(f"{ledger}{end}").unlink(missing_ok=True)
    ledger.write_bytes(b"")  # its name is there since before SQLite's first write
    for file, content in found.files.items():
        if not file.endswith("-shm"):
            Path(file).write_bytes(content)
