"""A run over workers: who may have it, who works it, and what is said of it beside what is said of every run."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio

from billing.cli.options import EngineName
from billing.cli.session import Session
from billing.cli.tables import plural
from billing.cli.typed import Typed, following
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.kinds.rules import RULES
from billing.edge.engines import Engine
from billing.edge.engines.dbos_storage import MISSING, is_installed
from billing.edge.engines.inprocess import InProcess
from billing.edge.engines.opening import ALONE, WORKER_ID, alone, controls_of, submitting
from billing.edge.ledger.custody.attendance import SILENT_SECONDS
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.ledger_url import is_postgres, shown
from billing.flow.carry_out import RunResult
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.flow.workers.carrying import Carrier
from billing.flow.workers.launching import Hire, Hired, Overseer
from billing.flow.workers.rounds import Crew

SHARDS_AT_ONCE = 4
NEEDS_SERVER = (
    "a SQLite ledger has one writer; name one in PostgreSQL (BILLING_LEDGER=postgresql://...; billing ledger copy "
    "makes one of this)"
)


@dataclass(frozen=True, slots=True)
class Crewing:
    """Who is to work a run: so many processes, an engine in this one, or whoever is there; else this process alone."""

    workers: int | None = None
    engine: EngineName | None = None
    detach: bool = False

    @property
    def shares(self) -> bool:
        """Whether other processes work it."""
        return self.workers is not None or self.detach

    @property
    def any(self) -> bool:
        """Whether it is cut into shards at all."""
        return self.shares or self.engine is not None

    def require(self, session: Session, kind: Kind, request: RunRequest) -> None:
        """Refuse what cannot be, all of it at once; nothing was sent.

        Raises:
            UsageError: see there.
        """
        if found := list(self._against(session, kind, request)) if self.any else []:
            raise UsageError("; ".join([*found, "nothing was sent"]))

    def _against(self, session: Session, kind: Kind, request: RunRequest) -> Iterator[str]:
        if self.shares and not is_postgres(session.settings.ledger):
            ledger_path(session.settings.ledger)  # what is no URL of a ledger is refused as that
            flag = "--detach" if self.detach else "--workers"
            yield f"{flag}: {shown(session.settings.ledger)}: {NEEDS_SERVER}, or leave out {flag}"
        if self.engine is not EngineName.INPROCESS and not is_installed():
            yield MISSING
        if self.workers is not None and self.detach:
            yield "--detach comes back at once, and --workers end with this process: leave out one of them"
        if self.shares and self.engine is EngineName.INPROCESS:
            yield "--engine inprocess keeps its shards in this process, where nobody else finds them: leave it out"
        if self.engine is not None and not self.shares and is_postgres(session.settings.ledger):
            yield (
                "--engine is for a ledger in a file: in PostgreSQL whoever is there takes the shards; hand them out by "
                "--workers N or --detach, or leave out --engine: then this process works alone"
            )
        if RULES[kind].personal is not None:
            yield (
                f"names and addresses of a run of {LIVES[kind].kind}s stay in the process that reads the file: leave "
                "out --workers, --engine and --detach"
            )
        if self.detach and request.rate is not None:
            yield "--rate holds for the processes of this command: with --detach give it to billing worker"

    def named(self, verb: str, run_id: str) -> str:
        """Return as which worker this process writes the ledger: empty where it writes alone."""
        if not self.shares:
            return ""
        name = f"{verb}-{run_id}"
        return name if WORKER_ID.fullmatch(name) else f"{verb}-{hashlib.sha256(run_id.encode()).hexdigest()[:16]}"

    def overseer(self, session: Session) -> Overseer:
        """Return what hands the run out and waits for its end."""
        return Overseer(self._hire(session), detached=self.detach)

    def _hire(self, session: Session) -> Hire:
        @asynccontextmanager
        async def hire(services: Services) -> AsyncIterator[Hired]:
            controls, engine = controls_of(session.settings.ledger), self._engine(session, services)
            crew = Crew(engine, controls, asyncio.to_thread)
            try:
                if self.workers is not None:
                    from billing.cli.launching import worker_processes

                    here = {each.worker for each in await controls.workers() if each.silent_seconds < SILENT_SECONDS}
                    async with worker_processes(session, self._launch(services, self.workers), here):
                        yield Hired(crew)
                elif self.detach:
                    yield Hired(crew)
                else:
                    each = max(1, services.rates.items // SHARDS_AT_ONCE)
                    yield Hired(crew, Carrier(services, session.settings, controls, ALONE, each))
            finally:
                with anyio.CancelScope(shield=True):
                    await engine.aclose()
                    await controls.aclose()

        return hire

    def _engine(self, session: Session, services: Services) -> Engine:
        if self.engine is EngineName.INPROCESS:
            return InProcess(services.log, SHARDS_AT_ONCE)
        ledger, whose = session.settings.ledger, (str(services.mode), services.platform)
        if self.shares:
            return submitting(ledger, *whose, services.log)
        return alone(ledger, *whose, services.log, at_once=SHARDS_AT_ONCE)

    def _launch(self, services: Services, count: int) -> Any:  # noqa: ANN401  `Launch`, which is loaded late
        from billing.cli.launching import Launch

        typed: Mapping[str, Any] = Typed.values
        told = {name: typed.get(name) for name in ("config", "platform", "api_base", "log_format", "log_level", "rate")}
        texts = {name: None if value is None else str(value) for name, value in told.items() if name != "rate"}
        return Launch(count, services.rates.items, live=bool(typed.get("live")), rate=told["rate"], **texts)


def with_others(result: RunResult, boss: Overseer) -> RunResult:
    """Return a result that counts what other processes have sent for the run as well."""
    requests = {name: sent + boss.elsewhere.get(name, 0) for name, sent in result.summary["requests"].items()}
    return replace(result, summary={**result.summary, "requests": requests})


def handed_out(result: RunResult, boss: Overseer) -> RunResult:
    """Return the result of a run that others are to work: it is under way, and that is good."""
    if boss.began is None:
        return result
    facts = {"detached": True, "round": boss.began.number, "shards": boss.began.shards, "exit_code": int(Exit.OK)}
    return replace(result, exit=Exit.OK, summary={**result.summary, **facts})


def detached_text(result: RunResult, boss: Overseer) -> list[str]:
    """Say what happens with a run that was handed out, and what to type."""
    run_id, began = result.plan.run.run_id, boss.began
    shards = began.shards if began is not None else 0
    return [
        f"Run {run_id} is handed out in {plural(shards, 'shard')}; workers take them as they come",
        "",
        f"Work it, on as many machines as you like: {following('worker')}",
        f"See how far it is: {following('status', run_id, watch=True)}",
    ]
