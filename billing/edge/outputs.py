"""Where an output goes: over an older file of its own kind, and over nothing else.

A name completed by the shell, or typed one letter short, is often that of the sheet, of the ledger or of its key. So a
file that is already there is looked at before it is replaced: its first bytes must be those of the output's own kind.
``--force`` replaces other files too, but never what the command reads from, a ledger, or a key.
"""

import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from billing.core.errors import UsageError
from billing.edge.privatefile import is_passage, make_private, write_private
from billing.edge.workbooks.mark import ZIP, is_own_workbook

HEAD = 1 << 16
# Bytes looked at: more than the longest header line of a sheet.

_MARK = b"\xef\xbb\xbf"
_SQLITE = b"SQLite format 3\0"
_COMPANIONS = ("-wal", "-shm", "-journal", ".lock")
_LEDGER_KEY = re.compile(rb"[0-9a-f]{64}\s*")
_REASONS = re.compile(rb'"?line"?([,;\t|])"?column"?\1"?code"?\1"?reason"?\r?')
_REPORT = re.compile(
    rb"Run |## `|\[\s*\]|account(.)currency\1lines\1[^\n]*\1run\r?\n|\[\s*\{\s*\"account\":[^\n]*\s*\"currency\":"
)
_REHEARSAL = re.compile(
    rb"reference,customer,payment_method,account,amount,currency,application_fee,description\r?\n[^\n]*,Item 1\r?\n"
)


@dataclass(frozen=True, slots=True)
class Output:
    """One kind of file that billing writes.

    Attributes:
        noun: what it is called in messages.
        is_own: whether these first bytes, without a byte order mark, are those of an older one.
        is_workbook: the same of a workbook, whose first bytes say nothing.
    """

    noun: str
    is_own: Callable[[bytes], bool]
    is_workbook: Callable[[Path], bool] = lambda _: False


def _first_line(head: bytes) -> bytes:
    return head.partition(b"\n")[0]


PLAN = Output("a plan", lambda head: head.startswith(b"{") and b'"plan_digest"' in head)
_PAGE = b'<meta name="generator" content="connect-billing '
REPORT = Output(
    "a report",
    lambda head: b"what_to_do" in head or _REPORT.match(head) is not None or _PAGE + b"report" in head[:4096],
    is_workbook=is_own_workbook,
)
BAD_LINES = Output("a file of bad lines", lambda head: _REASONS.search(_first_line(head)) is not None)
_REVERSALS = (b"\nkind: refunds\n", b"\nkind: cancellations\n")
REVERSAL = Output(
    "a file that undoes a run", lambda head: any(kind in head for kind in _REVERSALS) or b"of_run" in _first_line(head)
)
_LINE_TO_BANK = re.compile(rb"<!doctype html>[^\0]{0,2000}: line to bank</title>")
RECONCILIATION = Output(
    "a reconciliation",
    lambda head: head.startswith(b"Reconciliation of ") or b'"discrepancies"' in head
    or _LINE_TO_BANK.match(head) is not None,
)  # fmt: skip
_JOURNAL = re.compile(
    rb"; billing export of |id,date,connected_account,run,reference,category,ledger_account,"
    rb"|JournalNo,JournalDate,AccountName,[^\n]*\n[^\n]*\((txn|po)_"
    rb"|\*Narration,\*Date,[^\n]*\n[^\n]*\((txn|po)_"
    rb'|"EXTF";700;21;[^\n]*;"CB";"billing";'
)
EXPORT = Output("an export", lambda head: _JOURNAL.match(head) is not None)
ASK = Output("a list of whom to ask", lambda head: _first_line(head).rstrip().endswith(b",link,link_valid_until"))
REHEARSAL = Output("a rehearsal", lambda head: _REHEARSAL.match(head) is not None)


@dataclass(frozen=True, slots=True)
class Target:
    """A file to write.

    Attributes:
        path: as typed.
        output: what will stand in it.
        guarded: files that are never replaced: what the command reads, the ledger, its key.
        force: whether an ordinary file of another kind may be replaced.
        flag: how the path was asked for, for messages.
    """

    path: Path
    output: Output
    guarded: tuple[Path, ...] = ()
    force: bool = False
    flag: str = "--out"

    def check(self) -> None:
        """Refuse a target that must not be replaced; worth asking before long work begins.

        Raises:
            UsageError: it holds something else.
        """
        path = self.path
        if is_passage(path) or not _is_plain(path):
            return  # nothing is replaced there; writing says what else is wrong
        if any(_same(path, each) for each in self.guarded):
            raise UsageError(f"{self.flag} {path} would overwrite what this command needs; name another file")
        head = _head(path)
        if head.startswith(_SQLITE) or _is_companion(path) or _LEDGER_KEY.fullmatch(head):
            raise UsageError(f"{self.flag} {path} would overwrite a ledger or its key; name another file")
        if head and not self.force and not self._is_own(head):
            raise UsageError(
                f"{self.flag} {path} is there and is not {self.output.noun}; name another file (--force replaces it)"
            )

    def write(self, chunks: Iterable[str], encoding: str = "utf-8") -> None:
        """Write the output with mode 0600, whole or not at all.

        Raises:
            UsageError: it must not, or cannot, go there.
            RunStopped: a symbolic link stands there, or the disk says no.
        """
        self.check()
        write_private(self.path, chunks, encoding)

    def make(self, make: Callable[[Path], object]) -> None:
        """Let ``make`` write the output into the file it is handed, which takes its place as `write` puts it there.

        Raises:
            UsageError: it must not, or cannot, go there.
            RunStopped: a symbolic link stands there, or the disk says no.
        """
        self.check()
        make_private(self.path, make)

    def _is_own(self, head: bytes) -> bool:
        """Whether an older one of the same kind is there."""
        if head.startswith(ZIP):
            return self.output.is_workbook(self.path)
        return self.output.is_own(head.removeprefix(_MARK))


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise UsageError(f"{path}: what is there cannot be looked at: {error.strerror}") from None


def _is_companion(path: Path) -> bool:
    """Whether the file belongs to a database beside it."""
    owners = [path.with_name(path.name.removesuffix(end)) for end in _COMPANIONS if path.name.endswith(end)]
    return any(owner.name and owner.is_file() and _head(owner).startswith(_SQLITE) for owner in owners)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False
