"""The life of a run over workers: what is left of it is cut and handed out, and its end goes on record once.

What was handed out at once is a round. A later command never adds to one: it watches the round that goes on, or begins
another, and whoever still holds a shard of the older one lets go of it within a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from billing.core.entries import Note
from billing.core.groups import exit_for
from billing.core.records import RunRecord, RunStatus
from billing.core.run_pace import Counted, RunPace
from billing.edge.engines import Engine
from billing.edge.engines.controls import Controls, Round
from billing.edge.ledger import Ledger
from billing.flow.engine.flow import Flow
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.options import Selection
from billing.flow.services import Services
from billing.flow.workers.asked import Asked
from billing.flow.workers.shard import MOST, Shard, cut, placed
from billing.flow.workers.worklist import Apart


@dataclass(frozen=True, slots=True)
class Crew:
    """What a run over workers goes through.

    Attributes:
        engine: delivers shards.
        controls: where rounds are kept.
        apart: calls what takes long where it holds up nobody.
    """

    engine: Engine
    controls: Controls
    apart: Apart


def cut_run(ledger: Ledger, flow: Flow, run_id: str, selection: Selection) -> list[Shard]:
    """Cut what is left of a run, as far as it is wanted, into shards."""
    states = taken_up(flow.life, Goal.RUN)
    counts = ledger.workload(run_id, states)

    def wanted(account: str) -> Iterator[int]:
        row = 0
        while page := ledger.work(run_id, states, account, row, MOST):
            row = page[-1].id
            yield from (item.id for item in page if selection.takes(item) and not flow.rests(Goal.RUN, item))

    exactly = bool(selection.only or selection.exclude) or selection.rows is not None
    return cut(((account, wanted(account)) for account in counts), sum(counts.values()), exactly=exactly)


def goes_on(found: Round | None, record: RunRecord) -> bool:
    """Tell whether a round is what the run's command has begun, complete, and nobody has said a word to end it."""
    return (
        found is not None
        and record.status is RunStatus.RUNNING
        and found.revision == record.revision
        and found.handed_out
        and not found.over
        and found.said is None
    )


async def hand_out(services: Services, crew: Crew, record: RunRecord, flow: Flow, asked: Asked) -> Round | None:
    """Hand out what is left of a run, or find the round that goes on; None when there is nothing to do.

    Killed at any point, the same again goes on: a round that was not handed out whole gives way to another.

    Raises:
        LedgerError: the ledger failed.
    """
    ledger, controls, run_id = services.ledger, crew.controls, record.run_id
    last = await controls.round(run_id)
    if last is not None and goes_on(last, record):
        _say_goes_on(services, last, asked)
        return last
    # The number of the ledger's last entry: another one for each round, and higher, whatever else is forgotten.
    after = last.number if last else 0
    number = max(ledger.onlooker.latest(), after + 1)
    shards = await crew.apart(cut_run, ledger, flow, run_id, asked.selection)
    if not shards:
        return None
    begins = Round(run_id, record.revision, number, len(shards), asked.to_json())
    if not await controls.open_round(begins, after):
        return await controls.round(run_id)  # another command was quicker
    facts = {**services.operator, "round": number, "shards": len(shards)}
    await ledger.note_run(run_id, Note.RUN_STARTED, RunStatus.RUNNING, facts)
    await crew.engine.cancel(run_id)
    told = Asked(
        max_failures=asked.max_failures,
        deadline=asked.deadline,
        until=asked.until,
        per_account=asked.per_account,
        same_error=asked.same_error,
    )
    await crew.engine.submit(list(placed(shards, run_id, record.revision, number, told.to_json())))
    await controls.handed_out(run_id, number)
    return await controls.round(run_id)


def _say_goes_on(services: Services, found: Round, asked: Asked) -> None:
    """Say that a round is only watched, and loudly what was asked for otherwise this time: it does not hold."""
    told = {"run": found.run_id, "round": found.number}
    if unheeded := asked.unlike(Asked.from_json(found.asked)):
        helps = f"it goes on as it was handed out; for another way billing pause {found.run_id}, then the same again"
        services.log("run_goes_on", **told, not_heeded=", ".join(unheeded), note=helps, level="warning")
    else:
        services.log("run_goes_on", **told)


async def finish_if_over(services: Services, controls: Controls, found: Round | None) -> bool:
    """Put the end of a round on record when nobody works at it any more; whoever asks first does, and tells True.

    Raises:
        LedgerError: the ledger failed.
    """
    if found is None or found.over or not found.done:
        return False
    return await controls.end(found.run_id, found.number, partial(_note_end, services))


async def _note_end(services: Services, found: Round) -> None:
    """Note how a round ended, unless an end is on record already."""
    ledger, said, asked = services.ledger, found.said, Asked.from_json(found.asked)
    note, status = (Note.RUN_STOPPED, RunStatus.STOPPED) if said else (Note.RUN_FINISHED, RunStatus.FINISHED)
    code = said.exit_code if said else exit_for(ledger.tally(found.run_id), declines_ok=asked.declines_ok)
    same = {"same_error": said.same_error} if said and said.same_error[0] else {}
    told = {
        "reason": said.reason if said else "",
        "exit_code": int(code),
        **same,
        **_pace(found, asked, services.clock.now().timestamp()),
    }
    await ledger.note_run(found.run_id, note, status, told, only_if=RunStatus.RUNNING)


def _pace(found: Round, asked: Asked, now: float) -> dict[str, object]:
    """Return what the end of a round keeps of its requests: of all workers together, as one stretch of time."""
    counts = found.counts
    total = Counted(counts["sent"], counts["rate_limited"], counts["resent"])
    took = max(round((now - asked.began) * 1000), 1)
    return RunPace(took, [total.sent], [total.limited], took, total).to_facts(asked.allowed_rps)
