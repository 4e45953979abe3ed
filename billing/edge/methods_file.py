"""Payment methods that a person names for lines: typed as REF=pm_…, or in a CSV of two columns."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from billing.core.cells import plain
from billing.core.errors import InvalidInput, Problem, UsageError
from billing.edge.logs import visible
from billing.edge.smallfile import NotRead, read_small

COLUMNS = ("reference", "payment_method")
MOST_BYTES = 64 * 1024 * 1024
TYPED = "--method"
# Where a problem with what was typed is said to be.
_is_method = re.compile(r"(pm|card|src|ba)_[A-Za-z0-9_]{1,250}").fullmatch


class NamedMethod(NamedTuple):
    """One payment method; ``file`` and ``line`` say where it stands."""

    reference: str
    method: str
    file: str
    line: int


def named_methods(typed: Sequence[str], file: str) -> tuple[NamedMethod, ...]:
    """Read what was typed and what is in a file, in this order.

    Args:
        typed: texts such as ``INV-7=pm_1Abc``.
        file: path of a CSV with a header, or empty.

    Raises:
        InvalidInput: some of it cannot be read; all of that, with its places.
        UsageError: the file cannot be opened.
    """
    problems: list[Problem] = []
    found = [*_typed(typed, problems), *(_in_file(file, problems) if file else ())]
    if problems:
        raise InvalidInput(problems)
    return tuple(found)


def _typed(typed: Sequence[str], problems: list[Problem]) -> Iterator[NamedMethod]:
    for text in typed:
        reference, mark, method = text.rpartition("=")
        if not mark or not reference or not _is_method(method):
            message = f'{TYPED} "{visible(text)}" is no reference and payment method'
            problems.append(Problem(TYPED, 0, 0, "method_syntax", message, "write it as INV-7=pm_1Abc"))
            continue
        yield NamedMethod(reference, method, TYPED, 0)


def _in_file(file: str, problems: list[Problem]) -> Iterator[NamedMethod]:
    rows = csv.reader(io.StringIO(_text(file)), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        if sorted(header) != sorted(COLUMNS):
            message = f"the columns are {', '.join(map(visible, header)) or 'missing'}"
            problems.append(Problem(file, 1, 1, "header", message, f"the file has two: {','.join(COLUMNS)}"))
            return
        for cells in rows:
            yield from _row(file, rows.line_num, header, cells, problems)
    except csv.Error as error:
        problems.append(Problem(file, rows.line_num, 1, "csv", f"this is no CSV: {error}"))


def _row(file: str, line: int, header: list[str], cells: list[str], problems: list[Problem]) -> Iterator[NamedMethod]:
    if not any(cell.strip() for cell in cells):
        return
    if len(cells) != len(header):
        problems.append(Problem(file, line, 1, "cells", f"has {len(cells)} cells, and the header {len(header)}"))
        return
    told = {name: plain(cell.strip()) for name, cell in zip(header, cells, strict=True)}
    reference, method = (told[name] for name in COLUMNS)
    if not reference:
        problems.append(Problem(file, line, header.index(COLUMNS[0]) + 1, "reference_missing", "names no reference"))
    elif not _is_method(method):
        message = f'"{visible(method)}" is no payment method such as pm_1Abc'
        problems.append(Problem(file, line, header.index(COLUMNS[1]) + 1, "method_syntax", message, "", reference))
    else:
        yield NamedMethod(reference, method, file, line)


def _text(file: str) -> str:
    try:
        return read_small(Path(file), MOST_BYTES)[0].decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"--methods {file}: there is no such file") from None
    except NotRead as error:
        raise UsageError(f"--methods {file} {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--methods {file} is not UTF-8; save it as CSV in UTF-8") from None
