"""What an overview must be, whatever the run: the very sums that the ledger counts in another way."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.core.records import ReportLine
from billing.edge.ledger import Ledger
from billing.flow.accounts import account_totals
from billing.flow.outturn import ROWS, Row, by_account, outturn_of
from billing.flow.report import Wanted, known_run
from billing.flow.reporting.arrivals import Arrivals
from billing.flow.reporting.overview import Overview, Sum, lines_of, overview_of
from billing.flow.reporting.recovered import Now, Recovered

Money = tuple[int, Mapping[str, int]]


def money(lines: int, totals: Mapping[str, int]) -> Money:
    """Return lines and their money as they are compared: nothing of a currency is no entry of it."""
    return lines, {currency: minor for currency, minor in totals.items() if minor}


def of(each: Sum | Row) -> Money:
    return money(each.lines, each.totals)


def added(sums: Iterable[Sum]) -> Money:
    lines, totals = 0, Counter()
    for each in sums:
        lines += each.lines
        totals.update(each.totals)
    return money(lines, totals)


def rows_of(overview: Overview) -> dict[str, Money]:
    return {row: of(overview.of(row)) for row in ROWS if overview.of(row).lines}


def hold(ledger: Ledger, run_id: str) -> Overview:
    """Hold the overview of a run to everything else that the ledger counts of it."""
    record, overview = known_run(ledger, run_id), overview_of(ledger, run_id)
    outturn = outturn_of(ledger, record)
    assert rows_of(overview) == {code: of(row) for code, row in outturn.rows.items()}
    assert {code: of(each) for code, each in overview.gone.items()} == {
        code: of(row) for code, row in outturn.unlisted.items()
    }
    assert of(overview.sheet) == of(outturn.total)
    hold_currencies(overview)
    hold_accounts(ledger, overview)
    hold_needs(ledger, overview)
    hold_filters(ledger, overview)
    hold_recovered(overview.recovered)
    hold_arrivals(overview.arrivals, overview)
    return overview


def hold_currencies(overview: Overview) -> None:
    """A table of a currency has money of that one alone, and what moves no money has no currency."""
    for currency, rows in overview.money.items():
        for each in rows.values():
            assert {code for code, minor in each.totals.items() if minor} <= ({currency} if currency else set())
    assert set(overview.currencies) == {code for code in overview.money if code}


def hold_accounts(ledger: Ledger, overview: Overview) -> None:
    run_id, life = overview.record.run_id, LIVES[overview.record.kind]
    listed = [tally for tally in ledger.sheet(run_id) if tally.listed]
    assert {
        name: {row: of(each) for row, each in account.rows.items()} for name, account in overview.accounts.items()
    } == {name: {code: of(row) for code, row in each.rows.items()} for name, each in by_account(listed, life).items()}
    for total in account_totals(ledger, run_id):
        account = overview.accounts[total.account]
        assert account.sheet.totals[total.currency] == total.sheet


def hold_needs(ledger: Ledger, overview: Overview) -> None:
    """Each line that needs a person is in one group, under one heading, and none of them is another's."""
    needing = [line for line in lines_of(ledger, overview.record.run_id) if line.needs]
    assert added(need.sum for need in overview.needs) == added(_sum_of(line.amount, line.currency) for line in needing)
    assert added(helped.sum for helped in overview.helps) == added(need.sum for need in overview.needs)
    assert {need.what_to_do for helped in overview.helps for need in helped.needs} == {
        need.what_to_do for need in overview.needs
    }
    for need in overview.needs:
        assert sum(need.reasons.values()) == need.sum.lines
        assert len(need.shown) <= 100
        assert len(need.reasons) <= 101
        assert all(line.row == need.row for line in need.shown)


def _sum_of(amount: int, currency: str) -> Sum:
    one = Sum()
    one.add(amount, currency)
    return one


def _account(line: ReportLine) -> str:
    """Return the account of a line; of one that was set aside the one that its sheet names."""
    return line.written("account") if line.item is None else line.item.account


def hold_filters(ledger: Ledger, overview: Overview) -> None:
    """What a filter asks for is a part, and the parts are the whole."""
    run_id = overview.record.run_id
    by_status = [overview_of(ledger, run_id, Wanted(statuses=frozenset({str(group)}))) for group in Group]
    listed = [(_account(line), line.item) for line in ledger.report(run_id) if line.listed]
    named = sorted({name for name, _ in listed} - {""})
    by_name = [overview_of(ledger, run_id, Wanted(accounts=frozenset({name}))) for name in named]
    assert added(part.sheet for part in by_status) == of(overview.sheet)
    of_named = (_sum_of(item.amount, item.currency) if item else _sum_of(0, "") for name, item in listed if name)
    assert added(part.sheet for part in by_name) == added(of_named)
    for parts in (by_status, by_name):
        debits = [part.arrivals.waiting for part in parts if part.arrivals is not None]
        assert added(debits) == of(overview.arrivals.waiting if overview.arrivals else Sum())
    for row in ROWS:
        assert added(part.of(row) for part in by_status) == of(overview.of(row))


def hold_recovered(found: Recovered | None) -> None:
    """What is paid since is paid by one try, on one day."""
    if found is None:
        return
    assert added(found.by_try.values()) == of(found.paid)
    assert added([*found.by_day.values(), found.undated]) == of(found.paid)
    assert added(found.now.values()) == of(found.declined)
    assert min(found.by_try, default=2) >= 2
    assert set(found.now) == set(Now)


def hold_arrivals(found: Arrivals | None, overview: Overview) -> None:
    """Each debit has one fate; what is on its way by the last day is what the outturn says is on its way."""
    if found is None:
        return
    assert added([found.arrived, found.came_back, found.waiting]) == of(found.debits)
    days = found.days
    assert added(day.left for day in days) == of(found.debits)
    assert added(day.arrived for day in days) == added([found.arrived, found.taken_back])
    assert added(day.came_back for day in days) == of(found.came_back)
    assert days[-1].waiting == found.waiting.lines
    assert all(one.last < other.first for one, other in pairwise(days))
    assert of(found.waiting) == of(overview.of("on_its_way"))
