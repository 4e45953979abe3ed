"""Report, ledger and the sandbox's own books, held against each other line by line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.core.kinds.charge import Event
from billing.core.life import Group
from billing.core.money import parse_major
from billing.sandbox.books import Books, IntentBook

PAID = frozenset({Group.SUCCEEDED, Group.PROCESSING})
UNPAID = frozenset({Group.DECLINED, Group.NEEDS_CUSTOMER, Group.FAILED, Group.SKIPPED})
OPEN = frozenset({Group.PENDING, Group.UNKNOWN, Group.PARKED})
REFERENCE = "billing_reference"
ELSEWHERE = "paid_elsewhere"
Line = Mapping[str, str]


@dataclass(slots=True)
class Findings:
    """What must be empty.

    Attributes:
        double: references paid more than once.
        hidden: references told unpaid although money was taken.
        false: references told paid, or cancelled, although they are not, or not by that intent or in that amount.
        open: references without an ending.
        other: everything else that does not agree.
    """

    double: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.double, self.hidden, self.false, self.open, self.other))

    def __str__(self) -> str:
        names = ("double", "hidden", "false", "open", "other")
        return "; ".join(f"{name}: {found}" for name in names if (found := getattr(self, name)))


def hold(wanted: Sequence[str], report: Sequence[Line], events: Sequence[Mapping[str, Any]], books: Books) -> Findings:
    """Compare. ``wanted`` are the references of the run file in order, ``events`` the ledger's entries."""
    found = Findings()
    intents = books.by_item(REFERENCE)
    found.double += books.doubles(REFERENCE)
    if [line["reference"] for line in report] != list(wanted):
        found.other.append("the report does not have every input line exactly once")
    for line in report:
        _hold_line(found, line, intents.get(line["reference"], []))
    _hold_totals(found, report, books)
    _hold_fences(found, events, {row.intent: row for row in books.intents})
    return found


def hold_both(
    wanted: Sequence[str], told: Sequence[tuple[Sequence[Line], Sequence[Mapping[str, Any]]]], books: Books
) -> Findings:
    """Compare what several ledgers tell, each its report and its entries, with the one truth that they share.

    Each may say of what another one charged that it was paid elsewhere; but one of them must know by which intent.
    """
    found, item = Findings(double=books.doubles(REFERENCE)), set()
    intents, by_id = books.by_item(REFERENCE), {row.intent: row for row in books.intents}
    for report, events in told:
        if [line["reference"] for line in report] != list(wanted):
            found.other.append("a report does not have every input line exactly once")
        for line in report:
            rows = intents.get(line["reference"], [])
            if line["reason_code"] == ELSEWHERE and line["status"] == Group.SKIPPED:
                found.false += [] if _taken(rows) else [f"{line['reference']} is told paid elsewhere"]
            else:
                _hold_line(found, line, rows)
            item |= {line["reference"]} if line["status"] in PAID else set()
        _hold_fences(found, events, by_id)
    found.hidden += [
        f"{name} is told paid by none" for name, rows in intents.items() if _taken(rows) and name not in item
    ]
    return found


def hold_changed(
    wanted: Mapping[str, tuple[int, bool]],
    report: Sequence[Line],
    events: Sequence[Mapping[str, Any]],
    books: Books,
) -> Findings:
    """Compare after changes of the file: ``wanted`` is reference -> minor units, and whether it must be paid by now.

    A reference may have a line of its own for what was withdrawn, or for a generation that a correction replaced.
    """
    found = Findings(double=books.doubles(REFERENCE))
    told: dict[str, Line] = {}
    for line in sorted(report, key=lambda line: line["status"] in PAID):
        told[line["reference"]] = line
    for name, line in told.items():
        _hold_line(found, line, books.by_item(REFERENCE).get(name, []))
    for name, (minor, must) in wanted.items():
        here = told.get(name)
        if here is None or (must and here["status"] not in PAID):
            found.other.append(f"{name} is wanted and {'not told of' if here is None else here['status']}")
        elif here["status"] in PAID and _minor(here) != minor:
            found.false.append(f"{name} was charged {_minor(here)}, and the file says {minor}")
    found.other += [f"{name} was paid and is told by nobody" for name in _paid(books) - told.keys()]
    _hold_totals(found, report, books)
    _hold_fences(found, events, {row.intent: row for row in books.intents})
    return found


def _paid(books: Books) -> set[str]:
    return {name for name, rows in books.by_item(REFERENCE).items() if _taken(rows)}


def _taken(intents: Sequence[IntentBook]) -> list[IntentBook]:
    """Return those by which money was taken, or is being taken."""
    return [row for row in intents if row.paid + row.pending]


def _hold_line(found: Findings, line: Line, intents: Sequence[IntentBook]) -> None:
    name, status = line["reference"], line["status"]
    paid = _taken(intents)
    if status in OPEN:
        found.open.append(f"{name} {status}")
    elif status in UNPAID:
        found.hidden += [f"{name} {status}"] if paid else []
    elif status not in PAID:
        found.other.append(f"{name} is told {status!r}")
    elif not any(_agree(line, row) for row in paid):
        found.false.append(f"{name} {status}")


def _agree(line: Line, row: IntentBook) -> bool:
    """Whether a payment is the one that the report tells of: this intent, this account, this amount, this fee."""
    same = (line["payment_intent"], line["account"], _minor(line)) == (row.intent, row.account, row.amount)
    if line["status"] == Group.PROCESSING:
        return same
    return same and row.paid == 1 and row.taken == row.amount and line["amount_charged"] == line["amount"]


def _minor(line: Line) -> int:
    return parse_major(line["amount"], line["currency"].lower()).minor


def _hold_totals(found: Findings, report: Sequence[Line], books: Books) -> None:
    """Compare what was taken per account and currency; a debit that the bank has not answered yet has taken nothing."""
    told: Counter[tuple[str, str]] = Counter()
    for line in report:
        if line["status"] == Group.SUCCEEDED:
            told[line["account"], line["currency"].lower()] += _minor(line)
    taken = {place: total for place, total in books.totals().items() if total}
    if dict(told) != taken:
        found.other.append(f"totals: told {dict(told)}, taken {taken}")


def _hold_fences(found: Findings, events: Sequence[Mapping[str, Any]], intents: Mapping[str, IntentBook]) -> None:
    """Hold every cancellation on record against the intent itself: what is called failed can never be paid any more."""
    item: dict[str, str] = {}
    for event in events:
        item[event["item"]] = event["facts"].get("object_id") or item.get(event["item"], "")
        if event["name"] == Event.INTENT_CANCELLED and intents[item[event["item"]]].status != "canceled":
            found.false.append(f"{item[event['item']]} is on record as cancelled")
