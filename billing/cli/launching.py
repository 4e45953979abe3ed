"""Workers as processes of their own for `billing run --workers N`: started, started again, and ended with the run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

import anyio
from anyio.abc import Process

from billing.cli.session import Session
from billing.core.errors import BillingError, CredentialsError, LedgerHeld, ProviderUnreachable, RunStopped, UsageError
from billing.core.exits import Exit

GIVES_UP_AFTER = 5
# Starts in a row that came to nothing.
LASTED_SECONDS = 30.0
# A process that lived for so long counts as one that had begun well.
LONGEST_PAUSE = 10.0
ENDING_SECONDS = 25.0
# A worker lets what is in flight come home for twenty seconds.
MENDED_BY_NOBODY: Mapping[int, type[BillingError]] = {
    # exit codes of a worker that the next one would end with as well
    Exit.USAGE: UsageError,
    Exit.CREDENTIALS: CredentialsError,
}
RAISED: Mapping[int, type[BillingError]] = {
    **MENDED_BY_NOBODY,
    Exit.HELD: LedgerHeld,
    Exit.UNREACHABLE: ProviderUnreachable,
}


@dataclass(frozen=True, slots=True)
class Launch:
    """What every worker process is told.

    Attributes:
        count: how many workers.
        live: whether `--live` was given.
        rate: what was typed as `--rate`.
        concurrency: items in flight, of all workers together.
        config: the settings file that was found, whichever folder it was found from.
        platform: what was typed as `--platform`.
        api_base: what was typed as `--api-base`.
        log_format, log_level: how they speak.
    """

    count: int
    concurrency: int
    live: bool = False
    rate: float | None = None
    config: str | None = None
    platform: str | None = None
    api_base: str | None = None
    log_format: str | None = None
    log_level: str | None = None

    def arguments(self, worker: str, launcher: int) -> list[str]:
        """Return the arguments of one of them: nothing that a password could be part of."""
        each = max(1, self.concurrency // self.count)
        told = {
            "--id": worker,
            "--launcher": launcher,
            "--concurrency": each,
            "--rate": self.rate,
            "--config": self.config,
            "--platform": self.platform,
            "--api-base": self.api_base,
            "--log-format": self.log_format,
            "--log-level": self.log_level,
        }
        options = [text for name, value in told.items() if value is not None for text in (name, str(value))]
        return ["worker", *options, *(["--live"] if self.live else [])]


@asynccontextmanager
async def worker_processes(session: Session, launch: Launch, taken: Collection[str] = ()) -> AsyncGenerator[None]:
    """Have workers ``w0``, ``w1``, ... on this machine while the block lasts; then they drain and end.

    A process that dies is started again under its id; ids that are ``taken``, by the workers of another run, or turn
    out to be, are passed over. Each has a session of its own, so that a Ctrl-C reaches it
    through the run alone, and ends by itself when this process is gone.

    Raises:
        UsageError, CredentialsError: a worker found what no other start can mend.
        BillingError: none of them could be started; the last one's reason stands in its own message above.
    """
    crew = _Crew(session, launch, (name for number in count() if (name := f"w{number}") not in taken))
    async with anyio.create_task_group() as group:
        for _ in range(launch.count):
            group.start_soon(crew.keep)
        try:
            yield
        finally:
            group.cancel_scope.cancel()


class _Crew:
    """Keeps processes going."""

    def __init__(self, session: Session, launch: Launch, names: Iterator[str]) -> None:
        self._log, self._launch, self._names = session.log, launch, names
        self._environ = {**session.environ, "BILLING_LEDGER": session.settings.ledger}
        self._given_up = 0

    async def keep(self) -> None:
        """Keep one worker going until cancelled.

        Raises:
            BillingError: it cannot be, nor can any other.
        """
        worker, misses = next(self._names), 0
        while True:
            began = time.monotonic()
            code = await self._once(worker)
            misses = 0 if time.monotonic() - began > LASTED_SECONDS else misses + 1
            if code in MENDED_BY_NOBODY or misses >= GIVES_UP_AFTER:
                self._give_up(worker, code)
                return
            pause = min(2.0 ** (misses - 1), LONGEST_PAUSE) if misses else 0.0
            self._log("worker_ended_early", worker=worker, exit_code=code, again_in=pause, level="warning")
            if code == Exit.HELD:
                worker = next(self._names)
            await anyio.sleep(pause)

    def _give_up(self, worker: str, code: int) -> None:
        """Do without a worker.

        Raises:
            BillingError: it was the last one, or its reason is everybody's.
        """
        self._given_up += 1
        self._log("worker_given_up", worker=worker, exit_code=code, level="warning")
        if self._given_up == self._launch.count or code in MENDED_BY_NOBODY:
            why = f"worker {worker} could not be kept going (exit code {code}); its own message says why"
            raise RAISED.get(code, RunStopped)(f"{why}. What is on record stays: the same command again goes on")

    async def _once(self, worker: str) -> int:
        arguments = self._launch.arguments(worker, os.getpid())
        process = await anyio.open_process(
            [sys.executable, "-m", "billing", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None,
            env=self._environ,
            start_new_session=True,
        )
        try:
            return await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _ended(process)


async def _ended(process: Process) -> None:
    """Have a process drain and end, or end it."""
    for number, seconds in ((signal.SIGTERM, ENDING_SECONDS), (signal.SIGKILL, None)):
        if process.returncode is not None:
            return
        process.send_signal(number)
        with anyio.move_on_after(seconds):
            await process.wait()
