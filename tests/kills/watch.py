"""Wait for runners: until each was struck or has ended, and write down which."""

import signal
import time
from collections.abc import Callable

from tests.kills.processes import PATIENCE, Runner
from tests.kills.verdict import Verdict


class Watch:
    """Looks after runners for a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def await_(self, *runners: Runner) -> None:
        """Wait until each runner has been struck or has ended, and write down who was."""
        self.until(lambda: all(each.done for each in runners), *runners)
        for runner in runners:
            self._settle(runner)

    def until(self, true: Callable[[], bool], *runners: Runner) -> None:
        """Wait, looking after the trips that nobody else springs; what outlasts all patience is a finding."""
        end = time.monotonic() + PATIENCE
        while not true():
            for runner in runners:
                if runner.trip is not None:
                    runner.trip.look()
            if time.monotonic() > end:
                raise TimeoutError("a runner was neither struck nor ended")
            time.sleep(0.001)

    def heard(self, runner: Runner) -> None:
        """Wait until the provider has heard of a runner, or it has ended."""
        self.until(lambda: runner.door.heard.is_set() or runner.ended)

    def _settle(self, runner: Runner) -> None:
        """Count a blow that fell on a living process; a runner that was not struck must have ended well."""
        trip = runner.trip
        if trip is not None and trip.dealing.is_set():
            trip.over.wait(PATIENCE)
        if trip is not None and trip.hit:
            self._verdict.hits[trip.point] += 1
            if trip.point.signal is signal.SIGKILL and runner.process.wait(PATIENCE) != -signal.SIGKILL:
                self._verdict.problems.append(f"{trip.point} left {runner.process.returncode}")
            return
        if trip is not None:
            self._verdict.missed.append(trip.point)
        runner.require_end()
