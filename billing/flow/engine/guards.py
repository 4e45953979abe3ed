"""What stops a run by itself: a wave of declines, the same refusal over and over, too many failures, the clock."""

from collections import deque
from dataclasses import dataclass, field

from billing.core.entries import ItemRecord
from billing.core.kinds import life_of
from billing.core.life import Group
from billing.core.policies import StopOn

UNPAID = frozenset({Group.DECLINED, Group.FAILED})
TRIED = UNPAID | {Group.SUCCEEDED, Group.PROCESSING}
# Groups of states in which a request that counts has had its answer.


@dataclass(slots=True)
class Guards:
    """Counts how items ended, and says when a person should look before more money is moved.

    Attributes:
        stop_on: the run's own limits.
        max_failures: stop after this many items that were not paid, or None.
        same: the refusal that came last, and how often in a row; a run that goes on counts on where it stopped.
    """

    stop_on: StopOn
    max_failures: int | None = None
    same: tuple[str, int] = ("", 0)
    _window: deque[bool] = field(default_factory=deque)
    _failures: int = 0

    @property
    def failures(self) -> int:
        """How many items were not paid so far."""
        return self._failures

    @property
    def wary(self) -> bool:
        """Whether one more of the same refusal stops the run: then items are better tried one at a time."""
        return self.same[0] != "" and self.same[1] >= self.stop_on.same_error

    def verdict(self, item: ItemRecord) -> str:
        """Note one more finished item; return why the run must stop, or an empty text."""
        group = life_of(item.state).meanings[item.state].group
        if group not in TRIED:
            return ""
        unpaid = group in UNPAID
        declined = unpaid and "declines" in item.facts
        self._failures += unpaid
        return self._wave(declined) or self._repetition(item, unpaid and not declined) or self._too_many()

    def _wave(self, declined: bool) -> str:
        size = self.stop_on.after_items
        self._window.append(declined)
        if len(self._window) > size:
            self._window.popleft()
        declines = sum(self._window)
        if len(self._window) < size or declines <= size * self.stop_on.decline_rate:
            return ""
        return f"{declines} of the last {size} charges declined (stop_on.decline_rate {self.stop_on.decline_rate:g})"

    def refused(self, code: str) -> str:
        """Note an item that was refused and closed by nothing; return why the run must stop, or an empty text."""
        return self._repeated(code)

    def _repetition(self, item: ItemRecord, refused: bool) -> str:
        return self._repeated(str(item.facts.get("reason_code", "")) if refused else "")

    def _repeated(self, code: str) -> str:
        count = self.same[1] + 1 if code and code == self.same[0] else 1
        self.same = (code, count)
        if not code or count < self.stop_on.same_error:
            return ""
        return f"{count} items in a row were refused with {code} (stop_on.same_error)"

    def _too_many(self) -> str:
        if self.max_failures is None or self._failures <= self.max_failures:
            return ""
        return f"{self._failures} items were not paid (--max-failures {self.max_failures})"
