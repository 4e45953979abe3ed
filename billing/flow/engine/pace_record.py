"""Note how fast an invocation goes, a look a second, so that its end can keep it. A request costs nothing by it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from billing.core.entries import Facts
from billing.core.run_pace import Counted, RunPace
from billing.flow.services import Services

TICK_SECONDS = 1.0


@dataclass(slots=True)
class PaceRecorder:
    """What one invocation sends, from now on.

    Attributes:
        pace: what was noted.
    """

    services: Services
    pace: RunPace = field(default_factory=RunPace)
    _began: float = field(init=False)
    _before: Counted = field(init=False)

    def __post_init__(self) -> None:
        """Begin now: what this process has sent before is another one's."""
        self._began, self._before = asyncio.get_running_loop().time(), self._counted()

    def note(self) -> None:
        """Take note of what was sent until now."""
        seconds = asyncio.get_running_loop().time() - self._began
        self.pace.note(round(seconds * 1000), self._counted().since(self._before))

    def facts(self) -> Facts:
        """Return what the end of the invocation keeps."""
        return self.pace.to_facts(self.services.rates.key_rps)

    def _counted(self) -> Counted:
        counters = self.services.gateway.counters
        return Counted(counters.sent, counters.rate_limited, counters.resent)


@asynccontextmanager
async def recording_pace(services: Services) -> AsyncGenerator[PaceRecorder]:
    """Take note every second meanwhile, and once more at the end."""
    recorder = PaceRecorder(services)

    async def ticking() -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            recorder.note()

    task = asyncio.create_task(ticking())
    try:
        yield recorder
    finally:
        task.cancel()
        recorder.note()
