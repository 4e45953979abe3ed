"""The decisions for a whole run file: streamed, counted and signed, so that a million lines need no more memory."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from itertools import groupby, islice
from typing import Protocol, TypeVar

from billing.core.entries import Known, PlannedLine, RunRecord
from billing.core.errors import InvalidInput, Problem
from billing.core.estimates import Reads
from billing.core.findings import Findings
from billing.core.items import Charge, InputLine, Run
from billing.core.keys import length_prefixed
from billing.core.notices import Notice
from billing.core.plans import Continue, Create, Decision, Refuse, Scene, Skip, decide
from billing.edge.ledger import Ledger
from billing.flow.changes import Changes, beside_previous, compare

CHUNK = 500
# Lines decided together: one indexed query for their references.
SHOWN = 100
# Problems kept for the message; all of them are counted.


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
        """The file that line numbers count in: the same, or the CSV a YAML file names."""
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
        amend: whether new items may be added.
        items: lines that stand for an item of this run or another.
        customers: distinct platform customers.
        largest_payer: lines of the platform customer with the most; its items run one after another.
        accounts: connected account -> items to charge there.
        added: currency -> minor units of every item that is new to the run, planned skips included.
        to_charge: new items to charge.
        continued: items that this run already holds.
        totals: currency -> minor units of what is to be charged or continued.
        skips: reason code -> lines.
        set_aside: invalid lines.
        missing: items the ledger holds for this run that the file no longer has.
        warnings: what is worth a look before saying yes.
        changes: beside the previous run, or None when there is none.
        reads: what the look-ups cost.
        digest: 64 hex over every decision.
    """

    run: Run
    platform: str
    file: str
    file_sha256: str
    findings: Findings
    existing: RunRecord | None
    amend: bool
    items: int = 0
    customers: int = 0
    largest_payer: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    to_charge: int = 0
    continued: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    set_aside: int = 0
    missing: int = 0
    warnings: list[Notice] = field(default_factory=list)
    changes: Changes | None = None
    reads: Reads = field(default_factory=Reads)
    digest: str = ""

    @property
    def scene(self) -> Scene:
        """What decisions depend on beside the lines."""
        return Scene(
            platform=self.platform,
            mode=self.run.mode,
            period=self.run.period,
            run_id=self.run.run_id,
            existing=self.existing is not None,
            amend=self.amend,
            findings=self.findings,
        )

    @property
    def is_news(self) -> bool:
        """Whether the ledger does not hold all of this yet."""
        return self.existing is None or self.items > self.continued


def decide_all(
    source: Source, ledger: Ledger | None, platform: str, findings: Findings, *, amend: bool = False
) -> Plan:
    """Decide for every line.

    Args:
        source: the checked file.
        ledger: what is on record; None when planning offline without a ledger.
        platform: the platform account.
        findings: of the look-ups; empty when planning offline.
        amend: whether items may be added to a run that exists.

    Raises:
        InvalidInput: the file contradicts what is on record; every contradiction is listed.
    """
    existing = ledger.run(source.run.run_id) if ledger is not None else None
    plan = Plan(source.run, platform, source.file, source.sha256, findings, existing, amend)
    _stream_all(plan, source, ledger)
    _count_missing(plan, ledger)
    return plan


def _stream_all(plan: Plan, source: Source, ledger: Ledger | None) -> None:
    """Stream, decide, count and sign; collect every contradiction before refusing."""
    problems: list[Problem] = []
    refused = 0
    payers = array("Q")
    signature = sha256(length_prefixed(_header(plan)))
    plan.changes = beside_previous(plan.run, ledger)
    for chunk in _chunks(decisions(plan, source, ledger)):
        if plan.changes is not None and ledger is not None:
            compare(plan.changes, [(line.line, line.charge) for line, _ in chunk if line.charge is not None], ledger)
        for line, decision in chunk:
            signature.update(_signed(line, decision))
            if line.charge is None:
                plan.set_aside += 1
                continue
            payers.append(_short_hash(line.charge.customer))
            if isinstance(decision, Refuse):
                refused += 1
                if len(problems) < SHOWN:
                    problems.append(_problem(source, line, line.charge, decision))
                continue
            if decision is not None:
                _count(plan, line.charge, decision)
    if refused:
        raise InvalidInput(problems, refused)
    plan.customers, plan.largest_payer = _payers(payers)
    plan.digest = signature.hexdigest()


def decisions(plan: Plan, source: Source, ledger: Ledger | None) -> Iterator[tuple[InputLine, Decision | None]]:
    """Stream every line with its decision; a line that was set aside has none."""
    scene = plan.scene
    for chunk in _chunks(source.lines()):
        references = [line.charge.reference for line in chunk if line.charge is not None]
        known: dict[str, Known] = {}
        if ledger is not None and plan.platform:
            known = ledger.obligations(plan.platform, plan.run.mode, plan.run.period, references)
        for line in chunk:
            charge = line.charge
            yield line, None if charge is None else decide(scene, charge, known.get(charge.reference))


def planned_lines(plan: Plan, source: Source, ledger: Ledger) -> Iterator[PlannedLine]:
    """Stream the lines as the ledger keeps them.

    Raises:
        InvalidInput: the ledger moved since the plan was made, and now contradicts it.
    """
    for line, decision in decisions(plan, source, ledger):
        match decision:
            case None:
                yield PlannedLine(line.line, line.cells, reason="invalid", detail=line.reason)
            case Create(new=new):
                yield PlannedLine(line.line, line.cells, new=new)
            case Continue(known=known):
                yield PlannedLine(line.line, line.cells, known=known.id)
            case Skip(known=known, reason=reason, detail=detail):
                yield PlannedLine(line.line, line.cells, known=known.id, reason=reason, detail=detail)
            case Refuse() if line.charge is not None:
                raise InvalidInput([_problem(source, line, line.charge, decision)])


def _header(plan: Plan) -> Iterable[str]:
    return ("plan", plan.run.run_id, plan.run.mode, plan.platform, plan.run.period, plan.run.currencies)


def _signed(line: InputLine, decision: Decision | None) -> bytes:
    """Return the bytes of one decision that the digest covers; continuing is the same decision as creating."""
    match decision:
        case None:
            return length_prefixed((line.line, "invalid"))
        case Create(new=new):
            return length_prefixed(
                (line.line, new.item, new.digest, new.content["payment_method"], new.skip or "charge")
            )
        case Continue(known=known):
            verdict = _skip_of(known) or "charge"
            return length_prefixed((line.line, known.item, known.digest, known.content["payment_method"], verdict))
        case Skip(known=known, reason=reason):
            return length_prefixed((line.line, known.item, known.digest, "", reason))
        case Refuse():
            return b""


def _skip_of(known: Known) -> str:
    """Return why the plan itself skipped an item of this run, or an empty text."""
    return str(known.content.get("skip", ""))


def _count(plan: Plan, charge: Charge, decision: Decision) -> None:
    plan.items += 1
    if isinstance(decision, Create):
        plan.added[charge.amount.currency] += charge.amount.minor
    match decision:
        case Create(new=new) if new.skip is not None:
            plan.skips[new.skip] += 1
            return
        case Skip(reason=reason):
            plan.skips[reason] += 1
            return
        case Continue(known=known):
            plan.continued += 1
            if skipped := _skip_of(known):
                plan.skips[skipped] += 1
                return
        case _:
            plan.to_charge += 1
    plan.accounts[charge.account] += 1
    plan.totals[charge.amount.currency] += charge.amount.minor


def _problem(source: Source, line: InputLine, charge: Charge, refuse: Refuse) -> Problem:
    return Problem(source.items_file, line.line, 1, refuse.code, refuse.message, refuse.hint, charge.reference)


def _count_missing(plan: Plan, ledger: Ledger | None) -> None:
    """Compare the file with the run on record: what was planned and is no longer in the file is a difference too.

    Raises:
        InvalidInput: items are missing and the run is not being amended.
    """
    if plan.existing is None or ledger is None:
        return
    held = sum(tally.items for tally in ledger.tally(plan.run.run_id) if tally.currency)
    plan.missing = held - plan.continued
    if not plan.missing:
        return
    message = f"{plan.missing} items of run {plan.run.run_id} are in the ledger and no longer in the file"
    if not plan.amend:
        hint = "restore the lines; a planned item is never dropped by editing a file"
        raise InvalidInput([Problem(plan.file, 0, 1, "items_missing", message, hint)])
    plan.warnings.append(Notice("items_missing", f"{message}; they stay in the run"))


T = TypeVar("T")


def _chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _short_hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _payers(hashes: "array[int]") -> tuple[int, int]:
    """Count distinct payers, and the lines of the one with the most.

    Eight bytes a line: a set of a million strings would cost a hundred megabytes.
    """
    lines = [sum(1 for _ in same) for _, same in groupby(sorted(hashes))]
    return len(lines), max(lines, default=0)
