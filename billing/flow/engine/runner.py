"""Charge every item of a run, concurrently, until nothing is left or something says stop."""

import asyncio
import contextlib
import math
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Iterator
from enum import StrEnum
from functools import partial
from heapq import nsmallest

import anyio
from anyio.abc import TaskGroup

from billing.core.entries import ItemRecord, Move, Note, RunStatus, Tally, unfinished_rebuild
from billing.core.errors import BillingError, LedgerError, ProviderUnreachable, RunStopped, UsageError
from billing.core.estimates import REQUESTS_PER_ITEM
from billing.core.exits import Exit
from billing.core.groups import exit_for, group_of
from billing.core.items import Kind
from billing.core.kinds import LIVES, is_final, is_planned, is_unsent
from billing.core.life import Group, Life, Phase
from billing.core.outcomes import Unsent, UnsentWhy
from billing.core.planrows import TO_CHARGE, standing
from billing.core.policies import Policies
from billing.edge.ledger import Ledger, LostRace
from billing.flow.engine.context import Halted, ItemContext, waits_for_account
from billing.flow.engine.gather import gather
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.guards import Guards
from billing.flow.engine.learned_rates import LearnedLimits
from billing.flow.engine.progress import Pace, Snapshot, Watch, retelling, unwatched
from billing.flow.engine.scheduler import PAGE, Bounds, Scheduler
from billing.flow.kinds.charge.carry import ItemResult, charge, rests, waits_for_customer
from billing.flow.options import Ending, RunOptions, Selection
from billing.flow.services import Services

DRAIN_SECONDS = 20.0
# How long requests in flight may take to come home after a signal; with the last commit it stays under the 25 s that
# leave Kubernetes' default grace of 30 s some room.
STALLED_SECONDS = 600.0
# Give up when limiters have turned everything away for this long (exit 10); a scheduler continues later.
LOCK_PAUSE_SECONDS = 1.0
# How long a payer rests after Stripe said that something else holds the object.

REQUESTS: dict[Goal, int] = {Goal.RUN: REQUESTS_PER_ITEM, Goal.SWEEP: 1, Goal.RESOLVE: 1, Goal.SETTLE: 1, Goal.CLOSE: 1}
# What an item usually costs its account: a charge is opened, cloned and confirmed; to find out takes one look.


def _in_order(life: Life, goal: Goal) -> tuple[tuple[tuple[StrEnum, ...], Callable[[ItemRecord], bool]], ...]:
    """Return in which order a goal takes up items.

    Whoever asks what happened wants the doubts first, then the customers who may have paid meanwhile.
    """
    states = taken_up(life, goal)
    if goal not in (Goal.RESOLVE, Goal.SETTLE):
        return ((states, lambda _item: True),)
    resting = tuple(state for state in states if life.phase(state) is Phase.RESTING)
    return (
        (tuple(state for state in states if state not in resting), lambda _item: True),
        (resting, waits_for_customer),
        (resting, lambda item: not waits_for_customer(item)),
    )


def _life(ledger: Ledger, run_id: str | None) -> Life:
    """Return the table of states that the items of a run live by."""
    record = None if run_id is None else ledger.run(run_id)
    return LIVES[Kind.CHARGE if record is None else record.kind]


class Runner:
    """One invocation over one run: queues, visits to items, guards, and the ways to stop."""

    def __init__(
        self, services: Services, run_id: str | None, goal: Goal, policies: Policies, options: RunOptions, watch: Watch
    ) -> None:
        self._desk = services
        self._run_id = run_id
        self._life = _life(services.ledger, run_id)
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
        self._now = asyncio.get_running_loop().time  # a look at the clock for every step of an item
        self._began = self._advanced = self._now()
        self._limits = LearnedLimits(services)
        self._pace = Pace()
        self.snapshot = Snapshot(total=0, most=services.rates.key_rps)

    async def go(self) -> Ending:
        """Work through everything, then once more through what was left open.

        Raises:
            LedgerError: a commit failed, so the state of the items in flight is for `resolve` to find out.
        """
        async with retelling(self._watch, self._tell), anyio.create_task_group() as group:
            group.start_soon(self._obey_signals, group.cancel_scope)
            group.start_soon(self._give_up_when_stalled)
            if self._options.deadline is not None:
                group.start_soon(self._keep_deadline, self._options.deadline)
            self.snapshot.total = sum(
                self._desk.ledger.workload(self._run_id, taken_up(self._life, self._goal)).values()
            )
            await self._passes(self._goal)
            if self._left and not self._desk.draining:
                self._sweeping = True
                await self._passes(Goal.CLOSE if self._goal is Goal.CLOSE else Goal.SWEEP)
            group.cancel_scope.cancel()
        if self._fault is not None:
            raise self._fault
        await self._limits.keep()
        ended = tuple(Tally(*each, items, self._money[each]) for each, items in self._ended.items())
        return Ending(self._exit, self._reason, ended, self._changed)

    async def _passes(self, goal: Goal) -> None:
        for states, wanted in _in_order(self._life, goal):
            await self._pass(states, goal, wanted)

    async def _pass(self, states: tuple[StrEnum, ...], goal: Goal, wanted: Callable[[ItemRecord], bool]) -> None:
        """Start items while the queues give some, and wait for one to end whenever they do not."""
        scheduler = self._scheduler(states, goal, wanted)
        async with anyio.create_task_group() as group:
            while not self._desk.draining:
                item = self._next(scheduler)
                if item is not None:
                    group.start_soon(self._work, scheduler, item, goal, group)
                    continue
                pause = None if self._full() else scheduler.pause
                if self.snapshot.in_flight == 0 and pause is None:
                    break
                await self._rest(pause)
            if self._desk.draining:
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
        ledger, selection = self._desk.ledger, self._options.selection

        def fetch(account: str, after: int, limit: int) -> tuple[list[ItemRecord], bool]:
            found: list[ItemRecord] = []
            last = False
            while not found and not last:
                page = ledger.work(self._run_id, states, account, after, limit)
                found = [item for item in page if wanted(item) and selection.takes(item) and not rests(goal, item)]
                after, last = page[-1].id if page else after, len(page) < limit
            if goal is Goal.RUN:
                self._desk.blocks.look_up(known for known in found if is_planned(known.state))
            return found, last

        options, rates, throttle = self._options, self._desk.rates, self._desk.gateway.throttle
        bounds = Bounds(
            run_rps=lambda: min(throttle.key.rate / REQUESTS[goal], rates.endpoint_rps),
            rps=lambda account: throttle.account_rps(account) / REQUESTS[goal],
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
        if self._desk.draining or self._full():
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
            arrival = await self._trip(item, goal)
            await self._arrived(scheduler, item, arrival, group)
        except Halted as halted:
            self._stop(halted.exit_code, str(halted))
        except ProviderUnreachable as away:
            self._stop(away.exit_code, str(away))
        except LedgerError as broken:
            self._desk.gateway.shut(str(broken))  # whichever write it was: an item's own shut the door itself
            self._fault = self._fault or broken
            self._stop(broken.exit_code, str(broken))
            group.cancel_scope.cancel()
        finally:
            self.snapshot.in_flight -= 1

    def _trip(self, item: ItemRecord, goal: Goal) -> Awaitable[ItemResult]:
        return charge(ItemContext(self._desk, self._policies.dunning), item, goal)

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
            if self._goal is Goal.CLOSE and not rests(Goal.CLOSE, item) and not self._sweeping:
                self._left += 1
            else:
                self._count(item)
            return
        if not rests(Goal.SWEEP, item) and not self._sweeping:
            self._left += 1
            reason = "" if arrival.alive else self.guards.refused(str(item.facts.get("reason_code", "")))
            if reason:
                self._stop(Exit.STOPPED, reason)
            return
        self._count(item)
        reason = self.guards.verdict(item)
        if reason:
            self._stop(Exit.STOPPED, reason)

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
        self._desk.log("account_set_aside", run=self._run_id or "", account=account, reason_code=code)
        note = Move(Note.SET_ASIDE, facts=waits_for_account(account, code, words))

        async def tell(item: ItemRecord) -> None:
            with contextlib.suppress(LostRace):  # it was just started
                await self._desk.ledger.record(item, note)

        row = 0
        while page := self._desk.ledger.work(self._run_id, (self._life.planned,), account, row, PAGE):
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
        gateway, snap = self._desk.gateway, self.snapshot
        counters, key = gateway.counters, gateway.throttle.key
        snap.away = gateway.breaker.away
        snap.sent, snap.rate_limited = counters.sent, counters.rate_limited
        snap.elapsed = self._now() - self._began
        snap.rate, snap.phase, snap.pace = key.rate, key.phase, self._pace.at(snap.elapsed, snap.sent)
        self._watch(snap)

    def _stop(self, code: Exit, reason: str) -> None:
        """Start nothing more; what is in flight may come home. The first reason stands."""
        if self._exit is Exit.OK:
            self._exit, self._reason = code, reason
            self._desk.log("run_stopping", run=self._run_id or "", exit_code=int(code), reason=reason)
        self._desk.draining = True
        self._wake.set()
        waiting = f"{self.snapshot.in_flight} payments at Stripe are being finished, {DRAIN_SECONDS:.0f} s at most"
        self.snapshot.note = f"stopping: {waiting}"
        self._watch(self.snapshot)

    async def _obey_signals(self, scope: anyio.CancelScope) -> None:
        """Drain on the first signal, leave at once on the second; the ledger is consistent either way."""
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                code = Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED
                if self._desk.draining and self._exit in (Exit.INTERRUPTED, Exit.TERMINATED):
                    scope.cancel()
                self._stop(code, f"{signal.Signals(number).name}: the state is saved, run again to continue")

    async def _give_up_when_stalled(self) -> None:
        """Stop when no item has come anywhere for too long: what waits for its turn, too, must not wait for ever."""
        while (idle := self._now() - self._advanced) < STALLED_SECONDS:  # noqa: ASYNC110  an event per item costs more
            await anyio.sleep(STALLED_SECONDS - idle)
        self._stop(Exit.UNREACHABLE, f"the provider's limits let nothing through for {STALLED_SECONDS:g} s")

    async def _keep_deadline(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self._stop(Exit.STOPPED, f"the deadline of {seconds:g} s has come (--deadline)")


def has_work(ledger: Ledger, run_id: str, goal: Goal) -> bool:
    """Tell whether a run has an item that ``goal`` would take up; resting ones do not count."""
    states = taken_up(_life(ledger, run_id), goal)
    for account in ledger.workload(run_id, states):
        row = 0
        while page := ledger.work(run_id, states, account, row, PAGE):
            if not all(rests(goal, item) for item in page):
                return True
            row = page[-1].id
    return False


def first_movable(
    ledger: Ledger, run_id: str, selection: Selection, limit: int, elsewhere: Container[str] = ()
) -> frozenset[int]:
    """Return the ledger rows of the first selected items that a run may charge, in the order of the ledger.

    Those ``elsewhere`` (item ids) are not charged: they are taken over, all of them, and no limit counts them.
    """
    states = taken_up(_life(ledger, run_id), Goal.RUN)
    taken_over: list[int] = []

    def movable() -> Iterator[int]:
        for account in ledger.workload(run_id, states):
            row = 0
            while page := ledger.work(run_id, states, account, row, PAGE):
                row = page[-1].id
                wanted = [item for item in page if standing(item) == TO_CHARGE and selection.takes(item)]
                taken_over.extend(item.id for item in wanted if item.item_id in elsewhere)
                yield from (item.id for item in wanted if item.item_id not in elsewhere)

    return frozenset(nsmallest(limit, movable())).union(taken_over)


async def execute(
    services: Services, run_id: str, options: RunOptions, policies: Policies, watch: Watch = unwatched
) -> Ending:
    """Charge the items of a planned run; a run that was interrupted goes on, a finished one sends nothing.

    Raises:
        UsageError: the ledger knows no such run, or it belongs to another platform.
        RunStopped: the run is being rebuilt: what looks planned may be paid. Nothing was sent.
        LedgerError: the ledger failed; nothing was sent after that.
    """
    record = services.ledger.run(run_id)
    if record is None:
        raise UsageError(f"the ledger knows no run {run_id}; plan it first")
    if record.status is RunStatus.REBUILDING:
        raise RunStopped(unfinished_rebuild(run_id))
    if not has_work(services.ledger, run_id, Goal.RUN):
        return Ending()
    await services.identify()
    services.require_own(record)
    await services.ledger.note_run(run_id, Note.RUN_STARTED, RunStatus.RUNNING, services.operator)
    runner = Runner(services, run_id, Goal.RUN, policies, options, watch)
    if record.status is RunStatus.STOPPED:
        runner.guards.same = tuple(services.ledger.latest_stop(run_id).get("same_error", runner.guards.same))
    ending = await runner.go()
    note, status = (Note.RUN_STOPPED, RunStatus.STOPPED) if ending.exit else (Note.RUN_FINISHED, RunStatus.FINISHED)
    code = ending.exit or exit_for(services.ledger.tally(run_id), declines_ok=options.declines_ok)
    same = {"same_error": runner.guards.same} if ending.exit and runner.guards.same[0] else {}
    await services.ledger.note_run(run_id, note, status, {"reason": ending.reason, "exit_code": int(code), **same})
    return ending
