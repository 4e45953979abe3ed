"""A run beside the ones before it of the same name: every line finds its own there, and what is left is new or gone.

A line is recognised by its reference, and where references differ by who pays whom: first for the same amount, then for
one that moved by no more than the policy lets pass, then for any. The run before is its sheet as it was last planned,
without what a person cancelled of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from billing.core.changes import Changes, Gathered, Named, Sums
from billing.core.items import Item, Run
from billing.core.kinds import ended_empty
from billing.core.life import Life, Phase
from billing.core.money import add_money
from billing.core.periods import first_day, span
from billing.core.records import Held, RunRecord
from billing.core.skips import OPERATORS
from billing.core.variances import WHOLE
from billing.edge.ledger import Ledger
from billing.flow.planning.sheet import MOST, Sheet

CHUNK = 500
# Accounts asked for together.
Bounds = Callable[[int], tuple[int, int]]
# An amount of the run before -> the least and the most that is taken for it.


def runs_before(ledger: Ledger, records: Sequence[RunRecord], run: Run) -> list[RunRecord]:
    """Return the earlier runs of the same name that hold anything, of periods as long as its own, the latest first."""
    earlier = [
        record
        for record in records
        if record.name == run.name
        and span(record.period) == span(run.period)
        and first_day(record.period) < first_day(run.period)
        and any(not _cancelled(tally.state, tally.reason_code) for tally in ledger.tally(record.run_id))
    ]
    return sorted(earlier, key=lambda record: first_day(record.period), reverse=True)


def compare(ledger: Ledger, records: Sequence[RunRecord], run: Run, sheet: Sheet) -> Changes:
    """Compare the lines of a file with the run before; lines of the file are named by their number alone."""
    policy = run.policies.compare
    before = runs_before(ledger, records, run)[: policy.runs]
    if not before:
        return Changes("")
    changes = _Comparing(ledger, before[0].run_id, sheet, policy.changed_over).compared()
    changes.before += [_sums(_sheet_of(ledger, record.run_id)) for record in before[1:]]
    return changes


def first_accounts(ledger: Ledger, accounts: Mapping[str, int], life: Life) -> Gathered:
    """Return those of the accounts of a plan, each with how many lines, that no item of this kind was begun on."""
    begun, unsent = set[str](), life.within(Phase.WAITING) | {life.skipped}
    ordered = sorted(accounts)
    for start in range(0, len(ordered), CHUNK):
        begun |= ledger.accounts_begun(ordered[start : start + CHUNK], frozenset(life.states) - unsent)
    found = Gathered()
    for account in ordered:
        if account not in begun:
            found.add(Named(account=account, lines=accounts[account]), account, accounts[account])
    return found


def _cancelled(state: StrEnum, reason: str) -> bool:
    """Tell whether a person ended it, so that nobody expects it again."""
    return reason in OPERATORS and ended_empty(state)


def _sheet_of(ledger: Ledger, run_id: str) -> Iterator[Held]:
    return (one for one in ledger.listed(run_id) if not _cancelled(one.state, one.reason))


def _sums(held: Iterator[Held]) -> Sums:
    sums, totals = Sums(), dict[str, int]()
    for one in held:
        sums.lines += 1
        add_money(totals, one.amount, one.currency)
    sums.totals = totals
    return sums


class _Comparing:
    """One comparison: the run before is streamed once by reference, then once for each way to recognise the rest."""

    def __init__(self, ledger: Ledger, previous: str, sheet: Sheet, over: int) -> None:
        self._ledger, self._sheet, self._over = ledger, sheet, over
        self._changes = Changes(previous)
        self._met = bytearray()  # of each line of the run before, whether it was found

    def compared(self) -> Changes:
        """Find every line's own, and what is left on either side."""
        changes, sheet, over = self._changes, self._sheet, self._over
        sheet.forget()
        changes.before.append(_sums(self._by_reference()))
        for bounds in (
            lambda amount: (amount, amount),
            lambda amount: (amount - amount * over // WHOLE, amount + amount * over // WHOLE),
            lambda _: (0, MOST),
        ):
            self._by_payment(bounds)
        for number, one in enumerate(self._held()):
            if not self._met[number]:
                changes.gone.add(Named(one.reference, one.payer, one.account, one.amount, one.currency), *_signed(one))
        for place, seen in enumerate(sheet.seen):
            if not seen:
                changes.new.add(Named(line=sheet.lines[place]), *sheet.signed(place))
        return changes

    def _held(self) -> Iterator[Held]:
        return _sheet_of(self._ledger, self._changes.previous)

    def _by_reference(self) -> Iterator[Held]:
        """Stream the run before; what has its reference in the file is met on the way."""
        for one in self._held():
            place = self._sheet.named(one.reference)
            self._met.append(place is not None)
            if place is not None:
                self._meet(place, one)
                self._changes.same += self._sheet.amounts[place] == one.amount
            yield one

    def _by_payment(self, bounds: Bounds) -> None:
        """Recognise what was not met yet by who pays whom, for an amount within bounds."""
        if all(self._met):
            return
        for number, one in enumerate(self._held()):
            if self._met[number]:
                continue
            place = self._sheet.unseen(one.payer, one.account, one.currency, *bounds(one.amount))
            if place is not None:
                self._met[number] = 1
                self._meet(place, one)
                self._changes.renamed += 1

    def _meet(self, place: int, one: Held) -> None:
        """Take note that a line is what the run before held, and whether its amount moved too far."""
        sheet = self._sheet
        sheet.seen[place] = 1
        now = sheet.amounts[place]
        if abs(now - one.amount) * WHOLE > one.amount * self._over:
            named = Named(
                amount=now, currency=one.currency, line=sheet.lines[place], was=one.reference, before=one.amount
            )
            self._changes.changed.add(named, *_signed(one), *sheet.signed(place))


def _signed(one: Held) -> tuple[str | int, ...]:
    return one.reference, one.payer, one.account, one.currency, one.amount


def named_lines(changes: Changes) -> Iterator[int]:
    """Yield the numbers of the lines of the file that are to be named."""
    for found in (changes.new, changes.changed):
        yield from (each.line for each in found.named)


def name_lines(changes: Changes, items: Mapping[int, Item]) -> None:
    """Put references, payers, accounts and amounts to them."""
    for found in (changes.new, changes.changed):
        found.named = [_as_in_file(each, items[each.line]) for each in found.named]


def _as_in_file(named: Named, item: Item) -> Named:
    was = "" if named.was == item.reference else named.was
    money = item.amount
    return replace(
        named,
        reference=item.reference,
        payer=item.payer,
        account=item.account,
        amount=money.minor,
        currency=money.currency,
        was=was,
    )
