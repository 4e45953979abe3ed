"""The fault matrix as tables: what each kind of item sends, what each fault costs, and how one case is lived.

A case is one item whose requests meet faults at named positions, and perhaps a runner that dies. What must come of it
is not stored per case: it is the item's own line in ``KINDS`` plus, for every fault that was really met, its line in
``COSTS``. So a request too many is as wrong an entry as a request too few.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import anyio

from billing.core.entries import Entry, Known
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.states import Group, State
from billing.core.wire import AnswerLost, WireRequest, WireResponse
from billing.edge.transport import TOTAL_SECONDS
from billing.sandbox.arrivals import arrival_of
from billing.sandbox.books import IntentBook, Logged
from billing.sandbox.config import START, Behaviour, CloneSpentOn, Limits, SandboxConfig
from billing.sandbox.faults import Fault, FaultKind, Scripted, Work, work_of
from billing.sandbox.inprocess import InProcess
from billing.sandbox.model import Pending
from tests.flow.world import RUN, World
from tests.virtual import run_virtually

OPEN, CLONE, CONFIRM, READ, CANCEL, LIST = OPERATIONS = (
    "payment_intents.create",
    "payment_methods.create",
    "payment_intents.confirm",
    "payment_intents.retrieve",
    "payment_intents.cancel",
    "payment_intents.list",
)
SHORT = dict(zip(OPERATIONS, ("open", "clone", "confirm", "read", "cancel", "list"), strict=True))
KEYS = "keys"  # counted beside the requests: idempotency keys used
HOUR = 3600.0
OUTLIVED = 25 * HOUR
# After so long a killed runner's keys are past their window of 23 h, and forgotten by the provider.
WEEK = 7 * 24 * HOUR
# By then every late request has landed and every bank debit has settled.
FOREVER = 10**6
STILL_OPEN = (Group.UNKNOWN, Group.PENDING, Group.PARKED)


# --- the items ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """One line: how an item ends whatever goes wrong, and what it costs when nothing does.

    Attributes:
        sends: its requests without any fault.
        state, group: on record after the run; a debit's are those before the bank has answered.
        banked: how often the bank is asked, by the confirms of living runners.
        paid: successful charges in the end; one or none.
        settled: state and group once the bank has answered, where that differs.
    """

    sends: tuple[str, ...]
    state: State
    group: Group
    banked: int
    paid: int
    settled: tuple[State, Group] | None = None

    @property
    def in_the_end(self) -> tuple[State, Group]:
        """State and group a week later."""
        return self.settled or (self.state, self.group)


PAIR = (OPEN, CLONE)
KINDS: dict[str, Kind] = {
    "succeeds": Kind((*PAIR, CONFIRM), State.SUCCEEDED, Group.SUCCEEDED, 1, 1),
    "insufficient_funds": Kind((*PAIR, CONFIRM), State.UNPAID, Group.DECLINED, 1, 0),
    "stolen_card": Kind((*PAIR, CONFIRM, CANCEL), State.FAILED, Group.DECLINED, 1, 0),
    "authentication_required": Kind((*PAIR, CONFIRM), State.UNPAID, Group.NEEDS_CUSTOMER, 1, 0),
    "not_clonable": Kind((*PAIR, CANCEL), State.FAILED, Group.FAILED, 0, 0),
    "debit_succeeds": Kind(
        (*PAIR, CONFIRM), State.UNSETTLED, Group.PROCESSING, 1, 1, (State.SUCCEEDED, Group.SUCCEEDED)
    ),
    "debit_fails": Kind((*PAIR, CONFIRM), State.UNSETTLED, Group.PROCESSING, 1, 0, (State.UNPAID, Group.DECLINED)),
}


def reached(kind: str) -> tuple[str, ...]:
    """Return every operation an item of this kind can send: its own requests, and the looks that trouble adds."""
    sends = KINDS[kind].sends
    return (*sends, *((READ,) if CONFIRM in sends else ()), LIST)


# --- the faults --------------------------------------------------------------------------------------------------


class Sort(StrEnum):
    """What an answer tells its sender; all that a flow may go by."""

    SERVED = "served"  # the true answer, if slowly
    UNSENT = "unsent"  # it never left
    AWAY = "away"  # a limiter or a lock turned it away
    LOST = "lost"  # no answer that means anything
    STORED = "stored"  # a server error, kept under the key
    BUSY = "busy"  # the first request under this key is still running
    REFUSED = "refused"  # the request was wrong, so it says; nothing of the intent comes with it
    BARRED = "barred"  # the API key is refused


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault: what is injected, and what its answer tells."""

    sort: Sort
    fault: Fault

    @property
    def done(self) -> bool:
        """The request is carried out all the same, before its sender learns anything."""
        return work_of(self.fault) in (Work.ALL, Work.ALL_THEN_500)


def _said(status: int, code: str, *, done: bool = False, kind: str = "invalid_request_error") -> Fault:
    """Return an error of the provider's that carries no intent."""
    body = f'{{"error": {{"type": "{kind}", "code": "{code}", "message": "no"}}}}'
    return Fault(FaultKind.CANNED, status=status, body=body.encode(), done=done)


REASONS = ("global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific")
FAULTS: dict[str, Trouble] = {
    "slow": Trouble(Sort.SERVED, Fault(FaultKind.SLOW, seconds=20.0)),
    "never_left": Trouble(Sort.UNSENT, Fault(FaultKind.REFUSED)),
    **{f"429_{reason}": Trouble(Sort.AWAY, Fault(FaultKind.RATE_LIMITED, reason=reason)) for reason in REASONS},
    "429_lock_timeout": Trouble(Sort.AWAY, Fault(FaultKind.LOCK_TIMEOUT)),
    "throttled_400": Trouble(Sort.AWAY, Fault(FaultKind.THROTTLED_400)),
    "lost_before": Trouble(Sort.LOST, Fault(FaultKind.LOST_BEFORE)),
    "lost_after": Trouble(Sort.LOST, Fault(FaultKind.LOST_AFTER)),
    "late": Trouble(Sort.LOST, Fault(FaultKind.LATE, seconds=0.4)),
    "late_an_hour": Trouble(Sort.LOST, Fault(FaultKind.LATE, seconds=HOUR)),
    "late_26_hours": Trouble(Sort.LOST, Fault(FaultKind.LATE, seconds=26 * HOUR)),
    "gateway_502_done": Trouble(Sort.LOST, Fault(FaultKind.BAD_GATEWAY_DONE)),
    "gateway_502_undone": Trouble(Sort.LOST, Fault(FaultKind.BAD_GATEWAY_UNDONE)),
    "cut_body": Trouble(Sort.LOST, Fault(FaultKind.CUT_BODY)),
    "hangs": Trouble(Sort.LOST, Fault(FaultKind.HANG, seconds=90.0)),
    "wrong_object": Trouble(Sort.LOST, Fault(FaultKind.WRONG_OBJECT)),
    "empty_200": Trouble(Sort.LOST, Fault(FaultKind.EMPTY_200)),
    "html_200": Trouble(Sort.LOST, Fault(FaultKind.HTML_200)),
    "redirect": Trouble(Sort.LOST, Fault(FaultKind.REDIRECT)),
    "stored_500_done": Trouble(Sort.STORED, Fault(FaultKind.STORED_500_DONE)),
    "stored_500_undone": Trouble(Sort.STORED, Fault(FaultKind.STORED_500_UNDONE)),
    # Whether the provider kept these under the key cannot be seen, so they cost a key too.
    "unavailable_503": Trouble(Sort.STORED, Fault(FaultKind.UNAVAILABLE_503)),
    "dependency_424": Trouble(Sort.STORED, Fault(FaultKind.DEPENDENCY_424)),
    "409_key_in_use": Trouble(Sort.BUSY, Fault(FaultKind.KEY_IN_USE)),
    "400_undone": Trouble(Sort.REFUSED, _said(400, "parameter_invalid")),
    # An earlier send of the same request was carried out meanwhile: the refusal is true and tells nothing.
    "400_done": Trouble(Sort.REFUSED, _said(400, "parameter_invalid", done=True)),
    "404_undone": Trouble(Sort.REFUSED, _said(404, "resource_missing")),
    "401_expired": Trouble(Sort.BARRED, _said(401, "api_key_expired")),
}
STORES = (FaultKind.STORED_500_DONE, FaultKind.STORED_500_UNDONE)
SHARP = ("lost_before", "lost_after", "late", "stored_500_done", "stored_500_undone")
# What leaves most open: carried out or not, now or later, with and without an answer under the key.


# --- what a fault costs ------------------------------------------------------------------------------------------

Cost = tuple[str, ...]
# The requests it adds to those of the item's kind, ``KEYS`` for a new idempotency key among them.
DONE, UNDONE, EITHER = (True,), (False,), (True, False)

_COSTS: tuple[tuple[str, Sort, tuple[bool, ...], Cost], ...] = (
    # A slow answer is an answer.
    *((operation, Sort.SERVED, DONE, ()) for operation in OPERATIONS),
    # Never left, turned away, running: again, same key, and no look: it certainly was not executed.
    *((op, sort, UNDONE, (op,)) for op in (OPEN, CLONE, CANCEL, READ, LIST) for sort in (Sort.UNSENT, Sort.AWAY)),
    *((op, Sort.BUSY, UNDONE, (op,)) for op in (OPEN, CLONE, CANCEL, READ, LIST)),
    (CONFIRM, Sort.UNSENT, UNDONE, (CONFIRM,)),
    (CONFIRM, Sort.AWAY, UNDONE, (CONFIRM,)),
    (CONFIRM, Sort.BUSY, UNDONE, (READ, CONFIRM)),
    # Lost: whatever moves no money is sent again under its own key. A confirm is looked at first, and then sent again
    # only if the read shows no trace of it.
    *((op, Sort.LOST, EITHER, (op,)) for op in (OPEN, CLONE, CANCEL, READ, LIST)),
    (CONFIRM, Sort.LOST, DONE, (READ,)),
    (CONFIRM, Sort.LOST, UNDONE, (READ, CONFIRM)),
    # A stored server error is never sent again under its key. Done: the look finds it. Not done: the next key.
    (OPEN, Sort.STORED, DONE, (LIST,)),
    (OPEN, Sort.STORED, UNDONE, (LIST, OPEN, KEYS)),
    (CLONE, Sort.STORED, EITHER, (CLONE, KEYS)),
    (CONFIRM, Sort.STORED, DONE, (READ,)),
    (CONFIRM, Sort.STORED, UNDONE, (READ, CONFIRM, KEYS)),
    (CANCEL, Sort.STORED, DONE, (READ,)),
    (CANCEL, Sort.STORED, UNDONE, (READ, CANCEL, KEYS)),
    *((op, Sort.STORED, EITHER, (op,)) for op in (READ, LIST)),
    # A refusal is looked at before it is believed; what it ends is in ``REFUSED``.
    *((op, Sort.REFUSED, EITHER, ()) for op in PAIR),
    (CONFIRM, Sort.REFUSED, EITHER, (READ,)),
    (CANCEL, Sort.REFUSED, DONE, (READ,)),
    (CANCEL, Sort.REFUSED, UNDONE, (READ, CANCEL)),
    (READ, Sort.REFUSED, EITHER, (READ,)),
    # A refused API key stops the run before anything is concluded; the next runner sends again what had no answer.
    (OPEN, Sort.BARRED, UNDONE, (OPEN, CLONE)),
    (CLONE, Sort.BARRED, UNDONE, (OPEN, CLONE)),
    (CONFIRM, Sort.BARRED, UNDONE, (READ, CONFIRM)),
    (CANCEL, Sort.BARRED, UNDONE, (CANCEL,)),
    (READ, Sort.BARRED, UNDONE, (READ,)),
    # A list that could not be read proves nothing: the item is left, taken up again, and finds the same stored error.
    (LIST, Sort.REFUSED, EITHER, (OPEN, LIST)),
    (LIST, Sort.BARRED, UNDONE, (OPEN, LIST)),
)
COSTS: dict[tuple[str, Sort, bool], Cost] = {
    (operation, sort, done): cost for operation, sort, carried_out, cost in _COSTS for done in carried_out
}

_FAILED = (State.FAILED, Group.FAILED, 0, 0)
REFUSED: dict[tuple[str, bool], Kind] = {
    # A refusal that nothing contradicts ends the item, whatever it would have been.
    **{(OPEN, done): Kind(PAIR, *_FAILED) for done in EITHER},  # no intent on record: nothing is there to be fenced
    **{(CLONE, done): Kind((*PAIR, CANCEL), *_FAILED) for done in EITHER},
    (CONFIRM, False): Kind((*PAIR, CONFIRM, CANCEL), *_FAILED),
}
PAIR_AGAIN = {(OPEN, Sort.AWAY), (OPEN, Sort.STORED), (LIST, Sort.REFUSED), (LIST, Sort.BARRED)}
# After these an open goes round with its clone; a clone that was refused left nothing on record and is sent again.
LOOKED_AFTER = {(CANCEL, Sort.AWAY): (READ,)}
# What it costs more on a repeat whose first send was lost: "turned away" says nothing of the first, so look.

DEATH_COSTS: dict[tuple[str, bool], tuple[Cost, Cost]] = {
    # Killed (after?) -> what the next runner sends again: at once, and when the keys have outlived their window.
    (OPEN, False): ((CLONE,), (CLONE, LIST)),  # the clone had left beside it
    (OPEN, True): ((CLONE, OPEN), (CLONE, LIST)),  # found by the list: adopted, not opened again
    (CLONE, False): ((OPEN,), (LIST,)),
    (CLONE, True): ((CLONE, OPEN), (CLONE, LIST)),
    (CONFIRM, False): ((READ,), (READ,)),  # in flight for all the ledger knows: looked at before it leaves
    (CONFIRM, True): ((READ,), (READ,)),
    (READ, False): ((), ()),
    (READ, True): ((READ,), (READ,)),
    (CANCEL, False): ((), ()),
    (CANCEL, True): ((CANCEL,), (CANCEL, KEYS)),
    (LIST, False): ((OPEN,), ()),
    (LIST, True): ((OPEN, LIST), (LIST,)),
}


# --- a case ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """The nth request of an operation meets a fault, and the ``times - 1`` after it."""

    operation: str
    fault: str
    nth: int = 1
    times: int = 1

    def __str__(self) -> str:
        place = {1: str(self.nth), FOREVER: "always"}.get(self.times, f"{self.nth}x{self.times}")
        return f"{SHORT[self.operation]}.{place}.{self.fault}"


@dataclass(frozen=True, slots=True)
class Death:
    """The runner is killed at the nth request of an operation: before it leaves, or before its answer is recorded.

    Attributes:
        hours: until the next runner comes.
    """

    operation: str
    nth: int = 1
    after: bool = False
    hours: float = 0.0

    @property
    def cost(self) -> Cost:
        """What it adds to the item's requests."""
        return DEATH_COSTS[self.operation, self.after][self.hours > 0]

    def __str__(self) -> str:
        return f"killed_{'after' if self.after else 'before'}_{SHORT[self.operation]}.{self.nth}+{self.hours / HOUR:g}h"


@dataclass(frozen=True, slots=True)
class Case:
    """One item, its faults, and perhaps a death.

    Attributes:
        spent: which attempts use up a clone: Stripe does not say.
        exact: every request is accounted for by a fault; where a budget runs out in between, only ``MOST`` holds.
    """

    kind: str
    steps: tuple[Step, ...]
    death: Death | None = None
    spent: CloneSpentOn = CloneSpentOn.ALWAYS
    exact: bool = True

    def __str__(self) -> str:
        item = self.kind if self.spent is CloneSpentOn.ALWAYS else f"{self.kind}.clones_{self.spent}_spent"
        return "-".join((item, *map(str, self.steps), *((str(self.death),) if self.death else ())))

    @property
    def endless(self) -> bool:
        """A fault lasts for as long as the run does."""
        return any(step.times == FOREVER for step in self.steps)


CARRIERS: dict[str, Step] = {
    # What makes an item send a request that it does not send by itself.
    READ: Step(CONFIRM, "lost_after"),
    LIST: Step(OPEN, "stored_500_done"),
}
CARRIED_BY = {READ: CONFIRM, LIST: OPEN}


def carried(kind: str, steps: Sequence[Step], **more: Any) -> Case:
    """Return a case in which every operation of ``steps`` is reached."""
    named = {step.operation for step in steps}
    needed = [CARRIERS[op] for op in (LIST, READ) if op in named and CARRIED_BY[op] not in named]
    return Case(kind, (*needed, *steps), **more)


# --- living it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it left: what it was, what it met. ``life`` counts the runners from 0."""

    life: int
    request: WireRequest
    line: Logged

    @property
    def key(self) -> str:
        """Its idempotency key, or empty."""
        return self.line.idempotency_key or ""


class Watched:
    """The sandbox as a wire that gives up after the real one's time, remembers every request, and kills a runner."""

    def __init__(self, world: World, death: Death | None) -> None:
        self._sandbox = world.sandbox
        self._wire = InProcess(self)  # type: ignore[arg-type]
        self._death = death
        self._met: Counter[str] = Counter()
        self.life = 0
        self.scope = anyio.CancelScope()
        self.sent: list[Sent] = []
        self.exits: list[Exit] = []

    def begin(self, request: WireRequest) -> Pending:
        """Stand before the sandbox: what it notes of a request belongs to the request."""
        pending = self._sandbox.begin(request)
        self.sent.append(Sent(self.life, request, self._sandbox.log[-1]))
        return pending

    def finish(self, pending: Pending) -> Any:
        return self._sandbox.finish(pending)

    async def send(self, request: WireRequest) -> WireResponse:
        operation = arrival_of(request).operation
        self._met[operation] += 1
        doomed = self._death is not None and (operation, self._met[operation]) == (
            self._death.operation,
            self._death.nth,
        )
        if doomed and not self._death.after:
            await self._die()
        with anyio.move_on_after(TOTAL_SECONDS):
            try:
                return await self._wire.send(request)
            finally:
                if doomed:
                    await self._die()
        raise AnswerLost("SocketTimeoutError")

    async def _die(self) -> None:
        self.scope.cancel()
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Story:
    """What one case came to.

    Attributes:
        ran: the item after its run, and after the continued run where a runner died.
        rested: the same after ``resolve``, with the faults over.
        ended: a week later, after ``settle``.
        banked: how often the bank was asked until the item rested.
        intents: what the provider's books hold of it a week later.
        entries: of the ledger.
        sent: every request, in the order of arrival.
        exits: exit code of each run.
        resting: how many requests there were when the item rested.
    """

    case: Case
    ran: Known
    rested: Known
    ended: Known
    banked: int
    intents: tuple[IntentBook, ...]
    entries: tuple[Entry, ...]
    sent: tuple[Sent, ...]
    exits: tuple[Exit, ...]
    resting: int

    @property
    def met(self) -> list[tuple[str, Trouble]]:
        """The faults that were really met, each with the operation that met it."""
        return [(one.line.operation, self.trouble(one.line)) for one in self.sent if one.line.fault is not None]

    @property
    def kind(self) -> Kind:
        """The line the item must follow: its own, unless a refusal that nothing contradicts ended it."""
        ends = (REFUSED.get((op, trouble.done)) for op, trouble in self.met if trouble.sort is Sort.REFUSED)
        return next((end for end in ends if end), KINDS[self.case.kind])

    @property
    def expected(self) -> Counter[str]:
        """How many requests of each operation it takes until the item rests, and how many keys."""
        due = Counter(self.kind.sends)
        due[KEYS] = len(self.kind.sends)
        lost: set[str] = set()
        for operation, trouble in self.met:
            due.update(COSTS[operation, trouble.sort, trouble.done])
            due.update(LOOKED_AFTER.get((operation, trouble.sort), ()) if operation in lost else ())
            due[CLONE] += self.case.kind == "not_clonable" and (operation, trouble.sort) in PAIR_AGAIN
            lost |= {operation} if trouble.sort is Sort.LOST else set()
        if self.case.death is not None:
            due.update(self.case.death.cost)
        return due

    @property
    def counted(self) -> Counter[str]:
        """What it really took."""
        until = self.sent[: self.resting]
        took = Counter(one.line.operation for one in until)
        took[KEYS] = len({one.key for one in until if one.key})
        return took

    def trouble(self, line: Logged) -> Trouble:
        if line.fault in STORES and line.status not in (0, 500):
            return FAULTS["slow"]  # the key had its answer already, and that was replayed: an answer
        meant = (FAULTS[step.fault] for step in self.case.steps if step.operation == line.operation)
        return next(found for found in meant if found.fault.kind is line.fault)


async def live(case: Case, folder: Path) -> Story:
    """Run the item into its faults, continue after a death, resolve, settle a week later; hold it to I1-I3 and I6."""
    began = asyncio.get_running_loop().time()
    config = SandboxConfig(limits=Limits.off(), behaviour=Behaviour(clone_spent_on=case.spent))
    clock = lambda: START + asyncio.get_running_loop().time() - began  # noqa: E731
    world = World.make(folder, config, clock=clock, items=1, accounts=1, mix={case.kind: 1})
    for step in case.steps:
        world.sandbox.faults.add(Scripted(FAULTS[step.fault].fault, step.operation, nth=step.nth, times=step.times))
    random.seed(str(case))  # the jitter of resends draws from the process's own generator
    wire = Watched(world, case.death)
    ran = await _run(world, wire, case)
    rested = await _resolve(world, wire, ran)
    banked, resting = _banked(world), len(wire.sent)
    world.sandbox.advance(WEEK)
    async with world.desk(wire=wire) as desk:
        if rested.state is State.UNSETTLED:
            await world.settle(desk)
        (ended,) = world.items(desk)
        entries = tuple(desk.ledger.entries(RUN))
    await world.assert_true()
    intents = world.sandbox.books().by_item().get(ended.item, [])
    return Story(
        case, ran, rested, ended, banked, tuple(intents), entries, tuple(wire.sent), tuple(wire.exits), resting
    )


async def _run(world: World, wire: Watched, case: Case) -> Known:
    """Plan and run; the runner that a death leaves behind is followed by another one."""
    with wire.scope:
        async with world.desk(wire=wire) as desk:
            await world.plan(desk)
            wire.exits.append((await world.run(desk)).exit)
            (known,) = world.items(desk)
    if case.death is None:
        return known
    assert wire.scope.cancelled_caught, f"{case}: nobody died"
    world.sandbox.advance(case.death.hours)
    wire.life += 1
    async with world.desk(wire=wire) as desk:
        wire.exits.append((await world.run(desk)).exit)
        return world.items(desk)[0]


async def _resolve(world: World, wire: Watched, known: Known) -> Known:
    """Finish what the run left open, now that the faults are over."""
    world.sandbox.faults.clear()
    if group_of(known) not in STILL_OPEN:
        return known
    wire.life += 1
    async with world.desk(wire=wire) as desk:
        await world.resolve(desk)
        return world.items(desk)[0]


def _banked(world: World) -> int:
    return sum(intent.paid + intent.pending + intent.declined for intent in world.sandbox.books().intents)


def lived(case: Case) -> Story:
    """Live a case on virtual time, in a folder in memory where there is one: no law here is the disk's."""
    memory = Path("/dev/shm")  # noqa: S108  a file system, not a file name
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="billing-matrix-") as folder:
        return run_virtually(live, case, Path(folder))
