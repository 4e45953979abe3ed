"""The database's clock on the event loop's: each answer shows a time that lay between its question and itself."""

import math
from collections import deque

REMEMBERED = 16
# Answers; the quickest of them says most precisely how far the clocks are apart.
SHORTEST_LEAD, LONGEST_LEAD = 0.003, 1.0
# Seconds that an answer is expected to take: as long as the slowest of the last few, within these bounds.
LEADS = 8
LEAP_SECONDS = 0.05
# By which answers may contradict each other, before the clock is taken to be another one.


class DatabaseClock:
    """How far the two clocks are apart, to within half of the quickest answer.

    Attributes:
        lead: seconds from the database's time in an answer until it is here.
    """

    def __init__(self) -> None:
        """Begin without any answer."""
        self._seen: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._leads: deque[float] = deque(maxlen=LEADS)
        self._offset = 0.0
        self.lead = SHORTEST_LEAD

    def learn(self, asked: float, told: float, heard: float) -> None:
        """Learn that the database's clock showed ``told`` between two moments of the loop's."""
        if self._seen and not told - heard - LEAP_SECONDS <= self._offset <= told - asked + LEAP_SECONDS:
            self._seen.clear()  # set anew, or another server
        self._seen.append((heard - asked, told - (asked + heard) / 2))
        self._offset = min(self._seen)[1]

    def answered(self, told: float, now: float) -> None:
        """Learn that the answer of which ``told`` is the time may be used at ``now`` of the loop's clock."""
        self._leads.append(now - self.here(told))
        self.lead = min(max(*self._leads, SHORTEST_LEAD), LONGEST_LEAD)

    def here(self, there: float) -> float:
        """Return when the loop's clock shows what the database's clock shows at ``there``."""
        return there - self._offset

    def there(self, here: float) -> float:
        """Return what the database's clock shows when the loop's clock shows ``here``."""
        return here + self._offset if self._seen else -math.inf
