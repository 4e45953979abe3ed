"""Run files as ``billing reverse`` writes them: what the schemas of refunds and of cancellations read."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from billing.core.cells import csv_line
from billing.core.items import Cancellation, Kind, Mode, Refund
from billing.core.money import format_minor


@dataclass(frozen=True, slots=True)
class Head:
    """What such a run file says of itself.

    Attributes:
        of_run: the run that it undoes.
        name, period: of its own run.
        timezone: in which days are meant.
        mode: test or live.
        items: how many lines.
        totals: currency -> minor units; empty where no money moves.
    """

    of_run: str
    name: str
    period: str
    timezone: str
    mode: Mode
    items: int
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sheet:
    """How items of one kind are written.

    Attributes:
        word: what the file says its kind is.
        says: the comment on top; ``{of_run}`` stands for the run that is undone.
        columns: of a line.
        cells: of an item, in their order.
    """

    word: str
    says: str
    columns: tuple[str, ...]
    cells: Callable[[Any], tuple[str, ...]]


def _refund(refund: Refund) -> tuple[str, ...]:
    amount = format_minor(refund.amount.minor, refund.amount.currency)
    ids = (refund.reference, refund.of_run, refund.account, refund.payer, refund.intent, refund.charge)
    return (*ids, amount, refund.amount.currency.upper(), str(refund.fee))


def _cancellation(one: Cancellation) -> tuple[str, ...]:
    ids = (one.reference, one.of_run, one.account, one.payer, one.subscription)
    return (*ids, str(one.when), "yes" if one.clear_fee else "no", one.feedback)


SHEETS: Mapping[Kind, Sheet] = {
    Kind.REFUND: Sheet(
        "refunds",
        "What {of_run} was paid, given back: a line for each charge. Take lines out that are to stay paid,",
        ("reference", "of_run", "account", "customer", "payment_intent", "charge", "amount", "currency", "fee"),
        _refund,
    ),
    Kind.CANCELLATION: Sheet(
        "cancellations",
        "What {of_run} has subscribed, ended: a line for each subscription. Take lines out that are to run on,",
        ("reference", "of_run", "account", "customer", "subscription", "when", "clear_fee", "feedback"),
        _cancellation,
    ),
}


def as_csv(sheet: Sheet, items: Iterable[Any]) -> Iterator[str]:
    """Stream the lines of a sheet; its run is named where it is read."""
    yield csv_line(sheet.columns)
    for item in items:
        yield csv_line(sheet.cells(item))


def as_yaml(sheet: Sheet, head: Head, items: Iterable[Any]) -> Iterator[str]:
    """Stream a YAML run file with its control totals; texts are JSON strings, which YAML reads too."""
    totals = {code.upper(): format_minor(minor, code) for code, minor in sorted(head.totals.items())}
    yield f"# {sheet.says.format(of_run=head.of_run)}\n"
    yield "# and control's sums with them. billing plan shows what it does; nothing is sent before billing run.\n"
    yield f"version: 1\nkind: {sheet.word}\n"
    names = (("name", head.name), ("period", head.period), ("timezone", head.timezone))
    yield "run: {" + ", ".join(f"{name}: {json.dumps(value)}" for name, value in names) + "}\n"
    yield f"mode: {head.mode}\n"
    yield f"control: {{items: {head.items}" + (f", totals: {json.dumps(totals)}" if totals else "") + "}\n"
    yield "items:\n" if head.items else "items: []\n"
    for item in items:
        said = zip(sheet.columns, sheet.cells(item), strict=True)
        yield "  - {" + ", ".join(f"{name}: {json.dumps(cell, ensure_ascii=False)}" for name, cell in said) + "}\n"
