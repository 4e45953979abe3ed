"""Measure the pacer: ``python -m tests.bench.pace [--seeds N] [--json FILE] [--svg FILE]``.

The shipped throttle and simpler ones before the sandbox's own limiters, on virtual time: the figures of a seed are the
same on every machine. The picture shows a limit of 100 requests a second that halves and doubles back.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from billing.edge.pacing.pacer import Pacer
from billing.edge.pacing.throttle import Rates, Throttle
from billing.sandbox.config import LimitChange
from tests.bench.chart import Chart, Line, Marks
from tests.pace.baselines import AimdThrottle, FixedThrottle
from tests.pace.harness import Play, Trace, per_second, unknown, wide

LIMIT, HALF, FALL, RISE, END = 100.0, 50.0, 60.0, 120.0, 180.0
CHANGES = (LimitChange(FALL, per_second(HALF)), LimitChange(RISE, per_second(LIMIT)))
CROWD = per_second(LIMIT, platform_concurrency=40)
CAP_UNKNOWN = 200.0
NEVER = math.inf

Client = tuple[str, float, Callable[[Rates], Throttle]]
CLIENTS: tuple[Client, ...] = (
    ("fixed at 100", LIMIT, FixedThrottle),
    ("fixed at 200", 2 * LIMIT, FixedThrottle),
    ("fixed at 50", HALF, FixedThrottle),
    ("AIMD +5/s, x 0.7", CAP_UNKNOWN, AimdThrottle),
    ("Hold, limit unknown", CAP_UNKNOWN, unknown),
    ("Hold, limit known", LIMIT, Throttle),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One client: shares of a limit used and of requests refused, seconds to get used to another limit, medians."""

    client: str
    used: float
    refused: float
    found_seconds: float
    used_half: float
    refused_half: float
    settled_seconds: float
    recovered_seconds: float
    refused_in_all: float
    most_in_a_second: int
    crowd_per_second: float
    crowd_refused: float


def figures(client: Client, seeds: Sequence[int]) -> Figures:
    """Measure one client."""
    name, cap, throttle = client
    traces = Play(wide(cap), per_second(LIMIT), CHANGES, seconds=END, throttle=throttle).traces(seeds)
    crowd = Play(wide(LIMIT), CROWD, seconds=120.0, throttle=throttle).traces(seeds)

    def over(figure: Callable[[Trace], float], among: list[Trace] = traces) -> float:
        return median(figure(trace) for trace in among)

    def calm(trace: Trace, begin: float, end: float) -> bool:
        return trace.refused(begin, end) <= 0.02 and trace.admitted(begin, end) >= 0.9 * HALF

    return Figures(
        name,
        over(lambda t: t.admitted(0.0, FALL) / LIMIT),
        over(lambda t: t.refused(0.0, FALL)),
        over(lambda t: t.until(0.0, FALL, lambda a, b: t.admitted(a, b) >= 0.95 * LIMIT)),
        over(lambda t: t.admitted(FALL, RISE) / HALF),
        over(lambda t: t.refused(FALL, RISE)),
        over(lambda t: t.until(FALL, RISE, lambda a, b: calm(t, a, b))),
        over(lambda t: t.until(RISE, END, lambda a, b: t.admitted(a, b) >= 0.9 * LIMIT)),
        over(lambda t: t.refused()),
        max(trace.most_in_any_second() for trace in traces),
        over(lambda t: t.admitted(10.0, 120.0), crowd),
        over(lambda t: t.refused(), crowd),
    )


HEADS = (
    ("", "client"), ("100/s", "used"), ("", "429"), ("", "found"), ("50/s", "used"), ("", "429"), ("", "settled"),
    ("100/s", "back"), ("all", "429"), ("1 s", "most"), ("40 in", "served"), ("flight", "429"),
)  # fmt: skip


def row(found: Figures) -> tuple[str, ...]:
    """Write one client's figures."""

    def share(value: float) -> str:
        return f"{100 * value:.2f}%"

    def seconds(value: float) -> str:
        return "never" if value == NEVER else f"{value:.1f} s"

    return (
        found.client, f"{100 * found.used:.1f}%", share(found.refused), seconds(found.found_seconds),
        f"{100 * found.used_half:.1f}%", share(found.refused_half), seconds(found.settled_seconds),
        seconds(found.recovered_seconds), share(found.refused_in_all), str(found.most_in_a_second),
        f"{found.crowd_per_second:.1f}/s", share(found.crowd_refused),
    )  # fmt: skip


def table(found: Sequence[Figures]) -> str:
    """Write all of them, one a line."""
    lines = [tuple(head[0] for head in HEADS), tuple(head[1] for head in HEADS), *map(row, found)]
    return "".join(f"{line[0]:22}" + "".join(f"{cell:>9}" for cell in line[1:]).rstrip() + "\n" for line in lines)


def cost(takes: int = 200_000) -> float:
    """Return the seconds of this machine that one token costs, taken and asked for."""
    pacer, now = Pacer(100.0), 0.0
    began = time.perf_counter()
    for _ in range(takes):
        now = max(now, pacer.due)
        pacer.take(now)
    return (time.perf_counter() - began) / takes


def picture(seed: int = 0) -> str:
    """Draw how the controller meets the three limits, as SVG."""
    trace = Play(wide(CAP_UNKNOWN), per_second(LIMIT), CHANGES, seconds=END, throttle=unknown).perform(seed)
    chart = Chart("Requests a second while the limit goes 100 → 50 → 100", "seconds", "requests a second", END, 200.0)
    chart.bands(
        [(0.0, FALL, f"limit {LIMIT:.0f}/s"), (FALL, RISE, f"limit {HALF:.0f}/s"), (RISE, END, f"limit {LIMIT:.0f}/s")]
    )
    limit = [(0.0, LIMIT), (FALL, LIMIT), (FALL, HALF), (RISE, HALF), (RISE, LIMIT), (END, LIMIT)]
    chart.line(Line("what the server allows", "#9aa3ad", limit, dashes="6 4"))
    chart.line(Line("admitted", "#1a8f5a", [(n + 0.5, trace.admitted(n, n + 1)) for n in range(int(END))], width=2.2))
    chart.line(Line("rate of the controller", "#1f5fbf", [(at, rate) for at, rate, _ in trace.rates], width=1.4))
    refused = [(float(n), sum(e.reason is not None for e in trace.between(n, n + 1))) for n in range(int(END))]
    chart.marks(Marks("429s in that second", "#d1443a", refused))
    share, count = trace.refused(), sum(each.reason is not None for each in trace.seen)
    chart.note(
        f"limit not known beforehand, starting at 20/s · {len(trace.seen):,} requests, {count} of them 429 "
        f"({100 * share:.1f} %) · seed {seed}, virtual time"
    )
    return chart.svg()


def main() -> None:
    """Measure, print the table, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pace", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--svg", type=Path, help="draw the controller there")
    asked = parser.parse_args()
    found = [figures(client, range(asked.seeds)) for client in CLIENTS]
    sys.stdout.write(table(found))
    sys.stdout.write(f"one token costs {1e6 * cost():.2f} microseconds here\n")
    if asked.json is not None:
        rows = [{name: None if value == NEVER else value for name, value in asdict(one).items()} for one in found]
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if asked.svg is not None:
        asked.svg.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
