"""The witness: where the chain stood when last seen, kept beside the key, so that a cut or restored ledger is noticed.

A chain alone cannot tell that its end is missing. The witness is told of every commit once that is durable. It may lag
behind the ledger (a kill or a power cut may come first); the ledger may never be behind the witness.

The file begins with two lines of fixed length, each a head with its checksum; the newer one counts. A new head goes
over the older line, so that whatever cuts a write short leaves the other line as it was. Where the ledger lies stands
behind them, and every place where it lay before: a place that it has left is no free ground.

A ledger in PostgreSQL has a chain for each writer, and here a file for each chain that was written from here.
"""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

from billing.edge.ledger.chain import CHAIN, MAC_BYTES, Head
from billing.edge.ledger.custody.location import PRIVATE
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader

WITNESS_ENTRIES = 1_000
# How far the witness's disk may lag behind the ledger's while a run goes on: some seconds at the usual pace. It is told
# of every commit, and that survives a killed process; a power cut takes back what was not synced. A sync costs as much
# as a commit; run notes, plans and closing do it at once.
_DIGITS = 20
# Of an entry's number: more than SQLite can count.
_TEXT = _DIGITS + 1 + 2 * MAC_BYTES
# Bytes of one head: number, blank, mac in hexadecimal digits.
_LINE = _TEXT + 1 + 8 + 1
# ... with a blank, its checksum, and the end of the line.


@dataclass(frozen=True, slots=True)
class Witness:
    """The file that remembers one chain of a ledger.

    Attributes:
        folder: of the file.
        ledger: the ledger's id.
        place: where the ledger lies: its path, or what names it on a server.
        chain: the number of the chain.
    """

    folder: Path
    ledger: str
    place: str | Path
    chain: int = CHAIN

    @property
    def file(self) -> Path:
        """The file itself; deleting it accepts the ledger as it is."""
        return self.folder / (self.ledger if self.chain == CHAIN else f"{self.ledger}.{self.chain}")

    def seen(self) -> Head | None:
        """Return where the chain last stood, or None when nothing was kept (or it cannot be read)."""
        return _read(self.file)[1]

    def keep(self, head: Head, *, durable: bool = True) -> str:
        """Remember ``head``, atomically: killed in the middle, the file still holds this head or the one before.

        Args:
            head: the end of the chain, durable in the ledger itself.
            durable: wait until a power cut cannot take it back; costs as much as a commit.

        Returns:
            A warning when it cannot be kept, else an empty text.
        """
        try:
            if not self._overwrite(head, durable=durable):
                self._replace(head)
        except OSError as error:
            return (
                f"{self.file}: cannot be kept ({error.strerror}); a ledger restored from a backup will not be noticed"
            )
        return ""

    def _overwrite(self, head: Head, *, durable: bool) -> bool:
        """Put ``head`` over the older line; False when there is no such file of this ledger yet."""
        try:
            descriptor = os.open(self.file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            place = _place(self.place)
            content = os.pread(descriptor, 2 * _LINE + len(place) + 1, 0)
            if content[2 * _LINE : -1] != place or content[-1:] not in (b",", b"}"):
                return False
            first, second = _heads(content)
            older = 0 if first is None or (second is not None and first.seq < second.seq) else 1
            if head not in (first, second):
                os.pwrite(descriptor, _line(head), older * _LINE)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def _replace(self, head: Head) -> None:
        """Make the file anew, whole or not at all; the places where the ledger lay stay."""
        before = [place for place in _read(self.file)[0] if place != str(self.place)]
        draft = self.folder / f".{self.file.name}.{os.getpid()}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(2 * _line(head) + _tail(self.place, before))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.file)

    def fault(self, reader: Reader, seen: Head | None) -> str:
        """Return a sentence when the ledger lacks the entry last seen, else an empty text.

        Args:
            reader: sees one moment of the ledger.
            seen: read before that moment. A runner goes on writing; an entry that was seen afterwards may be younger
                than what ``reader`` shows, and its absence proves nothing.
        """
        if seen is None or seen.seq == 0:
            return ""
        if reader.first(Question.MAC_OF_ENTRY, {"number": seen.seq}) == (seen.mac,):
            return ""
        return (
            f"entry {seen.seq}, last seen by {self.file}, is not in it: the ledger was cut, or is an older copy. "
            f"Restore the newest copy. If there is none, set this one aside, delete {self.file}, and rebuild each of "
            f"its runs (billing ledger rebuild FILE)"
        )


def witnesses_of(own: Witness) -> list[Witness]:
    """Return the witnesses of all chains of a ledger that are kept here, the own one first."""
    numbers = (file.suffix[1:] for file in own.folder.glob(f"{own.ledger}.*"))
    kept = [CHAIN, *(int(number) for number in numbers if number.isdecimal())]
    return [own, *(replace(own, chain=chain) for chain in sorted(kept) if chain != own.chain)]


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a ledger.

    Attributes:
        file: that remembers it; its name is the ledger's id, of a chain but the first one with the chain's number.
        entries: how many it had when last seen.
        places: where it lay, the last one first.
    """

    file: Path
    entries: int
    places: tuple[str, ...]

    @property
    def ledger(self) -> str:
        """Its id."""
        return self.file.name.partition(".")[0]

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that remembers it, a file for each of its chains."""
        whole = self.file.with_name(self.ledger)
        return (*((whole,) if whole.exists() else ()), *sorted(self.file.parent.glob(f"{self.ledger}.*")))

    @property
    def place(self) -> str:
        """Where it was last seen."""
        return self.places[0]


def traces(folder: Path) -> list[Trace]:
    """Return what is remembered of every ledger with entries, the longest first; of its chains the longest counts."""
    if not folder.is_dir():
        return []
    found = []
    for file in folder.iterdir():
        places, head = ([], None) if file.name.startswith(".") else _read(file)
        if places and head and head.seq:
            found.append(Trace(file, head.seq, tuple(places)))
    found.sort(key=lambda trace: (-trace.entries, trace.file))
    longest: dict[str, Trace] = {}
    for trace in found:
        longest.setdefault(trace.ledger, trace)
    return list(longest.values())


def traces_at(folder: Path, place: str | Path) -> list[Trace]:
    """Return what is remembered of every ledger with entries that ever lay at a place, the longest first."""
    return [trace for trace in traces(folder) if str(place) in trace.places]


def _line(head: Head) -> bytes:
    text = f"{head.seq:0{_DIGITS}d} {head.mac.hex()}".encode()
    return text + _check(text)


def _check(text: bytes) -> bytes:
    return b" %08x\n" % crc32(text)


def _head(line: bytes) -> Head | None:
    """Return the head of a line, or None when it was not written whole."""
    text = line[:_TEXT]
    if len(text) != _TEXT or line != text + _check(text):
        return None
    number, mac = text.decode("ascii").split(" ")
    return Head(int(number), bytes.fromhex(mac))


def _heads(content: bytes) -> tuple[Head | None, Head | None]:
    return _head(content[:_LINE]), _head(content[_LINE : 2 * _LINE])


def _tail(place: str | Path, before: list[str]) -> bytes:
    return json.dumps({"path": str(place), **({"before": before} if before else {})}).encode() + b"\n"


def _place(place: str | Path) -> bytes:
    """Return how every tail of a ledger at a place begins."""
    return json.dumps({"path": str(place)}).encode()[:-1]


def _read(file: Path) -> tuple[list[str], Head | None]:
    """Return where the ledger lay, the last place first, and its newest head; ([], None) if the file tells neither."""
    try:
        content = file.read_bytes()
        if content.startswith(b"{"):
            return _of_first_release(content)
        heads = [head for head in _heads(content) if head is not None]
        return _places(json.loads(content[2 * _LINE :])), max(heads, key=lambda head: head.seq, default=None)
    except (OSError, ValueError, KeyError, TypeError):
        return [], None


def _places(told: dict[str, Any]) -> list[str]:
    """Return where a ledger lay; a file of the first releases knows the last place only."""
    return [str(told["path"]), *(str(place) for place in told.get("before", ()))]


def _of_first_release(content: bytes) -> tuple[list[str], Head]:
    """Read what release 0.1 kept: one JSON object, replaced whole."""
    found = json.loads(content)
    return _places(found), Head(int(found["seq"]), bytes.fromhex(found["mac"]))
