"""Many worlds side by side, and what they came to in one sentence."""

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.kills import editing, machines, recurring, refunding, workers, world
from tests.kills.points import Point
from tests.kills.verdict import Asked, Verdict

LIVE = {1: world.live, 2: machines.live}


def verdicts(asked: Iterable[Asked], jobs: int) -> Iterator[Verdict]:
    """Live these worlds, a few at one time, and give each verdict as it comes."""
    with world.stage() as root, ThreadPoolExecutor(jobs) as pool:
        lives = [(_life_of(each), each) for each in asked]
        for done in as_completed([pool.submit(live, each, root) for live, each in lives]):
            yield done.result()


def _life_of(asked: Asked) -> Callable[[Asked, Path], Verdict]:
    if asked.workers:
        return workers.live
    if asked.recurring:
        return recurring.live
    if asked.refunds:
        return refunding.live
    return editing.live if asked.edits else LIVE[asked.machines]


def hits_of(found: Sequence[Verdict]) -> Counter[Point]:
    """Living processes that were struck, by point."""
    return sum((verdict.hits for verdict in found), Counter())


def sum_up(found: Sequence[Verdict]) -> str:
    """The figures: blows that fell on living processes, and the four zeros."""
    kills, stops = (sum(verdict.count(blow) for verdict in found) for blow in (signal.SIGKILL, signal.SIGSTOP))
    kinds = {"double": "double", "hidden": "hidden", "false": "falsely told", "open": "open"}
    zeros = (f"{sum(len(getattr(verdict.findings, kind)) for verdict in found)} {name}" for kind, name in kinds.items())
    return f"{kills} SIGKILL, {stops} SIGSTOP at {len(hits_of(found))} points, {', '.join(zeros)}"


def figures_of(found: Sequence[Verdict]) -> str:
    """What else was counted, in a line of its own; nothing where nothing was."""
    figures: Counter[str] = sum((verdict.figures for verdict in found), Counter())
    return ", ".join(f"{count} {name}" for name, count in figures.items()) + "\n" * bool(figures)
