"""What proves a run: who carried it out and when, from which bytes, and what the ledger is held to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from billing.core.entries import Entry, Facts, Note
from billing.core.exits import MEANINGS, Exit
from billing.core.reconciling.kept import OUTCOME
from billing.core.records import RunRecord
from billing.core.run_pace import PaceRecord, record_of
from billing.edge.ledger import Ledger, Verification
from billing.flow.report import EVER

UNCHECKED = "not checked here: billing ledger verify"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command that carried the run out, or tried lines again.

    Attributes:
        started, ended: UTC, ISO 8601; ``ended`` is empty while it goes on, and for one that was killed.
        by: user and host that started it; empty where that is not on record.
        exit_code: how it ended, None where no end is on record.
        reason: why it stopped; empty for one that was not stopped.
        pace: how fast it went; None where its end does not say so.
    """

    started: str
    ended: str = ""
    by: str = ""
    exit_code: int | None = None
    reason: str = ""
    pace: PaceRecord | None = None

    @property
    def says(self) -> str:
        """What its exit code means; empty without one."""
        known = {int(code): words for code, (words, _) in MEANINGS.items()}
        return "" if self.exit_code is None else known.get(self.exit_code, "")


@dataclass(frozen=True, slots=True)
class Accepted:
    """That somebody accepted how the run differs from the ones before it."""

    says: str
    reason: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class Compared:
    """How the run compared with Stripe the last time, by itself or with its period.

    Attributes:
        scope: the run, or the period.
        as_of: UTC, ISO 8601.
        exit_code: 0 only when everything was read, is over and ties.
        items, matched, discrepancies: lines compared, that agree, and differences found.
    """

    scope: str
    as_of: str
    exit_code: int
    items: int
    matched: int
    discrepancies: int


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything by which a run can be checked.

    Attributes:
        planned_at: UTC, ISO 8601, of the latest revision of the plan; ``revision`` is its number.
        accepted: what somebody accepted before it began.
        plan_digest, file, file_sha256: of that plan, and of the bytes it was made from.
        invocations: who carried it out, in order.
        entries: of the run, those about its items among them.
        head: the mac (hex) of the ledger's last entry.
        verified: the result of checking the whole ledger; None where that was not done.
        compared: None where it never was.
    """

    planned_at: str
    revision: int
    accepted: tuple[Accepted, ...]
    plan_digest: str
    file: str
    file_sha256: str
    invocations: tuple[Invocation, ...]
    entries: int
    head: str
    verified: Verification | None
    compared: Compared | None

    @property
    def started(self) -> str:
        """When it first began; empty if it never did."""
        return self.invocations[0].started if self.invocations else ""

    @property
    def ended(self) -> str:
        """When it ended last; empty while a command goes on, or where one was killed last."""
        return self.invocations[-1].ended if self.invocations else ""

    @property
    def chain(self) -> str:
        """What is known of the ledger's chain, as a sentence."""
        if self.verified is None:
            return UNCHECKED
        faults = len(self.verified.faults)
        if faults:
            return f"damaged: {faults:,} {'fault' if faults == 1 else 'faults'}; see billing ledger verify"
        return f"checked, {self.verified.entries:,} entries"


def proof_of(
    ledger: Ledger, record: RunRecord, entries: Iterable[Entry], counts: Mapping[str, int], *, verify: bool
) -> Proof:
    """Return what proves a run.

    Args:
        ledger: that holds it.
        record: the run.
        entries: about the run as a whole, in order.
        counts: of all its entries, by name.
        verify: whether the whole ledger is checked, which takes as long as reading all of it.
    """
    told = list(entries)
    return Proof(
        planned_at=record.planned_at,
        revision=record.revision,
        accepted=tuple(_accepted(entry) for entry in told if entry.name == Note.ACKNOWLEDGED),
        plan_digest=record.plan_digest,
        file=str(record.header.get("file") or ""),
        file_sha256=record.file_sha256,
        invocations=tuple(invocations_of(told)),
        entries=sum(counts.values()),
        head=ledger.head,
        verified=ledger.verify() if verify else None,
        compared=compared_of(ledger, record),
    )


def _accepted(entry: Entry) -> Accepted:
    says, reason, by = (str(entry.facts.get(name, "")) for name in ("says", "reason", "by"))
    return Accepted(says, reason, by, entry.at)


def invocations_of(entries: Iterable[Entry]) -> list[Invocation]:
    """Return the commands that carried a run out: a beginning each, with the end that follows it."""
    found: list[Invocation] = []
    for entry in entries:
        if entry.name == Note.RUN_STARTED:
            found.append(_begun(entry.at, entry.facts))
        elif entry.name in (Note.RUN_FINISHED, Note.RUN_STOPPED) and found and not found[-1].ended:
            found[-1] = _ended(found[-1], entry.at, entry.facts)
    return found


def _begun(at: str, facts: Facts) -> Invocation:
    return Invocation(at, by=str(facts.get("by") or ""))


def _ended(begun: Invocation, at: str, facts: Facts) -> Invocation:
    code, reason = facts.get("exit_code"), str(facts.get("reason") or "")
    return Invocation(begun.started, at, begun.by, code if type(code) is int else None, reason, record_of(facts))


def compared_of(ledger: Ledger, record: RunRecord) -> Compared | None:
    """Return how a run compared with Stripe the last time; None where it never was."""
    told = ledger.lookups(OUTCOME, [record.run_id], EVER).get(record.run_id)
    if told is None:
        return None
    numbers = (int(told[name]) for name in ("exit_code", "items", "matched", "discrepancies"))
    return Compared(str(told["scope"]), str(told["as_of"]), *numbers)


def agrees(compared: Compared) -> bool:
    """Tell whether nothing differed in that comparison, and everything was read and is over."""
    return compared.exit_code == Exit.OK and not compared.discrepancies
