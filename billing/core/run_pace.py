"""How fast a run went, in few enough numbers to be kept with its end, however long it took.

What a process has sent so far is noted now and then; the growth is kept by spans of equal width. Where these would
become too many, two and two are joined, so a record never holds more than `MOST` of them and no request is lost.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

MOST = 120
# Spans of a record: as fine as a chart of it can show.
WIDTH_MS = 1_000
# Of a span in the beginning, milliseconds.
TOOK, WIDTH, SENT_EACH, LIMITED_EACH = "took_ms", "span_ms", "sent_each", "limited_each"
SENT, LIMITED, RESENT, ALLOWED = "sent", "rate_limited", "resent", "allowed_milli"
# Names of the facts; ``allowed_milli`` are thousandths of a request a second.


@dataclass(frozen=True, slots=True)
class Counted:
    """What a process has sent so far: requests, those that a limiter turned away, and those sent again."""

    sent: int = 0
    limited: int = 0
    resent: int = 0

    def since(self, before: "Counted") -> "Counted":
        """Return what came after ``before``."""
        return Counted(self.sent - before.sent, self.limited - before.limited, self.resent - before.resent)


@dataclass(slots=True)
class RunPace:
    """One invocation under way.

    Attributes:
        width_ms: of a span, milliseconds.
        sent, limited: of each span, how many requests left and how many were turned away.
        took_ms: when it was noted last, milliseconds since it began.
        total: what was sent until then.
    """

    width_ms: int = WIDTH_MS
    sent: list[int] = field(default_factory=list)
    limited: list[int] = field(default_factory=list)
    took_ms: int = 0
    total: Counted = field(default_factory=Counted)

    def note(self, at_ms: int, total: Counted) -> None:
        """Take note of everything sent until ``at_ms``, milliseconds since the beginning; both only grow.

        What came since the last note belongs to the span in which that one was made.
        """
        grown = total.since(self.total)
        while self.took_ms // self.width_ms >= MOST:
            self._join()
        span = self.took_ms // self.width_ms
        missing = [0] * (span + 1 - len(self.sent))
        self.sent += missing
        self.limited += missing
        self.sent[span] += grown.sent
        self.limited[span] += grown.limited
        self.took_ms, self.total = max(at_ms, self.took_ms), total

    def _join(self) -> None:
        self.width_ms *= 2
        self.sent, self.limited = _by_two(self.sent), _by_two(self.limited)

    def to_facts(self, allowed: float) -> dict[str, Any]:
        """Return it as it is kept; ``allowed`` is how many requests a second the limits let through at most."""
        each = {SENT_EACH: self.sent, LIMITED_EACH: self.limited if any(self.limited) else []}
        return {
            TOOK: self.took_ms,
            SENT: self.total.sent,
            LIMITED: self.total.limited,
            RESENT: self.total.resent,
            ALLOWED: round(allowed * 1000),
            WIDTH: self.width_ms,
            **each,
        }


def _by_two(counts: list[int]) -> list[int]:
    return [one + other for one, other in zip_longest(counts[::2], counts[1::2], fillvalue=0)]


@dataclass(frozen=True, slots=True)
class PaceRecord:
    """One invocation as its end has kept it.

    Attributes:
        took_ms: how long it took, milliseconds.
        total: what it has sent.
        allowed: requests a second that the limits let through at most.
        width_ms: of a span, milliseconds.
        spans: of each, requests sent and turned away.
    """

    took_ms: int
    total: Counted
    allowed: float
    width_ms: int
    spans: tuple[tuple[int, int], ...]


def record_of(facts: Mapping[str, Any]) -> PaceRecord | None:
    """Return what `RunPace.to_facts` wrote; None for an end without it, as older programs have noted them."""
    numbers = [facts.get(name) for name in (TOOK, SENT, LIMITED, RESENT, ALLOWED, WIDTH)]
    if not all(type(number) is int for number in numbers) or not facts[WIDTH] > 0:
        return None
    took, sent, limited, resent, allowed, width = map(int, numbers)  # type: ignore[arg-type]
    spans = zip_longest(facts.get(SENT_EACH) or (), facts.get(LIMITED_EACH) or (), fillvalue=0)
    return PaceRecord(took, Counted(sent, limited, resent), allowed / 1000, width, tuple(spans))


@dataclass(frozen=True, slots=True)
class Series:
    """Several invocations one after the other, without the time between them.

    Attributes:
        width_ms: of a span, milliseconds.
        spans: of each, requests sent and turned away; at most `MOST`.
        begins: the spans in which an invocation begins.
    """

    width_ms: int
    spans: tuple[tuple[int, int], ...]
    begins: tuple[int, ...]


def joined(records: Iterable[PaceRecord]) -> Series:
    """Join records in their order; what was sent is in the series to the last request."""
    each = list(records)
    width = max((record.width_ms for record in each), default=WIDTH_MS)
    length = sum(_length(record) for record in each)
    while length > width * MOST:
        width *= 2
    sent, limited, begins = [0] * MOST, [0] * MOST, []
    last = began = 0
    for record in each:
        begins.append(min(began // width, MOST - 1))
        for at, (count, turned_away) in _placed(record, began):
            last = min(at // width, MOST - 1)
            sent[last] += count
            limited[last] += turned_away
        began += _length(record)
    used = last + 1 if each else 0
    return Series(width, tuple(zip(sent, limited, strict=True))[:used], tuple(dict.fromkeys(begins)))


def _length(record: PaceRecord) -> int:
    return max(record.took_ms, record.width_ms * len(record.spans))


def _placed(record: PaceRecord, began: int) -> Iterator[tuple[int, tuple[int, int]]]:
    return ((began + n * record.width_ms, span) for n, span in enumerate(record.spans))
