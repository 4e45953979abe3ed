"""How fast a run went: requests a second over its time, the limit it kept to, and where Stripe refused for speed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from billing.core.run_pace import Series
from billing.core.wording import counted, duration
from billing.edge.pages.charts import curve
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.speed import Speed

HEADROOM = 1.25
# Of the largest value, or of the limit: the upper edge of the plot.
TICKS = (0, 25, 50, 75, 100)
# Per cent of its width at which a time is named.
PLACES = 2


@dataclass(frozen=True, slots=True)
class Tick:
    """A time under the plot: its place in per cent, how its text is set to it, and the text."""

    left: float
    anchor: str
    words: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The plot.

    Attributes:
        path: of the curve, in a square of 100.
        allowed: height of the line of the limit, in em; None without one, or where it is far above.
        limit: what stands at that line.
        refused: places of refusals, in per cent.
        refusals: how many, in words; ``at`` is where that stands.
        ticks: times.
    """

    path: str
    allowed: float | None
    limit: str
    refused: tuple[float, ...]
    refusals: str
    at: float
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """What the section shows; ``curve`` is None where nothing was noted over time."""

    heading: str
    told: str
    curve: Curve | None
    desc: str
    rows: tuple[tuple[str, ...], ...]


HIGH, HEAD = 9.0, 1.9
# Em: the height of the plot, and above it.


def pace_of(overview: Overview) -> Pace | None:
    """Return how fast a run went; None for one that has not been carried to an end."""
    speed = overview.speed
    if speed is None:
        return None
    took = duration(speed.seconds) if speed.seconds >= 1 else "less than a second"
    heading = f"It took {took}" + (f" in {counted(speed.commands, 'command')}" if speed.commands > 1 else "")
    series = speed.series if speed.series is not None and len(speed.series.spans) > 1 else None
    drawn = None if series is None else _curve(series, speed)
    return Pace(heading, " ".join(_told(speed)), drawn, "" if series is None else _desc(series, speed),
                tuple(_rows(speed)))  # fmt: skip


def _told(speed: Speed) -> Iterator[str]:
    sent = speed.requests
    if sent is None:
        yield "What it sent was not noted."
    else:
        part = "" if speed.complete else " in the commands that noted it"
        yield f"{counted(sent.sent, 'request')}{part}, {speed.rate:.1f} a second."
        if speed.allowed:
            yield f"The limit was {speed.allowed:,g} a second."
        yield f"Stripe refused {sent.limited:,} for speed; a refused request is sent again." if sent.limited else (
            "Stripe refused none for speed."
        )  # fmt: skip
    if speed.lost:
        yield f"{counted(speed.lost, 'answer')} {'was' if speed.lost == 1 else 'were'} lost, then looked up."


def _rows(speed: Speed) -> Iterator[tuple[str, ...]]:
    if speed.requests is not None:
        yield "sent", f"{speed.requests.sent:,}"
        yield "sent again, the same request", f"{speed.requests.resent:,}"
        yield "refused for speed", f"{speed.requests.limited:,}"
    yield "answers lost, then looked up", f"{speed.lost:,}"


def _rates(series: Series) -> Sequence[float]:
    return [1000 * sent / series.width_ms for sent, _ in series.spans]


def _curve(series: Series, speed: Speed) -> Curve:
    rates = _rates(series)
    peak = max(rates)
    near = 0 < speed.allowed <= 3 * peak
    edge = HEADROOM * max(peak, speed.allowed if near else 0.0)
    step = 100.0 / max(len(rates) - 1, 1)
    refused = tuple(round(step * at, PLACES) for at, (_, limited) in enumerate(series.spans) if limited)
    count = sum(limited for _, limited in series.spans)
    return Curve(
        path=curve(rates, edge),
        allowed=round(HEAD + HIGH * (1 - speed.allowed / edge), PLACES) if near else None,
        limit=f"{speed.allowed:,g} a second allowed" if near else "",
        refused=refused,
        refusals=f"{count:,} refused" if count else "",
        at=min(90.0, max(10.0, refused[0])) if refused else 0.0,
        ticks=tuple(_ticks(series)),
    )  # fmt: skip


def _ticks(series: Series) -> Iterator[Tick]:
    whole = series.width_ms * len(series.spans) / 1000
    for place in TICKS:
        anchor = {TICKS[0]: "start", TICKS[-1]: "end"}.get(place, "middle")
        yield Tick(place, anchor, duration(whole * place / 100) if place else "0 s")


def _desc(series: Series, speed: Speed) -> str:
    rates = _rates(series)
    count = sum(limited for _, limited in series.spans)
    told = f"At most {max(rates):.1f} and on average {speed.rate:.1f} requests a second"
    return f"{told}; {f'{count:,} refused for speed' if count else 'none refused for speed'}."
