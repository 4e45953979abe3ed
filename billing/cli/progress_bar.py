"""Progress on stderr: three lines redrawn in place on a terminal, a line every ten seconds elsewhere, JSON events."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TextIO

from billing.cli.session import ErrorStyle
from billing.cli.tables import amounts, duration
from billing.cli.terminal import Drawn, is_terminal, write_err
from billing.core.life import Group
from billing.edge.logs import open_log, visible
from billing.edge.stripe.breaker import LONGEST_PAUSE, PATIENCE
from billing.flow.engine.progress import TELL_SECONDS, Snapshot, Watch, telling

DRAW_SECONDS = 0.1
WIDE, NARROW = 80, 60
# Columns: from the first on all that there is, below the second no bar.
SHORTEST_BAR = 8
SLOWED = 0.9
# Of what the limits allow: what is sent below that share, after a refusal, is said to be held back.

SHORT = {
    Group.PROCESSING: "on its way",
    Group.DECLINED: "declined",
    Group.NEEDS_CUSTOMER: "customer must act",
    Group.UNKNOWN: "being looked up",
    Group.FAILED: "failed",
    Group.SKIPPED: "left out",
    Group.PENDING: "not yet",
    Group.PARKED: "look in Stripe",
}
# What is said beside the amounts paid, in this order.


def frame(title: str, snapshot: Snapshot, width: int, *, unicode: bool) -> list[str]:
    """Write the lines of the progress, each shorter than ``width``: what matters most comes first and goes last."""
    room = width - 1  # the last column would make some terminals begin another line
    lines = [_bar_line(title, snapshot, room, unicode=unicode), _money_line(snapshot, room, all_of_it=width >= WIDE)]
    said = _note(snapshot) or _fitting(_counts(snapshot), room, "   ")
    return [visible(line)[:room] for line in [*lines, said] if line]


def _bar_line(title: str, snapshot: Snapshot, room: int, *, unicode: bool) -> str:
    share = snapshot.done / snapshot.total if snapshot.total else 0.0
    left = "" if snapshot.left_seconds is None else f"  {duration(snapshot.left_seconds)} left"
    end = f"{int(100 * share):3d} %{left}"
    space = room - len(title) - len(end) - 4
    if room + 1 < NARROW or space < SHORTEST_BAR:
        return f"{title[: max(room - len(end) - 2, 0)]}  {end}"
    full, empty = ("━", "─") if unicode else ("#", ".")
    done = int(space * share)
    return f"{title}  {full * done}{empty * (space - done)}  {end}"


def _money_line(snapshot: Snapshot, room: int, *, all_of_it: bool) -> str:
    count = f"{snapshot.done:,} of {snapshot.total:,}" + (f" {snapshot.doing}" if snapshot.doing else "")
    parts = [amounts({code: minor}) for code, minor in sorted(snapshot.paid.items(), key=lambda each: -each[1])]
    if not parts:
        return count
    parts = parts if all_of_it else parts[:1]
    return _fitting([f"{count}    {snapshot.word} {parts[0]}", *parts[1:]], room, "  ") or count


def _counts(snapshot: Snapshot) -> list[str]:
    return [f"{word} {snapshot.counts[group]:,}" for group, word in SHORT.items() if snapshot.counts[group]]


def _note(snapshot: Snapshot) -> str:
    """Return the one thing to know, if there is one."""
    if snapshot.note:
        return snapshot.note
    if snapshot.away:
        since = datetime.now().astimezone() - timedelta(seconds=snapshot.away)
        pauses = f"trying every {LONGEST_PAUSE:.0f} s for {PATIENCE / 60:.0f} min at most"
        return f"Stripe cannot be reached since {since:%H:%M:%S}, {pauses}"
    if snapshot.rate_limited and 0 < snapshot.rate < SLOWED * snapshot.most:
        return f"Stripe asks us to slow down: {snapshot.rate:.0f} of {snapshot.most:.0f} requests a second for now"
    return ""


def _fitting(parts: list[str], room: int, glue: str) -> str:
    """Join as many parts as fit."""
    while parts and len(glue.join(parts)) > room:
        parts = parts[:-1]
    return glue.join(parts)


def sentence(title: str, snapshot: Snapshot) -> str:
    """Write the progress as one line, for a log that a person reads."""
    words = [f"{snapshot.done:,} of {snapshot.total:,}" + (f" {snapshot.doing}" if snapshot.doing else "")]
    if snapshot.counts[Group.SUCCEEDED]:
        words.append(f"{snapshot.word} {snapshot.counts[Group.SUCCEEDED]:,}")
    words += _counts(snapshot)
    if snapshot.left_seconds is not None:
        words.append(f"{duration(snapshot.left_seconds)} left")
    if snapshot.away:
        words.append(f"no answer from Stripe for {duration(snapshot.away)}")
    return f"{title}: {', '.join(words)}"


@contextmanager
def watching(title: str) -> Iterator[Watch]:
    """Yield a watch that shows progress as stderr allows: events, lines, or a drawing that is gone at the end."""
    if ErrorStyle.json_log:
        yield telling(open_log("info", "json"), title)
    elif is_terminal(sys.stderr) and os.environ.get("TERM", "dumb") != "dumb":
        screen = Screen(sys.stderr)
        Drawn.clear = screen.clear
        try:
            yield _drawing(title, screen)
        finally:
            screen.clear()
            Drawn.clear = None
    else:
        yield _lines(title)


def _lines(title: str, seconds: Callable[[], float] = time.monotonic) -> Watch:
    last = seconds()

    def watch(snapshot: Snapshot) -> None:
        nonlocal last
        now = seconds()
        if now - last < TELL_SECONDS:
            return
        last = now
        write_err(visible(sentence(title, snapshot)))

    return watch


def _drawing(title: str, screen: "Screen") -> Watch:
    drawn = 0.0
    unicode = speaks_unicode(os.environ)

    def watch(snapshot: Snapshot) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn < DRAW_SECONDS and snapshot.done < snapshot.total and not snapshot.note:
            return
        drawn = now
        screen.draw(frame(title, snapshot, columns(), unicode=unicode))

    return watch


class Screen:
    """Lines at the end of a terminal that are replaced by the next ones."""

    def __init__(self, out: TextIO) -> None:
        """Draw on this stream."""
        self._out = out
        self._drawn: list[str] = []

    def draw(self, lines: list[str]) -> None:
        """Replace what is drawn."""
        self._out.write(self._back() + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._out.flush()
        self._drawn = lines

    def clear(self) -> None:
        """Take it away."""
        if self._drawn:
            self._out.write(self._back() + "\x1b[J")
            self._out.flush()
        self._drawn = []

    def _back(self) -> str:
        width = columns()  # a terminal that has become narrower shows a line on several of its own
        up = sum(max(1, -(-len(line) // width)) for line in self._drawn)
        return f"\r\x1b[{up}A" if up else "\r"


def columns() -> int:
    """Return how wide the terminal is."""
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or WIDE
    except (OSError, ValueError):
        return WIDE


def speaks_unicode(environ: "os._Environ[str] | dict[str, str]") -> bool:
    """Tell whether the locale is one of UTF-8: where it is not, the bar is drawn with ASCII.

    Python sets ``LC_CTYPE=C.UTF-8`` where the locale is C, for itself; the terminal did not change by that.
    """
    told = environ.get("LC_ALL") or (environ.get("LC_CTYPE") or "").replace("C.UTF-8", "") or environ.get("LANG") or ""
    return "utf-8" in told.lower() or "utf8" in told.lower()
