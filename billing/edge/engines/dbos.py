"""Shards through DBOS: kept in the ledger's own database until they are done, whoever dies meanwhile.

DBOS hands each workflow to one process at a time, under the id of its worker, and takes what a process had begun up
again when one of the same id starts. What is missing there, a worker that never comes back, is `presence`'s.

* **One workflow for each partition**, which works its shards one after another and keeps which of them are done: so
  they are never on two workers at once, wherever it is put back. The queue has no partitions of its own, because DBOS
  draws from those in no order.
* **What was put back has a queue of its own**, and room of its own in every worker: it waits for nothing.
* **Each workflow has another priority**: of two with the same one DBOS would take that last which was put back.
* A workflow is never done unless its shards are: what stops one raises through DBOS as a cancelled task, which leaves
  it in the hands of its worker.
* All shards are taken in one transaction, which is not the one that plans the run: that one is the ledger's, on the
  ledger's connection, and would have to hold for both what only one of them may break. Whoever finds a run that goes
  on without its shards submits them again; nothing is taken twice.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, Any

import anyio

from billing.core.errors import LedgerError
from billing.edge.engines import Placed
from billing.edge.engines import dbos_process as process
from billing.edge.engines.dbos_storage import SCHEMA, Shut, Storage
from billing.edge.engines.hands import Execute, Hands
from billing.edge.engines.presence import Presence
from billing.edge.logs import Log

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

ASTRAY_SECONDS = 10.0
ACTIVE = ["ENQUEUED", "DELAYED", "PENDING"]


def queue_name(mode: str, platform: str) -> str:
    """Return the queue of a platform: a worker has one key, so it works the shards of one platform in one mode."""
    return f"billing-{mode}-{platform}"


class DbosEngine:
    """An `Engine` on DBOS; one in a process at a time."""

    def __init__(
        self,
        storage: Storage,
        queue: str,
        log: Log,
        *,
        worker: str = "",
        presence: Presence | None = None,
        at_once: int = 2,
        grace: int = 22,
    ) -> None:
        """Take hold of nothing yet.

        Args:
            storage: where shards are kept.
            queue: see `queue_name`.
            log: ``log(event, **facts)``.
            worker: the stable id of whoever works; empty for one who only submits.
            presence: of workers on one server; None where there is one process only.
            at_once: shards in hand at once.
            grace: seconds that shards in hand have to end in when work is cancelled.
        """
        self._storage, self._queue, self._log, self._worker = storage, queue, log, worker
        self._presence, self._at_once, self._grace = presence, at_once, grace
        self._hands: Hands | None = None
        self._known: DBOSClient | None = None
        self._first = Lock()
        self._astray: dict[tuple[str, int], float] = {}

    async def submit(self, shards: Sequence[Placed]) -> None:
        """Take these, all or none; one that was taken before is not taken twice."""
        await self._asked(self._submit, shards)

    async def work(self, execute: Execute) -> None:
        """Have ``execute`` work shards until cancelled; then those in hand have their grace, and what is left goes
        back to whoever takes it first.

        Raises:
            Exception: what ``execute`` raised. Its shard, like all in hand, is delivered again by the next call.
            LedgerError: the database does not answer.
        """  # fmt: skip
        self._hands = hands = Hands(execute)
        try:
            await self._asked(
                process.start, self._storage, self._worker, self._queue, self._at_once, hands.deliver, self._log
            )
            await hands.failed
        finally:
            with anyio.CancelScope(shield=True):
                await hands.stop(self._grace)
                with suppress(LedgerError):  # then its next start, or another worker, finds them
                    await self._asked(self._put_back_own)

    async def recover(self) -> tuple[str, ...]:
        """Put back what workers hold that are dead, and what DBOS lost of our own; return the ids of the dead."""
        if self._presence is None:
            return ()
        held = await self._asked(self._held_by_workers)
        await self._asked(self._put_back_lost, held.pop(self._worker, []))
        suspects = await self._asked(self._presence.suspects, held) if held else ()
        back = {worker: await self._asked(self._put_back, self._presence, worker) for worker in suspects}
        return tuple(worker for worker, shards in back.items() if shards is not None)

    async def put_back(self, presence: Presence, worker: str) -> tuple[str, ...] | None:
        """Put back what a worker holds, if it is dead, and return the names of its shards; None if it is not.

        Where a partition has several shards, the first of them stands for all.
        """
        shards = await self._asked(self._put_back, presence, worker)
        return None if shards is None else tuple(shards)

    def forget(self) -> None:
        """Give what is in hand no time any more, nor DBOS to try again: nothing can be kept of it."""
        self._grace = 0
        self._storage.refuse()

    async def left(self, run_id: str) -> int:
        """Return how many shards of a run are not done."""
        return int(await self._asked(self._left, run_id))

    async def cancel(self, run_id: str) -> None:
        """Take back the shards of a run that nobody has begun."""
        await self._asked(self._cancel, run_id)

    async def aclose(self) -> None:
        """Close the connections; the caller has cancelled `work`."""
        await anyio.to_thread.run_sync(self._storage.close)

    # in a thread: DBOS's calls wait for the database

    @property
    def _client(self) -> "DBOSClient":
        from dbos import DBOSClient, DBOSPortableJSONSerializer

        with self._first:
            if self._known is None:
                self._storage.prepare()
                self._known = DBOSClient(
                    system_database_engine=self._storage.pool,
                    dbos_system_schema=SCHEMA,
                    serializer=DBOSPortableJSONSerializer(),
                    application_name=process.APPLICATION,
                    lazy=True,
                    retry_connection_errors=False,
                )
            return self._known

    async def _asked(self, ask: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401  passed on as given
        """Ask in a thread.

        Raises:
            LedgerError: the database does not answer.
        """

        def asked() -> Any:  # noqa: ANN401
            from sqlalchemy.exc import DBAPIError
            from sqlalchemy.exc import TimeoutError as PoolTimeout

            try:
                self._client  # noqa: B018  whoever comes first prepares the place
                return ask(*args)
            except (DBAPIError, PoolTimeout, OSError, Shut) as error:
                raise LedgerError(f"the database of the workers does not answer ({type(error).__name__})") from error

        return await anyio.to_thread.run_sync(asked)

    def _submit(self, shards: Sequence[Placed]) -> None:
        groups = sorted(_by_partition(shards), key=lambda together: (together[0].priority, together[0].number))
        with self._storage.pool.begin() as transaction:
            for priority, together in enumerate(groups, 1):
                first = together[0]
                self._client.enqueue_in_transaction(
                    transaction,
                    {
                        "workflow_name": process.WORKFLOW,
                        "queue_name": self._queue,
                        "workflow_id": first.name,
                        "app_version": process.VERSION,
                        "priority": priority,
                        "attributes": {"run": first.run_id, "shards": len(together)},
                    },
                    [asdict(each) for each in together],
                )

    def _listed(self, **chosen: Any) -> "Iterator[WorkflowStatus]":  # noqa: ANN401
        yield from self._client.list_workflows(
            name=process.WORKFLOW, application_name=process.APPLICATION, load_input=False, load_output=False, **chosen
        )

    def _of_run(self, run_id: str, status: list[str]) -> "list[WorkflowStatus]":
        begins = f"{run_id}:"
        found = self._listed(workflow_id_prefix=begins, status=status)
        return [each for each in found if each.workflow_id.startswith(begins)]

    def _left(self, run_id: str) -> int:
        return sum(self._shards_left(each) for each in self._of_run(run_id, ACTIVE))

    def _shards_left(self, workflow: "WorkflowStatus") -> int:
        shards = int((workflow.attributes or {}).get("shards", 1))
        return shards if shards == 1 else max(1, shards - len(self._client.list_workflow_steps(workflow.workflow_id)))

    def _cancel(self, run_id: str) -> None:
        waiting = [each.workflow_id for each in self._of_run(run_id, ["ENQUEUED", "DELAYED"])]
        if waiting:
            self._client.cancel_workflows(waiting)

    # what became of workers

    def _held_by_workers(self) -> "dict[str, list[WorkflowStatus]]":
        held: dict[str, list[WorkflowStatus]] = {}
        for each in self._listed(status="PENDING", queue_name=process.queues(self._queue)):
            held.setdefault(str(each.executor_id), []).append(each)
        return held

    def _put_back(self, presence: Presence, worker: str) -> list[str] | None:
        """Put back what a worker holds if it is dead; nobody else does meanwhile, nor can it come back."""
        with presence.seized(worker) as dead:
            return self._resume(self._listed(status="PENDING", executor_id=worker)) if dead else None

    def _put_back_own(self) -> None:
        """Put back what this worker has not done; it goes, and has its lock still."""
        self._resume(self._listed(status="PENDING", executor_id=self._worker))

    def _put_back_lost(self, held: "Iterable[WorkflowStatus]") -> None:
        """Put back what DBOS took for this worker and never delivered, as when its connection broke just then.

        Only what was seen so for a while: between taking and delivering a moment passes.
        """
        now = time.monotonic()
        seen = {(each.workflow_id, int(each.dequeued_at or 0)): each for each in held}
        in_hand = self._hands.workflows if self._hands else ()
        self._astray = {
            key: self._astray.get(key, now) for key, each in seen.items() if each.workflow_id not in in_hand
        }
        self._resume(seen[key] for key, since in self._astray.items() if now - since >= ASTRAY_SECONDS)

    def _resume(self, workflows: "Iterable[WorkflowStatus]") -> list[str]:
        again: dict[str, list[str]] = {}
        for each in workflows:
            again.setdefault(process.queues(each.queue_name or self._queue)[1], []).append(each.workflow_id)
        for queue, ids in again.items():
            self._client.resume_workflows(ids, queue_name=queue)
        return [each for ids in again.values() for each in ids]


def _by_partition(shards: Sequence[Placed]) -> Iterator[list[Placed]]:
    """Yield the shards that are worked one after another, by number."""
    in_order = sorted(shards, key=lambda shard: (shard.run_id, shard.partition, shard.number))
    for _, together in groupby(in_order, key=lambda shard: (shard.run_id, shard.partition)):
        yield list(together)
