"""A run under way as its page shows it: how far, how much money, how long still, is anything wrong, what stops it.

Everything is of the ledger: its tallies, its last entries and their times, what the run keeps of its limits, and who
holds its lock. The page names nodes; each look gives their texts, and a browser puts them in their places.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from billing.core import wording
from billing.core.entries import Entry
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.life import Life, Phase
from billing.core.records import RunRecord, RunStatus, SheetTally
from billing.core.tones import NOT_CHARGED, TONES
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.logs import visible
from billing.edge.pages.charts import curve
from billing.flow.engine.guards import TRIED, UNPAID
from billing.flow.outturn import ROWS, Outturn, Row, outturn_of, row_of
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.standing import UNDER_WAY, awaits_workers, is_worked

ENTRIES = 8_000
# The last entries of a run that are read at once: most of a minute at the usual pace. After that only new ones are.
PACE_SECONDS = 60
# What the pace is reckoned over.
CURVE_SECONDS = 180
STEP_SECONDS = 3
# What the curve shows, and each of its points.
KEPT = 500
# Events and answers that are kept: more than a window of declines.
EVENTS = 6
QUIET_SECONDS = 20
# After so long without an entry, a run that goes on says so.
UNSEEN = frozenset({Phase.WAITING, Phase.PREPARING, Phase.MONEY, Phase.CLOSING})
# Phases that are no news on a page.
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of an item: where it has brought it.

    Attributes:
        entry: as the ledger has it.
        row: of the outturn.
    """

    entry: Entry
    row: str


@dataclass(slots=True)
class Followed:
    """What is known of the last minutes of a run, from its entries, each read once.

    Attributes:
        life: of its items.
        seq: the last entry that was read.
        happened: the last events that a person may want to know of, the newest first.
        rested: second since 1970 -> how many lines came to rest in it.
        tried: the last answers, the newest first: whether it was a decline, and the code of any other refusal.
        latest: the moment of the last entry, seconds since 1970; 0 before any.
    """

    life: Life
    seq: int = 0
    happened: deque[Happened] = field(default_factory=lambda: deque(maxlen=KEPT))
    rested: Counter[int] = field(default_factory=Counter)
    tried: deque[tuple[bool, str]] = field(default_factory=lambda: deque(maxlen=KEPT))
    latest: float = 0.0

    def read_on(self, ledger: Ledger, run_id: str) -> None:
        """Read what is new."""
        came_to = {str(event): edge.to for (_, event), edge in self.life.edges.items()}
        for entry in reversed(ledger.onlooker.recent(run_id, self.seq, ENTRIES)):
            self.seq = max(self.seq, entry.seq)
            at = wording.parsed(entry.at, UTC_ZONE)
            self.latest = at.timestamp() if at else self.latest
            if entry.name in came_to:
                self._take(entry, came_to[entry.name])
        for second in [each for each in self.rested if each < self.latest - CURVE_SECONDS - STEP_SECONDS]:
            del self.rested[second]

    def _take(self, entry: Entry, state: StrEnum) -> None:
        group, reason = (str(entry.facts.get(name) or "") for name in ("group", "reason_code"))
        row = row_of(SheetTally("", state, group, reason, entry.currency, 1, entry.amount or 0))
        meaning = self.life.meanings[state]
        if row not in UNDER_WAY:
            self.rested[int(self.latest)] += 1
        if meaning.phase not in UNSEEN:
            self.happened.appendleft(Happened(entry, row))
        if meaning.group in TRIED:
            unpaid = meaning.group in UNPAID
            declined = unpaid and "declines" in entry.facts
            self.tried.appendleft((declined, reason if unpaid and not declined else ""))


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a run.

    Attributes:
        record: of the run.
        running: whether a process is at it.
        waiting: whether it is handed out to workers, and none is there.
        outturn: where its lines stand.
        followed: its last minutes.
        stop: what was noted when it stopped early.
        now: the time.
    """

    record: RunRecord
    running: bool
    waiting: bool
    outturn: Outturn
    followed: Followed
    stop: Mapping[str, Any]
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        """Whose clocks it is shown on."""
        return ZoneInfo(self.record.header.get("timezone") or "UTC")

    @property
    def over(self) -> bool:
        """Whether nobody is at it, and it is not about to begin."""
        begins = self.waiting or self.record.status in (RunStatus.PLANNED, RunStatus.REBUILDING)
        return not self.running and not begins

    @property
    def to_do(self) -> int:
        """Lines that the run is to deal with."""
        return sum(row.lines for code, row in self.outturn.rows.items() if code not in NOT_CHARGED)

    @property
    def left(self) -> int:
        """Those among them that have not come to rest."""
        return sum(row.lines for code, row in self.outturn.rows.items() if code in UNDER_WAY)

    def lines(self, row: str) -> int:
        """Return how many lines stand in a row."""
        found = self.outturn.rows.get(row)
        return found.lines if found else 0


def look_at(
    ledger: Ledger, record: RunRecord, attendance: Attendance, followed: Followed, now: datetime
) -> Look:  # fmt: skip
    """Look at a run; ``record`` was read after ``attendance`` was asked for."""
    followed.read_on(ledger, record.run_id)
    running, waiting = is_worked(record, attendance), awaits_workers(record, attendance)
    stop = ledger.latest_stop(record.run_id) if record.status is RunStatus.STOPPED else {}
    return Look(record, running, waiting, outturn_of(ledger, record), followed, stop, now)


def nodes_of(look: Look) -> dict[str, dict[str, Any]]:
    """Return what its page shows, by node; control characters of a sheet are written out."""
    return {name: facts | ({"text": visible(facts["text"])} if "text" in facts else {}) for name, facts in _nodes(look)}


Node = tuple[str, dict[str, Any]]


def _nodes(look: Look) -> Iterator[Node]:
    done = look.to_do - look.left
    share = f"{100 * done // look.to_do} %" if look.to_do else ""
    yield "title", {"text": f"{share} {look.record.run_id}".strip()}
    yield from _state(look, done)
    yield "progress", {"value": done, "max": look.to_do, "text": f"{done:,} of {look.to_do:,}"}
    yield from _rows(look)
    yield from _money(look)
    yield from _attention(look)
    yield from _limits(look)
    yield from _pace(look)
    yield from _events(look)
    yield "read", {"text": wording.clock(look.now.isoformat(), look.zone)}


def _state(look: Look, done: int) -> Iterator[Node]:
    """Say in a sentence where it is, with what stands beside and below."""
    at = f"{done:,} of {look.to_do:,}"
    head, tone, more = _sentence(look, at)
    yield "head", {"text": head}
    yield "mark", {"tone": tone, "hidden": look.running}
    yield "more", {"text": more, "hidden": not more}
    yield "left", {"text": _time_left(look), "hidden": not look.running}
    yield "over", {"hidden": look.running or look.waiting or look.record.status is RunStatus.PLANNED}
    yield "pause", {"hidden": not look.running}
    quiet = _quiet(look)
    yield "quiet", {"text": f"No news for {wording.duration(quiet)}: nothing was written to the ledger.",
                    "hidden": not look.running or quiet < QUIET_SECONDS}  # fmt: skip


def _sentence(look: Look, at: str) -> tuple[str, str, str]:
    """Return the sentence, the tone of its mark, and what is said below it."""
    record, run_id = look.record, look.record.run_id
    if look.running:
        return f"{at} lines are done", "way", ""
    if record.status is RunStatus.FINISHED:
        said = f"Finished at {wording.clock(record.finished_at, look.zone)}"
        return said, "paid", f"{at} lines are done. {look.lines('paid'):,} {look.outturn.label('paid')}."
    if record.status is RunStatus.STOPPED:
        reason = str(look.stop.get("reason") or "it was told to stop")
        return f"Stopped at {at}", "warn", f"{reason}. Nothing more is sent until the run is continued."
    if look.waiting:
        return f"Waiting for workers: {at} lines are done", "skip", "No worker is there: billing worker works it."
    if record.status is RunStatus.RUNNING:
        return (
            f"Nobody is at it: {at} lines are done",
            "unk",
            f"Its process ended without a word. billing run continues {run_id}.",
        )
    if record.status is RunStatus.REBUILDING:
        return "Being rebuilt", "unk", "What was paid is not known until that is complete."
    return "Planned, not started", "skip", ""


def _quiet(look: Look) -> float:
    """Return for how many seconds nothing has happened."""
    began = wording.parsed(look.record.started_at, look.zone)
    latest = max(look.followed.latest, began.timestamp() if began else 0.0)
    return look.now.timestamp() - latest if latest else 0.0


def per_second(look: Look) -> float:
    """Return how many lines came to rest a second in the last minute, or since the run began."""
    now, rested = int(look.now.timestamp()), look.followed.rested
    first = max(now - PACE_SECONDS, min(rested, default=now))
    return sum(count for second, count in rested.items() if second >= first) / max(1, now - first)


def _time_left(look: Look) -> str:
    rate = per_second(look)
    if not look.running or not rate:
        return ""
    seconds = look.left / rate
    until = (look.now + timedelta(seconds=seconds)).astimezone(look.zone)
    return f"about {wording.duration(seconds)} left, until {until:%H:%M}"


def _rows(look: Look) -> Iterator[Node]:
    for code in ROWS:
        lines = look.lines(code)
        said = f"{first_up(row_words(look.record.kind, code))} {lines:,}"
        at_stripe = _at_stripe(look) if code == "not_yet" else 0
        if at_stripe:
            said += f", of these {at_stripe:,} at Stripe now"
        yield f"row-{code}", {"text": said, "hidden": not lines and code not in ("paid", "no_answer_yet")}


def _at_stripe(look: Look) -> int:
    life = LIVES[look.record.kind]
    busy = life.within(Phase.PREPARING, Phase.MONEY)
    rows = look.outturn.rows.values()
    return sum(lines for row in rows for state, lines in row.states.items() if state in busy) if look.running else 0


def currencies_of(look: Look) -> list[str]:
    """Return the currencies of what the run deals with, most lines first."""
    return sorted(_totals(look.outturn.rows, NOT_CHARGED))


def _totals(rows: Mapping[str, Row], without: frozenset[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for code, row in rows.items():
        if code not in without:
            for currency, minor in row.totals.items():
                found[currency] = found.get(currency, 0) + minor
    return found


def _money(look: Look) -> Iterator[Node]:
    paid = look.outturn.rows["paid"].totals if "paid" in look.outturn.rows else {}
    word = look.outturn.label("paid")
    for currency, minor in _totals(look.outturn.rows, NOT_CHARGED).items():
        has = paid.get(currency, 0)
        yield f"money-{currency}", {"text": wording.amount(has, currency)}
        yield f"of-{currency}", {"text": f"{word} of {wording.amount(minor, currency)}"}
        yield f"bar-{currency}", {"width": f"{100 * has / minor if minor else 0:.2f}%"}


ATTENTION: Mapping[str, tuple[str, str]] = {
    "no_answer_yet": ("without an answer", "Looked up at Stripe, and not sent again until that is known."),
    "look_in_stripe": ("to look at in Stripe", "Stripe would not say what became of them: a person decides."),
    "customer_must_act": (
        "wait for their customer",
        "Their bank wants a confirmation. The report lists them.",
    ),
    "account_refuses": ("refused by their account", "The account cannot take charges at the moment. See the account."),
    "not_paid": ("closed unpaid", "Nothing was taken. The report says why."),
}
# Rows that somebody may want to know of while a run goes on: what is said of so many lines, and below it.


def _attention(look: Look) -> Iterator[Node]:
    any_of_them = False
    for code, (said, _) in ATTENTION.items():
        lines = look.lines(code)
        any_of_them = any_of_them or bool(lines)
        yield f"att-{code}", {"text": f"{wording.counted(lines, 'line')} {said}", "hidden": not lines}
        yield f"att-{code}-row", {"hidden": not lines}
    yield "att-none", {"hidden": any_of_them}


def limits_of(record: RunRecord) -> Mapping[str, Any]:
    """Return what a run keeps of what stops it by itself; nothing where that was not kept, or does not hold."""
    return {} if record.kind is Kind.SYNC else dict(record.header.get("stop_on") or {})


def _limits(look: Look) -> Iterator[Node]:
    limits = limits_of(look.record)
    if not limits:
        return
    tried = list(look.followed.tried)
    size, rate, most = int(limits["after_items"]), float(limits["decline_rate"]), int(limits["same_error"])
    declines = sum(1 for declined, _ in tried[:size] if declined)
    allowed = int(size * rate)
    yield "wave", {"text": f"{declines:,} of {allowed:,}"}
    yield "wave-bar", {"width": f"{min(100.0, 100 * declines / max(1, allowed)):.1f}%"}
    same = _same(tried)
    yield "same", {"text": f"{same:,} of {most:,}"}
    yield "same-bar", {"width": f"{min(100.0, 100 * same / max(1, most)):.1f}%"}


def _same(tried: Sequence[tuple[bool, str]]) -> int:
    """Return how often the last refusal has come in a row."""
    code = tried[0][1] if tried else ""
    if not code:
        return 0
    return next((n for n, (_, other) in enumerate(tried) if other != code), len(tried))


def _pace(look: Look) -> Iterator[Node]:
    points = pace_points(look)
    most = max([*points, 1.0])
    now = per_second(look)
    said = f"{now:.1f} lines a second" if look.running else "Nothing is sent now"
    yield "pace", {"text": said}
    yield "curve", {"d": curve(points, most) if any(points) else "M0 100 100 100"}
    yield "pace-top", {"text": f"{most:.0f} a second"}
    yield (
        "pace-desc",
        {"text": f"At most {most:.1f} lines came to rest a second in the last three minutes; {now:.1f} now."},
    )


def pace_points(look: Look) -> list[float]:
    """Return lines a second over the last minutes, the oldest first."""
    counts, now = [0] * (CURVE_SECONDS // STEP_SECONDS), int(look.now.timestamp())
    for second, count in look.followed.rested.items():
        if 0 <= now - second < CURVE_SECONDS:
            counts[-1 - (now - second) // STEP_SECONDS] += count
    return [count / STEP_SECONDS for count in counts]


def _events(look: Look) -> Iterator[Node]:
    shown = list(look.followed.happened)[:EVENTS]
    for n in range(EVENTS):
        yield f"event-{n}", {"hidden": n >= len(shown)}
        if n >= len(shown):
            for name in ("when", "what", "line", "amount"):
                yield f"event-{n}-{name}", {"text": ""}
            yield f"event-{n}-icon", {"tone": "skip"}
            continue
        each = shown[n]
        entry, reason = each.entry, str(each.entry.facts.get("reason") or "")
        address = f"/item?{urlencode({'run': look.record.run_id, 'reference': entry.reference})}"
        yield f"event-{n}-when", {"text": wording.clock(entry.at, look.zone)}
        yield f"event-{n}-icon", {"tone": str(TONES[each.row])}
        yield f"event-{n}-line", {"text": entry.reference, "href": address}
        yield f"event-{n}-what", {"text": row_words(look.record.kind, each.row) + (f": {reason}" if reason else "")}
        yield f"event-{n}-amount", {"text": wording.priced(entry.amount or 0, entry.currency)}


def utc_now() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)
