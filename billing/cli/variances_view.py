"""How a run differs from the ones before it, as a person reads it: a sentence, then the first lines it is about."""

import textwrap
from collections.abc import Iterator

from billing.cli.tables import WIDTH, amount, lined_up, plural, priced
from billing.core.changes import Named
from billing.core.variances import Variance

FIRST = 5
# Lines that a person reads of each; `--output json` has more.


def variance_lines(found: Variance, indent: str) -> Iterator[str]:
    """Write one variance; ``indent`` is what its first line begins with."""
    blank = " " * len(indent)
    yield from textwrap.wrap(f"{found.name}: {found.says}", WIDTH, initial_indent=indent, subsequent_indent=blank)
    rows = [_cells(each) for each in found.named[:FIRST]]
    yield from (f"{blank}  {line}" for line in lined_up(rows))
    if found.named and found.count > FIRST:
        yield f"{blank}  and {found.count - FIRST:,} more: --output json"


def _cells(each: Named) -> tuple[str, ...]:
    place = f"line {each.line:,}" if each.line else ""
    if each.lines:
        return each.account, plural(each.lines, "line")
    if each.before is not None:
        under = f" as {each.was}" if each.was else ""
        return (
            each.reference,
            f"{priced(each.amount, each.currency)}, was {amount(each.before, each.currency)}{under}",
            place,
        )
    return each.reference, each.payer, each.account, priced(each.amount, each.currency), place
