"""The sheet of lines that need a person: those that the same deed helps stand together, the most first."""

from billing.core.records import RunRecord
from billing.edge.workbooks.cells import Amount, Moment, Ordinal
from billing.edge.workbooks.formats import Look
from billing.edge.workbooks.sheet import Column, Sheet
from billing.edge.workbooks.spool import Spool
from billing.flow.reporting.groups import Need
from billing.flow.reporting.lines import Line
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.verdict import people
from billing.flow.reporting.workbook.words import state_of

COLUMNS = (
    Column("Group", 7, right=True),
    Column("What helps", 44),
    Column("What to do", 52),
    Column("Why", 46),
    Column("Status", 24),
    Column("Reference", 22),
    Column("Amount", 13, right=True, quiet=True),
    Column("Currency", 11, quiet=True),
    Column("Customer", 23, quiet=True),
    Column("Account", 24, quiet=True),
    Column("Line", 7, right=True),
    Column("Next try", 19, right=True, quiet=True),
    Column("Stripe object", 30, quiet=True),
    Column("Reason code", 26),
)
# Ids alone: what else the sheet says of a payer stands on the sheet of all lines.


def keep(spool: Spool, line: Line) -> None:
    """Keep a line that needs a person until its group is written."""
    told = line.told
    record = (
        line.number, line.reference, line.row, line.amount, line.currency, told.get("customer") or line.customer,
        line.account, told["reason"], told["reason_code"], told.get("next_try", ""), line.payment,
    )  # fmt: skip
    spool.keep((line.row, told["what_to_do"]), record)


def write_needs(sheet: Sheet, spool: Spool, overview: Overview) -> None:
    """Write the groups, in the order in which the summary has them."""
    sheet.line([people(overview.need_lines)], Look.VERDICT)
    sheet.line(["Grouped by what helps. The numbers of the groups are those of the summary."], Look.NOTE)
    sheet.skip()
    sheet.table(COLUMNS, frozen=2)
    for number, helped in enumerate(overview.helps, 1):
        for need in helped.needs:
            for kept in spool.of((need.row, need.what_to_do)):
                _line(sheet, number, need, overview.record, *kept)


def _line(
    sheet: Sheet, group: int, need: Need, record: RunRecord, number: int, reference: str, row: str, amount: int,
    currency: str, customer: str, account: str, reason: str, code: str, next_try: str, payment: str,
) -> None:  # fmt: skip
    money = Amount(amount, currency) if currency else None
    sheet.line([
        Ordinal(group), need.title, need.what_to_do, reason, state_of(row, record), reference, money, currency.upper(),
        customer, account, Ordinal(number), Moment(next_try) if next_try else None, payment, code,
    ])  # fmt: skip
