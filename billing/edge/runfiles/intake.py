"""Where every line goes: good ones are counted and parked, bad ones are parked with what is wrong with them."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from billing.core.errors import Problem
from billing.core.money import BANK_DIGITS, CURRENCIES, format_minor
from billing.core.policies import Limits
from billing.edge.runfiles.problems import Collector, Fault, FieldError, Unreadable
from billing.edge.runfiles.rows import Row
from billing.edge.runfiles.spool import Record, Spool
from billing.edge.runfiles.text import quoted, suspect, withheld

_BANK_CEILING = {code: 10 ** BANK_DIGITS.get(code, BANK_DIGITS[""]) for code in CURRENCIES}
_MINIMUM = {code: row.minimum or 0 for code, row in CURRENCIES.items()}


class Intake:
    """Takes the lines of one file in, one at a time, in a fixed amount of memory per line (16 bytes).

    Attributes:
        problems: what makes the file unacceptable, the first kept and all counted.
        warnings: what an operator should know of.
        columns: the headers as the file spells them, once known.
        amount_at: the field or column of the amounts.
        broken: whether something other than single lines is wrong; then even setting lines aside does not help.
        totals: minor units per currency of the good lines.
        per_account: the same per (account, currency), kept only when a limit asks for it.
    """

    def __init__(self, file: str, spool: Spool, limits: Limits) -> None:
        self.file = file
        self.problems = Collector()
        self.warnings = Collector()
        self.columns: tuple[str, ...] = ()
        self.broken = False
        self.amount_at = 1
        self.count = 0
        self.set_aside = 0
        self.totals: dict[str, int] = {}
        self.per_account: dict[tuple[str, str], int] = {}
        self.repeats = Repeats()
        self._spool = spool
        self._limits = limits
        self._references = array("q")
        self._contents = array("q")

    def accept(self, line: int, cells: tuple[str, ...], row: Row, reference_at: int) -> None:
        """Take a line that reads well; the limit on a single item may still refuse it."""
        reference, account, _, _, minor, currency, *_ = row
        if minor > self._limits.per_item.get(currency, minor):
            self.refuse(
                line, cells, (_over_item(minor, currency, self._limits, self.amount_at),), reference_at, reference
            )
            return
        self.count += 1
        self.totals[currency] = self.totals.get(currency, 0) + minor
        if self._limits.per_account:
            key = (account, currency)
            self.per_account[key] = self.per_account.get(key, 0) + minor
        if not _MINIMUM[currency] <= minor < _BANK_CEILING[currency]:
            self._warn_of_size(line, row)
        self._references.append(hash(reference))
        self._contents.append(hash(row[1:]))
        self._spool.append((line, cells, row, reference, reference_at, ()))

    def refuse(
        self, line: int, cells: tuple[str, ...], faults: tuple[Fault, ...], reference_at: int, reference: str
    ) -> None:
        """Take a line that cannot stand, with every reason; what must never be recorded is blanked out of its cells."""
        self.set_aside += 1
        for fault in faults:
            self.problems.add(self._problem(line, fault, reference))
        if any(suspect(cell) for cell in cells):
            cells = tuple(withheld(cell) for cell in cells)
        if reference:
            self._references.append(hash(reference))
        plain = tuple((fault.column, fault.code, fault.message, fault.hint, fault.line) for fault in faults)
        self._spool.append((line, cells, None, reference, reference_at, plain))

    def refuse_file(self, line: int, column: int, error: FieldError) -> None:
        """Note a problem of the file as a whole; reading may go on to find more."""
        self.broken = True
        self.problems.add(self._problem(line, Fault(column, error.code, error.message, error.hint), ""))

    def stop(self, end: Unreadable) -> None:
        """Note why the rest of the file cannot be read."""
        self.broken = True
        if not end.quiet:
            self.problems.add(self._problem(end.line, end.fault, ""))

    def finish(self) -> None:
        """Look for repeats, once every line is in. Only lines that may be repeats are looked at again."""
        self._spool.flush()
        references = _repeated(self._references)
        contents = _repeated(self._contents)
        if references or contents:
            self._second_look(references, contents)

    def records(self) -> Iterator[tuple[Record, int]]:
        """Every line in order, each with the line whose reference it repeats, or 0."""
        repeats = iter(self.repeats)
        place, first = next(repeats, (-1, 0))
        for index, record in enumerate(self._spool):
            if index == place:
                yield record, first
                place, first = next(repeats, (-1, 0))
            else:
                yield record, 0

    def _second_look(self, references: set[int], contents: set[int]) -> None:
        first_reference: dict[str, tuple[int, int]] = {}
        first_content: dict[int, tuple[int, int]] = {}
        for index, record in enumerate(self._spool):
            line, _, row, reference, reference_at, _ = record
            if reference and hash(reference) in references:
                first, at = first_reference.setdefault(reference, (index, line))
                if first != index:
                    self._repeat(index, record, at, reference_at)
                    continue
            # 64 bits decide here: a wrong warning once in many million files harms nobody.
            if row is not None and (content := hash(row[1:])) in contents:
                first, at = first_content.setdefault(content, (index, line))
                if first != index:
                    self._warn_of_content(line, at, reference)

    def _repeat(self, index: int, record: Record, first: int, reference_at: int) -> None:
        line, _, row, reference, *_ = record
        self.problems.add(self._problem(line, repeat_fault(reference, first, reference_at), reference))
        self.repeats.add(index, first)
        if row is not None:
            self._take_back(row)

    def _take_back(self, row: Any) -> None:  # noqa: ANN401  a row as the spool gives it back
        _, account, _, _, minor, currency, *_ = row
        self.count -= 1
        self.set_aside += 1
        self.totals[currency] -= minor
        if self._limits.per_account:
            self.per_account[account, currency] -= minor

    def _problem(self, line: int, fault: Fault, reference: str) -> Problem:
        return Problem(self.file, fault.line or line, fault.column, fault.code, fault.message, fault.hint, reference)

    def _warn(self, line: int, code: str, message: str, hint: str, reference: str) -> None:
        self.warnings.add(Problem(self.file, line, self.amount_at, code, message, hint, reference))

    def _warn_of_content(self, line: int, first: int, reference: str) -> None:
        message = f"reference {quoted(reference)} has the same content as line {first}"
        self._warn(line, "same_content", message, "two charges, or one line twice?", reference)

    def _warn_of_size(self, line: int, row: Row) -> None:
        reference, _, _, _, minor, currency, *_ = row
        amount = f"{format_minor(minor, currency)} {currency}"
        if minor < _MINIMUM[currency]:
            least = format_minor(_MINIMUM[currency], currency)
            message, hint = (
                f"{amount} is under Stripe's minimum of {least}",
                "it holds after conversion to the settlement currency",
            )
            self._warn(line, "under_minimum", message, hint, reference)
        else:
            self._warn(
                line, "cards_only", f"{amount} is more than bank debits can carry", "check the amount", reference
            )


class Repeats:
    """Which records repeat an earlier reference: (index, line of the first), 16 bytes each."""

    def __init__(self) -> None:
        self._indexes = array("Q")
        self._firsts = array("Q")

    def add(self, index: int, first: int) -> None:
        """Note one; indexes come in rising order."""
        self._indexes.append(index)
        self._firsts.append(first)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._indexes, self._firsts, strict=True)


def repeat_fault(reference: str, first: int, column: int) -> Fault:
    """The fault of a line whose reference stands on an earlier line too."""
    message = f"reference {quoted(reference)} was already used on line {first}"
    return Fault(column, "duplicate_reference", message)


def _repeated(hashes: Sequence[int]) -> set[int]:
    """The values that occur more than once, found by sorting: a set of all of them would need ten times the memory."""
    return {one for one, other in pairwise(sorted(hashes)) if one == other}


def _over_item(minor: int, currency: str, limits: Limits, column: int) -> Fault:
    limit = format_minor(limits.per_item[currency], currency)
    message = f"{format_minor(minor, currency)} {currency} is over the limit of {limit} per item"
    return Fault(column, "over_item_limit", message, "limits.per_item")
