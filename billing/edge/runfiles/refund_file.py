"""A run file of refunds as ``billing reverse`` writes it: what `billing.edge.runfiles.schemas.refund` reads."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from billing.core.cells import csv_line
from billing.core.items import Mode, Refund
from billing.core.money import format_minor

COLUMNS = (
    "reference", "of_run", "account", "customer", "payment_intent", "charge", "amount", "currency", "fee"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """What a run file of refunds says of itself.

    Attributes:
        of_run: the run that it undoes.
        name, period: of its own run.
        timezone: in which days are meant.
        mode: test or live.
        items: how many lines.
        totals: currency -> minor units.
    """

    of_run: str
    name: str
    period: str
    timezone: str
    mode: Mode
    items: int
    totals: Mapping[str, int]


def cells_of(refund: Refund) -> tuple[str, ...]:
    """Return the cells of a line, in the order of `COLUMNS`."""
    amount = format_minor(refund.amount.minor, refund.amount.currency)
    ids = (refund.reference, refund.of_run, refund.account, refund.payer, refund.intent, refund.charge)
    return (*ids, amount, refund.amount.currency.upper(), str(refund.fee))


def as_csv(refunds: Iterable[Refund]) -> Iterator[str]:
    """Stream the lines of a sheet; its run is named where it is read."""
    yield csv_line(COLUMNS)
    for refund in refunds:
        yield csv_line(cells_of(refund))


def as_yaml(head: Head, refunds: Iterable[Refund]) -> Iterator[str]:
    """Stream a YAML run file with its control totals; texts are JSON strings, which YAML reads too."""
    totals = {code.upper(): format_minor(minor, code) for code, minor in sorted(head.totals.items())}
    yield f"# What {head.of_run} was paid, given back: a line for each charge. Take lines out that are to stay paid,\n"
    yield "# and control's sums with them. billing plan shows what it does; nothing is sent before billing run.\n"
    yield "version: 1\nkind: refunds\n"
    names = (("name", head.name), ("period", head.period), ("timezone", head.timezone))
    yield "run: {" + ", ".join(f"{name}: {json.dumps(value)}" for name, value in names) + "}\n"
    yield f"mode: {head.mode}\n"
    yield f"control: {{items: {head.items}, totals: {json.dumps(totals)}}}\n"
    yield "items:\n" if head.items else "items: []\n"
    for refund in refunds:
        said = zip(COLUMNS, cells_of(refund), strict=True)
        yield "  - {" + ", ".join(f"{name}: {json.dumps(cell, ensure_ascii=False)}" for name, cell in said) + "}\n"
