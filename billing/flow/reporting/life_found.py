"""Which line is meant by a reference, or by the id of a payment; and what may have been meant where there is none."""

import difflib
from dataclasses import dataclass

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.kinds import LIVES
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.flow.kinds.inverses import INVERSES
from billing.flow.report import known_run

NEAR = 5
# References that are named in the place of one that is not there.


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked for: the run, and the reference in it."""

    record: RunRecord
    reference: str


def found(ledger: Ledger, asked: str, run_id: str | None = None) -> Found:
    """Return the newest run that has a reference, or the run that a payment's id leads to.

    A run that only undoes another one's item is not what was asked for, unless it is named.

    Raises:
        UsageError: there is no such run, or nothing of that name in it; the message names those that are near.
    """
    items = ledger.finder.called(asked)
    if not items and (held := ledger.finder.holding(asked)):
        return Found(known_run(ledger, run_id or held[-1].run_id), held[-1].reference)
    runs = {item.run_id: item for item in items}
    named = {each.run_id for each in ledger.finder.naming(asked, items)}
    if run_id is not None:
        record = known_run(ledger, run_id)
        if run_id in runs or run_id in named or any(same_obligation(ledger, record, item) for item in items):
            return Found(record, asked)
        raise UsageError(unknown(ledger, asked, record))
    objects = {item.object_id for item in items}
    for record in ledger.runs():
        item = runs.get(record.run_id)
        if item is None and record.run_id not in named:
            continue
        if item is None or not _undone_by(item) & objects:
            return Found(record, asked)
    raise UsageError(unknown(ledger, asked, None))


def _undone_by(item: ItemRecord) -> set[str | None]:
    """Return the object that an item undoes, if it undoes one."""
    names = [each.undoes for each in INVERSES.values() if each.kind is item.kind]
    return {str(item.content.get(name)) for name in names}


def unknown(ledger: Ledger, asked: str, record: RunRecord | None) -> str:
    """Say that nothing is called so, and what is called nearly so."""
    folded: dict[str, str] = {}
    for each in ledger.finder.near(asked):
        folded.setdefault(each.casefold(), each)
    near = [folded[each] for each in difflib.get_close_matches(asked.casefold().strip(), folded, NEAR)]
    where = "the ledger has no line" if record is None else f"run {record.run_id} has no line"
    elsewhere = [item.run_id for item in ledger.finder.called(asked)] if record is not None else []
    if elsewhere:
        return f"{where} {asked!r}; it is in {', '.join(dict.fromkeys(elsewhere))}"
    return f"{where} {asked!r}" + (f"; near are {', '.join(near)}" if near else "")


def same_obligation(ledger: Ledger, record: RunRecord, item: ItemRecord) -> bool:
    """Tell whether an item is of the obligations of a run: of its kind, platform, mode and, where it counts, period."""
    if item.kind is not record.kind:
        return False
    other, scope = record if item.run_id == record.run_id else known_run(ledger, item.run_id), LIVES[record.kind].scope
    return (other.platform, other.mode, scope.within(other.period)) == (
        record.platform, record.mode, scope.within(record.period),
    )  # fmt: skip
