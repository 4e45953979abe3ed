"""From what was paid to what the banks have: our ledger beside Stripe's books, on the first sheet."""

from collections.abc import Sequence

from billing.core.reconciling.kinds import Place
from billing.core.reconciling.sums import Sums
from billing.edge.workbooks.cells import Amount, Cell, Check, Right, decimals_of
from billing.edge.workbooks.formats import Look
from billing.edge.workbooks.sheet import Sheet
from billing.flow.reporting.workbook import bank

_HEAD: Sequence[Cell] = (
    "From line to bank", "Currency", "", *map(Right, ("Our ledger", "Stripe", "Difference", "Check", "Check: net")),
)  # fmt: skip
WORDS = {
    Place.CHARGED: "Charged",
    Place.REFUNDED: "Refunded",
    Place.DISPUTED: "Disputed and returned",
    Place.EXTRA_FEES: "Fees for these",
    Place.STRIPE_FEES: "Stripe's fees",
    Place.APPLICATION_FEES: "Our application fees",
    Place.OTHER: "Other",
}
# What a person reads for a row of a statement.


def write_statement(sheet: Sheet, totals: dict[str, Sums], discrepancies: Sheet) -> None:
    """Write one for each currency; each difference is worked out by the spreadsheet, too."""
    sheet.line(_HEAD, Look.HEAD)
    for currency, sums in totals.items():
        _one(sheet, currency, sums, discrepancies)


def _one(sheet: Sheet, currency: str, sums: Sums, discrepancies: Sheet) -> None:
    first = sheet.line_number
    for place, word in WORDS.items():
        ours, theirs = sums.ours[place], sums.theirs[place]
        if ours or theirs or place is Place.CHARGED:
            sheet.line(_row(word, currency, ours, theirs, sheet.line_number))
    net = sheet.line_number
    sheet.line(_row("Net for the accounts", currency, sums.net_ours, sums.net, net), Look.TOTAL)
    decimals = decimals_of(currency)
    added = _check(f"E{net}-SUM(E{first}:E{net - 1})", decimals)
    parts = zip(discrepancies.ranges(bank.CHANGES), discrepancies.ranges(bank.CHANGED), strict=True)
    named = "+".join(f"SUMIFS({changes},{currencies},B{net + 1})" for changes, currencies in parts) or "0"
    explained = _check(f"F{net + 1}-({named})", decimals)
    rows = {
        "Explained, item by item, on the sheet Discrepancies": (sums.explained, explained),
        "Unexplained": (sums.unexplained, _check(f"F{net}-F{net + 1}-F{net + 2}", decimals)),
    }
    for word, (minor, check) in rows.items():
        sheet.line([word, currency.upper(), None, None, None, Amount(minor, currency), check])
    at = {"Paid out to their banks": sums.paid_out, "On its way, or on the balance": sums.on_its_way,
          "Back on the balance after a failed payout": sums.held}  # fmt: skip
    where = [(word, minor) for word, minor in at.items() if minor or word.startswith("Paid")]
    for word, minor in where:
        sheet.line([f"  {word}", currency.upper(), None, None, Amount(minor, currency)])
    last = sheet.line_number - 1
    cells: list[Cell] = ["Net at Stripe", currency.upper(), None, None, Amount(sums.net, currency), None]
    sheet.line([*cells, _check(f"E{last + 1}-SUM(E{net + 3}:E{last})", decimals), added], Look.TOTAL)
    sheet.skip()


def _row(word: str, currency: str, ours: int, theirs: int, row: int) -> list[Cell]:
    decimals = decimals_of(currency)
    money = [Amount(minor, currency) for minor in (ours, theirs, theirs - ours)]
    return [word, currency.upper(), None, *money, _check(f"E{row}-D{row}-F{row}", decimals)]


def _check(formula: str, decimals: int) -> Check:
    return Check(f"ROUND({formula},{decimals})", decimals)
