"""Faults, by script or by seed: which request meets which, and what each does to it."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from billing.sandbox.config import Chances, ConfigProblem

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
PORTAL = b"<!DOCTYPE html><html><body>Please sign in to this network.</body></html>"


class FaultKind(StrEnum):
    """What can go wrong with one request."""

    REFUSED = "refused"  # the connection was never made
    LOST_BEFORE = "lost_before"  # the request never arrived
    LOST_AFTER = "lost_after"  # carried out, the answer never arrived
    LATE = "late"  # the sender is cut off now, the request is carried out later
    STORED_500_DONE = "stored_500_done"  # the work is done, a 500 is kept under the key
    STORED_500_UNDONE = "stored_500_undone"  # nothing is done, a 500 is kept under the key
    PASSING_500_DONE = "passing_500_done"  # the work is done, the 500 is not kept: the same key does it once more
    PASSING_500_UNDONE = "passing_500_undone"  # nothing is done, and the same key may be sent again
    BAD_GATEWAY_DONE = "bad_gateway_done"  # carried out, a gateway's HTML page comes back
    BAD_GATEWAY_UNDONE = "bad_gateway_undone"
    CUT_BODY = "cut_body"  # carried out, the connection breaks inside the body
    HANG = "hang"  # carried out, the answer is withheld
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"  # 429 with a reason
    LOCK_TIMEOUT = "lock_timeout"  # 429 without one
    THROTTLED_400 = "throttled_400"  # a throttle that arrives as a 400
    KEY_IN_USE = "key_in_use"  # 409
    UNAVAILABLE_503 = "unavailable_503"
    DEPENDENCY_424 = "dependency_424"
    WRONG_OBJECT = "wrong_object"  # carried out, another object comes back
    EMPTY_200 = "empty_200"  # carried out, an empty body comes back
    HTML_200 = "html_200"  # a captive portal answered; nothing arrived
    REDIRECT = "redirect"  # somebody points elsewhere; nothing arrived
    PATCHED = "patched"  # carried out, fields of the answer are changed
    CANNED = "canned"  # any status, headers and body, carried out or not


class Work(Enum):
    """What becomes of the request itself."""

    NOTHING = auto()  # it never reached the provider's code
    ALL = auto()
    ALL_THEN_500 = auto()
    ONLY_500 = auto()


class Ending(StrEnum):
    """How the exchange looks from the sender's side."""

    ANSWERED = "answered"
    REFUSED = "refused"
    DROPPED_BEFORE = "dropped_before"
    DROPPED_AFTER = "dropped_after"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to inject.

    Attributes:
        seconds: how long a ``hang`` or ``slow`` answer takes, how much later a ``late`` request runs.
        reason: of a ``rate_limited`` 429.
        status: of a ``canned`` answer.
        headers: added to the answer, lower case.
        body: of a ``canned`` answer.
        patch: fields a ``patched`` answer carries instead of the true ones.
        done: whether a ``canned`` request is carried out.
    """

    kind: FaultKind
    seconds: float = 0.0
    reason: str = "global-rate"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    patch: Mapping[str, object] = field(default_factory=dict)
    done: bool = False


WORK = {  # faults not listed leave the request alone: Work.ALL
    **dict.fromkeys(
        [FaultKind.REFUSED, FaultKind.LOST_BEFORE, FaultKind.LATE, FaultKind.BAD_GATEWAY_UNDONE, FaultKind.RATE_LIMITED,
         FaultKind.LOCK_TIMEOUT, FaultKind.THROTTLED_400, FaultKind.KEY_IN_USE, FaultKind.UNAVAILABLE_503,
         FaultKind.DEPENDENCY_424, FaultKind.HTML_200, FaultKind.REDIRECT],
        Work.NOTHING,
    ),
    FaultKind.STORED_500_DONE: Work.ALL_THEN_500,
    FaultKind.STORED_500_UNDONE: Work.ONLY_500,
    FaultKind.PASSING_500_DONE: Work.ALL_THEN_500,
    FaultKind.PASSING_500_UNDONE: Work.ONLY_500,
}  # fmt: skip

PASSING = frozenset({FaultKind.PASSING_500_DONE, FaultKind.PASSING_500_UNDONE})
# Server errors that are not kept under the idempotency key. Stripe keeps a 500; whether it keeps all, it does not say.

ENDINGS = {  # faults not listed are answered
    FaultKind.REFUSED: Ending.REFUSED,
    FaultKind.LOST_BEFORE: Ending.DROPPED_BEFORE,
    FaultKind.LATE: Ending.DROPPED_BEFORE,
    FaultKind.LOST_AFTER: Ending.DROPPED_AFTER,
    FaultKind.CUT_BODY: Ending.CUT,
}


def work_of(fault: Fault | None) -> Work:
    """What becomes of a request under this fault."""
    if fault is None:
        return Work.ALL
    if fault.kind is FaultKind.CANNED:
        return Work.ALL if fault.done else Work.NOTHING
    return WORK.get(fault.kind, Work.ALL)


@dataclass(frozen=True, slots=True)
class Scripted:
    """The n-th matching request meets this fault, and the ``times - 1`` after it.

    Attributes:
        operation: as in the routes, for instance ``payment_intents.confirm``; ``*`` matches all.
        account: the connected account named by the request; none matches all.
        nth: 1 for the first request after the script was given.
    """

    fault: Fault
    operation: str = "*"
    account: str | None = None
    nth: int = 1
    times: int = 1

    def matches(self, operation: str, account: str | None) -> bool:
        """Whether a request counts for this line."""
        return self.operation in ("*", operation) and self.account in (None, account)


@dataclass(slots=True)
class Counted:
    """A line of the script and how many requests it has matched."""

    line: Scripted
    seen: int = 0

    def hit(self, operation: str, account: str | None) -> bool:
        """Count a request; whether it is one of those the line is about."""
        if not self.line.matches(operation, account):
            return False
        self.seen += 1
        return self.line.nth <= self.seen < self.line.nth + self.line.times


class FaultPlan:
    """Decides for every request. The same seed, script and order of requests give the same faults."""

    def __init__(self, seed: int = 0, chances: Chances | None = None, script: Iterable[Scripted] = ()) -> None:
        """Faults by script first; what no line claims meets faults by chance.

        Raises:
            ConfigProblem: an unknown kind, or probabilities over 1 together.
        """
        self._random = random.Random(f"faults-{seed}").random  # noqa: S311  repeatable by design, guards nothing
        self._script = [Counted(line) for line in script]
        self._chances = chances or Chances()
        self._ladder = _ladder(self._chances)

    def add(self, *lines: Scripted) -> None:
        """Append to the script; counting starts now."""
        self._script.extend(Counted(line) for line in lines)

    def clear(self) -> None:
        """No fault from now on."""
        self._script.clear()
        self._ladder = []

    def pick(self, operation: str, account: str | None) -> Fault | None:
        """The fault of this request, if any. Call once per request, in order of arrival."""
        chosen = None
        for counted in self._script:
            if counted.hit(operation, account) and chosen is None:
                chosen = counted.line.fault
        return chosen or self._by_chance(operation)

    def _by_chance(self, operation: str) -> Fault | None:
        if not self._ladder or (self._chances.operations and operation not in self._chances.operations):
            return None
        drawn = self._random()
        for bound, fault in self._ladder:
            if drawn < bound:
                return fault
        return None


def _ladder(chances: Chances) -> list[tuple[float, Fault]]:
    seconds = {
        FaultKind.HANG: chances.hang_seconds, FaultKind.SLOW: chances.slow_seconds, FaultKind.LATE: chances.late_seconds
    }  # fmt: skip
    ladder, bound = [], 0.0
    for name, share in chances.kinds.items():
        if name not in set(FaultKind):
            raise ConfigProblem(f"sandbox fault {name!r} is unknown; known: {', '.join(FaultKind)}")
        kind = FaultKind(name)
        bound += float(share)
        ladder.append((bound, Fault(kind, seconds=seconds.get(kind, 0.0))))
    if bound > 1.0 + 1e-9:
        raise ConfigProblem(f"sandbox fault probabilities add up to {bound}, which is more than 1")
    return ladder
