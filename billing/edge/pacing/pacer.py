"""Hold: a pacer sends at a steady rate, measures what the provider admits once it says no, and holds just under that.

Pure arithmetic: every time is an argument, in seconds of one clock that only grows. What a client can see is all it
uses: when it sent, and which of its sends were refused. The modes and their exits are the table of
edge/pacing/README.md, "Hold, measure, probe"; an *epoch* begins with each mode, and a refusal counts only for a
send made in the present one.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Any, Self

BURST, BURST_SECONDS = 2.0, 0.01
# Tokens a bucket holds: two, or a hundredth of a second's worth at rates where a timer is no finer than that. A bucket
# of a whole second's quota would let twice the limit through in its first second.
# See edge/pacing/README.md, "A small burst".
SLOWEST = 0.5
# Requests a second that are always allowed, so that every limiter finds out when it may speed up again.
START_RPS = 20.0
# Where a limit that nobody has measured begins: under every limit that is documented.
KNOWN_SHARE = 0.9
# Of what an earlier run learned: a tenth of room, because whoever else uses the limit may have grown.
DOUBLING_SECONDS = 1.5
# While starting: 100/s are reached in 3.5 s, and the overshoot within one round trip stays under a twentieth.

MEASURE_SHARE = 0.9
# Of the rate while measuring: still above the limit, so that the provider's bucket stays empty and admits its limit.
MEASURE_REFUSALS, MEASURE_SECONDS = 15, 1.0
# Refusals that end a measurement, and its longest time: each refusal costs, and a second of admissions is exact to 1 %.
FEW_ADMITTED, LONGEST_MEASURE_SECONDS = 16, 4.0
# A second shows too little of a limit of six a second: go on until so many were let in, but no longer than this.
LONGEST_RETRY_AFTER = 30.0
# Seconds of `Retry-After` that are believed: Stripe documents none, and more is somebody's mistake in between.
SHORTEST_MEASURE = 0.25
# Seconds a measurement lasts at least: over less, the scatter of the network is as large as what is measured.
CLEAR_SECONDS, CLEAR_ADMITTED, CLEAR_EXCESS = 0.08, 2, 1.12
# After so long, and so many let in, the measurement shows about where the limit is; from then on so much of it is
# enough to keep the provider's bucket empty.
SETTLE_SHARE, SETTLE_SECONDS = 0.7, 0.15
# Of the rate, and for how long, until the last answers of the measured sends have come.
HOLD_SHARE = 0.97
# Of what was admitted a second: under the limit by more than the measurement errs, else refusals would not end.

QUIET_SECONDS, LONGEST_QUIET_SECONDS, QUIET_GROWTH = 10.0, 30.0, 1.5
# Without a refusal before the limit is probed; each probe in vain makes the next one rarer.
PROBE_GROWTH, PROBE_DOUBLING_SECONDS, STEEPEST_PROBE = 0.02, 2.0, 0.30
# Of the rate a second, at first; doubling this often; at most. Gentle where the limit is near, quick where it is far.
SPARE_SECONDS = 1.5
# Of the held rate: a provider's bucket may have saved so much. Only more than that shows that the limit has risen.
REST_SECONDS = 0.1
# After a probe in vain: it has emptied the provider's bucket, and the scatter of the network needs a few tokens there.

LONGEST_GAP = 2.0
# Seconds between two sends that count at most: two tokens of the slowest rate come so far apart.
REMEMBERED_SENDS = 4096
# Times of sends kept for a measurement: several seconds at every rate that is documented.


MICRO = 1_000_000
# Sends are written down in whole microseconds, which is what a database's clock shows.
ROUNDING = 2e-6
# Seconds by which a time may have been rounded up.
KEPT = (
    "_before", "_depth", "_epoch", "_held", "_last", "_latest", "_quiet", "_refused", "_step", "_until", "_wanted",
    "cap", "due", "rate", "taught",
)  # fmt: skip
# What is written down of a pacer beside its phase and its sends.


class Phase(StrEnum):
    """What a pacer is doing."""

    START = "start"
    MEASURE = "measure"
    SETTLE = "settle"
    HOLD = "hold"
    PROBE = "probe"


class Pacer:
    """The limit of one key, endpoint or connected account: a token bucket whose rate is found out.

    Attributes:
        cap: requests a second it will never exceed.
        rate: requests a second allowed now.
        phase: what it is doing.
        due: when the next token is there; a time that has passed means now.
        taught: whether it has found out anything: by a refusal, or by reaching its cap without one.
    """

    __slots__ = (
        "_before", "_depth", "_epoch", "_held", "_last", "_latest", "_quiet", "_refused", "_sends", "_step", "_until",
        "_wanted", "cap", "due", "phase", "rate", "taught",
    )  # fmt: skip

    def __init__(self, cap: float, start: float | None = None) -> None:
        """Begin at ``start`` requests a second, or at the cap when that is known to be right."""
        self.cap = cap
        self.rate = cap
        self.due = self._epoch = self._last = self._latest = self._until = -math.inf
        self.taught = False
        self._refused = 0
        self._held = self._before = 0.0
        self._wanted = 0.0  # seconds of this phase in which more would have been sent, had the rate allowed it
        self._quiet = QUIET_SECONDS
        self._sends: deque[float] = deque(maxlen=REMEMBERED_SENDS)
        self.phase = Phase.HOLD
        self._set(cap if start is None else start)
        if self.rate < cap:
            self.phase = Phase.START

    def take(self, now: float) -> None:
        """Take the token that is there."""
        full = now - self.due > self._depth  # nobody has wanted more than the rate allows
        self.due = (now - self._depth if full else self.due) + self._step
        self._sends.append(now)
        if self.rate < self.cap or self.phase is not Phase.HOLD:
            self._go_on(now, 0.0 if full else min(now - self._last, LONGEST_GAP))
        self._last = now

    def refused(self, now: float, sent_at: float, retry_after: float | None = None) -> None:
        """Learn that the request sent at ``sent_at`` was refused for its rate; ``retry_after`` is a lower bound."""
        if retry_after:
            self.due = max(self.due, now + min(retry_after, LONGEST_RETRY_AFTER))
        if sent_at <= self._epoch:
            return  # the answer to what is over already: the send at which an epoch begins was still the last one's
        self.taught = True
        match self.phase:
            case Phase.MEASURE | Phase.SETTLE:
                self._count(now, sent_at)
            case Phase.PROBE if self._spare(sent_at) < SPARE_SECONDS * self._held:
                self._hold(now, self._held, min(self._quiet * QUIET_GROWTH, LONGEST_QUIET_SECONDS))
                self.due = max(self.due, now + REST_SECONDS)
            case _:
                self._measure(sent_at)

    def acquit(self, now: float, rate: float) -> None:
        """Go back to the rate of before: the refusals were another limiter's."""
        self._hold(now, max(rate, self.rate), QUIET_SECONDS)

    def recap(self, cap: float) -> None:
        """Never exceed another cap from now on."""
        self.cap = cap
        self._set(self.rate)

    def sends_between(self, after: float, until: float) -> int:
        """Return how many requests were sent in (after, until], as far as they are remembered."""
        return self._sent(after, until)

    def pass_over(self, since: float, until: float) -> list[float]:
        """Leave the tokens between ``since`` and ``until`` to others; return when they are due.

        Whoever may send at ``until`` only would lose them: time has not passed yet, so they are still good. What a
        bucket holds at ``until`` is not passed over.
        """
        due, passed = max(self.due, since - self._depth), []
        while due < until - self._depth - ROUNDING:
            passed.append(due)
            due += self._step
        if passed:
            self.due, self._last = due, max(self._last, passed[-1])
        return passed

    def fill(self, at: float) -> None:
        """Take a token at ``at`` that was passed over."""
        if len(self._sends) == REMEMBERED_SENDS:
            self._sends.popleft()
        insort(self._sends, at)
        if self.rate < self.cap or self.phase is not Phase.HOLD:
            self._go_on(max(at, self._last), self._step)

    def unsend(self, at: float) -> None:
        """Forget a token that was taken and not used: nothing was let in for it."""
        with suppress(ValueError):
            self._sends.remove(at)

    def state(self, since: float) -> dict[str, Any]:
        """Return all that it knows, as JSON takes it; of its sends, which are whole microseconds, those since then."""
        sends = [round(at * MICRO) for at in self._sends if at >= since]
        steps = [sends[0], *(later - at for at, later in pairwise(sends))] if sends else []
        kept = {name: None if getattr(self, name) == -math.inf else getattr(self, name) for name in KEPT}
        return kept | {"phase": str(self.phase), "sends": " ".join(map(str, steps))}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """Return the pacer that ``state`` was asked of."""
        pacer = cls(state["cap"])
        for name in KEPT:
            setattr(pacer, name, -math.inf if state[name] is None else state[name])
        pacer.phase = Phase(state["phase"])
        pacer._sends.extend(at / MICRO for at in accumulate(map(int, state["sends"].split())))
        return pacer

    @property
    def depth(self) -> float:
        """Seconds by which a token may be taken late and is not lost."""
        return self._depth

    @property
    def measuring(self) -> bool:
        """A refusal of this epoch is being looked into."""
        return self.phase in (Phase.MEASURE, Phase.SETTLE)

    @property
    def learned(self) -> float | None:
        """Requests a second worth remembering for the next run; None while nothing was learned."""
        if not self.taught or self.measuring:
            return None
        return self._held if self.phase is Phase.PROBE else self.rate

    def _go_on(self, now: float, wanted: float) -> None:
        """Let a phase take its course at a send; ``wanted`` of the seconds since the last one the rate was the limit.

        An idle hour proves nothing, so neither quiet nor growth counts time in which nobody waited for a token.
        """
        self._wanted += wanted
        match self.phase:
            case Phase.START:
                self._grow(now, wanted * math.log(2) / DOUBLING_SECONDS)
            case Phase.PROBE:
                growth = PROBE_GROWTH * 2 ** (self._wanted / PROBE_DOUBLING_SECONDS)
                self._grow(now, wanted * min(growth, STEEPEST_PROBE))
            case Phase.HOLD if self._wanted >= self._quiet:
                self._held = self.rate
                self._begin(Phase.PROBE, now)
            case Phase.MEASURE if now >= self._until:
                self._look()
            case _:
                pass  # held, at the cap or not quiet for long enough; or being measured
        if self.phase is Phase.SETTLE and now >= self._until + SETTLE_SECONDS:
            self._conclude(now)

    def _grow(self, now: float, growth: float) -> None:
        """Raise the rate by ``growth``, a logarithm; at the cap there is nothing more to find."""
        self._set(self.rate * math.exp(growth))
        if self.rate >= self.cap:
            self.taught = True
            self._hold(now, self.cap, QUIET_SECONDS)

    def _measure(self, sent_at: float) -> None:
        """The provider's bucket is empty as of ``sent_at``: from there on it admits its limit and nothing more."""
        self._before, self._quiet = self.rate, QUIET_SECONDS
        self._begin(Phase.MEASURE, sent_at)
        self._until = sent_at + MEASURE_SECONDS
        self._set(self.rate * MEASURE_SHARE)

    def _count(self, now: float, sent_at: float) -> None:
        """Count a refusal into the measurement; as it grows clear, send no more above the limit than it takes."""
        self._latest = max(self._latest, sent_at)
        if self._epoch < sent_at <= self._until:
            self._refused += 1
        if self.phase is not Phase.MEASURE:
            return
        enough = self._refused >= MEASURE_REFUSALS and now >= self._epoch + SHORTEST_MEASURE
        if enough:
            self._settle(min(now, self._until))
        elif now >= self._until:
            self._look()
        else:
            self._trim(self._latest)

    def _trim(self, until: float) -> None:
        """Slow to a little above what is let in until the latest refused send, once that is clear."""
        seconds = until - self._epoch
        if seconds >= CLEAR_SECONDS and (admitted := self._admitted(until)) * seconds >= CLEAR_ADMITTED:
            self._set(min(self.rate, admitted * CLEAR_EXCESS))

    def _admitted(self, until: float) -> float:
        """Return requests a second that were let in after the first refused send, which is the edge and not in it."""
        return max(self._sent(self._epoch, until) - self._refused, 0) / (until - self._epoch)

    def _sent(self, after: float, until: float) -> int:
        """Return how many requests were sent in (after, until]."""
        count = 0
        for at in reversed(self._sends):
            if at <= after:
                break
            count += at <= until
        return count

    def _look(self) -> None:
        """End a measurement whose time is over, unless it has seen too little."""
        seconds = self._until - self._epoch
        if self._admitted(self._until) * seconds < FEW_ADMITTED and seconds < LONGEST_MEASURE_SECONDS:
            self._until += MEASURE_SECONDS
        else:
            self._settle(self._until)

    def _settle(self, until: float) -> None:
        self.phase, self._until = Phase.SETTLE, until
        self._set(self.rate * SETTLE_SHARE)

    def _conclude(self, now: float) -> None:
        """Hold just under what was admitted; the first refused send is the edge of the window and not in it."""
        admitted = self._admitted(self._until) * HOLD_SHARE
        if not self._refused:  # one refusal and then none: the limit is not under the rate, or something else spoke
            admitted = max(admitted, self._before * MEASURE_SHARE)
        self._hold(now, admitted, QUIET_SECONDS)
        self.due = max(self.due, now + self._step)

    def _hold(self, now: float, rate: float, quiet: float) -> None:
        self._set(rate)
        self._quiet = quiet
        self._begin(Phase.HOLD, now)

    def _spare(self, until: float) -> float:
        """Return what a probe has sent above the measured limit: it may have come from the provider's saved burst."""
        return self._sent(self._epoch, until) - self._held / HOLD_SHARE * (until - self._epoch)

    def _begin(self, phase: Phase, epoch: float) -> None:
        self.phase, self._epoch, self._wanted, self._refused = phase, epoch, 0.0, 0
        self._latest = epoch

    def _set(self, rate: float) -> None:
        self.rate = min(self.cap, max(rate, SLOWEST))
        self._step = 1 / self.rate
        self._depth = (max(BURST, BURST_SECONDS * self.rate) - 1) * self._step
