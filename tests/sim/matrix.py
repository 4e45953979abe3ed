"""The fault matrix as tables: what each kind of item sends, and what each fault costs.

A case is one item whose requests meet faults at named positions, and perhaps a runner that dies. What must come of it
is not stored per case: it is the item's own line in ``KINDS`` plus, for every fault that was really met, its line in
``COSTS``. So a request too many is as wrong an entry as a request too few.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from billing.core.kinds.charge import State
from billing.core.life import Group
from billing.sandbox.config import CloneSpentOn
from billing.sandbox.faults import Fault, FaultKind, Work, work_of

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
    "stolen_card": Kind((*PAIR, CONFIRM, CANCEL), State.FAILED, Group.NEEDS_CUSTOMER, 1, 0),
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
    UNPROVEN = "unproven"  # a server error of which nobody can see whether it is kept
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
    # It names a parameter, as a refusal of one item does; one that names none may be the account's, and closes nothing.
    body = f'{{"error": {{"type": "{kind}", "code": "{code}", "param": "metadata", "message": "no"}}}}'
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
    "unavailable_503": Trouble(Sort.UNPROVEN, Fault(FaultKind.UNAVAILABLE_503)),
    "dependency_424": Trouble(Sort.UNPROVEN, Fault(FaultKind.DEPENDENCY_424)),
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
    # An open is sent again under its key until the error is replayed: that proves it stored. Done: the look finds the
    # intent, which is read before it is used. Not done: the run's sweep tries once more, and a
    # day later the same key opens it.
    (OPEN, Sort.STORED, DONE, (OPEN, LIST, READ)),
    (OPEN, Sort.STORED, UNDONE, (OPEN, LIST, OPEN, LIST, OPEN)),
    (OPEN, Sort.UNPROVEN, UNDONE, (OPEN,)),
    # Anything else that may be stored is not sent again under its key. Done: the look finds it. Not done: the next key.
    (CLONE, Sort.UNPROVEN, UNDONE, (CLONE, KEYS)),
    (CONFIRM, Sort.UNPROVEN, UNDONE, (READ, CONFIRM, KEYS)),
    (CANCEL, Sort.UNPROVEN, UNDONE, (READ, CANCEL, KEYS)),
    *((op, Sort.UNPROVEN, UNDONE, (op,)) for op in (READ, LIST)),
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
    (CLONE, Sort.BARRED, UNDONE, (CLONE, READ)),  # the open beside it is found and taken over
    (CONFIRM, Sort.BARRED, UNDONE, (CONFIRM,)),  # nobody let in has done anything
    (CANCEL, Sort.BARRED, UNDONE, (CANCEL,)),
    (READ, Sort.BARRED, UNDONE, (READ,)),
    # A list that could not be read proves nothing: the item is left, and the next runner's own list finds its intent.
    (LIST, Sort.REFUSED, EITHER, ()),
    (LIST, Sort.BARRED, UNDONE, ()),
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
PAIR_AGAIN = {(OPEN, Sort.AWAY), (OPEN, Sort.STORED)}
# After these an open goes round with its clone; a clone that was refused left nothing on record and is sent again.
LOOKED_AFTER = {(CANCEL, Sort.AWAY): (READ,)}
# What it costs more on a repeat whose first send was lost: "turned away" says nothing of the first, so look.

DEATH_COSTS: dict[tuple[str, bool], tuple[Cost, Cost]] = {
    # Killed (after?) -> what the next runner sends again: at once, and when the keys have outlived their window.
    (OPEN, False): ((CLONE,), (CLONE,)),  # the clone had left beside it
    (OPEN, True): ((CLONE, READ), (CLONE, READ)),  # found by its own list: taken over, not opened again
    (CLONE, False): ((READ,), (READ,)),  # so had the open
    (CLONE, True): ((CLONE, READ), (CLONE, READ)),
    (CONFIRM, False): ((READ,), (READ,)),  # in flight for all the ledger knows: looked at before it leaves
    (CONFIRM, True): ((READ,), (READ,)),
    (READ, False): ((), ()),
    (READ, True): ((READ,), (READ,)),
    (CANCEL, False): ((), ()),
    (CANCEL, True): ((CANCEL,), (CANCEL, KEYS)),
    (LIST, False): ((), ()),
    (LIST, True): ((LIST,), (LIST,)),
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
    return Case(kind, (*needed, *map(after_the_first_list, steps)), **more)


def after_the_first_list(step: Step) -> Step:
    """Return the step on the lists that trouble adds: the first of all is every run's, before it opens anything."""
    return replace(step, nth=step.nth + 1) if step.operation == LIST else step
