"""Where every line goes: good ones are counted and parked, bad ones are parked with what is wrong with them."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from billing.core.errors import Problem
from billing.core.money import BANK_DIGITS, CURRENCIES, format_minor
from billing.core.policies import Limits
from billing.edge.runfiles.reading.remembered import Remembered
from billing.edge.runfiles.reading.spool import Record, Spool
from billing.edge.runfiles.schema import Row, Schema, content
from billing.edge.texts.problems import Collector, Fault, FieldError, Unreadable
from billing.edge.texts.safe_text import PERSONAL, phone_like, quoted, suspect, withheld

_BANK_CEILING = {code: 10 ** BANK_DIGITS.get(code, BANK_DIGITS[""]) for code in CURRENCIES}
_GROUP = 3
# Digits between separators of thousands.
_PADDED = 4
# Digits of a number that somebody may have padded with zeros; a plain count of lines has fewer.
MAX_WIDTH = 100
_MINIMUM = {code: row.minimum or 0 for code, row in CURRENCIES.items()}


def _seems_to_hold_a_phone_number(free: tuple[Any, ...]) -> bool:
    """Look through what is free text, metadata among it: texts, pairs of key and text, None."""
    return any(
        phone_like(value) if isinstance(value, str) else any(phone_like(text) for _, text in value)
        for value in free
        if value
    )


class LineCollector:
    """Takes the lines of one file in, one at a time, in a fixed amount of memory per line (16 bytes).

    Args:
        schema: the kind of file it is, as far as is known before its header was read.

    Attributes:
        schema: the kind of file it is.
        problems: what makes the file unacceptable, the first kept and all counted.
        warnings: what an operator should know of.
        columns: the headers as the file spells them, once known.
        amount_at: the field or column of the amounts.
        broken: whether something other than single lines is wrong; then even setting lines aside does not help.
        totals: minor units per currency of the good lines.
        per_account: the same per (account, currency), kept only when a limit asks for it.
        too_large: what the lines over the limit of an item come to; ``too_large_per_account`` as for good lines.
        sheet: of a workbook: which of its sheets the lines are of; empty otherwise.
        delimiter: what separates the fields, as given or found out; ``decimal`` units and decimals.
        untitled_told: whether a value under no title was noted; one problem says it for all.
    """

    def __init__(self, file: str, spool: Spool, limits: Limits, schema: Schema) -> None:
        self.file = file
        self.schema = schema
        self.sheet = ""
        self.problems = Collector()
        self.warnings = Collector()
        self.columns: tuple[str, ...] = ()
        self.broken = False
        self.amount_at = 1
        self.count = 0
        self.set_aside = 0
        self.totals: dict[str, int] = {}
        self.per_account: dict[tuple[str, str], int] = {}
        self.too_large: dict[str, int] = {}
        self.too_large_per_account: dict[tuple[str, str], int] = {}
        self.delimiter = ","
        self.decimal = "."
        self.untitled_told = False
        self._phones = Remembered(_seems_to_hold_a_phone_number)
        self._narrowest, self._widest = MAX_WIDTH, 0
        self.repeats = Duplicates()
        self._spool = spool
        self._limits = limits
        self._references = array("q")
        self._contents = array("q")
        self.begin(schema, (), ())

    def begin(self, schema: Schema, columns: tuple[str, ...], titles: tuple[str, ...]) -> None:
        """Take in what the lines are made of: our name of each cell, and how the file spells it."""
        self.schema, self.columns = schema, titles
        # A column that the run does not need has no name of ours. Beside people nobody can tell what stands in it:
        # last names, say.
        hidden = {*schema.personal, ""} if schema.personal else ()
        self._personal = tuple(at for at, name in enumerate(columns) if name in hidden)
        major = next(iter(schema.amounts), "")
        self._amount_cell = columns.index(major) if major in columns else -1
        self._sum_of = schema.sums
        self._free_of = schema.pick(*schema.free)

    def accept(self, line: int, cells: tuple[str, ...], row: Row, reference_at: int) -> None:
        """Take a line that reads well; the limit on a single item may still refuse it."""
        reference, account, minor, currency = self._sum_of(row)
        if minor > self._limits.per_item.get(currency, minor):
            self._note_too_large(account, currency, minor)
            self.refuse(
                line, cells, (_over_item(minor, currency, self._limits, self.amount_at),), reference_at, reference
            )
            return
        self.count += 1
        if currency:
            self._add_money(line, cells, row)
        if self._phones[self._free_of(row)]:
            self._warn_of_phone(line, reference)
        if reference.isdigit():
            width = len(reference)
            self._narrowest, self._widest = min(width, self._narrowest), max(width, self._widest)
        self._references.append(hash(reference))
        self._contents.append(hash(content(row)))
        if self._personal:
            cells = self._recordable(cells)
        self._spool.append((line, cells, row, reference, reference_at, ()))

    def _add_money(self, line: int, cells: tuple[str, ...], row: Row) -> None:
        _, account, minor, currency = self._sum_of(row)
        self.totals[currency] = self.totals.get(currency, 0) + minor
        if self._limits.per_account:
            key = (account, currency)
            self.per_account[key] = self.per_account.get(key, 0) + minor
        if minor and not _MINIMUM[currency] <= minor < _BANK_CEILING[currency]:
            self._warn_of_size(line, row)
        if self._amount_cell >= 0 and cells[self._amount_cell].strip()[-4:-3] == self.decimal:
            self._warn_of_thousands(line, cells[self._amount_cell].strip(), row)

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
        if self._personal:
            cells = self._recordable(cells)
        self._spool.append((line, cells, None, reference, reference_at, plain))

    def refuse_file(self, line: int, column: int, error: FieldError) -> None:
        """Note a problem of the file as a whole; reading may go on to find more."""
        self.broken = True
        self.problems.add(self._problem(line, Fault(column, error.code, error.message, error.hint), ""))

    def refuse_whole(self, problem: Problem) -> None:
        """Note a problem of the file as a whole that has a place of its own."""
        self.broken = True
        self.problems.add(problem)

    def stop(self, end: Unreadable) -> None:
        """Note why the rest of the file cannot be read."""
        self.broken = True
        if not end.quiet:
            self.problems.add(self._problem(end.line, end.fault, ""))

    def finish(self) -> None:
        """Look for repeats, once every line is in. Only lines that may be repeats are looked at again."""
        self._spool.flush()
        if self._widest >= _PADDED and self._narrowest < self._widest:
            self._warn_of_widths()
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

    def _recordable(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """The cells without what is personal; of a line of another width nobody can tell where that stands."""
        hidden = self._personal if len(cells) == len(self.columns) else range(len(cells))
        return tuple(PERSONAL if at in hidden and cell.strip() else cell for at, cell in enumerate(cells))

    def _note_too_large(self, account: str, currency: str, minor: int) -> None:
        self.too_large[currency] = self.too_large.get(currency, 0) + minor
        if self._limits.per_account:
            key = (account, currency)
            self.too_large_per_account[key] = self.too_large_per_account.get(key, 0) + minor

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
            if row is not None and (same := hash(content(row))) in contents:
                first, at = first_content.setdefault(same, (index, line))
                if first != index:
                    self._warn_of_content(line, at, reference)

    def _repeat(self, index: int, record: Record, first: int, reference_at: int) -> None:
        line, _, row, reference, *_ = record
        self.problems.add(self._problem(line, repeat_fault(reference, first, reference_at), reference))
        self.repeats.add(index, first)
        if row is not None:
            self._take_back(row)

    def _take_back(self, row: Row) -> None:
        _, account, minor, currency = self._sum_of(row)
        self.count -= 1
        self.set_aside += 1
        if currency:
            self.totals[currency] -= minor
        if currency and self._limits.per_account:
            self.per_account[account, currency] -= minor

    def _problem(self, line: int, fault: Fault, reference: str) -> Problem:
        place = (self.file, fault.line or line, fault.column)
        return Problem(*place, fault.code, fault.message, fault.hint, reference, self.sheet)

    def _warn(self, line: int, code: str, message: str, hint: str, reference: str) -> None:
        self.warnings.add(Problem(self.file, line, self.amount_at, code, message, hint, reference, self.sheet))

    def _warn_of_thousands(self, line: int, text: str, row: Row) -> None:
        """Three decimals may be a format for all currencies, or thousands of somebody who writes 1.500 for 1500."""
        reference, _, minor, currency = self._sum_of(row)
        if CURRENCIES[currency].exponent < _GROUP:
            message = f"amount {quoted(text)} is taken for {format_minor(minor, currency)} {currency}"
            self._warn(line, "three_decimals", message, "are these decimals, or thousands?", reference)

    def _warn_of_phone(self, line: int, reference: str) -> None:
        message = f"reference {quoted(reference)}: {' or '.join(self.schema.free)} seem to hold a phone number"
        self._warn(line, "phone_number", message, "what stands there reaches the ledger, Stripe and reports", reference)

    def _warn_of_widths(self) -> None:
        message = f"references are numbers of {self._narrowest} to {self._widest} digits"
        hint = "a spreadsheet drops leading zeros: are they as they should be?"
        self.warn_of_file("mixed_widths", message, hint)

    def warn_of_file(self, code: str, message: str, hint: str) -> None:
        """Note what is worth a look of the file as a whole."""
        self.warnings.add(Problem(self.file, 0, 0, code, message, hint, "", self.sheet))

    def _warn_of_content(self, line: int, first: int, reference: str) -> None:
        message = f"reference {quoted(reference)} has the same content as line {first}"
        self._warn(line, "same_content", message, f"two {self.schema.word}, or one line twice?", reference)

    def _warn_of_size(self, line: int, row: Row) -> None:
        reference, _, minor, currency = self._sum_of(row)
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


class Duplicates:
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
