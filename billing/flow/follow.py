"""Look through one run or all of them: what was left in doubt, and what takes days. Nothing is ever charged here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from aiolimiter import AsyncLimiter

from billing.core.exits import Exit
from billing.core.groups import exit_for, in_sight
from billing.core.policies import Dunning, Notification, Policies
from billing.core.records import RunRecord
from billing.edge.notify import notify, one_a_second
from billing.edge.route import route_of
from billing.edge.settings.load import Settings
from billing.flow.carry_out import requests_sent
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Watch
from billing.flow.engine.worklist import has_work
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions
from billing.flow.report import summary
from billing.flow.resolve import resolve, settle
from billing.flow.services import Services

GOALS = {"resolve": Goal.RESOLVE, "settle": Goal.SETTLE}
VERBS = {"resolve": resolve, "settle": settle}


@dataclass(frozen=True, slots=True)
class Following:
    """What is followed, and for whom.

    Attributes:
        verb: ``resolve`` or ``settle``.
        run_id: one run, or None for all of this key's platform and mode.
        settings: effective ones; they hold where a run kept nothing else.
        environ: where the addresses of webhooks are.
        declines_ok: declines alone give exit code 0.
        watching: a watch for each run, by its title.
    """

    verb: str
    run_id: str | None
    settings: Settings
    environ: Mapping[str, str]
    declines_ok: bool
    watching: Callable[[str], AbstractContextManager[Watch]]


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of it: the runs worth showing, how it ended, and the exit code."""

    runs: tuple[str, ...]
    ending: Ending
    exit: Exit

    def summary(self, services: Services) -> dict[str, Any]:
        """Return the object that ``--output json`` prints."""
        runs = [summary(services.ledger, run_id) for run_id in self.runs]
        return {"exit_code": int(self.exit), "runs": runs, "requests": requests_sent(services)}


async def follow(services: Services, asked: Following) -> Followed:
    """Look through the runs, the oldest first, and tell whoever each of them tells when something has changed.

    Raises:
        LedgerError: the ledger failed; nothing was sent after that.
    """
    records = await _records(services, asked)
    flows = [(FLOWS[record.kind], record.run_id) for record in records]
    busy = {run_id for flow, run_id in flows if has_work(services.ledger, flow, run_id, GOALS[asked.verb])}
    ending, moved = await _each(services, asked, records)
    tallies = {record.run_id: services.ledger.tally(record.run_id) for record in records}
    everything = [tally for each in tallies.values() for tally in each]
    code = ending.exit or exit_for(in_sight(everything, ending.ended), declines_ok=asked.declines_ok)
    shown = [
        each for each in tallies if each == asked.run_id or each in busy | moved or any(in_sight(tallies[each], ()))
    ]
    return Followed(tuple(shown), ending, code)


async def _records(services: Services, asked: Following) -> list[RunRecord]:
    """Return the runs that are looked through, the oldest first: one, or all of this key's platform and mode.

    A key sees no other's intents. Whose it is is only asked when there is something to look at, or to tell apart.
    """
    found = [
        record
        for record in reversed(services.ledger.runs())
        if record.mode is services.mode and asked.run_id in {None, record.run_id}
    ]
    several = len({record.platform for record in found}) > 1
    goal = GOALS[asked.verb]
    if asked.run_id is None and (
        several or any(has_work(services.ledger, FLOWS[record.kind], record.run_id, goal) for record in found)
    ):
        await services.identify()
        return [record for record in found if record.platform == services.platform]
    return found


async def _each(services: Services, asked: Following, records: Sequence[RunRecord]) -> tuple[Ending, set[str]]:
    """Look through the runs; return how that ended, and the runs of which something is otherwise now."""
    options = RunOptions(concurrency=services.rates.items, per_account=asked.settings.per_account_concurrency)
    whole, moved = Ending(), set[str]()
    for record in records:
        policies = policies_of(record, asked.settings)
        with asked.watching(f"{asked.verb} {record.run_id}") as watch:
            ending = await VERBS[asked.verb](services, record.run_id, options, policies, watch)
        whole = Ending(ending.exit, ending.reason, whole.ended + ending.ended, whole.changed + ending.changed)
        moved |= {record.run_id} if ending.changed else set()
        if ending.changed or ending.exit:
            await tell(services, record, policies, ending, asked.settings, asked.environ, asked.declines_ok)
        if ending.exit:
            break
    return whole, moved


NOTHING_BESIDE: Mapping[str, Any] = {}


async def tell(
    services: Services,
    record: RunRecord,
    policies: Policies,
    ending: Ending,
    settings: Settings,
    environ: Mapping[str, str],
    declines_ok: bool,
    beside: Mapping[str, Any] = NOTHING_BESIDE,
) -> None:
    """Post what a look at a run, or a retry of it, has come to, to whoever the run tells."""
    tallies = in_sight(services.ledger.tally(record.run_id), ending.ended)
    code = ending.exit or exit_for(tallies, declines_ok=declines_ok)
    found = summary(services.ledger, record.run_id, exit_code=code, requests=requests_sent(services))
    occasion = "stopped" if ending.exit else "finished"
    route = route_of(settings, environ)
    pace = services.shared(_pace)
    await notify(
        policies.notify, occasion, {**found, **beside}, environ=environ, log=services.log, route=route, pace=pace
    )


def _pace(_services: Services) -> AsyncLimiter:
    """Return the pace that the notifications of all runs share."""
    return one_a_second()


def policies_of(record: RunRecord, settings: Settings) -> Policies:
    """Return the policies a run was planned with, as far as the ledger keeps them."""
    dunning, told = record.header.get("dunning"), record.header.get("notify")
    policies = settings.policies
    if dunning is not None:
        policies = replace(policies, dunning=Dunning.from_facts(dunning))
    if told is not None:
        policies = replace(policies, notify=tuple(Notification.from_facts(each) for each in told))
    return policies
