"""Numbers and tables as a person reads them."""

from collections.abc import Iterable, Mapping, Sequence

from billing.core.entries import RunRecord, Tally
from billing.core.groups import group_in
from billing.core.money import format_minor
from billing.core.states import Group, State
from billing.flow.report import reasons


def amount(minor: int, currency: str) -> str:
    """Write an amount in major units with thousands separators: ``184,220.40``."""
    whole, point, rest = format_minor(minor, currency).partition(".")
    return f"{int(whole):,}{point}{rest}"


def amounts(totals: Mapping[str, int]) -> str:
    """Write amounts of several currencies side by side: ``USD 184,220.40   EUR 22,015.00``."""
    return "   ".join(f"{currency.upper()} {amount(minor, currency)}" for currency, minor in sorted(totals.items()))


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: ``1 item``, ``3,171 items``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


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


ENDINGS: tuple[tuple[str, Group, frozenset[State] | None, str], ...] = (
    # label, group, only these states of it, what to do next
    ("succeeded", Group.SUCCEEDED, None, ""),
    ("processing", Group.PROCESSING, None, "the bank answers in days: billing settle {run}"),
    ("needs customer", Group.NEEDS_CUSTOMER, None, "who to ask: billing report {run} --format csv"),
    ("declined, again", Group.DECLINED, frozenset({State.UNPAID}), "{reasons}"),
    ("declined, final", Group.DECLINED, frozenset({State.FAILED}), "{reasons}"),
    ("unknown", Group.UNKNOWN, None, "billing resolve {run}"),
    ("parked", Group.PARKED, None, "a person looks: billing resolve {run}"),
    ("failed", Group.FAILED, None, "{reasons}"),
    ("skipped", Group.SKIPPED, None, "{reasons}"),
    ("pending", Group.PENDING, None, "run it again to continue"),
)
# The rows of the table at the end of a run, in its order.

ALWAYS = frozenset({"succeeded", "unknown"})
# Shown even at 0: they answer "did it work" and "is anything in doubt".


def ending_table(record: RunRecord, tallies: Sequence[Tally]) -> list[str]:
    """Write the table at the end of a run, with its last line: what was planned, and whether the groups add up to it.

    Args:
        record: of the run; totals it was planned with (minor units by currency) are compared where it has them.
        tallies: of the run.
    """
    planned: Mapping[str, int] | None = record.header.get("totals")
    currencies = sorted({tally.currency for tally in tallies if tally.currency})
    rows: list[list[str]] = [["", "items", *(code.upper() for code in currencies)]]
    for label, group, states, hint in ENDINGS:
        chosen = [
            tally
            for tally in tallies
            if group_in(tally.state, tally.grouping) is group and (states is None or tally.state in states)
        ]
        if chosen or label in ALWAYS:
            rows.append(_row(label, chosen, currencies, hint.format(run=record.run_id, reasons=_why(chosen))))
    total = {code: sum(tally.amount for tally in tallies if tally.currency == code) for code in currencies}
    ties = planned is None or all(planned.get(code, 0) == total[code] for code in currencies)
    rows.append(_row("planned", tallies, currencies, f"ties: {'yes' if ties else 'NO'}"))
    return ["  " + line for line in lined_up(rows, range(1, 2 + len(currencies)))]


def _why(tallies: Sequence[Tally]) -> str:
    return reasons(tallies, *State)


def _row(label: str, tallies: Sequence[Tally], currencies: Sequence[str], hint: str) -> list[str]:
    items = sum(tally.items for tally in tallies)
    sums = {code: sum(tally.amount for tally in tallies if tally.currency == code) for code in currencies}
    cells = [amount(sums[code], code) if sums[code] else "-" for code in currencies]
    return [label, f"{items:,}", *cells, "  " + hint if items else ""]
