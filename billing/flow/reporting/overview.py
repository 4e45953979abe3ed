"""A run as every format of its report tells it: gathered in one pass over its lines, so that all formats agree.

Nothing here is worded for one format: amounts are minor units, moments are ISO 8601 in UTC, rows go by the codes of
`billing.flow.outturn.ROWS`. Currencies are never added to each other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from billing.core.kinds import LIVES
from billing.core.records import ReportLine, RunRecord, SheetTally
from billing.core.tones import FEARED, NOT_CHARGED
from billing.edge.ledger import Ledger
from billing.flow.attention import needs_somebody
from billing.flow.outturn import ROWS, Totals, row_of
from billing.flow.report import EVERY_LINE, Wanted, describe, known_run
from billing.flow.reporting.arrivals import Arrivals, arrivals_of
from billing.flow.reporting.proof import Proof, proof_of
from billing.flow.reporting.recovered import Recovered, declines_of
from billing.flow.reporting.speed import Speed, speed_of
from billing.flow.reporting.sums import Sum as Sum
from billing.flow.reporting.sums import summed as summed

SHOWN = 100
# Lines that a group shows in a report; the others are in its file of all lines.
QUIET = frozenset({"paid", "on_its_way", "nothing_owed", "not_yet"})
# Rows of lines that need no reason.


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sheet with what became of it.

    Attributes:
        number: in the input.
        reference, account, customer: empty where the line was set aside.
        amount, currency: minor units; 0 and empty where no money moves.
        row: of the outturn.
        told: our columns of the report, as texts (`billing.flow.report.describe`).
        cells: the input's own texts.
        payment: Stripe's object that fulfils it; empty without one.
        owned: whether it is this run's, or another one's of the period.
        listed: whether the latest sheet has it.
        needs: whether a person has to look at it.
        declines: how often a bank said no to it, or took it back.
    """

    number: int
    reference: str
    account: str
    customer: str
    amount: int
    currency: str
    row: str
    told: Mapping[str, str]
    cells: tuple[str, ...]
    payment: str
    owned: bool
    listed: bool
    needs: bool
    declines: int = 0


@dataclass(slots=True)
class Need:
    """Lines that the same deed helps.

    Attributes:
        what_to_do: the deed, as the report's lines say it.
        row: of the outturn, of the first of them.
        sum: of all.
        reasons: sentence -> lines.
        shown: the first `SHOWN` of them, in the order of the sheet.
    """

    what_to_do: str
    row: str
    sum: Sum = field(default_factory=Sum)
    reasons: Counter[str] = field(default_factory=Counter)
    shown: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Take in one line."""
        self.sum.add(line.amount, line.currency)
        self.reasons[line.told["reason"]] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(line)


@dataclass(slots=True)
class Reason:
    """Lines that were declined, or not charged, for one reason.

    Attributes:
        code: of the reason; empty where none is known.
        says: its sentence.
        sum: of its lines.
        rows: row of the outturn -> lines.
    """

    code: str
    says: str
    sum: Sum = field(default_factory=Sum)
    rows: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class AccountLines:
    """The lines of one connected account.

    Attributes:
        account: its id; empty for lines that were set aside.
        rows: row of the outturn -> lines with their money.
    """

    account: str
    rows: dict[str, Sum] = field(default_factory=dict)

    @property
    def sheet(self) -> Sum:
        """All of them."""
        return summed(self.rows.values())

    @property
    def missing(self) -> Totals:
        """Currency -> minor units of what there was to charge and is not paid."""
        return summed(each for row, each in self.rows.items() if row not in NOT_CHARGED | {"paid"}).totals


@dataclass(slots=True)
class Overview:
    """Everything that a report shows of a run.

    Attributes:
        record: the run.
        zone: whose clocks its times are shown on.
        as_of: when the ledger was read.
        wanted: which lines were asked for; what is counted here are those alone.
        money: currency -> row of the outturn -> lines and money. A line without money has the currency "".
        gone: row -> items whose line was taken out of the sheet; they are in none of the sums.
        needs: what a person has to do, the most lines first.
        reasons: why lines were declined or not charged, the most lines first.
        accounts: by id.
        latest: the last moment that a line tells of; empty where nothing was tried.
        recovered: of lines that came to nothing at first; None where there are none.
        arrivals: of what takes days; None where nothing did.
        speed: how fast it went; None for a run that has not been carried out.
        proof: by which it can be checked.
    """

    record: RunRecord
    zone: ZoneInfo
    as_of: datetime
    wanted: Wanted
    money: dict[str, dict[str, Sum]] = field(default_factory=lambda: defaultdict(dict))
    gone: dict[str, Sum] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    accounts: dict[str, AccountLines] = field(default_factory=dict)
    latest: str = ""
    recovered: Recovered | None = None
    arrivals: Arrivals | None = None
    speed: Speed | None = None
    proof: Proof | None = None

    @property
    def sheet(self) -> Sum:
        """Every line asked for."""
        return summed(each for rows in self.money.values() for each in rows.values())

    @property
    def to_charge(self) -> Sum:
        """Those among them that the run is to charge."""
        return summed(self.of(row) for row in ROWS if row not in NOT_CHARGED)

    @property
    def need_lines(self) -> int:
        """How many of them need a person."""
        return sum(need.sum.lines for need in self.needs)

    def of(self, row: str) -> Sum:
        """Return the lines of a row of the outturn in all currencies."""
        return summed(rows[row] for rows in self.money.values() if row in rows)

    def rows_in(self, currency: str) -> list[tuple[str, Sum]]:
        """Return the rows that a table of a currency has, in their order, those that are always shown among them."""
        found = self.money.get(currency, {})
        return [(row, found.get(row, Sum())) for row in ROWS if row in found or row in FEARED]

    @property
    def currencies(self) -> list[str]:
        """Those with money, the most lines first."""
        return sorted(
            (code for code in self.money if code),
            key=lambda code: (-sum(each.lines for each in self.money[code].values()), code),
        )


def overview_of(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Overview:
    """Gather a run.

    Raises:
        UsageError: the ledger has no such run.
    """
    gathering = gathering_of(ledger, run_id, wanted)
    for line in lines_of(ledger, run_id, wanted):
        gathering.take(line)
    return gathering.done()


def gathering_of(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE, *, verify: bool = False) -> "Gathering":
    """Return an overview that knows all but the lines; whoever streams these gives it each.

    Args:
        ledger: that holds the run.
        run_id: whose.
        wanted: which lines are asked for.
        verify: whether the whole ledger is checked, too.

    Raises:
        UsageError: the ledger has no such run.
    """
    record = known_run(ledger, run_id)
    zone, life = ZoneInfo(record.header.get("timezone") or "UTC"), LIVES[record.kind]
    counts = ledger.entry_counts(run_id)
    proof = proof_of(ledger, record, ledger.run_entries(run_id), counts, verify=verify)
    overview = Overview(record, zone, datetime.now(UTC), wanted, proof=proof)
    overview.speed = speed_of(proof.invocations, counts, life)
    overview.arrivals = arrivals_of(ledger, record, life, zone, wanted)
    return Gathering(overview)


@dataclass(slots=True)
class Gathering:
    """An overview under way, for whoever writes the lines while they pass by; `done` puts it in order."""

    overview: Overview
    _needs: dict[tuple[str, str], Need] = field(default_factory=dict)
    _reasons: dict[str, Reason] = field(default_factory=dict)

    def take(self, line: Line) -> None:
        """Take in one line."""
        overview = self.overview
        if not line.listed:
            overview.gone.setdefault(line.row, Sum()).add(line.amount, line.currency)
            return
        overview.money.setdefault(line.currency, {}).setdefault(line.row, Sum()).add(line.amount, line.currency)
        account = overview.accounts.setdefault(line.account, AccountLines(line.account))
        account.rows.setdefault(line.row, Sum()).add(line.amount, line.currency)
        overview.latest = max(overview.latest, line.told.get("last_try", ""))
        if line.needs:
            name = (line.row, line.told["what_to_do"])
            self._needs.setdefault(name, Need(line.told["what_to_do"], line.row)).add(line)
        if line.row not in QUIET:
            code = line.told["reason_code"]
            reason = self._reasons.setdefault(code, Reason(code, line.told["reason"]))
            reason.sum.add(line.amount, line.currency)
            reason.rows[line.row] += 1
        if line.declines:
            self._recovered(line)

    def _recovered(self, line: Line) -> None:
        found = self.overview.recovered = self.overview.recovered or Recovered()
        tried = line.told.get("last_try", "")
        found.take(line.row, line.declines, line.amount, line.currency, tried, self.overview.zone)

    def done(self) -> Overview:
        """Return it, its lists in their order."""
        self.overview.needs = sorted(self._needs.values(), key=lambda need: (-need.sum.lines, need.what_to_do))
        self.overview.reasons = sorted(self._reasons.values(), key=lambda each: (-each.sum.lines, each.code))
        if self.overview.recovered is not None:
            self.overview.recovered.in_order()
        return self.overview


def lines_of(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Iterator[Line]:
    """Stream the lines of a run in the order of its sheet, then items whose line it no longer has.

    Raises:
        UsageError: the ledger has no such run.
    """
    record = known_run(ledger, run_id)
    key = ledger.link_key
    return (line_of(each, record, key) for each in ledger.report(run_id) if wanted.takes(each))


def line_of(each: ReportLine, record: RunRecord, link_key: bytes = b"") -> Line:
    """Return a line of the ledger's report as all formats tell it."""
    item, told = each.item, describe(each, record, link_key)
    first = each.cells[0] if each.cells else ""
    return Line(
        number=each.line,
        reference=first if item is None else item.reference,
        account="" if item is None else item.account,
        customer="" if item is None else item.payer,
        amount=0 if item is None else item.amount,
        currency="" if item is None else item.currency,
        row=row_of(_tally(each, record)),
        told=told,
        cells=each.cells,
        payment="" if item is None else item.object_id or "",
        owned=each.owned,
        listed=each.listed,
        needs=each.listed and needs_somebody(each, record),
        declines=declines_of(item) if item is not None and each.owned else 0,
    )


def _tally(each: ReportLine, record: RunRecord) -> SheetTally:
    """Return a line as it is counted (`Ledger.sheet`)."""
    item = each.item
    if item is None or not each.owned:
        return SheetTally("", LIVES[record.kind].skipped, "", each.reason, "", 1, 0)
    facts = item.facts
    group, reason = str(facts.get("group") or ""), str(facts.get("reason_code") or "")
    return SheetTally(item.account, item.state, group, reason, item.currency, 1, item.amount)
