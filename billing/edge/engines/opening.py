"""The engine of a ledger: where it keeps shards follows from where the ledger is."""

import re
import socket
from collections.abc import Mapping

from billing.core.errors import UsageError
from billing.edge.engines.controls import Controls, Remembered
from billing.edge.engines.dbos import DbosEngine, queue_name
from billing.edge.engines.dbos_storage import Storage
from billing.edge.engines.presence import Presence
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.ledger.postgres.controls import PostgresControls
from billing.edge.ledger_url import is_postgres
from billing.edge.logs import Log, visible

ALONE = "alone"
# What a process calls itself that shares its run with nobody.
WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def engine_url(ledger: str) -> str:
    """Return where the engine of a ledger keeps shards: its database, or a file beside its file."""
    if is_postgres(ledger):
        return ledger
    path = ledger_path(ledger)
    return f"sqlite:///{path.with_name(path.name + '.engine')}"


def submitting(ledger: str, mode: str, platform: str, log: Log) -> DbosEngine:
    """Return an engine that shards are handed to for workers elsewhere; who works them is its process's business."""
    return DbosEngine(Storage(engine_url(ledger), "billing run"), queue_name(mode, platform), log)


def alone(ledger: str, mode: str, platform: str, log: Log, *, at_once: int) -> DbosEngine:
    """Return an engine for a process that hands out and works shards by itself, and is called as its queue is."""
    storage, queue = Storage(engine_url(ledger), "billing run"), queue_name(mode, platform)
    return DbosEngine(storage, queue, log, worker=f"{ALONE} at {queue}", at_once=at_once)


def working(presence: Presence, ledger: str, mode: str, platform: str, log: Log, *, at_once: int) -> DbosEngine:
    """Return the engine of one of several workers."""
    storage = Storage(engine_url(ledger), presence.named)
    return DbosEngine(
        storage, queue_name(mode, platform), log, worker=presence.worker, presence=presence, at_once=at_once
    )


def controls_of(ledger: str, purpose: str = "run", *, write: bool = True) -> Controls:
    """Return where the rounds of a ledger's runs are kept: in its database, or with the one process of its file.

    ``purpose`` is shown to whoever looks at the sessions of the server; who only looks needs no right to ``write``.
    """
    return PostgresControls(ledger, purpose, write=write) if is_postgres(ledger) else Remembered()


def worker_id(asked: str | None, environ: Mapping[str, str]) -> str:
    """Return the id of a worker: the one asked for, or what the next process in its place is called as well.

    A pod of a StatefulSet, or of an Indexed Job, has a host name that the pod after it gets again; where a Job's pods
    have their node's, its index is added.

    Raises:
        UsageError: it cannot be one.
    """
    found = asked if asked is not None else socket.gethostname().partition(".")[0]
    index = environ.get("JOB_COMPLETION_INDEX", "")
    if asked is None and index and not found.endswith(f"-{index}"):
        found = f"{found}-{index}"
    if WORKER_ID.fullmatch(found) is None:
        raise UsageError(
            f'"{visible(found)}" cannot be the id of a worker: up to 40 letters, digits, ".", "_" and "-" (--id w0)'
        )
    return found
