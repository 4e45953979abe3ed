"""Every exception raised on purpose, one tree.

    BillingError
    ├── UsageError            2   wrong usage, or key, mode and file disagree
    │   └── LedgerMissing     2   no ledger where the settings say
    ├── InvalidInput          3   a file with problems, each with its place
    ├── RunStopped            6   a guard, the operator or a contradiction stopped the run
    │   └── LedgerError       6   storage that cannot be trusted
    │       └── LedgerDamaged 6   entries, projection and chain disagree
    ├── LedgerHeld            7   another runner holds the ledger
    ├── CredentialsError      8   the key is refused or lacks a permission
    ├── PlanStale             9   the plan is for other content
    ├── ApprovalMissing       9   a total needs a second person's yes
    ├── ProviderUnreachable  10   no answer within the budget
    └── Interrupted         130   Ctrl-C at a question

The message is for the person who must act: it names the place and says what helps. It never holds a key, a name, an
e-mail or card data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import ClassVar

from billing.core.exits import Exit


class BillingError(Exception):
    """Something a person or a scheduler can act on. ``exit_code`` is the process's exit code."""

    exit_code: ClassVar[Exit] = Exit.INTERNAL


class UsageError(BillingError):
    """The command cannot be carried out as typed or configured; nothing was sent."""

    exit_code = Exit.USAGE


class LedgerMissing(UsageError):
    """There is no ledger where the settings say, and none was ever seen there."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one place of an input file.

    Attributes:
        file: the file as the operator named it.
        line: 1-based physical line, 0 when the whole file is meant.
        column: 1-based; for a sheet the number of the field or column, for YAML the character.
        code: stable machine name, such as ``amount_decimals``.
        message: what is wrong, quoting the offending text.
        hint: what would help, or empty.
        reference: the item's reference where it is known.
        sheet: of a workbook: the name of the sheet; empty otherwise.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    reference: str = ""
    sheet: str = ""

    def __str__(self) -> str:
        """``file:line:column: message (hint)``, on one line; of a workbook ``file: November!D17: message (hint)``."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        if self.sheet and self.line:
            place = f"{self.file}: {cell_name(self.sheet, self.line, self.column)}"
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


def cell_name(sheet: str, line: int, column: int) -> str:
    """Return how a spreadsheet names a cell: ``November!D17``, ``'The sheet'!D17``, and ``November!17`` for a row."""
    plain = sheet.replace("_", "").isalnum()
    named = sheet if plain else "'" + sheet.replace("'", "''") + "'"
    return f"{named}!{column_letters(column)}{line}"


def column_letters(column: int) -> str:
    """Return how a spreadsheet names a column: A for 1, AA for 27, nothing for 0."""
    letters = ""
    while column > 0:
        column, letter = divmod(column - 1, len(ascii_uppercase))
        letters = ascii_uppercase[letter] + letters
    return letters


class InvalidInput(BillingError):
    """A file was refused whole. ``problems`` are the first ones found, ``total`` how many there are.

    ``after`` says what had been done by then.
    """

    exit_code = Exit.INVALID

    def __init__(
        self, problems: Sequence[Problem], total: int | None = None, *, after: str = "nothing was sent"
    ) -> None:
        self.problems = tuple(problems)
        self.total = len(self.problems) if total is None else total
        noun = "problem" if self.total == 1 else "problems"
        super().__init__(f"{self.total} {noun}; {after}")


class RunStopped(BillingError):
    """The run was stopped for a person to look; its state is saved."""

    exit_code = Exit.STOPPED


class LedgerError(RunStopped):
    """The ledger cannot be opened, written or trusted. Nothing more is sent after it."""


class LedgerDamaged(LedgerError):
    """Entries, projection and chain do not agree: something else changed the ledger."""


class LedgerHeld(BillingError):
    """Another runner holds the ledger."""

    exit_code = Exit.HELD


class CredentialsError(BillingError):
    """The provider refuses the key, or the key lacks a permission."""

    exit_code = Exit.CREDENTIALS


class PlanStale(BillingError):
    """The saved plan was made for other content, settings or history."""

    exit_code = Exit.APPROVAL


class ApprovalMissing(BillingError):
    """A total is over what one person may charge, and no approval of the plan is on record."""

    exit_code = Exit.APPROVAL


class ProviderUnreachable(BillingError):
    """The provider gave no usable answer within the budget; the state is saved."""

    exit_code = Exit.UNREACHABLE


class Interrupted(BillingError):
    """A person pressed Ctrl-C: at a question, for which nothing was sent, or where a command has no own ending."""

    exit_code = Exit.INTERRUPTED
