"""One limiter that several workers share: its pacer, the tokens that were passed over, and who wants how much.

Pure arithmetic, like the pacer's. Tokens are promised ahead of time, a slice for each worker that asks, because a
transaction for each would cost more than the request. How far ahead depends on what the pacer is doing: while it
measures, the answers must come before the next step.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from billing.edge.pacing.pacer import LONGEST_RETRY_AFTER, MICRO, Pacer, Phase
from billing.edge.pacing.shared.asking import Begin

SHARE = 0.97
# Of the cap that all workers together use: their clocks, timers and answers scatter by some milliseconds each.
SLICE, SLICE_SECONDS = 25, 0.05
# Tokens that a worker is promised at once, and at high rates what this many seconds of the rate come to.
HORIZON: Mapping[Phase, float] = {
    Phase.START: 0.2, Phase.MEASURE: 0.15, Phase.SETTLE: 0.1, Phase.HOLD: 0.5, Phase.PROBE: 0.3,
}  # fmt: skip
# Seconds of the rate that all slices together may come to: so far ahead do tokens go out at a rate that has changed.
FEW, FEW_SECONDS = 4, 1.0
# While a rate is held, slices are no smaller than this as long as all together come to no more than so many seconds:
# a transaction is then for four requests at least.
AHEAD: Mapping[Phase, float] = {
    Phase.START: 1.0, Phase.MEASURE: 0.2, Phase.SETTLE: 0.05, Phase.HOLD: 2.0, Phase.PROBE: 1.0,
}  # fmt: skip
# Seconds before it is good that a token is promised at most: at the lowest rates even one for each worker is too far.
HUNGRY_SECONDS = 2.0
# A worker that wanted more than it got shares the rate for so long.
PRESENT_SECONDS = 10.0
# A worker that has not asked for so long has no say any more: neither its cap nor its accounts count.
FRESH_SECONDS = 60.0
# Seconds after which what a limiter was doing is over: it begins anew, from what was learned.
REMEMBERED_SECONDS = 10.0
# Of sends that are written down. A refusal comes within a fraction of that.
MOST_PASSED = 512
# Tokens passed over that are kept for others.


class Asker(NamedTuple):
    """A worker that uses a limiter: when it last asked, whether it wanted more, its cap, the accounts it sends to."""

    at: float
    hungry: bool
    cap: float
    accounts: int


class SharedLimiter:
    """The row of one limiter in memory, for the time of one transaction.

    Attributes:
        pacer: what paces it.
    """

    def __init__(self, pacer: Pacer) -> None:
        """Begin with nobody."""
        self.pacer = pacer
        self._passed: list[float] = []
        self._askers: dict[str, Asker] = {}

    @classmethod
    def of(cls, state: Mapping[str, Any], begin: Begin, worker: str, now: float) -> Self:
        """Return the limiter that a row holds, as the worker finds it that asks."""
        askers = {name: Asker(*asker) for name, asker in state.get("askers", {}).items()}
        last = max((asker.at for asker in askers.values()), default=-math.inf)
        if "pacer" not in state or not now - FRESH_SECONDS < last < now + FRESH_SECONDS:
            return cls(_begun(begin))
        limiter = cls(Pacer.of(state["pacer"]))
        limiter._askers = {name: asker for name, asker in askers.items() if asker.at > now - PRESENT_SECONDS}
        limiter._passed = [at / MICRO for at in state.get("passed", ())]
        others = [asker.cap for name, asker in limiter._askers.items() if name != worker]
        limiter._cap(min([begin.cap, *others]), begin)
        if limiter.pacer.due > now + LONGEST_RETRY_AFTER + HUNGRY_SECONDS:
            limiter.pacer.due = now  # promised by another clock: no server has said so
        return limiter

    def state(self, now: float) -> dict[str, Any]:
        """Return what the row holds from now on."""
        return {
            "pacer": self.pacer.state(now - REMEMBERED_SECONDS),
            "passed": [math.floor(at * MICRO) for at in self._passed[-MOST_PASSED:]],
            "askers": self._askers,
        }

    def accounts(self, worker: str, own: int) -> int:
        """Return how many connected accounts all workers send to."""
        return own + sum(asker.accounts for name, asker in self._askers.items() if name != worker)

    def slice(self, worker: str, now: float) -> int:
        """Return how many tokens a worker may be promised: its share of what is promised ahead, and one in any case."""
        hungry = sum(
            name != worker and asker.hungry and asker.at > now - HUNGRY_SECONDS for name, asker in self._askers.items()
        )
        rate, phase = self.pacer.rate, self.pacer.phase
        share = rate * HORIZON[phase] / (1 + hungry)
        if phase is Phase.HOLD:
            share = max(share, min(FEW, rate * FEW_SECONDS / (1 + hungry)))
        return max(1, int(min(max(SLICE, rate * SLICE_SECONDS), share)))

    def earliest(self, at: float) -> float:
        """Return when a token is there, not before ``at``."""
        first = bisect_left(self._passed, at - self.pacer.depth)
        return max(at, self._passed[first] if first < len(self._passed) else self.pacer.due)

    def take(self, since: float, at: float) -> None:
        """Take the token that is there at ``at``; those from ``since`` on that it passes over stay for others."""
        first = bisect_left(self._passed, at - self.pacer.depth)
        if first < len(self._passed) and self._passed[first] <= at:
            del self._passed[first]
            self.pacer.fill(at)
        else:
            self._passed += self.pacer.pass_over(since, at)
            self.pacer.take(at)

    def refused(self, now: float, sent_at: float, retry_after: float | None) -> None:
        """Learn of a refusal; tokens that were passed over at a rate that was too high are nobody's."""
        rate = self.pacer.rate
        self.pacer.refused(now, sent_at, retry_after)
        if self.pacer.rate < rate or retry_after:
            self._passed.clear()

    def promisable(self, at: float, now: float, soon: float) -> bool:
        """Tell whether a token that is good at ``at`` may be promised now, the earliest being good at ``soon``."""
        return at <= max(soon, now + AHEAD[self.pacer.phase])

    def asked(self, worker: str, asker: Asker) -> None:
        """Note who asked."""
        self._askers[worker] = asker

    def _cap(self, cap: float, begin: Begin) -> None:
        """Let the lowest cap of those present hold; one that only its cap held begins anew at another."""
        cap *= SHARE
        if cap == self.pacer.cap:
            return
        if self.pacer.rate == self.pacer.cap and cap > self.pacer.cap:
            due, self.pacer = self.pacer.due, _begun(Begin(cap / SHARE, begin.start))
            self.pacer.due = due
        else:
            self.pacer.recap(cap)


def _begun(begin: Begin) -> Pacer:
    return Pacer(begin.cap * SHARE, begin.start)
