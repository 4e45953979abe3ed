"""How a run differs from the ones before it, as a person reads it: a sentence, then the first lines it is about."""

import textwrap
from collections.abc import Iterator

from billing.cli.tables import WIDTH, amount, lined_up, plural, priced
from billing.core.changes import Named
from billing.core.variances import Variance
from billing.flow.planning.accepting import ack_of, refused, waiting
from billing.flow.planning.planned import Plan

FIRST = 5
# Lines that a person reads of each; `--output json` has more.


def variance_lines(plan: Plan, found: Variance, indent: str) -> Iterator[str]:
    """Write one variance, and what policy wants of it; ``indent`` is what its first line begins with."""
    blank = " " * len(indent)
    yield from textwrap.wrap(f"{found.name}: {found.says}", WIDTH, initial_indent=indent, subsequent_indent=blank)
    rows = [_cells(each) for each in found.named[:FIRST]]
    yield from (f"{blank}  {line}" for line in lined_up(rows))
    if found.named and found.count > FIRST:
        yield f"{blank}  and {found.count - FIRST:,} more: --output json"
    for text in _wanted(plan, found):
        yield from textwrap.wrap(text, WIDTH, initial_indent=blank, subsequent_indent=f"{blank}  ")


def _wanted(plan: Plan, found: Variance) -> Iterator[str]:
    ack = ack_of(plan, found)
    if ack is not None:
        yield f"accepted by {ack.by}: {ack.reason}"
    elif found in waiting(plan):
        yield f'accept it with: --ack {found.name} --reason "..."'
    elif found in refused(plan):
        yield f"policy refuses it (compare.{found.name}): such a run is not carried out"


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
