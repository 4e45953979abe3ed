"""One worker's part of runs: it carries out the shards it is handed, and hears each second what the others say.

What stops a run (a guard, a dead key, the deadline, a person) is said to all; what stops this process (a signal, a
ledger that broke) is not the run's business: the shard goes to somebody else, and the ledger knows how far it is.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum

from billing.core.errors import BillingError
from billing.core.exits import Exit
from billing.core.policies import Policies, StopOn
from billing.core.records import RunRecord, RunStatus
from billing.edge.engines import Placed
from billing.edge.engines.controls import Controls, Round, Said, Word
from billing.edge.settings.load import Settings
from billing.flow.engine.flow import Flow
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.guards import Guards
from billing.flow.engine.progress import unwatched
from billing.flow.engine.runner import Runner
from billing.flow.execute import work_of
from billing.flow.follow import policies_of, tell
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services
from billing.flow.workers.asked import Asked
from billing.flow.workers.rounds import finish_if_over
from billing.flow.workers.shard import parts_of
from billing.flow.workers.worklist import Apart, OfShard

LOOK_SECONDS = 1.0
# How long a word takes to be heard, and how old what others see of a shard may be.


class PutBack(BillingError):
    """A shard is not done, and this process will not do it: somebody else goes on with it."""

    exit_code = Exit.TERMINATED


@dataclass(slots=True)
class _OfRound:
    """What the shards of a round share in this process.

    Attributes:
        guards: count how items end, over all of these shards.
        told: how many unpaid items the others have been told of.
    """

    guards: Guards
    told: int = 0


@dataclass(slots=True)
class Carrier:
    """Carries out shards for an engine; one in a process.

    Attributes:
        services: gateway, throttle and ledger of the process, which all of its shards share.
        settings: hold where a run kept nothing else.
        controls: what the others are told, and say.
        worker: who this is.
        concurrency: items in flight in each shard.
        environ: where the addresses are to which the ends of detached runs are told.
        apart: calls what takes long where it holds up nobody.
    """

    services: Services
    settings: Settings
    controls: Controls
    worker: str
    concurrency: int
    environ: Mapping[str, str] = field(default_factory=dict)
    apart: Apart = asyncio.to_thread
    _rounds: dict[tuple[str, int], _OfRound] = field(default_factory=dict)
    _runners: set[Runner] = field(default_factory=set)
    _leaving: tuple[Exit, str] | None = None
    _counted: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Count from now on."""
        self._counted = self._sent()

    async def carry_out(self, shard: Placed) -> None:
        """Carry a shard out as far as it goes, and put the end of the round on record if it was the last one.

        A shard of a round that is not the run's any more, or that a word has ended, is done without a request.

        Raises:
            PutBack: the process is asked to end; the shard is not done.
            LedgerError: the ledger failed; the shard is not done, and this carrier of no use any more.
        """
        self._require_staying(shard)
        if self._current(shard, await self._tell(shard)):
            await self._work(shard)
        await self._finish(await self._tell(shard, ended=True))

    async def goes_on(self, shard: Placed) -> bool:
        """Tell whether there is still something to do for a shard that waits; its deadline holds for it as well.

        Raises:
            LedgerError: the ledger's database does not answer.
        """
        found = await self.controls.round(shard.run_id)
        if found is None or not self._current(shard, found):
            return False
        if (said := self._stops(shard, found)) is not None:
            await self.controls.say(shard.run_id, said)
        return said is None

    async def finish_rounds(self) -> None:
        """Put on record what others have ended and not lived to note.

        Raises:
            LedgerError: the ledger failed.
        """
        for found in await self.controls.rounds():
            await self._finish(found)

    async def _finish(self, found: Round | None) -> None:
        """Put the end of a round on record if nobody works at it any more, and tell it where no command waits for it.

        Raises:
            LedgerError: the ledger failed.
        """
        if found is None or not await finish_if_over(self.services, self.controls, found):
            return
        asked, record = Asked.from_json(found.asked), self.services.ledger.run(found.run_id)
        if asked.detached and record is not None:
            said = found.said
            ending = Ending() if said is None else Ending(Exit(said.exit_code), said.reason)
            requests = {name: found.counts[name] for name in ("sent", "rate_limited", "resent")}
            policies = policies_of(record, self.settings)
            await tell(
                self.services,
                record,
                policies,
                ending,
                self.settings,
                self.environ,
                asked.declines_ok,
                {"requests": requests},
            )

    def stop(self, code: Exit, reason: str) -> None:
        """Start nothing more; what is in flight may come home, and every shard in hand is put back."""
        self._leaving = self._leaving or (code, reason)
        for runner in self._runners:
            runner.stop(code, reason)

    def leave(self) -> None:
        """Wait for nothing any more."""
        for runner in self._runners:
            runner.leave()

    def _require_staying(self, shard: Placed) -> None:
        if self._leaving is not None:
            raise PutBack(f"{shard.name} is put back: {self._leaving[1]}")

    def _current(self, shard: Placed, found: Round | None) -> bool:
        """Tell whether a shard's round is the one that goes on."""
        return found is not None and found.number == shard.round and not found.over and found.said is None

    async def _work(self, shard: Placed) -> None:
        """Carry out what is left of a shard.

        Raises:
            PutBack, LedgerError: it is not done.
        """
        await self.services.identify()
        record = self.services.ledger.run(shard.run_id)
        if record is None or record.status is not RunStatus.RUNNING or record.revision != shard.revision:
            return
        self.services.require_own(record)
        runner = await self._runner(self.services.beside(), shard, record)
        self._runners.add(runner)
        try:
            async with self._looking(shard, runner):
                ending = await runner.go()
        finally:
            self._runners.discard(runner)
        self._require_staying(shard)
        if ending.exit:
            await self._say(shard, runner)

    async def _runner(self, services: Services, shard: Placed, record: RunRecord) -> Runner:
        flow = FLOWS[record.kind].asked_by(services)
        policies = _policies(record, self.settings)
        worklist = OfShard(services.ledger, shard.run_id, parts_of(shard), _states(flow), self.apart)
        await worklist.refresh()
        asked = _asked(shard)
        work = replace(
            work_of(services, flow, shard.run_id, policies),
            worklist=worklist,
            guards=self._of_round(shard, policies, asked).guards,
        )
        options = RunOptions(concurrency=self.concurrency, per_account=asked.per_account)
        return Runner(services, work, Goal.RUN, policies, options, unwatched)

    def _of_round(self, shard: Placed, policies: Policies, asked: Asked) -> _OfRound:
        """Return what the shards of a round share; what those of an older one shared is forgotten."""
        name = shard.run_id, shard.round
        if name not in self._rounds:
            for old in [each for each in self._rounds if each[0] == shard.run_id]:
                del self._rounds[old]
            self._rounds[name] = _OfRound(Guards(policies.stop_on, asked.max_failures, asked.same_error))
        return self._rounds[name]

    @asynccontextmanager
    async def _looking(self, shard: Placed, runner: Runner) -> AsyncGenerator[None]:
        """Hear every second what is said of the run, and tell how far the shard is."""

        broken: list[BillingError] = []

        async def looking() -> None:
            try:
                while True:
                    await asyncio.sleep(LOOK_SECONDS)
                    await self._look(shard, runner)
            except BillingError as error:  # who hears nothing starts nothing
                broken.append(error)
                runner.stop(error.exit_code, str(error))

        task = asyncio.create_task(looking())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
        if broken:
            raise broken[0]

    async def _look(self, shard: Placed, runner: Runner) -> None:
        found = await self._tell(shard)
        if self._leaving is None and runner.ending.exit:
            await self._say(shard, runner)
        if found is None or found.number != shard.round or found.over:
            runner.stop(Exit.STOPPED, "another round of the run has begun")
            return
        said = found.said
        if said is None and (said := self._stops(shard, found)) is not None:
            said = await self.controls.say(shard.run_id, said)
        if said is not None:
            runner.stop(Exit(said.exit_code), said.reason)

    def _stops(self, shard: Placed, found: Round) -> Said | None:
        """Return why the round ends now, by the clock or by what all workers have counted."""
        return _asked(shard).stops(self.services.clock.now().timestamp(), found.counts["unpaid"], self.worker)

    async def _say(self, shard: Placed, runner: Runner) -> None:
        """Tell all what has stopped this shard, unless it was a word of theirs, or its round is a thing of the past."""
        found = await self.controls.round(shard.run_id)
        if self._current(shard, found):
            ending = runner.ending
            said = Said(Word.STOP, ending.reason, self.worker, int(ending.exit), runner.guards.same)
            await self.controls.say(shard.run_id, said)

    async def _tell(self, shard: Placed, *, ended: bool = False) -> Round | None:
        """Tell how far a shard is. What this process has sent counts for whichever of its shards tells first."""
        sent, shared = self._sent(), self._rounds.get((shard.run_id, shard.round))
        counts = {name: sent[name] - self._counted[name] for name in sent}
        self._counted = sent
        if shared is not None:
            counts["unpaid"], shared.told = shared.guards.failures - shared.told, shared.guards.failures
        return await self.controls.tell(shard.run_id, shard.round, shard.number, self.worker, counts, ended=ended)

    def _sent(self) -> Mapping[str, int]:
        counters = self.services.gateway.counters
        return {"sent": counters.sent, "rate_limited": counters.rate_limited, "resent": counters.resent}


def _asked(shard: Placed) -> Asked:
    return Asked.from_json(shard.payload["asked"])


def _states(flow: Flow) -> list[StrEnum]:
    """Return every state that one of a runner's passes takes up."""
    return [*dict.fromkeys((*taken_up(flow.life, Goal.RUN), *taken_up(flow.life, Goal.SWEEP)))]


def _policies(record: RunRecord, settings: Settings) -> Policies:
    """Return the policies a run was planned with: what stops it, too, is what its file said then."""
    policies, stop_on = policies_of(record, settings), record.header.get("stop_on")
    return policies if not stop_on else replace(policies, stop_on=StopOn(**stop_on))
