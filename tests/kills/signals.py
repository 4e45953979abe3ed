"""A blow: one signal to one living process, and the proof that it fell on it."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.kills.points import CLOCK, LEDGER, OPERATIONS, Phase, Point

STEP_SECONDS = 0.03  # about what an item of these worlds takes for one request and one commit
FELL = {signal.SIGKILL: os.CLD_KILLED, signal.SIGSTOP: os.CLD_STOPPED}


def strike(process: subprocess.Popen[bytes], blow: signal.Signals) -> bool:
    """Send the signal and wait until the kernel says what became of it; True when the process was alive to feel it."""
    process.send_signal(blow)
    try:
        found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    except ChildProcessError:  # somebody has asked for its end meanwhile, and knows the answer
        return process.wait() == -blow
    return found is not None and (found.si_code, found.si_status) == (FELL[blow], blow)


@dataclass(slots=True)
class Trip:
    """Strikes one runner, once, at one point.

    Attributes:
        process: whom it strikes; nobody until the runner has been started.
        heard: set when the provider has heard of that runner.
        dealing: set when the blow is about to fall.
        over: set when it has fallen.
        hit: whether it fell on a living process.
    """

    point: Point
    nth: int
    lag: float
    process: subprocess.Popen[bytes] | None = None
    heard: threading.Event = field(default_factory=threading.Event)
    dealing: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    hit: bool = False

    def deal(self) -> None:
        """Strike now."""
        if self.process is not None and not self.dealing.is_set():
            self.dealing.set()
            self.hit = strike(self.process, self.point.signal)
            self.over.set()

    def look(self) -> None:
        """Strike if it is time; for trips that nobody else springs."""


@dataclass(slots=True)
class WireTrip(Trip):
    """Sprung by the provider at the n-th request of its operation."""

    seen: int = 0

    def aims_at(self, operation: str, phase: Phase) -> bool:
        """Whether such a request counts, and the blow has not been dealt yet."""
        return not self.dealing.is_set() and (OPERATIONS[self.point.what], self.point.phase) == (operation, phase)

    def springs(self, operation: str, phase: Phase) -> bool:
        """Count a request; strike at the n-th and say so."""
        if not self.aims_at(operation, phase):
            return False
        self.seen += 1
        if self.seen < self.nth:
            return False
        self.deal()
        return True


@dataclass(slots=True)
class CommitTrip(Trip):
    """Sprung when the ledger's write-ahead log has changed for the n-th time, seen from outside."""

    log: Path = Path()
    seen: int = 0
    shape: tuple[int, int] | None = None

    def look(self) -> None:
        """Compare the file with the last look."""
        try:
            found = self.log.stat()
        except OSError:
            return
        shape = (found.st_size, found.st_mtime_ns)
        if self.shape is not None and shape != self.shape:
            self.seen += 1
            if self.seen >= self.nth:
                self.deal()
        self.shape = shape


@dataclass(slots=True)
class ClockTrip(Trip):
    """Sprung ``nth`` steps and a part of the lag after the runner was first heard, whatever it is doing then."""

    due: float = 0.0

    def look(self) -> None:
        """Look at the clock."""
        if not self.due and self.heard.is_set():
            self.due = time.monotonic() + self.nth * STEP_SECONDS + self.lag / 10
        if self.due and time.monotonic() >= self.due:
            self.deal()


def trip_for(point: Point, nth: int, lag: float, log: Path) -> Trip:
    """The trip of a point; ``log`` is the ledger's write-ahead log."""
    if point.what == LEDGER:
        return CommitTrip(point, nth, lag, log=log)
    if point.what == CLOCK:
        return ClockTrip(point, nth, lag)
    return WireTrip(point, nth, lag)
