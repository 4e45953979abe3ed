"""Charge every item of a run, concurrently, until nothing is left or something says stop."""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import anyio
from anyio.abc import TaskGroup

from billing.core.entries import ItemRecord, Move, Note, Tally
from billing.core.errors import BillingError, LedgerError, ProviderUnreachable
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds import is_final, is_planned, is_unsent
from billing.core.life import Group, Phase
from billing.core.outcomes import Unsent, UnsentWhy
from billing.core.policies import Policies
from billing.edge.ledger import LostRace
from billing.flow.engine.context import Halted, waits_for_account
from billing.flow.engine.flow import Flow, ItemResult, Visit
from billing.flow.engine.gather import gather
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.guards import Guards
from billing.flow.engine.learned_rates import LearnedLimits
from billing.flow.engine.progress import Pace, Snapshot, Watch, retelling
from billing.flow.engine.scheduler import PAGE, Bounds, Scheduler
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
    """What a runner carries out: the items of a run, how their kind does that, and the visit to one of them."""

    run_id: str
    flow: Flow
    visit: Visit


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
        self._goal = goal
        self._policies = policies
        self._options = options
        self._watch = watch
        self.guards = Guards(policies.stop_on, options.max_failures)
        self._started = 0
        self._left = 0
        self._changed = 0
        self._aside: set[str] = set()
        self._ended: Counter[tuple[StrEnum, str, str, str]] = Counter()
        self._money: Counter[tuple[StrEnum, str, str, str]] = Counter()
        self._sweeping = False
        self._reason = ""
        self._exit = Exit.OK
        self._fault: BillingError | None = None
        self._wake = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._now = asyncio.get_running_loop().time  # a look at the clock for every step of an item
        self._began = self._advanced = self._now()
        self._limits = LearnedLimits(services)
        self._pace = Pace()
        self.snapshot = Snapshot(0, most=services.rates.key_rps, word=work.flow.life.word(Group.SUCCEEDED))

    async def go(self) -> Ending:
        """Work through everything, then once more through what was left open.

        Raises:
            LedgerError: a commit failed, so the state of the items in flight is for `resolve` to find out.
        """
        async with retelling(self._watch, self._tell), anyio.create_task_group() as group:
            self._scope = group.cancel_scope
            group.start_soon(self._give_up_when_stalled)
            if self._options.deadline is not None:
                group.start_soon(self._keep_deadline, self._options.deadline)
            self.snapshot.total = sum(
                self._services.ledger.workload(self._run_id, taken_up(self._flow.life, self._goal)).values()
            )
            await self._passes(self._goal)
            if self._left and not self._services.draining:
                self._sweeping = True
                await self._passes(Goal.CLOSE if self._goal is Goal.CLOSE else Goal.SWEEP)
            group.cancel_scope.cancel()
        if self._fault is not None:
            raise self._fault
        await self._limits.keep()
        ended = tuple(Tally(*each, items, self._money[each]) for each, items in self._ended.items())
        return Ending(self._exit, self._reason, ended, self._changed)

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
        ledger, selection = self._services.ledger, self._options.selection

        def fetch(account: str, after: int, limit: int) -> tuple[list[ItemRecord], bool]:
            found: list[ItemRecord] = []
            last = False
            while not found and not last:
                page = ledger.work(self._run_id, states, account, after, limit)
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
        return Scheduler(fetch, ledger.workload(self._run_id, states), bounds, self._now)

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
            if goal is not Goal.CLOSE and item.account in self._aside and is_unsent(item.state):
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
            await self._set_aside(item.account, arrival.dead_account, arrival.dead_words)
        await self._limits.keep_at_times()
        if self._goal is not Goal.RUN:
            self._note_change(began, item)
            if self._goal is Goal.CLOSE and not self._flow.rests(Goal.CLOSE, item) and not self._sweeping:
                self._left += 1
            else:
                self._count(item)
            return
        if not self._flow.rests(Goal.SWEEP, item) and not self._sweeping:
            self._left += 1
            reason = "" if arrival.alive else self.guards.refused(str(item.facts.get("reason_code", "")))
            if reason:
                self.stop(Exit.STOPPED, reason)
            return
        self._count(item)
        reason = self.guards.verdict(item)
        if reason:
            self.stop(Exit.STOPPED, reason)

    def _note_change(self, began: ItemRecord, item: ItemRecord) -> None:
        """Keep what a look has changed: the command answers for what it brought to an end itself."""
        self._changed += item.state is not began.state
        if is_final(item.state):
            reason, grouping = (str(item.facts.get(name) or "") for name in ("reason_code", "group"))
            each = (item.state, grouping, reason, item.currency)
            self._ended[each] += 1
            self._money[each] += item.amount

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
            self._count(item)
        else:
            self._left += 1

    async def _set_aside(self, account: str, code: str, words: str) -> None:
        """Start nothing more on an account that refuses everything, and write beside each of its items why it waits.

        The queue still hands these items out. What was started ends by its own answers.
        """
        if account in self._aside:
            return
        self._aside.add(account)
        self._services.log("account_set_aside", run=self._run_id, account=account, reason_code=code)
        note = Move(Note.SET_ASIDE, facts=waits_for_account(account, code, words))

        async def tell(item: ItemRecord) -> None:
            with contextlib.suppress(LostRace):  # it was just started
                await self._services.ledger.record(item, note)

        row = 0
        while page := self._services.ledger.work(self._run_id, (self._flow.life.planned,), account, row, PAGE):
            row = page[-1].id
            await gather(*(partial(tell, item) for item in page if item.facts.get("reason_code") != code))

    def _count(self, item: ItemRecord) -> None:
        snap = self.snapshot
        snap.done += 1
        snap.counts[group_of(item)] += 1
        if group_of(item) is Group.SUCCEEDED:
            snap.paid[item.currency] += item.amount
        self._tell()

    def _tell(self) -> None:
        """Show where the run stands now."""
        gateway, snap = self._services.gateway, self.snapshot
        counters, key = gateway.counters, gateway.throttle.key
        snap.away = gateway.breaker.away
        snap.sent, snap.rate_limited = counters.sent, counters.rate_limited
        snap.elapsed = self._now() - self._began
        snap.rate, snap.phase, snap.pace = key.rate, key.phase, self._pace.at(snap.elapsed, snap.sent)
        self._watch(snap)

    def stop(self, code: Exit, reason: str) -> None:
        """Start nothing more; what is in flight may come home. The first reason stands."""
        if self._exit is Exit.OK:
            self._exit, self._reason = code, reason
            self._services.log("run_stopping", run=self._run_id, exit_code=int(code), reason=reason)
        self._services.draining = True
        self._wake.set()
        waiting = f"{self.snapshot.in_flight} payments at Stripe are being finished, {DRAIN_SECONDS:.0f} s at most"
        self.snapshot.note = f"stopping: {waiting}"
        self._watch(self.snapshot)

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
