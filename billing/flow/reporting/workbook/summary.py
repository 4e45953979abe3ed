"""The first sheet: did it work, what is missing, who does what, and the sums, each of which the spreadsheet checks.

A check is a formula of this program: the figure less what the spreadsheet itself adds up on another sheet. It has no
value until a spreadsheet has worked it out, and is 0 where both agree. No text of a sheet or of Stripe is in one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.core import wording
from billing.core.items import Mode
from billing.core.kinds.columns import COLUMNS
from billing.core.reconciling.sums import Sums
from billing.core.records import RunStatus
from billing.core.tones import NOT_CHARGED
from billing.edge.workbooks.cells import Amount, Cell, Check, Moment, Ordinal, Right, State, decimals_of, number_of
from billing.edge.workbooks.formats import Look
from billing.edge.workbooks.sheet import Column, Sheet
from billing.flow.reconciling.compared import Comparison
from billing.flow.report import Wanted
from billing.flow.reporting.kindwords import WORDS
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.sums import Sum
from billing.flow.reporting.verdict import people, verdict_of
from billing.flow.reporting.workbook import accounts, items
from billing.flow.reporting.workbook.statement import write_statement
from billing.flow.reporting.workbook.words import GONE, state_of, word_of

WIDTHS = (Column("", 56), *(Column("", 17) for _ in range(8)))
TEST = "Test mode: no money moved."
SHEETS = {
    "Items": "every line, what became of it, when and why, its ids, and the other cells of the sheet",
    "Needs a person": "the lines that somebody has to do something about, grouped by what helps",
    "Accounts": "what each connected account got in each currency, what was taken off, and what is missing",
    "Discrepancies": "where Stripe's books say something else than ours, and what to do",
    "Payouts": "what arrives at the banks, and what of it belongs to this run",
}
_MONEY_HEAD: Sequence[Cell] = (
    "Status", "Currency",
    *map(Right, ("Lines", "Amount", "Share to charge", "Check: lines", "Check: amount", "Check: accounts")),
)  # fmt: skip
_NEEDS_HEAD: Sequence[Cell] = (
    "What helps", Right("Group"), Right("Lines"), "Money", "", "", "", "In words", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sources:
    """The sheets that the figures of the first one are checked by.

    Attributes:
        items, accounts, discrepancies: the sheets, written.
        found: how the run compared with Stripe the last time; None where it never was.
        totals: currency -> both sides of the accounts shown, where it was.
    """

    items: Sheet
    accounts: Sheet
    discrepancies: Sheet
    found: Comparison | None
    totals: dict[str, Sums]


def write_summary(sheet: Sheet, overview: Overview, sources: Sources, head: str) -> None:
    """Write it; ``head`` is the ledger's, and every other sheet is written already."""
    sheet.widths(WIDTHS)
    _top(sheet, overview, sources.found)
    _money(sheet, overview, sources)
    _bank(sheet, overview, sources)
    _needs(sheet, overview)
    _reasons(sheet, overview)
    _proof(sheet, overview, head)


def filtered(wanted: Wanted) -> str:
    """Say which lines alone were asked for; empty where all were."""
    return f"Only lines with {wanted.said}." if wanted.said else ""


def _top(sheet: Sheet, overview: Overview, found: Comparison | None) -> None:
    record, zone = overview.record, overview.zone
    sheet.line([record.run_id], Look.TITLE)
    told = verdict_of(overview, found)
    sheet.line([told.answer], Look.VERDICT)
    if record.mode is Mode.TEST:
        sheet.line([TEST], Look.VERDICT)
    if chosen := filtered(overview.wanted):
        sheet.line([chosen], Look.VERDICT)
        sheet.line(["Sums of lines are theirs alone; balances and payouts are those of their accounts."], Look.NOTE)
    if record.status is not RunStatus.FINISHED:
        sheet.line([f"The run is not over: it is {record.status}. These are the figures of one moment."], Look.VERDICT)
    for says in told.beside:
        sheet.line([says])
    for claim in told.claims:
        sheet.line([f"{'' if claim.holds else 'Look at this: '}{claim.says}"])
    as_of = wording.moment(overview.as_of.isoformat(), zone)
    sheet.line([f"{WORDS[record.kind].title} for {record.period}. Figures as of {as_of}; all times are those of "
                f"{zone.key}."], Look.NOTE)  # fmt: skip
    sheet.skip()


def _money(sheet: Sheet, overview: Overview, sources: Sources) -> None:
    sheet.line(["Every line in one row, every currency by itself"], Look.HEADING)
    sheet.line(_MONEY_HEAD, Look.HEAD)
    for currency in [*overview.currencies, *([""] if "" in overview.money else [])]:
        _currency(sheet, overview, currency, sources)
    for row, gone in overview.gone.items():
        for currency in sorted(gone.totals) or [""]:
            amount = Amount(gone.totals[currency], currency) if currency else None
            sheet.line([f"{GONE}: {word_of(row, overview.record)}", currency.upper(), gone.lines, amount])
    lines = overview.sheet.lines + sum(each.lines for each in overview.gone.values())
    number = sheet.line_number
    counted = "+".join(f"COUNT({part})" for part in sources.items.ranges(0))
    sheet.line(["All lines", None, lines, None, None, Check(f"C{number}-({counted})")], Look.TOTAL)
    sheet.line(["The checks are worked out by this spreadsheet from the sheets Items and Accounts: each must be 0."],
               Look.NOTE)  # fmt: skip
    sheet.skip()


def _currency(sheet: Sheet, overview: Overview, currency: str, sources: Sources) -> None:
    """Write the rows of a currency, with what there is to charge, and their sum."""
    first, sums = sheet.line_number, overview.rows_in(currency)
    if not currency:
        sums = [(row, each) for row, each in sums if each.lines]
    whole = sum(each.lines for row, each in sums if row not in NOT_CHARGED)
    for row, each in sums:
        _row(sheet, state_of(row, overview.record), currency, each, sources, whole if row not in NOT_CHARGED else 0)
    last = sheet.line_number - 1
    charge = [each for row, each in sums if row not in NOT_CHARGED]
    if charge and len(charge) < len(sums):
        to_do = WORDS[overview.record.kind].to_do
        _total(sheet, to_do, currency, charge, f"{first}:{{}}{first + len(charge) - 1}", None)
    _total(sheet, "In the sheet", currency, [each for _, each in sums], f"{first}:{{}}{last}", sources.accounts)


def _row(sheet: Sheet, state: State, currency: str, each: Sum, sources: Sources, whole: int) -> None:
    """Write the lines of a status in a currency, checked by counting and adding up the items that have it."""
    number = sheet.line_number
    parts = zip(*(sources.items.ranges(at) for at in (items.STATUS, items.CURRENCY, items.AMOUNT)), strict=True)
    of = f"B{number}" if currency else '""'
    conditions = [(f"{statuses},A{number},{currencies},{of}", amounts) for statuses, currencies, amounts in parts]
    lines = "+".join(f"COUNTIFS({condition})" for condition, _ in conditions)
    added = "+".join(f"SUMIFS({amounts},{condition})" for condition, amounts in conditions)
    share = Right(wording.share(each.lines, whole)) if whole else None
    cells: list[Cell] = [state, currency.upper(), each.lines, _amount(each, currency), share]
    sheet.line([*cells, Check(f"C{number}-({lines})"), _check(each, currency, f"D{number}-({added})")])


def _total(sheet: Sheet, word: str, currency: str, sums: list[Sum], rows: str, by: Sheet | None) -> None:
    """Write a sum over rows of this sheet, and where ``by`` is given, over the sheet of accounts."""
    number, total = sheet.line_number, Sum(sum(each.lines for each in sums))
    for each in sums:
        total.totals.update(each.totals)
    cells: list[Cell] = [word, currency.upper(), total.lines, _amount(total, currency), None]
    cells.append(Check(f"C{number}-SUM(C{rows.format('C')})"))
    cells.append(_check(total, currency, f"D{number}-SUM(D{rows.format('D')})"))
    if by is not None and currency:
        cells.append(_check(total, currency, f"D{number}-({_over(by, number)})"))
    sheet.line(cells, Look.TOTAL)


def _over(by: Sheet, number: int) -> str:
    """Return what the sheet of accounts has in a currency: to charge, and left out."""
    columns = (accounts.CURRENCY, accounts.TO_CHARGE, accounts.LEFT_OUT)
    parts = zip(*(by.ranges(at) for at in columns), strict=True)
    return "+".join(f"SUMIFS({amounts},{currencies},B{number})" for currencies, *money in parts for amounts in money)


def _amount(each: Sum, currency: str) -> Amount | None:
    return Amount(each.totals[currency], currency) if currency else None


def _check(each: Sum, currency: str, formula: str) -> Cell:
    """Return the check of an amount; None where there is none, or it is too long for a number."""
    amount = _amount(each, currency)
    if amount is None or number_of(amount) is None:
        return None
    return Check(f"ROUND({formula},{decimals_of(currency)})", decimals_of(currency))


def _bank(sheet: Sheet, overview: Overview, sources: Sources) -> None:
    """Write what became of what was paid on its way to the banks, where the run's kind takes money."""
    run = overview.record
    if not COLUMNS[run.kind].settled and sources.found is None:
        return
    sheet.line(["Why the banks show another sum"], Look.HEADING)
    if sources.found is None:
        sheet.line([f"Not known yet: fees, payouts and differences are read by: billing reconcile {run.run_id}"])
        sheet.skip()
        return
    if overview.wanted.said:
        sheet.line(["Of all lines of the run on these accounts."], Look.NOTE)
    write_statement(sheet, sources.totals, sources.discrepancies)


def _needs(sheet: Sheet, overview: Overview) -> None:
    sheet.line([people(overview.need_lines)], Look.HEADING)
    if overview.needs:
        sheet.line(_NEEDS_HEAD, Look.HEAD)
    for number, helped in enumerate(overview.helps, 1):
        money = wording.several(helped.sum.totals)
        sheet.line([helped.title, Ordinal(number), helped.sum.lines, money, None, None, None, helped.means])
    sheet.skip()


def _reasons(sheet: Sheet, overview: Overview) -> None:
    if not overview.reasons:
        return
    sheet.line(["Why lines were declined or not charged"], Look.HEADING)
    sheet.line(["Reason", "", Right("Lines"), "Money", "", "", "", "Reason code", ""], Look.HEAD)
    for each in overview.reasons:
        says = each.says or "no reason is known"
        sheet.line([says, None, each.sum.lines, wording.several(each.sum.totals), None, None, None, each.code])
    sheet.skip()


def _proof(sheet: Sheet, overview: Overview, head: str) -> None:
    record = overview.record
    sheet.line(["On record"], Look.HEADING)
    facts: dict[str, Cell] = {
        "Run": record.run_id,
        "Mode": str(record.mode),
        "Platform": record.platform,
        "Figures as of": Moment(overview.as_of.isoformat()),
        "Times are those of": overview.zone.key,
        "Planned": Moment(record.planned_at),
        "Started": Moment(record.started_at) if record.started_at else "not yet",
        "Finished": Moment(record.finished_at) if record.finished_at else "not yet",
        "Latest try": Moment(overview.latest) if overview.latest else "none",
        "File": str(record.header.get("file", "")),
        "SHA-256 of the file": record.file_sha256,
        "Digest of the plan": record.plan_digest,
        "Head of the ledger": head,
    }
    for name, cell in facts.items():
        sheet.line([name, cell])
    sheet.skip()
    sheet.line(["What stands on the other sheets"], Look.HEADING)
    for name, says in SHEETS.items():
        sheet.line([f"{name}: {says}"])
