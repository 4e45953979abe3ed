"""A run as every format of its report tells it: gathered in one pass over its lines, so that all formats agree.

Nothing here is worded for one format: amounts are minor units, moments are ISO 8601 in UTC, rows go by the codes of
`billing.flow.outturn.ROWS`. Currencies are never added to each other.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from billing.core.kinds import LIVES
from billing.core.records import RunRecord
from billing.core.tones import FEARED, NOT_CHARGED
from billing.edge.ledger import Ledger
from billing.flow.outturn import ROWS
from billing.flow.report import EVERY_LINE, Wanted, known_run
from billing.flow.reporting.arrivals import Arrivals, arrivals_of
from billing.flow.reporting.groups import SHOWN as SHOWN
from billing.flow.reporting.groups import AccountLines as AccountLines
from billing.flow.reporting.groups import Helped as Helped
from billing.flow.reporting.groups import Need as Need
from billing.flow.reporting.groups import Reason as Reason
from billing.flow.reporting.lines import Line as Line
from billing.flow.reporting.lines import line_of as line_of
from billing.flow.reporting.lines import lines_of as lines_of
from billing.flow.reporting.proof import Proof, proof_of
from billing.flow.reporting.recovered import Recovered
from billing.flow.reporting.speed import Speed, speed_of
from billing.flow.reporting.sums import Sum as Sum
from billing.flow.reporting.sums import summed as summed

QUIET = frozenset({"paid", "on_its_way", "nothing_owed", "not_yet"})
# Rows of lines that need no reason.


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
    def helps(self) -> list[Helped]:
        """What helps lines that need a person, the most lines first: needs under a common heading."""
        found: dict[str, list[Need]] = {}
        for need in self.needs:
            found.setdefault(need.title, []).append(need)
        each = [Helped(title, needs[0].deed, tuple(needs)) for title, needs in found.items()]
        return sorted(each, key=lambda one: (-one.sum.lines, one.title))

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
            reason = self._reasons.setdefault(code, Reason(code, line.says))
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
