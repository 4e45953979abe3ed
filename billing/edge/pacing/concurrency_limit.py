"""How many requests may be in flight at once: a count, and one that learns where the provider draws the line.

Pure arithmetic like the pacer's: times are arguments. Latency is no signal here, because a limiter that refuses builds
no queue; only its refusals are (edge/pacing/README.md, "Hold, measure, probe").
"""

import math
from collections import deque

KEEP_SHARE = 0.95
# Of what was in flight when the first refused request left: just under the line.
QUIET_SECONDS = 10.0
# Of full use without a refusal before one slot more is tried.
GAIN_PER_SECOND = 1.0
# Slots regained for each further second of full use.
LONGEST_GAP = 1.0
# Seconds between two sends that count at most: an idle hour proves nothing.
REMEMBERED_SENDS = 1024
# Sends whose company is remembered, for the refusals that come a moment later.


class Slots:
    """A limit on requests in flight.

    Attributes:
        cap: the most it will ever allow.
        room: requests in flight allowed now.
        in_flight: those that are.
    """

    __slots__ = ("cap", "in_flight", "room")

    def __init__(self, cap: int) -> None:
        """Allow ``cap`` at once."""
        self.cap = self.room = cap
        self.in_flight = 0

    def enter(self, _now: float) -> None:
        """Take a slot."""
        self.in_flight += 1

    def leave(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1

    def refused(self, now: float, sent_at: float) -> None:
        """Learn nothing: no refusal names the limit of an account."""


class LearnedSlots(Slots):
    """A limit on requests in flight that refusals lower and quiet raises again."""

    __slots__ = ("_epoch", "_last", "_limit", "_sends", "_used")

    def __init__(self, cap: int) -> None:
        """Start at ``cap``, which is also the most it will ever allow."""
        super().__init__(cap)
        self._limit = float(cap)
        self._epoch = self._last = -math.inf
        self._used = 0.0
        self._sends: deque[tuple[float, int]] = deque(maxlen=REMEMBERED_SENDS)

    def enter(self, now: float) -> None:
        """Take a slot; when it was the last one, that is use, and use without refusal earns more."""
        self.in_flight += 1
        self._sends.append((now, self.in_flight))
        if self.room < self.cap and self.in_flight >= self.room:
            gap = min(now - self._last, LONGEST_GAP)
            self._used += gap
            if self._used > QUIET_SECONDS:
                self._set(self._limit + GAIN_PER_SECOND * gap)
        self._last = now

    def refused(self, now: float, sent_at: float) -> None:
        """Learn that the request sent at ``sent_at`` was one too many; sends before the last cut say nothing new."""
        if sent_at < self._epoch:
            return
        company = next((count for at, count in reversed(self._sends) if at <= sent_at), self.in_flight)
        self._set(min(self._limit, company * KEEP_SHARE))
        self._epoch, self._used = now, 0.0

    def _set(self, limit: float) -> None:
        self._limit = min(float(self.cap), max(limit, 1.0))
        self.room = int(self._limit)
