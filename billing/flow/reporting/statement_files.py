"""The statements of a run as files in a folder: for each account a page and a CSV, and a list of all of them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from billing.core import wording
from billing.core.cells import csv_line
from billing.core.errors import UsageError
from billing.core.filenames import safe_names
from billing.core.items import Mode
from billing.core.money import format_minor
from billing.core.owner_words import NOUNS
from billing.core.periods import in_words
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.ownfolder import OwnFolder
from billing.edge.pages.rendering import render
from billing.flow.report import Wanted, known_run, latest_comparison
from billing.flow.report_files import Layout, in_zone
from billing.flow.reporting.overview import Sum
from billing.flow.reporting.statement import Entry, Settled, Statement, payout_words, statements_of
from billing.flow.reporting.statement_words import INDEX_NAMES, page_of, sum_cells

INDEX = ("index.csv", "index.html")
COLUMNS = (
    "what", "reference", "date", "amount", "currency", "state", "why", "booked", "stripe_fee", "platform_fee", "net",
    "balance_currency", "payout", "payout_state", "arrives", "payment", "statement",
)  # fmt: skip
STYLES = ("statement.css",)
ALWAYS = frozenset({"lines", "asked", "paid", "net"})
# Columns of the list that are shown even where all of it is nothing.


def require_statements(record: RunRecord, wanted: Wanted) -> None:
    """Refuse what there are no statements of.

    Raises:
        UsageError: the run moves no money on connected accounts, or only some lines of accounts were asked for.
    """
    if record.kind not in NOUNS:
        raise UsageError(f"--per-account: a run of {record.kind}s moves no money on connected accounts")
    if wanted.statuses or wanted.customers or wanted.references:
        raise UsageError("--per-account takes --account alone: a statement has every line of its account")


def write_statements(
    ledger: Ledger, run_id: str, wanted: Wanted, layout: Layout, folder: OwnFolder, reconcile: str
) -> Iterator[str]:
    """Write the statements of a run, and yield sentences about what was written.

    Args:
        ledger: alone is read.
        run_id: of the run.
        wanted: whose; nothing but accounts can be asked for.
        layout: of the CSVs.
        folder: where they go.
        reconcile: the command that learns fees and payouts from Stripe.

    Raises:
        UsageError: there are no statements of such a run, or the folder holds something else.
        RunStopped: the disk says no.
    """
    record = known_run(ledger, run_id)
    require_statements(record, wanted)
    found = latest_comparison(ledger, run_id)
    as_of = "" if found is None else str(found["as_of"])
    of_run = {tally.account for tally in ledger.sheet(run_id) if tally.account}
    names = safe_names(of_run)
    chosen = sorted(of_run & wanted.accounts if wanted.accounts else of_run)
    files = [f"{names[account]}{suffix}" for account in chosen for suffix in (".html", ".csv")]
    if not chosen:
        raise UsageError(f"{run_id} has no line of {wanted.said or 'any account'}: there are no statements to write")
    folder.begin([*files, *INDEX])
    if folder.interrupted:
        yield f"{folder.path}: an earlier writing of statements did not come to its end; all of it is replaced"
    index = Index(record, as_of, layout)
    for statement in statements_of(ledger, run_id, frozenset(chosen), as_of):
        name = names[statement.account]
        folder.write(f"{name}.csv", _csv(statement, layout))
        folder.write(f"{name}.html", render("statement.html", styles=STYLES, **page_of(statement, f"{name}.csv")))
        index.take(statement, name)
    folder.write(INDEX[0], index.as_csv())
    folder.write(INDEX[1], index.as_page())
    stale = folder.finish()
    yield from _told(folder, len(chosen), stale, index, reconcile)


def _told(folder: OwnFolder, written: int, stale: int, index: "Index", reconcile: str) -> Iterator[str]:
    many = wording.counted(written, "statement")
    yield f"{folder.path}: written, {many} as a page and a CSV each; {INDEX[1]} and {INDEX[0]} list them"
    if stale:
        yield f"{folder.path}: removed, {wording.counted(stale, 'file')} of an earlier writing"
    if not index.as_of:
        yield f"The run was never compared with Stripe, so fees and payouts are not known. Next: {reconcile}"
    elif index.unbooked:
        lines = wording.counted(index.unbooked, "line")
        yield f"Of {lines} fees and payouts are not known yet. Next: {reconcile}"


def _csv(statement: Statement, layout: Layout) -> Iterator[str]:
    """Write a statement as CSV lines: the lines of the run, then what else moved; nets add up to the account's."""
    if layout.mark:
        yield "\ufeff"
    yield csv_line(COLUMNS, layout.delimiter)
    payouts = {one.name: one.bank or one.payout for one in statement.payouts}
    for entry in [*statement.lines, *statement.further]:
        row, booked = _cells(entry, statement, layout), entry.booked
        payout = payouts.get(booked.payout) if booked is not None and booked.payout else None
        if booked is not None and booked.payout:
            day = "" if payout is None else f"{datetime.fromtimestamp(payout.arrival_date, UTC):%Y-%m-%d}"
            row |= {"payout": booked.payout if payout is None else payout.id, "payout_state": payout_words(payout)}
            row["arrives"] = day
        yield csv_line((row.get(name, "") for name in COLUMNS), layout.delimiter)


def _cells(entry: Entry, statement: Statement, layout: Layout) -> dict[str, str]:
    booked = entry.booked
    row = {
        "what": entry.what, "reference": entry.reference, "currency": entry.currency.upper(), "state": entry.state,
        "amount": money(entry.amount, entry.currency, layout), "why": entry.why, "payment": entry.payment,
        "date": in_zone(entry.at, statement.zone) if entry.at else "", "statement": statement.record.run_id,
    }  # fmt: skip
    if booked is None:
        return row
    figures = {
        "booked": booked.amount, "stripe_fee": booked.stripe_fee + booked.other_fees,
        "platform_fee": booked.application_fee, "net": booked.net,
    }  # fmt: skip
    told = {name: money(minor, booked.currency, layout) for name, minor in figures.items()}
    return row | told | {"balance_currency": booked.currency.upper()}


def money(minor: int, currency: str, layout: Layout) -> str:
    """Write an amount for a CSV; nothing for what moves no money."""
    text = format_minor(minor, currency) if currency else ""
    return text.replace(".", ",") if layout.comma else text


class Index:
    """The list of all statements, for whoever sends them: files, sums of each account, sums of all."""

    def __init__(self, record: RunRecord, as_of: str, layout: Layout) -> None:
        """Begin an empty one."""
        self.record, self.as_of, self.layout = record, as_of, layout
        self.rows: list[tuple[str, str, dict[str, tuple[Sum, Sum, Settled]]]] = []
        self.unbooked = 0

    def take(self, statement: Statement, name: str) -> None:
        """Take a statement in; its lines are not kept."""
        asked, found = statement.sheet, {}
        for code in sorted({*asked.totals, *statement.settled}):
            lines = [entry for entry in statement.lines if entry.currency == code]
            sheet, paid = Sum(), Sum()
            for entry in lines:
                sheet.add(entry.amount, code)
                if entry.paid:
                    paid.add(entry.amount, code)
            found[code] = (sheet, paid, statement.settled.get(code, Settled()))
        self.rows.append((statement.account, name, found))
        self.unbooked += statement.unbooked

    def totals(self) -> Mapping[str, tuple[Sum, Sum, Settled]]:
        """Return the sums of all accounts, by currency."""
        found: dict[str, tuple[Sum, Sum, Settled]] = {}
        for _, _, of in self.rows:
            for code, (sheet, paid, settled) in of.items():
                all_sheet, all_paid, all_settled = found.setdefault(code, (Sum(), Sum(), Settled()))
                for total, each in ((all_sheet, sheet), (all_paid, paid)):
                    total.lines += each.lines
                    total.totals.update(each.totals)
                all_settled.places.update(settled.places)
                all_settled.where.update(settled.where)
        return dict(sorted(found.items()))

    def as_csv(self) -> Iterator[str]:
        """Write it as CSV lines: a line for each currency of an account."""
        if self.layout.mark:
            yield "\ufeff"
        yield csv_line(("account", "currency", *INDEX_NAMES, "page", "csv", "run"), self.layout.delimiter)
        for account, name, of in self.rows:
            for code, sums in of.items():
                found = sum_cells(*sums, code)
                cells = (each if isinstance(each, str) else money(each, code, self.layout) for each in found)
                row = (account, code.upper(), *cells, f"{name}.html", f"{name}.csv", self.record.run_id)
                yield csv_line(row, self.layout.delimiter)

    def as_page(self) -> Iterable[str]:
        """Write it as a page."""
        totals = self.totals()
        told = [sum_cells(*sums, code) for code, sums in totals.items()]
        some = [at for at, name in enumerate(INDEX_NAMES) if name in ALWAYS or any(cells[at] for cells in told)]
        rows = [(account, name, list(_shown(of, some))) for account, name, of in self.rows]
        return render(
            "statements.html", styles=STYLES, rows=rows, totals=list(_shown(totals, some)), run=self.record.run_id,
            period=in_words(self.record.period), live=self.record.mode is Mode.LIVE, as_of=self.as_of,
            columns=[INDEX_NAMES[at] for at in some],
        )  # fmt: skip


def _shown(of: Mapping[str, tuple[Sum, Sum, Settled]], some: Iterable[int]) -> Iterator[tuple[str, list[str]]]:
    """Yield the cells of each currency as a page shows them, those of some columns."""
    places = list(some)
    for code, sums in of.items():
        found = sum_cells(*sums, code)
        cells = [found[at] for at in places]
        yield code.upper(), [each if isinstance(each, str) else wording.amount(each, code) for each in cells]
