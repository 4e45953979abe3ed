"""A worker: it opens the ledger, says every second that it is there, and works shards until it is told to stop.

Whatever breaks the ledger ends one shift: all is shut, what was in hand is forgotten, and the next shift opens
everything anew and reads what stands there. The process goes on until somebody stops it.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import anyio

from billing.cli.options import Sending
from billing.cli.services import services_for
from billing.cli.session import Session
from billing.cli.terminal import write_json, write_out
from billing.core.errors import BillingError, LedgerDamaged, LedgerError, LedgerHeld, ProviderUnreachable, UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.engines import Placed
from billing.edge.engines.controls import Controls, Word
from billing.edge.engines.dbos import DbosEngine
from billing.edge.engines.opening import controls_of, submitting, working
from billing.edge.engines.presence import FROZEN_SECONDS, Presence
from billing.edge.engines.sharing import Sharing
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.ledger_url import is_postgres, shown
from billing.edge.logs import flush_logs, open_log
from billing.flow.engine.signals import obeying_signals
from billing.flow.open_services import ServiceOptions
from billing.flow.services import Services
from billing.flow.workers.carrying import Carrier, PutBack

BEAT_SECONDS = 1.0
WATCH_SECONDS = 2.0
# Between two looks at the other workers, and at the run that is waited for.
SEIZED_SECONDS = 5.0
# How long another worker that takes this one for dead may hold its lock, or a session that was cut off may keep it.
LONGEST_PAUSE = 10.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker is asked for.

    Attributes:
        worker: its id.
        mode: of the key.
        sending: what may be sent.
        concurrency: items in flight, of all its shards together.
        shards: at once.
        until_done: the run whose end is the worker's.
        launcher: the process without which it has no reason to go on.
    """

    worker: str
    mode: Mode
    sending: Sending
    concurrency: int | None = None
    shards: int = 2
    until_done: str | None = None
    launcher: int | None = None

    def services(self, *, again: bool) -> ServiceOptions:
        """Return how the desk is opened."""
        wait = self.sending.wait if self.sending.wait is not None and not again else SEIZED_SECONDS
        return ServiceOptions(
            self.mode,
            f"worker {self.worker}",
            live=self.sending.live,
            wait=wait,
            making=Making.NEVER,
            rate=self.sending.rate,
            concurrency=self.concurrency,
            worker=self.worker,
            standing=True,
        )


def speaking(session: Session) -> Session:
    """Return the session with a log that tells of shards and workers, unless something else was asked for."""
    settings = session.settings
    if settings.sources["log_level"] != "default":
        return session
    return replace(session, log=open_log("info", settings.log_format))


async def work(session: Session, wish: Wish) -> int:
    """Work until told to stop, or until the run that was named is over; return the exit code.

    Raises:
        UsageError: key, mode, flag and ledger disagree; or the ledger takes one writer only.
        LedgerError: the ledger could not be opened in the first place, or cannot be trusted.
        LedgerHeld: another process has this id.
        CredentialsError: the key is refused.
        ProviderUnreachable: it could not be found out whose key it is, in the first place.
    """
    _require_server(session)
    worker = Worker(session, wish)
    code = await worker.run()
    session.log("worker_ended", worker=wish.worker, shards=worker.done, exit_code=int(code))
    if session.json:
        write_json({"worker": wish.worker, "shards_done": worker.done, "exit_code": int(code)})
    else:
        write_out(f"Worker {wish.worker} ended; shards done: {worker.done:,}\n")
    return code


async def put_back(session: Session, worker: str) -> int:
    """Put back what a worker held that is dead, once; return the exit code.

    Raises:
        UsageError: the ledger takes one writer only.
        LedgerHeld: the worker is alive.
        LedgerError: the database does not answer.
    """
    _require_server(session)
    ledger = session.settings.ledger
    presence = Presence(ledger, "", purpose=f"resume {worker}", platform="")
    engine = submitting(ledger, "", "", session.log)
    try:
        shards = await _put_back(engine, presence, worker)
    finally:
        await engine.aclose()
        await anyio.to_thread.run_sync(presence.close)
    if session.json:
        write_json({"worker": worker, "put_back": list(shards)})
    else:
        write_out(f"Worker {worker} is dead; put back: {', '.join(shards) or 'nothing, it held nothing'}\n")
    return Exit.OK


async def _put_back(engine: DbosEngine, presence: Presence, worker: str) -> tuple[str, ...]:
    """Put back what is held; a worker that holds its lock is dead only if it says nothing for a while.

    Raises:
        LedgerHeld: it says something.
    """
    until = time.monotonic() + FROZEN_SECONDS + 2 * BEAT_SECONDS
    while time.monotonic() < until:
        if await anyio.to_thread.run_sync(presence.suspects, [worker]):
            shards = await engine.put_back(presence, worker)
            if shards is not None:
                return shards
        await anyio.sleep(BEAT_SECONDS)
    raise LedgerHeld(f"worker {worker} is alive: nothing was put back (stop it first; what it has not done goes back)")


def _require_server(session: Session) -> None:
    """Refuse a ledger that takes one writer only.

    Raises:
        UsageError: it does.
    """
    ledger = session.settings.ledger
    if not is_postgres(ledger):
        ledger_path(ledger)  # what is no URL of a ledger is refused as that
        raise UsageError(
            f"{shown(ledger)}: a SQLite ledger has one writer, so there are no workers to share it with; name one in "
            "PostgreSQL (BILLING_LEDGER=postgresql://...; billing ledger copy makes one of this), or let one process "
            "work alone: billing run FILE"
        )


class Worker:
    """One worker's life: shift after shift, until a signal, the end of its run, or what no new shift can mend.

    Attributes:
        done: how many shards it has brought to their end.
    """

    def __init__(self, session: Session, wish: Wish) -> None:
        self._session, self._wish, self._log = session, wish, session.log
        self._told = asyncio.Event()
        self._exit = Exit.OK
        self._carrier: Carrier | None = None
        self._sharing: Sharing | None = None
        self._opened = 0
        self._misses = 0
        self.done = 0

    async def run(self) -> Exit:
        """Go through shifts until told to stop."""
        async with obeying_signals(self):
            while not self._told.is_set():
                try:
                    await self._shift()
                except Exception as error:  # noqa: BLE001  what no new shift can mend is raised again
                    if not self._told.is_set():
                        await self._rest(_first(error))
        return self._exit

    def stop(self, code: Exit, reason: str) -> None:
        """Take nothing more, and let what is in flight come home."""
        if not self._told.is_set():
            self._log("draining", worker=self._wish.worker, reason=reason)
        self._exit = self._exit or code
        if self._carrier is not None:
            self._carrier.stop(code, reason)
        self._told.set()

    def leave(self) -> None:
        """End at once; whatever was in hand is somebody else's from now on."""
        flush_logs()
        os._exit(self._exit)

    async def _rest(self, error: Exception) -> None:
        """Wait before the next shift, each time longer while none begins.

        Raises:
            Exception: the same, if no other shift would do better.
        """
        mendable = isinstance(error, LedgerError | ProviderUnreachable) and not isinstance(error, LedgerDamaged)
        if not (self._opened and mendable):
            raise error
        pause = min(2.0**self._misses, LONGEST_PAUSE)
        self._misses += 1
        self._log("ledger_lost", worker=self._wish.worker, reason=str(error), again_in=pause, level="warning")
        with anyio.move_on_after(pause):
            await self._told.wait()

    async def _shift(self) -> None:
        """Work from opening everything to shutting it.

        Raises:
            BillingError: what ended it, perhaps in a group.
        """
        opening = self._wish.services(again=bool(self._opened))
        async with services_for(self._session, opening) as services:
            await services.identify()
            async with self._engaged(services) as hired:
                await self._work(*hired)

    async def _work(self, presence: Presence, engine: DbosEngine, controls: Controls) -> None:
        """Work until told to stop; the others see this worker for as long as what it has in hand comes home."""
        async with anyio.create_task_group() as around:
            around.start_soon(self._beat, presence, engine)
            around.start_soon(self._watch, engine)
            around.start_soon(self._look, controls)
            async with anyio.create_task_group() as inner:
                inner.start_soon(engine.work, self._carry_out)
                await self._told.wait()
                inner.cancel_scope.cancel()
            around.cancel_scope.cancel()

    @asynccontextmanager
    async def _engaged(self, services: Services) -> AsyncGenerator[tuple[Presence, DbosEngine, Controls]]:
        wish, settings, ledger = self._wish, self._session.settings, self._session.settings.ledger
        presence = Presence(ledger, wish.worker, purpose=f"worker {wish.worker}", platform=settings.platform_name)
        engine = working(presence, ledger, services.mode, services.platform, self._log, at_once=wish.shards)
        controls = controls_of(ledger, f"worker {wish.worker}")
        each = max(1, services.rates.items // wish.shards)
        self._carrier = Carrier(services, settings, controls, wish.worker, each, self._session.environ)
        self._sharing = Sharing(presence, self._log)
        try:
            await anyio.to_thread.run_sync(presence.beat)
            self._say_opened(services)
            yield presence, engine, controls
        finally:
            self._carrier = self._sharing = None
            with anyio.CancelScope(shield=True):
                await engine.aclose()
                await controls.aclose()
                await anyio.to_thread.run_sync(presence.close)

    def _say_opened(self, services: Services) -> None:
        facts = {"worker": self._wish.worker, "pid": os.getpid(), "platform": services.platform, "mode": services.mode}
        self._log("worker_recovered" if self._opened else "worker_started", **facts, shards=self._wish.shards)
        self._opened, self._misses = self._opened + 1, 0

    async def _carry_out(self, shard: Placed) -> None:
        """Carry a shard out as soon as nobody has the ledger alone, and say so.

        Raises:
            CancelledError: this process is asked to end; the shard is not done.
            LedgerError: the ledger failed; it is not done either.
        """
        began, carrier, sharing = time.monotonic(), self._carrier, self._sharing
        self._log("shard_taken", worker=self._wish.worker, run=shard.run_id, shard=shard.number)
        if carrier is None or sharing is None:
            raise asyncio.CancelledError
        try:
            async with sharing.held(partial(self._goes_on, carrier, shard)):
                await carrier.carry_out(shard)
        except PutBack:
            self._log("shard_put_back", worker=self._wish.worker, run=shard.run_id, shard=shard.number)
            raise asyncio.CancelledError from None
        self.done += 1
        seconds = round(time.monotonic() - began, 3)
        self._log("shard_done", worker=self._wish.worker, run=shard.run_id, shard=shard.number, seconds=seconds)

    async def _goes_on(self, carrier: Carrier, shard: Placed) -> bool:
        return not self._told.is_set() and await carrier.goes_on(shard)

    async def _beat(self, presence: Presence, engine: DbosEngine) -> None:
        """Say every second that this worker is there, while its shards drain as well.

        Raises:
            LedgerError: the database does not answer.
        """
        try:
            while True:
                await anyio.sleep(BEAT_SECONDS)
                await anyio.to_thread.run_sync(presence.beat)
                self._mind_launcher()
        except LedgerError:
            engine.forget()
            raise

    def _mind_launcher(self) -> None:
        """End with the process that has started this one: whoever adopts an orphan is nobody who asked for it."""
        if self._wish.launcher is not None and os.getppid() != self._wish.launcher:
            self.stop(Exit.TERMINATED, "the process that started this one is gone")

    async def _watch(self, engine: DbosEngine) -> None:
        """Put back what dead workers held, and put on record the ends of rounds that they did not note.

        Raises:
            LedgerError: the database does not answer.
        """
        while True:
            for lost in await engine.recover():
                self._log("worker_lost", worker=lost, by=self._wish.worker, level="warning")
            if self._carrier is not None:
                await self._carrier.finish_rounds()
            await anyio.sleep(WATCH_SECONDS)

    async def _look(self, controls: Controls) -> None:
        """End when the run that was named is over; one that is paused is not.

        Raises:
            LedgerError: the database does not answer.
        """
        told = False
        while run_id := self._wish.until_done:
            found = await controls.round(run_id)
            if found is None and not told:
                told = True
                self._log("run_awaited", run=run_id, reason="nobody has handed it out yet", level="warning")
            if found is not None and found.over and (found.said is None or found.said.word is not Word.PAUSE):
                self.stop(Exit(found.said.exit_code) if found.said else Exit.OK, f"run {run_id} is over")
                return
            await anyio.sleep(BEAT_SECONDS)


def _first(error: Exception) -> Exception:
    """Return what ended a shift: the first error that nobody raised on purpose, else the first of all."""
    leaves = list(_leaves(error))
    return next((each for each in leaves if not isinstance(each, BillingError)), leaves[0])


def _leaves(error: Exception) -> Iterator[Exception]:
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for each in error.exceptions:
        yield from _leaves(each)
