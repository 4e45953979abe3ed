"""Progress of a run: a bar on a terminal, a line every ten seconds elsewhere. Both on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from billing.cli.face import is_terminal, say
from billing.cli.tables import duration
from billing.core.states import Group
from billing.flow.progress import Snapshot, Watch

QUIET_SECONDS = 10.0
# Often enough to see that it lives, seldom enough for a scheduler's log.
DRAW_SECONDS = 0.1
FINEST_SHARE = 0.1
# Percent: what is less is said to be less.

SHORT = {
    Group.SUCCEEDED: "paid",
    Group.PROCESSING: "processing",
    Group.DECLINED: "declined",
    Group.NEEDS_CUSTOMER: "needs customer",
    Group.UNKNOWN: "unknown",
    Group.FAILED: "failed",
    Group.SKIPPED: "skipped",
    Group.PENDING: "pending",
    Group.PARKED: "parked",
}


def counts_text(snapshot: Snapshot) -> str:
    """Write the counts so far: ``paid 120  declined 4``."""
    return "  ".join(f"{word} {snapshot.counts[group]:,}" for group, word in SHORT.items() if snapshot.counts[group])


def left_text(snapshot: Snapshot) -> str:
    """Write how fast it goes, what is allowed and refused, and how long it still takes at the pace so far.

    ``24.3 requests/s of 25 (hold)  0.1 % limited  about 3m left``
    """
    if not snapshot.done or not snapshot.elapsed:
        return ""
    left = duration(max(snapshot.total - snapshot.done, 0) * snapshot.elapsed / snapshot.done)
    return "  ".join(text for text in (_pace_text(snapshot), _limited_text(snapshot), f"about {left} left") if text)


def _pace_text(snapshot: Snapshot) -> str:
    if not snapshot.rate:
        return f"{snapshot.sent / snapshot.elapsed:.1f} requests/s"
    allowed = f"{snapshot.rate:,.0f}" if snapshot.rate >= 100 else f"{snapshot.rate:.3g}"
    return f"{snapshot.pace:.1f} requests/s of {allowed} ({snapshot.phase})"


def _limited_text(snapshot: Snapshot) -> str:
    """Write the share of answers that were a limiter's: nothing while there were none, never 0.0 when there were."""
    if not snapshot.rate_limited:
        return ""
    share = 100 * snapshot.rate_limited / snapshot.sent
    return f"{share:.1f} % limited" if share >= FINEST_SHARE else f"under {FINEST_SHARE} % limited"


@contextmanager
def watching(title: str) -> Iterator[Watch]:
    """Yield a watch that draws as the terminal allows."""
    if is_terminal(sys.stderr):
        with _bar(title) as watch:
            yield watch
    else:
        yield _lines(title)


def _lines(title: str) -> Watch:
    last = time.monotonic()

    def watch(snapshot: Snapshot) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < QUIET_SECONDS:
            return
        last = now
        say(
            f"{title}: {snapshot.done:,} of {snapshot.total:,}  {counts_text(snapshot)}  {left_text(snapshot)}".rstrip()
        )

    return watch


@contextmanager
def _bar(title: str) -> Iterator[Watch]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[counts]}", markup=False),
    )
    progress = Progress(*columns, console=console, transient=True, refresh_per_second=8)
    task = progress.add_task(title, total=None, left="", counts="")
    drawn = 0.0

    def watch(snapshot: Snapshot) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn < DRAW_SECONDS and snapshot.done < snapshot.total:
            return
        progress.start()  # not before the first item: until then a question may stand on the terminal
        drawn = now
        left, counts = left_text(snapshot), counts_text(snapshot)
        progress.update(task, total=snapshot.total, completed=snapshot.done, left=left, counts=counts)

    try:
        yield watch
    finally:
        progress.stop()
