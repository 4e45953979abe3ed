"""Carry out every item of a run, concurrently, until nothing is left or something says stop."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import anyio
from anyio.abc import TaskGroup

from billing.core.entries import ItemRecord
from billing.core.errors import BillingError, LedgerError, ProviderUnreachable
from billing.core.exits import Exit
from billing.core.kinds import is_planned
from billing.core.life import Phase
from billing.core.outcomes import Unsent, UnsentWhy
from billing.core.policies import Policies
from billing.flow.engine.context import Halted
from billing.flow.engine.counts import Counts
from billing.flow.engine.flow import Flow, ItemResult, Visit
from billing.flow.engine.goals import BEGINS, Goal, taken_up
from billing.flow.engine.guards import Guards
from billing.flow.engine.learned_rates import LearnedLimits
from billing.flow.engine.progress import Watch, retelling
from billing.flow.engine.refusing import Refusing
from billing.flow.engine.scheduler import Bounds, Scheduler
from billing.flow.engine.worklist import WholeRun, Worklist
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services

DRAIN_SECONDS = 20.0
# How long requests in flight may take to come home after a signal; with the last commit it stays under the 25 s that
# leave Kubernetes' default grace of 30 s some room.
STALLED_SECONDS = 600.0
# Give up when limiters have turned everything away for this long (exit 10); a scheduler continues later.
LOCK_PAUSE_SECONDS = 1.0
# How long a payer rests after Stripe said that something else holds the object.


@dataclass(frozen=True, slots=True)
class Work:
    """What a runner carries out.

    Attributes:
        run_id: whose items.
        flow: how their kind does that.
        visit: to one of them.
        worklist: which of them; None for all.
        guards: what several runners of the run share in this process; None for its own.
    """

    run_id: str
    flow: Flow
    visit: Visit
    worklist: Worklist | None = None
    guards: Guards | None = None


def _in_order(flow: Flow, goal: Goal) -> tuple[tuple[tuple[StrEnum, ...], Callable[[ItemRecord], bool]], ...]:
    """Return in which order a goal takes up items.

    Whoever asks what happened wants the doubts first, then the customers who may have paid meanwhile.
    """
    states = taken_up(flow.life, goal)
    if goal not in (Goal.RESOLVE, Goal.SETTLE):
        return ((states, lambda _item: True),)
    resting = tuple(state for state in states if flow.life.phase(state) is Phase.RESTING)
    return (
        (tuple(state for state in states if state not in resting), lambda _item: True),
        (resting, flow.waits_for_customer),
        (resting, lambda item: not flow.waits_for_customer(item)),
    )


class Runner:
    """One invocation over one run: queues, visits to items, guards, and the ways to stop."""

    def __init__(
        self, services: Services, work: Work, goal: Goal, policies: Policies, options: RunOptions, watch: Watch
    ) -> None:
        self._services = services
        self._run_id, self._flow, self._visit = work.run_id, work.flow, work.visit
        self._worklist: Worklist = work.worklist or WholeRun(services.ledger, work.run_id)
        self._goal = goal
        self._policies = policies
        self._options = options
        self.guards = work.guards or Guards(policies.stop_on, options.max_failures)
        self._started = 0
        self._left = 0
        self._watch, self._counts = watch, Counts(services, work.flow.life, watch)
        self._refusing = Refusing(services, work.run_id, work.flow.life)
        self._sweeping = False
        self._reason = ""
        self._exit = Exit.OK
        self._fault: BillingError | None = None
        self._wake = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._now = asyncio.get_running_loop().time  # a look at the clock for every step of an item
        self._advanced = self._now()
        self._limits = LearnedLimits(services)
        self.snapshot = self._counts.snapshot

    async def go(self) -> Ending:
        """Work through everything, then once more through what was left open.

        Raises:
            LedgerError: a commit failed, so the state of the items in flight is for `resolve` to find out.
        """
        async with retelling(self._watch, self._counts.tell), anyio.create_task_group() as group:
            self._scope = group.cancel_scope
            group.start_soon(self._give_up_when_stalled)
            if self._options.deadline is not None:
                group.start_soon(self._keep_deadline, self._options.deadline)
            self.snapshot.total = sum(self._worklist.workload(taken_up(self._flow.life, self._goal)).values())
            await self._passes(self._goal)
            if self._left and not self._services.draining:
                self._sweeping = True
                await self._worklist.refresh()
                await self._passes(Goal.CLOSE if self._goal is Goal.CLOSE else Goal.SWEEP)
            group.cancel_scope.cancel()
        if self._fault is not None:
            raise self._fault
        await self._limits.keep()
        return self.ending

    @property
    def ending(self) -> Ending:
        """How it ends, as far as that is known by now: what stops it shows here at once."""
        return Ending(self._exit, self._reason, self._counts.ended, self._counts.changed)

    async def _passes(self, goal: Goal) -> None:
        for states, wanted in _in_order(self._flow, goal):
            await self._pass(states, goal, wanted)

    async def _pass(self, states: tuple[StrEnum, ...], goal: Goal, wanted: Callable[[ItemRecord], bool]) -> None:
        """Start items while the queues give some, and wait for one to end whenever they do not."""
        scheduler = self._scheduler(states, goal, wanted)
        async with anyio.create_task_group() as group:
            while not self._services.draining:
                item = self._next(scheduler)
                if item is not None:
                    group.start_soon(self._work, scheduler, item, goal, group)
                    continue
                pause = None if self._full() else scheduler.pause
                if self.snapshot.in_flight == 0 and pause is None:
                    break
                await self._rest(pause)
            if self._services.draining:
                group.cancel_scope.deadline = self._now() + DRAIN_SECONDS

    async def _rest(self, pause: float | None) -> None:
        """Wait until an item has ended, or for ``pause`` seconds.

        Whole milliseconds, as uvloop counts them: a timer that rings a little early is set again until its time has
        really come, and kept the processor busy meanwhile.
        """
        self._wake = asyncio.Event()
        timer = None
        if pause is not None:
            timer = asyncio.get_running_loop().call_later(math.ceil(pause * 1000) / 1000, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _scheduler(self, states: tuple[StrEnum, ...], goal: Goal, wanted: Callable[[ItemRecord], bool]) -> Scheduler:
        worklist, selection = self._worklist, self._options.selection

        def fetch(account: str, after: int, limit: int) -> tuple[list[ItemRecord], bool]:
            found: list[ItemRecord] = []
            last = False
            while not found and not last:
                page = worklist.work(states, account, after, limit)
                found = [
                    item for item in page if wanted(item) and selection.takes(item) and not self._flow.rests(goal, item)
                ]
                after, last = page[-1].id if page else after, len(page) < limit
            if goal is Goal.RUN:
                self._flow.look_up(self._services, (item for item in found if is_planned(item.state)))
            return found, last

        options, rates, throttle = self._options, self._services.rates, self._services.gateway.throttle
        bounds = Bounds(
            run_rps=lambda: min(throttle.key.rate / self._flow.requests(goal), rates.endpoint_rps),
            rps=lambda account: throttle.account_rps(account) / self._flow.requests(goal),
            per_account=options.per_account,
            slots=options.concurrency,
        )
        return Scheduler(fetch, worklist.workload(states), bounds, self._now)

    def _full(self) -> bool:
        """Tell whether nothing more may be started for now, whatever the queues hold."""
        if self.snapshot.in_flight >= (1 if self.guards.wary else self._options.concurrency):
            return True
        return self._options.limit is not None and self._started >= self._options.limit

    def _next(self, scheduler: Scheduler) -> ItemRecord | None:
        """Start an item, if one may be started now."""
        if self._services.draining or self._full():
            return None
        item = scheduler.next()
        if item is not None:
            self._started += 1
            self.snapshot.in_flight += 1
        return item

    async def _work(self, scheduler: Scheduler, item: ItemRecord | None, goal: Goal, group: TaskGroup) -> None:
        """Take up an item, and another one whenever it has ended: a task for each would cost as much as its entries."""
        while item is not None:
            await self._take_up(scheduler, item, goal, group)
            await asyncio.sleep(0)  # an item found skipped awaits nothing, and signals must be heard
            item = self._next(scheduler)
            if item is None or not self._full():
                self._wake.set()

    async def _take_up(self, scheduler: Scheduler, item: ItemRecord, goal: Goal, group: TaskGroup) -> None:
        """Take one item as far as the goal says, and stop the run on anything an item may not survive."""
        try:
            if goal is not Goal.CLOSE and self._refusing.keeps_back(item):
                self._left_aside(scheduler, item)
                return
            arrival = await self._visit(item, goal)
            await self._arrived(scheduler, item, arrival, group)
        except Halted as halted:
            self.stop(halted.exit_code, str(halted))
        except ProviderUnreachable as away:
            self.stop(away.exit_code, str(away))
        except LedgerError as broken:
            self._services.gateway.shut(str(broken))  # whichever write it was: an item's own shut the door itself
            self._fault = self._fault or broken
            self.stop(broken.exit_code, str(broken))
            group.cancel_scope.cancel()
        finally:
            self.snapshot.in_flight -= 1

    async def _arrived(self, scheduler: Scheduler, began: ItemRecord, arrival: ItemResult, group: TaskGroup) -> None:
        item = arrival.item
        if arrival.put_back is not None:
            self._started -= 1
            await self._return(scheduler, item, arrival.put_back.unsent, group)
            return
        self._advanced = self._now()
        scheduler.done(item, alive=arrival.alive, sent=item.attempt > 0)
        if arrival.dead_account:
            await self._refusing.add(item.account, arrival.dead_account, arrival.dead_words)
        await self._limits.keep_at_times()
        if self._goal is not Goal.RUN:
            self._counts.note_change(began, item)
        if self._goal not in BEGINS:
            if self._goal is Goal.CLOSE and not self._flow.rests(Goal.CLOSE, item) and not self._sweeping:
                self._left += 1
            else:
                self._counts.count(item)
            return
        if not self._flow.rests(Goal.SWEEP, item) and not self._sweeping:
            self._left += 1
            reason = "" if arrival.alive else self.guards.refused(str(item.facts.get("reason_code", "")))
            if reason:
                self.stop(Exit.STOPPED, reason)
            return
        self._counts.count(item)
        # A retry visits items that were declined before: one that it leaves as it was tells nothing new.
        reason = "" if self._goal is Goal.RETRY and item.ver == began.ver else self.guards.verdict(item)
        if reason:
            self.stop(Exit.STOPPED, reason)

    async def _return(self, scheduler: Scheduler, item: ItemRecord, unsent: Unsent, group: TaskGroup) -> None:
        """Put an item back; a locked payer rests for a moment, everything else is paced by the throttle."""
        if unsent.why is not UnsentWhy.LOCKED:
            scheduler.put_back(item)
            return

        async def later() -> None:
            await anyio.sleep(LOCK_PAUSE_SECONDS)
            scheduler.put_back(item)
            self.snapshot.in_flight -= 1
            self._wake.set()

        self.snapshot.in_flight += 1
        group.start_soon(later)

    def _left_aside(self, scheduler: Scheduler, item: ItemRecord) -> None:
        """Let an item wait whose account refuses everything: it costs no request, and a later run goes on with it."""
        scheduler.done(item, alive=False, sent=False)
        self._started -= 1
        if self._sweeping or is_planned(item.state):
            self._counts.count(item)
        else:
            self._left += 1

    def stop(self, code: Exit, reason: str) -> None:
        """Start nothing more; what is in flight may come home. The first reason stands."""
        if self._exit is Exit.OK:
            self._exit, self._reason = code, reason
            self._services.log("run_stopping", run=self._run_id, exit_code=int(code), reason=reason)
        self._services.draining = True
        self._wake.set()
        waiting = f"{self.snapshot.in_flight} payments at Stripe are being finished, {DRAIN_SECONDS:.0f} s at most"
        self._counts.note(f"stopping: {waiting}")

    def leave(self) -> None:
        """Wait for nothing that is in flight any more; the ledger is consistent all the same."""
        self._scope.cancel()

    async def _give_up_when_stalled(self) -> None:
        """Stop when no item has come anywhere for too long: what waits for its turn, too, must not wait for ever."""
        while (idle := self._now() - self._advanced) < STALLED_SECONDS:  # noqa: ASYNC110  an event per item costs more
            await anyio.sleep(STALLED_SECONDS - idle)
        self.stop(Exit.UNREACHABLE, f"the provider's limits let nothing through for {STALLED_SECONDS:g} s")

    async def _keep_deadline(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self.stop(Exit.STOPPED, f"the deadline of {seconds:g} s has come (--deadline)")
