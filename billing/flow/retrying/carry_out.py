"""Carry a retry out: look who is due, have it agreed to, try them like a run, and say what became of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from billing.core.entries import Facts, ItemRecord, Note
from billing.core.errors import LedgerHeld, UsageError
from billing.core.exits import Exit
from billing.core.groups import exit_for, in_sight
from billing.core.items import Kind
from billing.core.policies import Policies, StopOn
from billing.core.records import RunRecord, RunStatus, at_workers
from billing.edge.settings.load import Settings
from billing.flow.carry_out import requests_sent
from billing.flow.engine.goals import Goal
from billing.flow.engine.pace_record import recording_pace
from billing.flow.engine.progress import Watch
from billing.flow.engine.runner import Runner
from billing.flow.engine.signals import obeying_signals
from billing.flow.execute import work_of
from billing.flow.follow import policies_of, tell
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions, Selection
from billing.flow.report import summary
from billing.flow.retrying.anew import begin_anew
from billing.flow.retrying.asking import held_up
from billing.flow.retrying.due import Look, Round, Taken, items_of
from billing.flow.retrying.methods import Methods, Named, Replacement, waiting_for_customers
from billing.flow.services import Services

ANY_RATE = 1.0
# Of declines: who is tried again was declined before, so a wave of declines tells nothing of a wrong file.


@dataclass(frozen=True, slots=True)
class Retrying:
    """What is asked for.

    Attributes:
        run_id: one run, or None for all runs of charges of this key's platform and mode.
        settings: effective ones; they hold where a run kept nothing else.
        environ: where the addresses of webhooks are.
        run: selection, limit, most failures, deadline.
        methods: payment methods that a person names for lines; of one run only.
        new_defaults: whether customers who must act are looked up for another default.
        closed: whether that is done for charges, too, that were closed unpaid.
        declines_ok: declines alone give exit code 0.
        dry_run: only the look.
    """

    run_id: str | None
    settings: Settings
    environ: Mapping[str, str]
    run: RunOptions = RunOptions()  # noqa: RUF009  frozen
    methods: tuple[Named, ...] = ()
    new_defaults: bool = True
    closed: bool = False
    declines_ok: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of it.

    Attributes:
        rounds: what each run had to be tried, as it was agreed to.
        ending: whether something stopped it.
        exit: the exit code.
        runs: the runs in which something was done.
    """

    rounds: tuple[Round, ...]
    ending: Ending
    exit: Exit
    runs: tuple[str, ...]

    def summary(self, services: Services) -> dict[str, Any]:
        """Return the object that ``--output json`` prints."""
        return {
            "exit_code": int(self.exit),
            "retry": [told(each) for each in self.rounds],
            "runs": [summary(services.ledger, run_id) for run_id in self.runs],
            "requests": requests_sent(services),
        }


def told(found: Round) -> dict[str, Any]:
    """Return what a retry of one run has to do, for a program: amounts in minor units."""

    def row(lines: int, totals: Mapping[str, int]) -> dict[str, Any]:
        return {"lines": lines, "totals": dict(sorted(totals.items()))}

    return {
        "run": found.record.run_id,
        "tried": row(found.tried.lines, found.tried.totals),
        "customers_looked_up": found.looked_up,
        "why": {str(why): row(each.lines, each.totals) for why, each in found.whys.items()},
        "left": {
            str(why): {
                **row(each.lines, each.totals),
                "next_try": each.next_try.isoformat(timespec="seconds") if each.next_try else None,
            }
            for why, each in found.left.items()
        },
    }


async def retry(
    services: Services,
    asked: Retrying,
    *,
    agree: Callable[[Sequence[Round]], None],
    watching: Callable[[str], AbstractContextManager[Watch]],
) -> Retried:
    """Look through the runs, the oldest first, and try again what is due; safe to repeat, whatever is killed.

    Args:
        services: the ledger open for writing, unless ``dry_run``.
        asked: what is asked for.
        agree: shown what is to be tried, before anything is sent; it raises to say no. Not called when nothing is due.
        watching: a watch for each run, by its title.

    Raises:
        UsageError: a run of another kind or platform, or a pattern that names nothing.
        InvalidInput: payment methods that cannot be used; all of them, and nothing was sent.
        LedgerError: the ledger failed; nothing was sent after that.
    """
    records = await _records(services, asked)
    rounds = await _rounds(services, asked, records)
    _require_match(rounds, asked.run.selection)
    due = [each for each in rounds if each.moves]
    ending = Ending()
    if due and not asked.dry_run:
        agree(rounds)
        ending = await _each(services, asked, due, watching)
    everything = [tally for record in records for tally in services.ledger.tally(record.run_id)]
    code = ending.exit or exit_for(in_sight(everything, ending.ended), declines_ok=asked.declines_ok)
    done = tuple(each.record.run_id for each in due)
    shown = rounds if asked.run_id else [each for each in rounds if each.moves or each.left]
    return Retried(tuple(shown), ending, Exit.OK if asked.dry_run else code, () if asked.dry_run else done)


async def _records(services: Services, asked: Retrying) -> list[RunRecord]:
    """Return the runs, the oldest first; whose they are is asked where there is anything to look at.

    Raises:
        UsageError: the one that is named has no charges, or is another platform's.
        LedgerHeld: the one that is named goes on at workers.
    """
    found = [
        record
        for record in reversed(services.ledger.runs())
        if record.mode is services.mode and asked.run_id in {None, record.run_id}
    ]
    charges = [record for record in found if record.kind is Kind.CHARGE and record.status is not RunStatus.REBUILDING]
    if asked.run_id is not None and not charges:
        raise UsageError(f"run {asked.run_id} has no charges that could be tried again")
    if any(_unpaid(services, record) for record in charges) or asked.methods:
        await services.identify()
        if asked.run_id is not None:
            services.require_own(charges[0])
        charges = [record for record in charges if record.platform == services.platform]
    return charges if asked.dry_run else [each for each in charges if await _is_free(services, asked, each)]


async def _is_free(services: Services, asked: Retrying, record: RunRecord) -> bool:
    """Tell whether no workers are at a run; where all runs are looked through, one of theirs is left to the next retry.

    Raises:
        LedgerHeld: they have not, and it is the one that is named.
    """
    if await services.ledger.take_over(record.run_id):
        return True
    if asked.run_id is not None:
        raise LedgerHeld(at_workers(record.run_id))
    services.log("run_left_to_workers", run=record.run_id)
    return False


def _unpaid(services: Services, record: RunRecord) -> bool:
    return next(items_of(services, record.run_id), None) is not None


async def _rounds(services: Services, asked: Retrying, records: Iterable[RunRecord]) -> list[Round]:
    """Return what there is to try of each run; a limit is for all of them together."""
    rounds: list[Round] = []
    taken: Taken = set()
    for record in records:
        tried = sum(each.tried.lines for each in rounds)
        limit = None if asked.run.limit is None else asked.run.limit - tried
        rounds.append(await _round(services, asked, record, limit, taken))
    return rounds


async def _round(services: Services, asked: Retrying, record: RunRecord, limit: int | None, taken: Taken) -> Round:
    """Return what there is to try of one run."""
    new: dict[int, Replacement] = {}
    looked_up = 0
    methods = services.shared(Methods)
    if asked.methods:
        new = await methods.named(record, asked.methods)
    if asked.new_defaults:
        items = items_of(services, record.run_id)
        waiting = waiting_for_customers(items, asked.run.selection, services.clock.now(), closed=asked.closed)
        asked_for = [item for item in waiting if item.id not in new]
        looked_up = len({item.payer for item in asked_for})
        new = {**await methods.defaults(asked_for), **new}
    look = Look(services, Round(record, new=new, looked_up=looked_up), asked.run.selection, limit, taken)
    return look.through()


def _require_match(rounds: Iterable[Round], selection: Selection) -> None:
    """Refuse a pattern that names nothing: a slip of the pen must not look like success.

    Raises:
        UsageError: there is one.
    """
    named = {pattern for each in rounds for pattern in each.named}
    unmatched = [pattern for pattern in (*selection.only, *selection.exclude) if pattern not in named]
    if unmatched:
        raise UsageError(f"nothing that is not paid matches {', '.join(unmatched)}; nothing was sent")


async def _each(
    services: Services,
    asked: Retrying,
    due: Sequence[Round],
    watching: Callable[[str], AbstractContextManager[Watch]],
) -> Ending:
    whole = Ending()
    for found in due:
        policies = policies_of(found.record, asked.settings)
        with watching(f"retry {found.record.run_id}") as watch:
            ending = await _carry_out(services, asked, found, policies, watch)
        whole = Ending(ending.exit, ending.reason, whole.ended + ending.ended, whole.changed + ending.changed)
        told_to = (asked.settings, asked.environ, asked.declines_ok)
        await tell(services, found.record, policies, ending, *told_to, beside=_to_ask(services, found.record))
        if ending.exit:
            return whole
    return whole


def _to_ask(services: Services, record: RunRecord) -> dict[str, Any]:
    """Return whom a notification names: how many lines wait for their customers, and the first of them."""
    references = [item.reference for item in held_up(services.ledger, record.run_id)]
    return {"ask": {"lines": len(references), "references": references[:SHOWN]}}


SHOWN = 100
# References in a notification; `billing retry --ask` lists all of them, with links.


async def _carry_out(services: Services, asked: Retrying, found: Round, policies: Policies, watch: Watch) -> Ending:
    """Try what was found of one run, and nothing else."""
    run_id = found.record.run_id
    rows = {*found.rows, *(item.id for item in await _prepared(services, found))}
    if not rows:
        return Ending()
    await services.ledger.note_run(run_id, Note.RUN_STARTED, RunStatus.RUNNING, services.operator)
    options = replace(
        asked.run,
        selection=Selection(rows=frozenset(rows), strict=True),
        limit=None,
        concurrency=services.rates.items,
        per_account=asked.settings.per_account_concurrency,
    )
    calm = replace(policies, stop_on=StopOn(ANY_RATE, policies.stop_on.after_items, policies.stop_on.same_error))
    work = work_of(services, FLOWS[Kind.CHARGE], run_id, policies)
    runner = Runner(services, work, Goal.RETRY, calm, options, watch)
    async with obeying_signals(runner), recording_pace(services) as pace:
        ending = await runner.go()
    await _note_end(services, asked, found.record, ending, pace.facts())
    return ending


async def _prepared(services: Services, found: Round) -> list[ItemRecord]:
    """Record the new payment methods and begin anew what is over; return what was begun."""
    for row, replacement in found.renewed.items():
        await services.ledger.record(services.ledger.item(row), replacement.move())
    return await begin_anew(services, found.record, found.anew, found.new)


async def _note_end(services: Services, asked: Retrying, record: RunRecord, ending: Ending, pace: Facts) -> None:
    """Note how it ended; a run that had stopped, or was killed, before is no more finished for that."""
    stopped = bool(ending.exit) or record.status in (RunStatus.STOPPED, RunStatus.RUNNING)
    note = Note.RUN_STOPPED if ending.exit else Note.RUN_FINISHED
    status = RunStatus.STOPPED if stopped else RunStatus.FINISHED
    code = ending.exit or exit_for(services.ledger.tally(record.run_id), declines_ok=asked.declines_ok)
    told = {"reason": ending.reason, "exit_code": int(code), **pace}
    await services.ledger.note_run(record.run_id, note, status, told)
