"""What entries say is what the tables of facts allow: names with a row, values of its type, in entries it names."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from billing.core.entries import Entry
from billing.core.facts import RUN_FACTS, Fact, Form
from billing.core.items import Kind
from billing.core.kinds.facts import FACTS
from billing.edge.ledger import Ledger
from billing.edge.ledger.rows import INSTRUMENT, OBJECT

RUNS: Mapping[str, Fact] = {row.name: row for row in RUN_FACTS}


def _moment(value: Any) -> bool:
    return isinstance(value, str) and (not value or datetime.fromisoformat(value).utcoffset() is not None)


FORMS: Mapping[Form, Callable[[Any], bool]] = {
    Form.TEXT: lambda value: isinstance(value, str),
    Form.WHOLE: lambda value: type(value) is int,
    Form.YES: lambda value: value is True,
    Form.MOMENT: _moment,
    Form.TEXTS: lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    Form.WHOLES: lambda value: isinstance(value, list) and all(type(each) is int for each in value),
    Form.PAIR: lambda value: [type(each) for each in value] == [str, int],
}


def wrong(entry: Entry, kind: Kind) -> list[str]:
    """Return what an entry has that no table of facts allows it."""
    rows = FACTS[kind] if entry.item_id and entry.name != "item_planned" else RUNS
    return [why for name, value in entry.facts.items() if name not in (OBJECT, INSTRUMENT)
            if (why := _wrong(entry.name, name, value, rows.get(name)))]  # fmt: skip


def _wrong(entry: str, name: str, value: Any, row: Fact | None) -> str:
    if row is None:
        return f"{entry}: {name} is in no table of facts"
    if value is None:
        return ""
    if entry not in row.by:
        return f"{entry}: {name} is written with others"
    return "" if FORMS[row.form](value) else f"{entry}: {name} is {value!r}, not {row.form}"


def assert_told(ledger: Ledger) -> None:
    """Hold every entry of a ledger to the table of its run's kind."""
    kinds = {run.run_id: run.kind for run in ledger.runs()}
    found = {why for entry in ledger.entries() for why in wrong(entry, kinds.get(entry.run_id, Kind.CHARGE))}
    assert found == set(), sorted(found)
