"""How a run differs from the ones before it, as a person reads it: a sentence, then the first lines it is about."""

import textwrap
from collections.abc import Iterator, Sequence

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
    yield from (f"{blank}  {line}" for line in _named(found.named[:FIRST], WIDTH - len(indent) - 2))
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


def _named(named: Sequence[Named], width: int) -> list[str]:
    """Write lines with who pays whom behind them, or below them where that is too wide."""
    beside = lined_up([(each.reference, *_parties(each), *_told(each)) for each in named])
    if max(map(len, beside), default=0) <= width:
        return beside
    apart = [((each.reference, *_told(each)), ("", *_parties(each))) for each in named]
    texts = ["  ".join(cells).rstrip() for pair in apart for cells in pair]
    return [line for text in texts for line in textwrap.wrap(text, width, subsequent_indent="    ")]


def _parties(each: Named) -> tuple[str, ...]:
    return (each.account,) if each.lines else (each.payer, each.account)


def _told(each: Named) -> tuple[str, ...]:
    if each.lines:
        return (plural(each.lines, "line"),)
    money, place = priced(each.amount, each.currency), f"line {each.line:,}" if each.line else ""
    if each.before is None:
        return money, place
    under = f" as {each.was}" if each.was else ""
    return f"{money}, was {amount(each.before, each.currency)}{under}", place
