"""What a signal says to a command that waits for its workers, said to all of them."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from billing.core.errors import LedgerError
from billing.core.exits import Exit
from billing.edge.engines.controls import Controls, Round, Said, Word
from billing.flow.engine.runner import DRAIN_SECONDS
from billing.flow.options import Ending

PATIENCE_SECONDS = DRAIN_SECONDS + 5.0
# How long a command that was told to end waits for its workers; it stays under the grace of 30 s that Kubernetes gives.


@dataclass(slots=True)
class Stopper:
    """Says to all workers what a signal says to this process."""

    controls: Controls
    run_id: str
    by: str
    ending: Ending = field(default_factory=Ending)
    _patience: float = float("inf")
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _saying: set[asyncio.Task[None]] = field(default_factory=set)

    def stop(self, code: Exit, reason: str) -> None:
        """Have every worker drain this run."""
        self.ending, self._patience = Ending(code, reason), self._now() + PATIENCE_SECONDS
        self._saying.add(asyncio.create_task(self._say()))
        self._heard.set()

    async def insist(self, found: Round) -> None:
        """Say it again where it was not heard: while the database was away.

        Raises:
            LedgerError: it is away.
        """
        if self.ending.exit and found.said is None and not found.over:
            await self.controls.say(self.run_id, self._said())

    async def _say(self) -> None:
        with suppress(LedgerError):  # the next look says it again
            await self.controls.say(self.run_id, self._said())

    def _said(self) -> Said:
        return Said(Word.STOP, self.ending.reason, self.by, int(self.ending.exit))

    def leave(self) -> None:
        """Wait for nobody."""
        self._patience = 0.0
        self._heard.set()

    @property
    def gives_up(self) -> bool:
        """Whether workers have had their time to drain: one that is dead would be waited for in vain."""
        return self._now() >= self._patience

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal is heard."""
        self._heard.clear()
        try:
            await asyncio.wait_for(self._heard.wait(), seconds)
        except TimeoutError:
            return
