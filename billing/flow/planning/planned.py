"""What a plan is: what is asked of it, and what its decisions come to, counted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from billing.core.acks import Ack
from billing.core.changes import Changes
from billing.core.errors import Problem
from billing.core.estimates import Reads
from billing.core.findings import Findings
from billing.core.items import InputLine, Run
from billing.core.notices import Notice
from billing.core.planrows import NOWHERE
from billing.core.plans import PlanContext
from billing.core.records import RunRecord
from billing.core.skips import PASSING, SKIPS
from billing.core.variances import Variance
from billing.flow.options import Selection
from billing.flow.planning.amendment import Amendment
from billing.flow.planning.sums import Left, Row

NOTHING_EXAMINED = frozenset(SKIPS) - PASSING
# What a plan without look-ups knows nothing about: a line that was skipped for it stays skipped.

PARTIAL = "partial"
# In the header of a revision that a rebuild keeps before the one with the whole sheet: it has the lines alone whose
# earlier generations it puts on record.


class Source(Protocol):
    """A checked run file: what `billing.edge.runfiles.open_run` returns."""

    @property
    def run(self) -> Run:
        """What the file says of the run."""
        ...

    @property
    def file(self) -> str:
        """The file as the operator named it."""
        ...

    @property
    def items_file(self) -> str:
        """The file that line numbers count in: the same, or the CSV or workbook a YAML file names."""
        ...

    @property
    def sheet(self) -> str:
        """Of a workbook: the sheet that line numbers count in; empty otherwise."""
        ...

    @property
    def sha256(self) -> str:
        """Hex of the bytes that were read."""
        ...

    @property
    def warnings(self) -> Sequence[Problem]:
        """The first things about the file that are worth a look; `warnings_total` counts all."""
        ...

    @property
    def warnings_total(self) -> int:
        """How many there are."""
        ...

    @property
    def totals(self) -> Mapping[str, int]:
        """Minor units per currency of its valid lines, as they were read."""
        ...

    def lines(self) -> Iterator[InputLine]:
        """Stream the lines in input order, as often as asked."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a plan beside the file.

    Attributes:
        amend: whether a run that has begun may be changed.
        selection: which lines may move in this invocation.
        limit: how many at most.
        unexamined: skip reasons that no look-up was made about.
        blocks_since: from when on a card's block counts (ISO 8601); empty when blocks are not asked for.
        as_planned: the file must be as it was planned, whether the run has begun or not.
    """

    amend: bool = False
    selection: Selection = field(default_factory=Selection)
    limit: int | None = None
    unexamined: frozenset[str] = NOTHING_EXAMINED
    blocks_since: str = ""
    as_planned: bool = False


@dataclass(slots=True)
class Plan:
    """The decisions for a whole run file, counted; the decisions themselves are streamed by `decisions`.

    Attributes:
        run: what the file says.
        platform: the platform account.
        file: the file as named by the operator.
        file_sha256: of its bytes.
        findings: of the look-ups.
        existing: the run as the ledger holds it, or None.
        begun: whether anything was sent for it yet.
        asked: what was asked beside the file.
        items: lines that stand for an item of this run or another.
        rows: row (`core.planrows.ROWS`) -> lines and money; every line with an amount stands in exactly one.
        sheet: all these lines together.
        left: what can move in this invocation.
        amendment: what the file changes of the run on record.
        customers: distinct platform customers of the sheet.
        sheet_accounts: the connected accounts of the sheet.
        accounts: connected account -> items that are charged there, or were.
        added: currency -> minor units that the run's own items become more by.
        to_charge: new items to charge.
        continued: items that this run already holds.
        totals: currency -> minor units of what is charged or was, whoever was selected.
        skips: reason code -> lines.
        elsewhere: item id -> the row of one that the lists of its account keep from being charged.
        held: currency -> minor units of those among them that another ledger has charged, or may have.
        foreign: the same as ``skips``, of the lines that other runs hold, and of invalid ones.
        reopenable: lines skipped for what only a look-up can tell the end of.
        set_aside: invalid lines.
        unmatched: patterns of ``--only`` that name no line.
        warnings: what is worth a look before saying yes.
        changes: beside the runs before, or None where that is not compared.
        variances: how it differs from them, of those that policy knows.
        acks: what of that a person has accepted, on record or now.
        new_acks: those among them that are not on record yet.
        reads: what the look-ups cost.
        identifying: requests that ask whose key it is: two before anything of the platform is on record.
        digest: 64 hex over every decision.
    """

    run: Run
    platform: str
    file: str
    file_sha256: str
    findings: Findings
    existing: RunRecord | None
    begun: bool
    asked: Asked
    items: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    sheet: Row = field(default_factory=Row)
    left: Left = field(default_factory=Left)
    amendment: Amendment = field(default_factory=Amendment)
    customers: int = 0
    sheet_accounts: set[str] = field(default_factory=set)
    accounts: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    to_charge: int = 0
    continued: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    elsewhere: Mapping[str, str] = field(default_factory=lambda: NOWHERE)
    held: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    reopenable: int = 0
    set_aside: int = 0
    unmatched: list[str] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    changes: Changes | None = None
    variances: tuple[Variance, ...] = ()
    acks: list[Ack] = field(default_factory=list)
    new_acks: list[Ack] = field(default_factory=list)
    reads: Reads = field(default_factory=Reads)
    identifying: int = 0
    digest: str = ""

    @property
    def amend(self) -> bool:
        """Whether a run that has begun may be changed."""
        return self.asked.amend

    @property
    def frozen(self) -> bool:
        """Whether the file must be as it was planned."""
        if self.existing is None:
            return False
        return self.asked.as_planned or (self.begun and not self.asked.amend)

    @property
    def context(self) -> PlanContext:
        """What decisions depend on beside the lines."""
        return PlanContext(
            platform=self.platform,
            mode=self.run.mode,
            period=self.run.period,
            run_id=self.run.run_id,
            frozen=self.frozen,
            amend=self.asked.amend,
            findings=self.findings,
            unexamined=self.asked.unexamined,
            kind=self.run.kind,
        )

    @property
    def is_news(self) -> bool:
        """Whether the ledger does not hold all of this yet."""
        if self.existing is None or self.amendment or self.new_acks or self.existing.header.get(PARTIAL):
            return True
        kept: Mapping[str, int] = self.existing.header.get("foreign", {})
        return dict(self.foreign) != dict(kept)
