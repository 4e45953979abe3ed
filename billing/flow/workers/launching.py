"""What `billing run` does for a run over workers: hand it out, show how far all of them are, and wait for its end."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio

from billing.core.errors import LedgerError, RunStopped, UsageError
from billing.core.exits import Exit
from billing.core.groups import group_in
from billing.core.kinds.rules import RULES
from billing.core.life import Group
from billing.core.money import add_money
from billing.core.policies import Policies
from billing.core.records import RunRecord, RunStatus, Tally, unfinished_rebuild
from billing.edge.engines.controls import Round, Word
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Pace, Snapshot, Watch, unwatched
from billing.flow.engine.signals import obeying_signals
from billing.flow.engine.worklist import has_work
from billing.flow.kinds.registry import FLOWS
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services
from billing.flow.workers.asked import Asked
from billing.flow.workers.carrying import Carrier
from billing.flow.workers.patience import Patience
from billing.flow.workers.rounds import Crew, finish_if_over, hand_out
from billing.flow.workers.stopping import Stopper

LOOK_SECONDS = 1.0
CALM = 4.0
# Sums over a large run take time: they are left alone for so many times as long.
UNDER_WAY = frozenset({Group.PENDING, Group.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Hired:
    """Who works for a command.

    Attributes:
        crew: what its runs go through.
        carrier: carries shards out in this very process; None where others do.
    """

    crew: Crew
    carrier: Carrier | None = None


Hire = Callable[[Services], AbstractAsyncContextManager[Hired]]


@dataclass(slots=True)
class Overseer:
    """Hands runs out and waits for their ends: in the place of `execute`.

    Attributes:
        hire: has somebody work, for as long as its context lasts; asked once it is known whose key this is.
        detached: come back as soon as all is handed out.
        elsewhere: requests that other processes have sent for a run that was waited for.
        began: the round that was handed out, or found under way; None where nothing was left to do.
    """

    hire: Hire
    detached: bool = False
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    began: Round | None = None
    _writer_lost: bool = False  # then the workers, which open it anew, note the end

    async def execute(
        self, services: Services, run_id: str, options: RunOptions, _policies: Policies, watch: Watch = unwatched
    ) -> Ending:
        """Charge the items of a planned run by workers; one that goes on is watched, a finished one sends nothing.

        Raises:
            UsageError: the ledger knows no such run, it belongs to another platform, or its kind cannot be handed out.
            RunStopped: the run is being rebuilt: what looks planned may be paid. Nothing was sent.
            LedgerError: the ledger failed; perhaps in a group.
        """
        record = _record(services, run_id)
        flow = FLOWS[record.kind].asked_by(services)
        if not has_work(services.ledger, flow, run_id, Goal.RUN):
            return Ending()
        await services.identify()
        services.require_own(record)
        same: tuple[str, int] = ("", 0)
        if record.status is RunStatus.STOPPED:
            same = tuple(services.ledger.latest_stop(run_id).get("same_error", same))
        now = services.clock.now().timestamp()
        asked = Asked.of(options, now, services.rates.key_rps, same, detached=self.detached)
        async with self.hire(services) as hired:
            return await self._see_to(services, hired, record, asked, watch)

    async def resume(self, services: Services, run_id: str, watch: Watch = unwatched) -> Ending:
        """Go on with a run that was paused, as it was asked for then.

        Raises:
            UsageError: nobody has paused it.
        """
        record = _record(services, run_id)
        await services.identify()
        services.require_own(record)
        async with self.hire(services) as hired:
            found = await hired.crew.controls.round(run_id)
            if found is None or found.said is None or found.said.word is not Word.PAUSE:
                raise UsageError(f"run {run_id} is not paused; nothing was done")
            asked = Asked.from_json(found.asked).again(services.clock.now().timestamp())
            return await self._see_to(services, hired, record, asked, watch)

    async def _see_to(self, services: Services, hired: Hired, record: RunRecord, asked: Asked, watch: Watch) -> Ending:
        flow = FLOWS[record.kind].asked_by(services)
        self.began = began = await hand_out(services, hired.crew, record, flow, asked)
        return Ending() if began is None or self.detached else await self._wait(services, hired, record, began, watch)

    async def _wait(self, services: Services, hired: Hired, record: RunRecord, began: Round, watch: Watch) -> Ending:
        """Wait until a round has its end on record; a paused run is waited for, whoever resumes it.

        A database that goes away meanwhile is waited for by workers elsewhere, and so by whoever watches them.

        Raises:
            LedgerError: the ledger failed where this process works at it, is damaged, or was away for too long.
        """
        controls = hired.crew.controls
        stopper = Stopper(controls, began.run_id, str(services.operator.get("by") or ""))
        view, patience = _View(services, record, watch), Patience(services.log, began.run_id)
        async with obeying_signals(stopper), _carrying(hired):
            while True:
                try:
                    ending = await self._look(services, hired, began.run_id, stopper, view, patience)
                    patience.answered()
                    pause = view.pause
                except LedgerError as lost:
                    if hired.carrier is not None:
                        raise
                    ending, pause = None, patience.missed(lost)
                if ending is not None or stopper.gives_up:
                    return ending or stopper.ending
                await stopper.wait(pause)

    async def _look(
        self, services: Services, hired: Hired, run_id: str, stopper: Stopper, view: "_View", patience: Patience
    ) -> Ending | None:
        """Show how far a round is; return how the command ends, or None while it goes on.

        Raises:
            LedgerError: the ledger failed.
        """
        controls = hired.crew.controls
        found = await controls.round(run_id)
        patience.heard()
        if found is not None and not self._writer_lost:
            try:
                if await finish_if_over(services, controls, found):
                    found = await controls.round(run_id)
            except LedgerError:
                self._writer_lost = True
                raise
        if found is None:
            return stopper.ending
        if found.over and not _paused(found, stopper):
            if hired.carrier is None:
                self.elsewhere = found.counts
            return Ending() if found.said is None else Ending(Exit(found.said.exit_code), found.said.reason)
        view.show(found)
        await stopper.insist(found)
        return None


def _paused(found: Round, stopper: Stopper) -> bool:
    return found.said is not None and found.said.word is Word.PAUSE and not stopper.ending.exit


@asynccontextmanager
async def _carrying(hired: Hired) -> AsyncGenerator[None]:
    """Carry shards out in this process meanwhile, if it is to.

    Raises:
        BillingError: the engine gave up.
    """
    if hired.carrier is None:
        yield
        return
    async with anyio.create_task_group() as group:
        group.start_soon(hired.crew.engine.work, hired.carrier.carry_out)
        yield
        group.cancel_scope.cancel()


def _record(services: Services, run_id: str) -> RunRecord:
    """Return the record of a run that may be handed out.

    Raises:
        UsageError, RunStopped: it may not.
    """
    record = services.ledger.run(run_id)
    if record is None:
        raise UsageError(f"the ledger knows no run {run_id}; plan it first")
    if record.status is RunStatus.REBUILDING:
        raise RunStopped(unfinished_rebuild(run_id))
    require_nobody(record)
    return record


def require_nobody(record: RunRecord) -> None:
    """Refuse a kind whose items are about somebody: names stay in the process that reads the run file.

    Raises:
        UsageError: it is one.
    """
    if RULES[record.kind].personal is not None:
        raise UsageError(
            f"{record.run_id} is a run of {record.kind}s, whose names and addresses stay in the process that reads "
            "the file; nothing was sent (leave out --workers and --engine)"
        )


class _View:
    """Shows how far a round is, by sums over the run."""

    def __init__(self, services: Services, record: RunRecord, watch: Watch) -> None:
        self._services, self._watch, self._began = services, watch, time.monotonic()
        word = FLOWS[record.kind].life.word(Group.SUCCEEDED)
        self._before, self._pace = services.ledger.tally(record.run_id), Pace()
        total = sum(tally.items for tally in self._before if group_in(tally) in UNDER_WAY and tally.owned)
        self.snapshot = Snapshot(total, most=services.rates.key_rps, word=word)
        self.pause = LOOK_SECONDS

    def show(self, found: Round) -> None:
        """Look, and show it."""
        if self._watch is unwatched:
            return
        began, snapshot = time.monotonic(), self.snapshot
        now = self._services.ledger.tally(found.run_id)
        snapshot.counts = _grown(self._before, now)
        snapshot.done = sum(snapshot.counts.values())
        snapshot.paid = _paid(now) - _paid(self._before)
        snapshot.sent, snapshot.rate_limited = found.counts["sent"], found.counts["rate_limited"]
        snapshot.in_flight = found.begun - found.ended
        snapshot.elapsed = began - self._began
        snapshot.pace = self._pace.at(snapshot.elapsed, snapshot.sent)
        snapshot.note = _note(found)
        self._watch(snapshot)
        self.pause = max(LOOK_SECONDS, CALM * (time.monotonic() - began))


def _note(found: Round) -> str:
    """Return what a person must see of a round, or nothing."""
    if found.said is None:
        return ""
    if found.over and found.said.word is Word.PAUSE:
        return f"{found.said.reason}; it goes on when somebody resumes it"
    return f"stopping: {found.said.reason}"


def _grown(before: Sequence[Tally], now: Sequence[Tally]) -> Counter[Group]:
    """Count what has come to rest since, by group."""
    grown: Counter[Group] = Counter()
    for sign, tallies in ((1, now), (-1, before)):
        for tally in tallies:
            if tally.owned and group_in(tally) not in UNDER_WAY:
                grown[group_in(tally)] += sign * tally.items
    return +grown


def _paid(tallies: Sequence[Tally]) -> Counter[str]:
    paid: Counter[str] = Counter()
    for tally in tallies:
        if tally.owned and group_in(tally) is Group.SUCCEEDED:
            add_money(paid, tally.amount, tally.currency)
    return paid
