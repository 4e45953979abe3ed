"""The decisions for a whole run file: streamed, counted and signed, so that a million lines need no more memory."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from billing.core.entries import ItemRecord
from billing.core.errors import InvalidInput, Problem, UsageError
from billing.core.findings import Findings
from billing.core.items import InputLine, Item
from billing.core.keys import length_prefixed
from billing.core.kinds import LIVES, ended_empty
from billing.core.kinds.rules import RULES
from billing.core.money import add_money
from billing.core.notices import Notice
from billing.core.planrows import NOWHERE, TO_CHARGE, row_of
from billing.core.plans import Continue, Create, Decision, PlanContext, Refuse, Replace, Skip, decide, fixed, reason_of
from billing.core.records import PlannedLine, RunRecord, RunStatus
from billing.core.skips import OPERATORS, PASSING, SKIPS
from billing.edge.ledger import Ledger
from billing.flow.planning.amendment import missing, note_line, refused_withdrawal, withdrawn
from billing.flow.planning.planned import Asked, Plan, Source
from billing.flow.planning.sums import Sums, payers, short_hash

CHUNK = 500
# Lines decided together: one indexed query for their references.
SHOWN = 100
# Problems kept for the message; all of them are counted.


def decide_all(
    source: Source,
    ledger: Ledger | None,
    platform: str,
    findings: Findings,
    asked: Asked | None = None,
    elsewhere: Mapping[str, str] = NOWHERE,
) -> Plan:
    """Decide for every line.

    Args:
        source: the checked file.
        ledger: what is on record; None when planning offline without a ledger.
        platform: the platform account.
        findings: of the look-ups; empty when planning offline.
        asked: what is asked beside the file.
        elsewhere: what the lists of the accounts keep from being charged; see `core.planrows.row_of`.

    Raises:
        InvalidInput: the file contradicts what is on record; every contradiction is listed.
        UsageError: the run on record has items of another kind.
    """
    existing = ledger.run(source.run.run_id) if ledger is not None else None
    _require_alike(existing, source)
    begun = existing is not None and ledger is not None and _begun(existing, ledger)
    plan = Plan(source.run, platform, source.file, source.sha256, findings, existing, begun, asked or Asked())
    plan.elsewhere = elsewhere
    _Stream(plan, source, ledger).go()
    return plan


def _require_alike(existing: RunRecord | None, source: Source) -> None:
    """Refuse a file whose run holds other items: what would stand for a line is another obligation altogether."""
    held, asked = source.run.kind if existing is None else existing.kind, source.run.kind
    if len({held, asked}) > 1:
        has = f"run {source.run.run_id} has {LIVES[held].noun}, and {source.file} has {LIVES[asked].noun}"
        raise UsageError(f"{has}: give the file a run of its own")


def _begun(record: RunRecord, ledger: Ledger) -> bool:
    """Tell whether anything may have been sent for a run: from then on it is changed on purpose only."""
    if record.status is RunStatus.REBUILDING:
        return True
    life = LIVES[record.kind]
    return bool(ledger.workload(record.run_id, set(life.states) - {life.planned, life.skipped}))


class _Stream:
    """One pass over the file: decide, count and sign; collect every contradiction before refusing."""

    def __init__(self, plan: Plan, source: Source, ledger: Ledger | None) -> None:
        self._plan, self._source, self._ledger = plan, source, ledger
        self._problems: list[Problem] = []
        self._refused = 0
        self._payers = array("Q")
        self._seen = array("Q")
        self._signature = sha256(length_prefixed(_header(plan)))
        self._sums = Sums(plan.asked.selection, plan.asked.limit, plan.amendment)

    def go(self) -> None:
        """Fill the plan.

        Raises:
            InvalidInput: the file contradicts what is on record.
        """
        plan, ledger = self._plan, self._ledger
        for chunk in _chunks(decisions(plan, self._source, ledger)):
            for line, decision in chunk:
                self._line(line, decision)
        if plan.existing is not None and ledger is not None:
            self._missing(plan.existing.run_id, ledger)
        if self._refused:
            raise InvalidInput(self._problems, self._refused)
        self._finish()

    def _line(self, line: InputLine, decision: Decision | None) -> None:
        self._signature.update(_signed(line, decision))
        if line.item is None or decision is None:
            self._plan.set_aside += 1
            self._plan.foreign["invalid"] += 1
        elif isinstance(decision, Refuse):
            if decision.item is not None:
                self._seen.append(decision.item.id)
            self._refuse(_problem(self._source, line, line.item, decision))
        else:
            self._decided(line.item, line.line, decision)

    def _decided(self, wanted: Item, line: int, decision: Create | Replace | Continue | Skip) -> None:
        plan, row = self._plan, row_of(decision, self._plan.elsewhere)
        self._payers.append(short_hash(wanted.payer))
        if (item := held_by(decision)) is not None:
            self._seen.append(item.id)
        again = None
        if plan.existing is not None:
            again = note_line(plan.amendment, wanted, line, decision)
        elif isinstance(decision, Create) and decision.before is not None and reason_of(decision.before) in OPERATORS:
            ended = f"{wanted.reference} was {reason_of(decision.before)} in run {decision.before.run_id}"
            text = f"{ended}, and is charged by this one"
            plan.warnings.append(Notice("closed_before", text, wanted.reference, line))
        self._sums.take(wanted, decision, row, line, again)
        _count(plan, wanted, decision, row)

    def _missing(self, run_id: str, ledger: Ledger) -> None:
        """Find what was planned and is no longer in the file: it is withdrawn, or refused."""
        plan = self._plan
        for each in missing(ledger, run_id, self._seen):
            paid = fixed(each.state) is not None
            if not paid:
                self._signature.update(length_prefixed((each.row, "withdrawn")))
            if not each.listed and (paid or ended_empty(each.state)):
                continue
            item = ledger.item(each.row)
            problem = refused_withdrawal(plan.file, item, frozen=plan.frozen)
            if problem is not None:
                self._refuse(problem)
            else:
                withdrawn(plan.amendment, each, item)

    def _refuse(self, problem: Problem) -> None:
        self._refused += 1
        if len(self._problems) < SHOWN:
            self._problems.append(problem)

    def _finish(self) -> None:
        plan, sums = self._plan, self._sums
        sums.finish()
        plan.rows, plan.sheet, plan.left = sums.rows, sums.sheet, sums.left
        plan.amendment.finish(sums.sheet.totals)
        plan.customers, _ = payers(self._payers)
        plan.unmatched, unused = sums.unmatched()
        plan.warnings += [
            Notice("exclude_unmatched", f"--exclude {pattern} names no line of the file") for pattern in unused
        ]
        plan.digest = self._signature.hexdigest()


def held_by(decision: Decision) -> ItemRecord | None:
    """Return the item on record that a decision is about, or None."""
    match decision:
        case Create(before=item):
            return item
        case Replace(item=item) | Continue(item=item) | Skip(item=item) | Refuse(item=item):
            return item


def decisions(plan: Plan, source: Source, ledger: Ledger | None) -> Iterator[tuple[InputLine, Decision | None]]:
    """Stream every line with its decision; a line that was set aside has none."""
    for chunk in _chunks(priced(plan.context, source)):
        asked = [line.item for line in chunk if line.item is not None]
        known: dict[str, ItemRecord] = {}
        context = plan.context
        if ledger is not None and plan.platform:
            references = [item.reference for item in asked]
            known = ledger.obligations(plan.platform, plan.run.mode, plan.run.period, references, plan.run.kind)
            context = replace(context, blocked=_blocked(plan, asked, ledger), keyed=ledger.keyed)
        for line in chunk:
            item = line.item
            yield line, None if item is None else decide(context, item, known.get(item.reference))


def priced(context: PlanContext, source: Source) -> Iterator[InputLine]:
    """Stream the lines with their money, which those of some kinds may leave to a look-up."""
    for line in source.lines():
        item = line.item and context.priced(line.item)
        yield line if item is line.item else replace(line, item=item)


def _blocked(plan: Plan, asked: Sequence[Item], ledger: Ledger) -> dict[str, str]:
    """Return what some lines would use and the ledger knows not to be used for now, each with why."""
    context = plan.context
    if not (plan.asked.blocks_since and context.rules.blocks):
        return {}
    names = {name for item in asked for name in context.found(item).values() if name}
    found = ledger.lookups(context.rules.blocks, sorted(names), plan.asked.blocks_since)
    return {name: str(facts["reason_code"]) for name, facts in found.items()}


def planned_lines(plan: Plan, source: Source, ledger: Ledger) -> Iterator[PlannedLine]:
    """Stream the lines as the ledger keeps them; what they replace must be closed by now.

    Raises:
        InvalidInput: the ledger moved since the plan was made, and now contradicts it.
    """
    for line, decision in decisions(plan, source, ledger):
        match decision:
            case None:
                yield PlannedLine(line.line, line.cells, reason="invalid", detail=line.reason)
            case Create(new=new) | Replace(new=new):
                yield PlannedLine(line.line, line.cells, new=new)
            case Continue(item=item):
                yield PlannedLine(line.line, line.cells, item=item.id)
            case Skip(item=item, reason=reason, detail=detail):
                yield PlannedLine(line.line, line.cells, item=item.id, reason=reason, detail=detail)
            case Refuse() if line.item is not None:
                raise InvalidInput([_problem(source, line, line.item, decision)])


def _header(plan: Plan) -> Iterable[str | int]:
    named = ("plan", plan.run.run_id, plan.run.mode, plan.platform, plan.run.period, plan.run.currencies)
    asked = plan.asked
    if not asked.selection.only and not asked.selection.exclude and asked.limit is None:
        return named
    return (*named, "only", *asked.selection.only, "exclude", *asked.selection.exclude, "limit", asked.limit or 0)


def _signed(line: InputLine, decision: Decision | None) -> bytes:
    """Return the bytes of one decision that the digest covers.

    Continuing is the same decision as creating, and replacing the same as creating after the end of what was replaced,
    so that a run which is continued comes to the digest it began with.
    """
    match decision:
        case None:
            return length_prefixed((line.line, "invalid"))
        case Create(new=new) | Replace(new=new):
            found = [new.content[name] for name in RULES[new.kind].finds]
            return length_prefixed((line.line, new.item_id, new.digest, *found, new.skip or "charge"))
        case Continue(item=item, skip=skip):
            verdict = str(item.content.get("skip") or "") or (skip if skip and skip not in PASSING else "charge")
            found = [item.content[name] for name in RULES[item.kind].finds]
            return length_prefixed((line.line, item.item_id, item.digest, *found, verdict))
        case Skip(item=item, reason=reason):
            unknown = [""] * len(RULES[item.kind].finds)
            return length_prefixed((line.line, item.item_id, item.digest, *unknown, reason))
        case Refuse():
            return b""


def _count(plan: Plan, wanted: Item, decision: Create | Replace | Continue | Skip, row: str) -> None:
    minor, currency = wanted.amount.minor, wanted.amount.currency
    plan.items += 1
    plan.sheet_accounts |= {wanted.account} - {""}
    plan.continued += isinstance(decision, Continue)
    if isinstance(decision, Create | Replace):
        add_money(plan.added, minor, currency)
        plan.to_charge += row == TO_CHARGE
        before = held_by(decision)
        if before is not None and before.run_id == plan.run.run_id:
            add_money(plan.added, -before.amount, before.currency)
    if isinstance(decision, Skip):
        plan.foreign[row] += 1
    item = held_by(decision)
    if item is not None and ended_empty(item.state) and row in plan.asked.unexamined - OPERATORS:
        plan.reopenable += 1
    if row in SKIPS:
        plan.skips[row] += 1
        add_money(plan.held, minor if row_of(decision) == TO_CHARGE else 0, currency)
        return
    if wanted.account:
        plan.accounts[wanted.account] += 1
    add_money(plan.totals, minor, currency)


def _problem(source: Source, line: InputLine, wanted: Item, refuse: Refuse) -> Problem:
    place = (source.items_file, line.line, 1)
    return Problem(*place, refuse.code, refuse.message, refuse.hint, wanted.reference, source.sheet)


T = TypeVar("T")


def _chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
