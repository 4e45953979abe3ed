"""Numbers and tables as a person reads them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from billing.core.money import grouped
from billing.flow.outturn import ROWS, Outturn, Row


def amount(minor: int, currency: str) -> str:
    """Write an amount in major units with thousands separators: ``184,220.40``."""
    return grouped(minor, currency)


def priced(minor: int, currency: str) -> str:
    """Write an amount with its currency: ``USD 184,220.40``; nothing for what moves no money."""
    return f"{currency.upper()} {amount(minor, currency)}" if currency else ""


def amounts(totals: Mapping[str, int]) -> str:
    """Write amounts of several currencies side by side: ``USD 184,220.40   EUR 22,015.00``."""
    return "   ".join(priced(minor, currency) for currency, minor in sorted(totals.items()))


def plural(count: int, noun: str, several: str = "") -> str:
    """Write a count with its noun: ``1 item``, ``3,171 items``; ``several`` is a plural that needs more than an s."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def duration(seconds: float) -> str:
    """Write a duration: ``41s``, ``4m41s``, ``2h05m``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def lined_up(rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Line up cells; the columns in ``right`` are numbers. Rows may be short; trailing blanks are cut."""
    table = [list(row) for row in rows]
    width = max(map(len, table), default=0)
    padded = [row + [""] * (width - len(row)) for row in table]
    widths = [max(map(len, column)) for column in zip(*padded, strict=True)]
    numbers = set(right)
    return [
        "  ".join(
            cell.rjust(size) if place in numbers else cell.ljust(size)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in padded
    ]


ALWAYS = ("paid", "no_answer_yet")
# Rows shown even at 0: they answer "did it work" and "is anything in doubt".
WIDTH = 80
NOTHING = "-"


def totals_table(outturn: Outturn, total: str = "sheet") -> list[str]:
    """Write where every line of a sheet stands, each row with its sum per currency, the last one being the sheet's.

    ``total`` is what that is called where it is not all of the sheet.

    Currencies that do not fit beside each other come in a further table with the same rows.
    """
    rows = [outturn.rows.get(code) or Row(code) for code in ROWS if code in outturn.rows or code in ALWAYS]
    labels = [(outturn.label(row.code), row) for row in rows] + [(total, outturn.total)]
    shown = [f"  {line}" for line in money_table(labels)]
    shown += [f"  ! {line}" for line in _agreement(outturn)]
    if outturn.unlisted:
        shown += ["", "  no longer in the sheet"]
        shown += [
            f"  {line}" for line in money_table([(outturn.label(code), row) for code, row in outturn.unlisted.items()])
        ]
    return shown if outturn.apart or outturn.expected is None else [*shown, "  Totals agree with the sheet."]


def _agreement(outturn: Outturn) -> list[str]:
    return [f"Totals do NOT agree with the sheet: {amounts(outturn.apart)} apart."] if outturn.apart else []


class MoneyRow(Protocol):
    """Lines and their money."""

    lines: int
    totals: Counter[str]


def money_table(rows: Sequence[tuple[str, MoneyRow]], width: int = WIDTH - 2) -> list[str]:
    """Write rows of (label, lines and money) with a column for each currency, as many beside each other as fit."""
    codes = sorted({code for _, row in rows for code in row.totals})
    first = lined_up([["", "lines"], *([label, f"{row.lines:,}"] for label, row in rows)], (1,))
    shown: list[str] = []
    while True:
        count = next((n for n in range(len(codes), 1, -1) if _wide(first, rows, codes[:n]) <= width), 1)
        shown += _joined(first, rows, codes[:count])
        codes = codes[count:]
        if not codes:
            return shown
        shown.append("")


def _wide(first: Sequence[str], rows: Sequence[tuple[str, MoneyRow]], codes: Sequence[str]) -> int:
    return max(map(len, _joined(first, rows, codes)))


def _joined(first: Sequence[str], rows: Sequence[tuple[str, MoneyRow]], codes: Sequence[str]) -> list[str]:
    head = [code.upper() for code in codes]
    cells = [[amount(row.totals[code], code) if row.totals[code] else NOTHING for code in codes] for _, row in rows]
    money = lined_up([head, *cells], range(len(codes)))
    return [f"{left}   {right}".rstrip() for left, right in zip(first, money, strict=True)]
