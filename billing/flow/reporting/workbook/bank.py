"""The sheets that say why a bank shows another sum than the run: what differs at Stripe, and what payouts carry."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from billing.core import wording
from billing.core.money import CURRENCIES
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import MEANINGS
from billing.core.reconciling.kinds import Kind as Difference
from billing.core.tones import Tone
from billing.edge.workbooks.cells import Amount, Cell, Check, Day, Moment, State, decimals_of
from billing.edge.workbooks.formats import Look
from billing.edge.workbooks.sheet import Column, Sheet
from billing.flow.reconciling.compared import Comparison
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.payouts import PayoutPart

_MONEY = 15
CHANGES, CHANGED = 1, 2
# Where a discrepancy says by how much the net differs, and in which currency.
DISCREPANCIES = (
    Column("What happened", 46),
    Column("Changes the net by", _MONEY, right=True),
    Column("Currency", 11),
    Column("What to do", 60),
    Column("Account", 24),
    Column("Reference", 22),
    Column("Amount", _MONEY, right=True),
    Column("Amount currency", 10),
    Column("Happened", 19, right=True),
    Column("Answer until", 19, right=True, quiet=True),
    Column("Ours", 20),
    Column("Stripe", 20),
    Column("Stripe object", 30),
    Column("Run", 20),
    Column("Kind", 18),
)
PAYOUTS = (
    Column("Account", 26),
    Column("Currency", 11),
    Column("Payout", 30),
    Column("Arrives", 12, right=True),
    Column("Status", 22),
    Column("Amount of the payout", _MONEY, right=True),
    Column("Lines of this run", 10, right=True),
    Column("Gross", _MONEY, right=True),
    Column("Refunds", _MONEY, right=True),
    Column("Disputes", _MONEY, right=True),
    Column("Stripe fee", _MONEY, right=True),
    Column("Application fee", _MONEY, right=True),
    Column("Other", _MONEY, right=True),
    Column("Net of this run", _MONEY, right=True),
    Column("Of other runs", _MONEY, right=True),
    Column("Of no run", _MONEY, right=True),
    Column("Check: net", 15, right=True),
    Column("Check: payout", 15, right=True),
    Column("Repaid by", 30, quiet=True),
    Column("Failure", 24, quiet=True),
    Column("Stripe status", 14),
)
_TONES = {"moves": Tone.FINAL, "look": Tone.CUST}


def write_discrepancies(
    sheet: Sheet, found: Comparison | None, findings: Iterable[Finding], overview: Overview
) -> None:
    """Write what differs, what changes money first; or that nobody has looked yet, and what to type."""
    if found is None:
        never_compared(sheet, overview.record.run_id)
        return
    listed = list(findings)
    sheet.line([_said(listed)], Look.VERDICT)
    as_of = wording.moment(found.as_of.isoformat(), overview.zone)
    sheet.line([f"Stripe's books as of {as_of}. {_caveats(found)}".strip()], Look.NOTE)
    sheet.skip()
    sheet.table(DISCREPANCIES, frozen=1)
    for finding in listed:
        for cells in _rows(finding):
            sheet.line(cells)


def _said(findings: list[Finding]) -> str:
    moving = sum(1 for one in findings if one.effects)
    if not findings:
        return "Nothing differs."
    rest = len(findings) - moving
    said = f"{wording.counted(moving, 'item')} explain{'s' if moving == 1 else ''} what Stripe shows differently"
    return f"{said}; {wording.counted(rest, 'other')} to look at." if rest else f"{said}."


def _caveats(found: Comparison) -> str:
    """Say what was not compared; nothing is concluded about it."""
    said = []
    if found.went_on:
        said.append("The run went on since: billing reconcile compares the rest.")
    if found.unread:
        said.append(f"Not read, and nothing is known of them: {', '.join(sorted(found.unread))}.")
    return " ".join(said)


def _rows(finding: Finding) -> Iterator[list[Cell]]:
    """Yield a line for each currency in which the net differs, or one where it does not."""
    moves = MEANINGS[Difference(finding.kind)].moves
    tone = _TONES["moves" if moves else "look"]
    for currency, minor in sorted(finding.effects.items()) or [("", 0)]:
        about = Amount(finding.amount, finding.currency) if finding.currency in CURRENCIES else None
        yield [
            State(finding.says, tone), _amount(minor, currency), currency.upper(), finding.what_to_do, finding.account,
            finding.reference, about, finding.currency.upper(), _moment(finding.at), _moment(finding.due),
            finding.ours, finding.stripe, finding.object, finding.run, str(finding.kind),
        ]  # fmt: skip


def write_payouts(sheet: Sheet, found: Comparison | None, parts: Iterable[PayoutPart], overview: Overview) -> None:
    """Write what each payout carries of the run, what is in none at the end of each account."""
    if found is None:
        never_compared(sheet, overview.record.run_id)
        return
    sheet.line(["A bank shows the amount of a payout: what this run left after fees, and what else is in it."],
               Look.VERDICT)  # fmt: skip
    sheet.line(["As on the balance of the account: what leaves it is negative."], Look.NOTE)
    sheet.skip()
    sheet.table(PAYOUTS, frozen=3)
    for part in parts:
        sheet.line(list(_part(part, sheet.line_number)))


def _part(part: PayoutPart, row: int) -> Iterator[Cell]:
    currency, decimals = part.currency, decimals_of(part.currency)
    yield from (part.account, currency.upper(), part.payout, _day(part.arrives), _status(part))
    yield None if part.amount is None else Amount(part.amount, currency)
    yield part.lines
    figures = (part.gross, part.refunds, part.disputes, part.stripe_fee, part.application_fee, part.other, part.net)
    yield from (Amount(minor, currency) for minor in figures)
    yield Amount(sum(part.beside.values()), currency) if part.beside else None
    yield None if part.elsewhere is None else Amount(part.elsewhere, currency)
    yield Check(f"ROUND(SUM(H{row}:M{row})-N{row},{decimals})", decimals)
    yield None if part.amount is None else Check(f"ROUND(F{row}-SUM(N{row}:P{row}),{decimals})", decimals)
    yield from (part.repaid_by, part.failure_code, part.status)


def _status(part: PayoutPart) -> State:
    if not part.payout:
        return State("In no payout yet", Tone.WAY)
    if part.failed:
        return State(
            "Failed, paid again since" if part.arrived else "Failed", Tone.PAID if part.arrived else Tone.FINAL
        )
    if part.arrived:
        return State("Arrived", Tone.PAID)
    return State("On its way" if part.status else "Nothing known of it", Tone.WAY if part.status else Tone.UNK)


def never_compared(sheet: Sheet, run_id: str) -> None:
    """Say that there is nothing to compare with yet, and how to come by it."""
    sheet.line(["This run was never compared with Stripe's books, so nothing is known here."], Look.VERDICT)
    sheet.line(["Type this, and make this workbook again:"])
    sheet.line([f"billing reconcile {run_id}"])


def _amount(minor: int, currency: str) -> Cell:
    return Amount(minor, currency) if currency in CURRENCIES else None


def _moment(epoch: int | None) -> Cell:
    return None if epoch is None else Moment(datetime.fromtimestamp(epoch, UTC).isoformat())


def _day(epoch: int | None) -> Cell:
    return None if epoch is None else Day(datetime.fromtimestamp(epoch, UTC).date().isoformat())
