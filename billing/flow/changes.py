"""This run beside the previous one of the same name: what is new, gone, or clearly different."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from billing.core.items import Charge, Run
from billing.edge.ledger import Ledger

JUMP_PERCENT = 20
# A change of an amount since the previous run that a person should see.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Change:
    """An amount that moved by more than 20 % since the previous run of the same name.

    ``was`` is the reference there where it is another one: then the line was recognised by customer and account.
    """

    reference: str
    line: int
    currency: str
    before: int
    after: int
    was: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is named: of the file, or of an earlier run (then without a number)."""

    reference: str
    amount: int
    currency: str
    line: int = 0


@dataclass(slots=True)
class Changes:
    """The run beside the previous one of the same name.

    Attributes:
        previous: that run.
        new, gone: lines that have nothing like them there, and the other way round.
        jumps: lines whose amount moved by more than 20 %.
        renamed: lines recognised by customer and account under another reference.
        same: lines with the same reference and amount.
        shown, new_lines, gone_lines: the first of them.
        totals_before: currency -> minor units of that run.
    """

    previous: str
    new: int = 0
    gone: int = 0
    jumps: int = 0
    renamed: int = 0
    same: int = 0
    shown: list[Change] = field(default_factory=list)
    new_lines: list[Line] = field(default_factory=list)
    gone_lines: list[Line] = field(default_factory=list)
    totals_before: dict[str, int] = field(default_factory=dict)


def beside_previous(run: Run, ledger: Ledger | None) -> Changes | None:
    """Return an empty comparison with the latest earlier run of the same name, or None when there is none."""
    if ledger is None:
        return None
    earlier = [r for r in ledger.runs() if r.name == run.name and r.mode is run.mode and r.period < run.period]
    if not earlier:
        return None
    latest = max(earlier, key=lambda record: record.period)
    changes = Changes(latest.run_id)
    for tally in ledger.tally(latest.run_id):
        if tally.currency:
            changes.gone += tally.items
            changes.totals_before[tally.currency] = changes.totals_before.get(tally.currency, 0) + tally.amount
    return changes


def compare(changes: Changes, charges: Sequence[tuple[int, Charge]], ledger: Ledger) -> None:
    """Count a chunk of (line, charge) against the previous run; at most 500 at a time."""
    before = ledger.previous(changes.previous, [charge.reference for _, charge in charges])
    for line, charge in charges:
        old = before.get(charge.reference)
        if old is None:
            changes.new += 1
            continue
        changes.gone -= 1
        amount, currency = old
        moved = abs(charge.amount.minor - amount) * 100 > amount * JUMP_PERCENT
        if currency == charge.amount.currency and moved:
            changes.jumps += 1
            if len(changes.shown) < SHOWN:
                changes.shown.append(Change(charge.reference, line, currency, amount, charge.amount.minor))
