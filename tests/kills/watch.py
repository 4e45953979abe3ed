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
                if runner.ctx is not None:
                    runner.ctx.look()
            if time.monotonic() > end:
                raise TimeoutError("a runner was neither struck nor ended")
            time.sleep(0.001)

    def heard(self, runner: Runner) -> None:
        """Wait until the provider has heard of a runner, or it has ended."""
        self.until(lambda: runner.door.heard.is_set() or runner.ended)

    def _settle(self, runner: Runner) -> None:
        """Count a blow that fell on a living process; a runner that was not struck must have ended well."""
        ctx = runner.ctx
        if ctx is not None and ctx.dealing.is_set():
            ctx.over.wait(PATIENCE)
        if ctx is not None and ctx.hit:
            self._verdict.hits[ctx.point] += 1
            if ctx.point.signal is signal.SIGKILL and runner.process.wait(PATIENCE) != -signal.SIGKILL:
                self._verdict.problems.append(f"{ctx.point} left {runner.process.returncode}")
            return
        if ctx is not None:
            self._verdict.missed.append(ctx.point)
        runner.require_end()
