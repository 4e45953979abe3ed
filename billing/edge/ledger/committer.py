"""One writer, one commit for everything queued: whenever a commit returns, the next takes all that came meanwhile.

No timer: a write alone waits for one commit, a write that comes during a commit waits for the rest of that one and its
own. The event loop never waits for the disk.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from billing.core.errors import LedgerDamaged, LedgerError
from billing.edge.ledger.chain import Head
from billing.edge.ledger.store import Store
from billing.edge.ledger.transaction import Transaction

FATAL = (MemoryError, LedgerDamaged)
# After one of these, as after what the store says concerns everybody, nothing more is written.


@dataclass(frozen=True, slots=True)
class Work:
    """Something to write in a transaction.

    Attributes:
        write: does it and returns what its caller gets; an exception undoes this work alone.
        alone: too big to share a transaction, such as a plan of a million lines.
        milestone: worth telling the witness about at once.
    """

    write: Callable[[Transaction], Any]
    alone: bool = False
    milestone: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The work broke off with ``error``; nothing of it was written, the others of its transaction were."""

    error: Exception


class Committer:
    """Turns works into commits on one connection, and trusts it no further than its first failure."""

    def __init__(self, store: Store, key: bytes, now: Callable[[], int], path: str) -> None:
        self._store, self._key, self._now, self._path = store, key, now, path
        self.head = store.head()
        self.broken = ""
        self.wrote = False

    def commit(self, works: Sequence[Work]) -> list[Any]:
        """Write ``works`` in one transaction; each result is what the work returned, or `Failed`.

        Raises:
            LedgerError: the transaction failed as a whole, or an earlier one did. It is never repeated.
        """
        self.check()
        self.wrote = True
        try:
            tx, results = self._written(works)
            self._store.commit(tx.head)
        except BaseException as error:
            self._poison(error)
            if isinstance(error, Exception):
                raise self._error() from error
            raise
        self.head = tx.head
        return results

    def check(self) -> None:
        """Raise `LedgerError` if a commit has failed before."""
        if self.broken:
            raise self._error()

    def maintain(self, work: Callable[[], object]) -> None:
        """Do housekeeping between commits; the disk failing here is as fatal as in a commit."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no caller's own
            self._poison(error)

    def _current(self, head: Head) -> Head:
        """Return the end of the chain; what another process appended meanwhile must continue it."""
        if head != self.head and (
            head.seq < self.head.seq or (at := self._store.first_break(self._key, self.head)) is not None
        ):
            place = self.head.seq if head.seq < self.head.seq else at
            raise LedgerDamaged(
                f"the chain breaks at entry {place}: something else changed the ledger while it was open"
            )
        return head

    def _written(self, works: Sequence[Work]) -> tuple[Transaction, list[Any]]:
        """Write ``works`` in a transaction that is still open, and return their results.

        Hardly any work fails, so they are written together in hope; if one does, nothing of them is kept, and they are
        written anew one after another, each shielded from the others.
        """
        if not works[0].alone:
            tx = self._begun(works, optimistic=True)
            try:
                results = [work.write(tx) for work in works]
                tx.flush()
            except Exception as error:  # noqa: BLE001 - whose it is shows when they are written one after another
                self._own(error)
                self._store.rollback()
            else:
                return tx, results
        tx = self._begun(works, optimistic=False)
        return tx, self._all(tx, works)

    def _begun(self, works: Sequence[Work], *, optimistic: bool) -> Transaction:
        head = self._store.begin(alone=works[0].alone)
        return Transaction(self._store, self._key, self._now(), self._current(head), optimistic=optimistic)

    def _all(self, tx: Transaction, works: Sequence[Work]) -> list[Any]:
        if len(works) > 1:
            return [self._shielded(tx, work) for work in works]
        start = tx.head
        try:
            return [works[0].write(tx)]
        except Exception as error:  # noqa: BLE001 - sorted out by _own
            tx.head = start
            failed = self._own(error)
            self._store.rollback()
            return [failed]

    def _shielded(self, tx: Transaction, work: Work) -> Any:  # noqa: ANN401 - whatever the work's caller waits for
        start = tx.head
        self._store.shield()
        try:
            result = work.write(tx)
        except Exception as error:  # noqa: BLE001 - sorted out by _own
            tx.head = start
            result = self._own(error)
        self._store.unshield(undo=isinstance(result, Failed))
        return result

    def _own(self, error: Exception) -> Failed:
        """Return what a work's own caller is told; raises what concerns everybody."""
        told = None if isinstance(error, FATAL) else self._store.of_one_caller(error)
        if told is None:
            raise error
        return Failed(told)

    def _poison(self, error: BaseException) -> None:
        self.broken = (
            f"{self._path}: {self._store.failed(error)}; nothing more is written. "
            f"{self._store.helps}, then run the same command again"
        )
        self._store.abandon()

    def _error(self) -> LedgerError:
        return LedgerError(self.broken)


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Writer:
    """Queues works from any event loop and commits them on a thread of its own, or at once on the caller's (inline).

    ``between`` is called after each commit, when its callers have been answered, and says what housekeeping is due.
    The works of one turn of the loop are handed over together: waking a sleeping thread costs more than most works.
    """

    def __init__(self, committer: Committer, between: Callable[[bool], None], *, inline: bool) -> None:
        self._committer, self._between = committer, between
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._turns: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        self._thread = None if inline else Thread(target=self._serve, name="ledger-writer", daemon=True)
        self._closed = False
        if self._thread:
            self._thread.start()

    async def do(self, work: Work) -> Any:  # noqa: ANN401 - whatever the work returns
        """Return what ``work`` returned, once it is durable. A caller that is cancelled meanwhile leaves it queued."""
        if self._closed:
            raise LedgerError("the ledger is closed")
        self._committer.check()
        if self._thread is None:
            (result,) = self._committer.commit([work])
            self._between(work.milestone)
        else:
            loop = asyncio.get_running_loop()
            job = _Job(work, loop, loop.create_future())
            if loop not in self._turns:
                self._turns[loop] = []
                loop.call_soon(self._hand_over, loop)
            self._turns[loop].append(job)
            result = await job.future
        if isinstance(result, Failed):
            raise result.error
        return result

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the thread what one turn of ``loop`` brought."""
        jobs = self._turns.pop(loop, None)
        if jobs:
            self._queue.put(jobs)

    async def stop(self) -> None:
        """Commit what is queued and end the thread."""
        self._closed = True
        if self._thread and self._thread.is_alive():
            for loop in list(self._turns):
                self._hand_over(loop)
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        ended = False
        while not ended:
            turns = [self._queue.get(), *self._queued()]
            ended = None in turns
            for batch in _batches(job for turn in turns if turn for job in turn):
                self._answer(batch)

    def _queued(self) -> Iterator[list[_Job] | None]:
        with suppress(Empty):
            while True:
                yield self._queue.get_nowait()

    def _answer(self, batch: list[_Job]) -> None:
        try:
            results = self._committer.commit([job.work for job in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it, not wait for ever
            results = [Failed(LedgerError(str(error))) for _ in batch]
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for job, result in zip(batch, results, strict=True):
            by_loop.setdefault(job.loop, []).append((job.future, result))
        for loop, answers in by_loop.items():
            with suppress(RuntimeError):  # that loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_deliver, answers)
        self._between(any(job.work.milestone for job in batch))


def _batches(jobs: Iterable[_Job]) -> Iterator[list[_Job]]:
    """Yield the jobs of one commit after another, in order; a work that wants to be alone is."""
    batch: list[_Job] = []
    for job in jobs:
        if job.work.alone:
            if batch:
                yield batch
            yield [job]
            batch = []
        else:
            batch.append(job)
    if batch:
        yield batch


def _deliver(answers: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in answers:
        if not future.done():  # a cancelled caller has gone; its work is committed all the same
            future.set_result(result)
