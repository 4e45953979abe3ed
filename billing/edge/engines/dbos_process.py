"""DBOS in this process: started quietly, under a name that stays, with one workflow that hands shards to the engine.

DBOS exists once in a process and runs workflows on an event loop of its own thread. There is no telemetry, no console
of its own, and no Conductor; what it says goes to our log, without tracebacks.
"""

import logging
import warnings
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from billing.edge.engines.dbos_storage import SCHEMA, Storage
from billing.edge.logs import Log

APPLICATION = "billing"
VERSION = "shards-1"
# DBOS gives work to processes of the same version only, and takes a version of the program's text unless it is named:
# then every update of the program would strand what is under way. To be changed only with the form of what is placed.
WORKFLOW = "work_shards"
POLLING_SECONDS = 0.5
# How often an idle worker looks for shards.

AGAIN = "-again"
# What the queue of shards that were put back has behind the name of theirs.

Deliver = Callable[[str, Sequence[Mapping[str, Any]]], Awaitable[None]]


@dataclass(slots=True)
class _Here:
    """Who takes what DBOS delivers in this process."""

    deliver: Deliver


async def _nobody(_workflow: str, _placed: Sequence[Mapping[str, Any]]) -> None:
    raise CancelledError


_HERE = _Here(_nobody)


@cache
def _workflow() -> object:
    """Name the workflow to DBOS, once in a process. However often a shard was begun, it is begun again."""
    from dbos import DBOS

    @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
    async def work_shards(placed: list[Mapping[str, Any]]) -> None:
        await _HERE.deliver(str(DBOS.workflow_id), placed)

    return work_shards


def queues(queue: str) -> list[str]:
    """Return a queue and the one for what is put back of it, whichever of the two is named."""
    first = queue.removesuffix(AGAIN)
    return [first, first + AGAIN]


async def once(name: str, do: Callable[[], Awaitable[None]]) -> None:
    """Do a part of a workflow, unless a worker before this one has."""
    from dbos import DBOS

    async def step() -> bool:
        await do()
        return True

    await DBOS.run_step_async({"name": name}, step)


def start(storage: Storage, worker: str, queue: str, at_once: int, deliver: Deliver, log: Log) -> None:
    """Begin to take shards off a queue; call it where no event loop runs, or DBOS would use that one.

    Args:
        storage: prepared.
        worker: the same id at every start: what an earlier process of it had begun is begun again.
        queue: the only one that is listened to, beside the one for what is put back of it.
        at_once: shards that a worker has in hand, and as many that were put back; the queues keep it, so that the last
            one started says it for all.
        deliver: called on the loop of DBOS for each workflow; it is done when that returns, and not when it raises
            ``CancelledError``.
        log: where DBOS speaks.
    """
    from dbos import DBOS, DBOSPortableJSONSerializer

    _redirect(log)
    _workflow()
    _HERE.deliver = deliver
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_engine": storage.pool,
            "dbos_system_schema": SCHEMA,
            "executor_id": worker,
            "application_version": VERSION,
            "run_migrations": False,
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": 0.25,  # nobody waits; so long an end takes
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
        }
    )
    DBOS.listen_queues(queues(queue))
    DBOS.launch()
    for each in queues(queue):
        DBOS.register_queue(
            each, worker_concurrency=at_once, polling_interval_sec=POLLING_SECONDS, on_conflict="always_update"
        )


def stop(grace: int) -> None:
    """Take no more shards, wait ``grace`` seconds for those in hand, and end whatever is left of DBOS."""
    from dbos import DBOS

    DBOS.destroy(workflow_completion_timeout_sec=grace)
    _HERE.deliver = _nobody


class _Told(logging.Handler):
    """Gives what DBOS logs to our log: its troubles are known from their effects, so it is for whoever debugs."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; of an exception no more than its name, for a traceback may show anything."""
        facts = {"raised": record.exc_info[0].__name__} if record.exc_info and record.exc_info[0] else {}
        self._log("engine_notice", level="debug", message=record.getMessage(), **facts)


def _redirect(log: Log) -> None:
    """Have DBOS speak to our log and nowhere else."""
    # What it claims while it is stopped is put back afterwards; Python would tell of it on stderr, as of a mistake.
    warnings.filterwarnings("ignore", message="coroutine .*start_workflow_task", category=RuntimeWarning)
    told = logging.getLogger("dbos")
    told.handlers[:] = [_Told(log)]
    told.propagate = False
