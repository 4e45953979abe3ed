"""How the report of a run is written: as CSV for a spreadsheet, as JSON for a program."""

import json
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing.core.cells import csv_line
from billing.core.kinds.columns import COLUMNS
from billing.core.records import ReportLine, RunRecord
from billing.core.report_columns import MOMENTS
from billing.edge.ledger import Ledger
from billing.flow.report import EVERY_LINE, Wanted, columns, describe, known_run, rows

SHEETS_MONEY = ("amount", "application_fee")
# Columns of a sheet that hold amounts in major units.
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a CSV is written, for the spreadsheet that opens it.

    Attributes:
        delimiter: between the cells.
        comma: whether decimals have a comma.
        mark: whether the file begins with a byte order mark: without it Excel takes UTF-8 for something else.
    """

    delimiter: str = ","
    comma: bool = False
    mark: bool = False


def as_csv(
    ledger: Ledger,
    run_id: str,
    wanted: Wanted = EVERY_LINE,
    layout: Layout = Layout(),
) -> Iterator[str]:
    """Stream the report as CSV lines (RFC 4180, UTF-8, LF): moments in the run's zone, as spreadsheets read them."""
    record = known_run(ledger, run_id)
    names = columns(record)
    if layout.mark:
        yield "\ufeff"
    yield csv_line(names, layout.delimiter)
    zone = ZoneInfo(record.header.get("timezone") or "UTC")
    money = {*COLUMNS[record.kind].amounts, *SHEETS_MONEY} if layout.comma else set()
    for row in rows(ledger, run_id, wanted):
        cells = (_laid_out(name, cell, zone, money) for name, cell in zip(names, row, strict=True))
        yield csv_line(cells, layout.delimiter)


def _laid_out(name: str, cell: str, zone: ZoneInfo, money: Set[str]) -> str:
    """Return a cell as a spreadsheet of its reader's country understands it; ``money`` has a comma there."""
    if name in MOMENTS and cell:
        return in_zone(cell, zone)
    return cell.replace(".", ",") if name in money and DECIMAL.fullmatch(cell) else cell


def in_zone(moment: str, zone: ZoneInfo) -> str:
    """Write an ISO 8601 moment as the clocks of a zone show it: ``2026-11-28 17:44:26``."""
    try:
        return datetime.fromisoformat(moment).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return moment


def as_json(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Iterator[str]:
    """Stream the report as one JSON array; amounts are integers in minor units with their currency."""
    record = known_run(ledger, run_id)
    names = record.header.get("columns", ())
    glue = "[\n"
    for line in ledger.report(run_id):
        if not wanted.takes(line):
            continue
        row = {"input": dict(zip(names, line.cells, strict=False))} | _typed(line, record, ledger.link_key)
        yield glue + json.dumps(row, ensure_ascii=False)
        glue = ",\n"
    yield ("[" if glue == "[\n" else "\n") + "]\n"


def _typed(line: ReportLine, record: RunRecord, link_key: bytes) -> dict[str, Any]:
    row: dict[str, Any] = {name: value or None for name, value in describe(line, record, link_key).items()}
    row["line"] = line.line
    if line.item is not None:
        row = {"account": line.item.account, "customer": line.item.payer} | row
        row |= {"currency": line.item.currency, "amount": line.item.amount}
        if line.owned:
            row |= {name: line.item.facts.get(name) for name in COLUMNS[record.kind].amounts} | {
                "attempts": line.item.attempt
            }
    return row
