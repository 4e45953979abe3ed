"""What each connected account came to in a run: the figures that its owner is told."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from billing.core.cells import csv_line
from billing.core.kinds import LIVES
from billing.core.money import format_minor
from billing.core.records import RunRecord, SheetTally
from billing.edge.ledger import Ledger
from billing.flow.outturn import row_of, tally_of
from billing.flow.report import EVERY_LINE, Wanted, known_run
from billing.flow.report_files import Layout


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """Lines of one account in one currency, in minor units; ``sheet`` is the sum of the other three.

    Attributes:
        account: the connected account; empty for lines set aside, which have no currency either.
        currency: of the amounts.
        lines: how many.
        sheet: what the sheet asked for.
        paid: what was paid, in this run or another one of the period.
        on_its_way: what the bank has still to answer for.
        open: everything else.
    """

    account: str
    currency: str
    lines: int = 0
    sheet: int = 0
    paid: int = 0
    on_its_way: int = 0
    open: int = 0

    def with_lines(self, tally: SheetTally) -> "AccountTotal":
        """Return it with these lines, too."""
        row = row_of(tally)
        paid = tally.amount if row == "paid" or tally.reason_code == "already_paid" else 0
        way = tally.amount if row == "on_its_way" or tally.reason_code == "processing_elsewhere" else 0
        return replace(
            self,
            lines=self.lines + tally.lines,
            sheet=self.sheet + tally.amount,
            paid=self.paid + paid,
            on_its_way=self.on_its_way + way,
            open=self.open + tally.amount - paid - way,
        )


def account_totals(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> list[AccountTotal]:
    """Return the totals of each account and currency of a run, by account."""
    record = known_run(ledger, run_id)
    found: dict[tuple[str, str], AccountTotal] = {}
    for tally in _tallies(ledger, record, wanted):
        if tally.listed:
            name = (tally.account, tally.currency)
            found[name] = found.get(name, AccountTotal(*name)).with_lines(tally)
    return [found[name] for name in sorted(found)]


def _tallies(ledger: Ledger, record: RunRecord, wanted: Wanted) -> Iterable[SheetTally]:
    """Yield what is asked for as it is counted: by the ledger where that is every line, else line by line."""
    if wanted == EVERY_LINE:
        return ledger.sheet(record.run_id)
    life = LIVES[record.kind]
    return (tally_of(line, life) for line in ledger.report(record.run_id) if wanted.takes(line))


def summed(totals: Sequence[AccountTotal]) -> list[AccountTotal]:
    """Return the sum of all accounts in each currency."""
    sums: dict[str, AccountTotal] = {}
    for one in totals:
        so_far = sums.get(one.currency, AccountTotal("", one.currency))
        sums[one.currency] = replace(
            so_far,
            lines=so_far.lines + one.lines,
            sheet=so_far.sheet + one.sheet,
            paid=so_far.paid + one.paid,
            on_its_way=so_far.on_its_way + one.on_its_way,
            open=so_far.open + one.open,
        )
    return [sums[code] for code in sorted(sums) if code]


MONEY = ("sheet", "paid", "on_its_way", "open")


def accounts_as_csv(
    ledger: Ledger,
    run_id: str,
    wanted: Wanted = EVERY_LINE,
    layout: Layout = Layout(),  # noqa: B008  frozen
) -> Iterator[str]:
    """Stream the totals per account as CSV lines; amounts are decimals in major units."""
    if layout.mark:
        yield "\ufeff"
    yield csv_line(("account", "currency", "lines", *MONEY, "run"), layout.delimiter)
    for one in account_totals(ledger, run_id, wanted):
        shown = [format_minor(getattr(one, name), one.currency) if one.currency else "" for name in MONEY]
        cells = [each.replace(".", ",") for each in shown] if layout.comma else shown
        yield csv_line((one.account, one.currency.upper(), str(one.lines), *cells, run_id), layout.delimiter)


def accounts_as_json(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Iterator[str]:
    """Write the totals per account as one JSON array; amounts are whole minor units."""
    found = [asdict(one) for one in account_totals(ledger, run_id, wanted)]
    yield json.dumps(found, indent=1, ensure_ascii=False) + "\n"
