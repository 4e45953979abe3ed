"""A run over workers on one bench: the sandbox, a real ledger, and workers that share nothing else but controls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from billing.core.wire import Wire
from billing.edge.engines.controls import Controls, Remembered
from billing.edge.engines.inprocess import InProcess
from billing.edge.settings.load import Settings, load_settings
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services
from billing.flow.workers.carrying import Carrier
from billing.flow.workers.launching import Hire, Hired, Overseer
from billing.flow.workers.rounds import Crew
from tests.flow.world import RUN, World


async def at_once(call: Any, *args: Any) -> Any:
    """Do what takes long here and now: virtual time does not wait for threads."""
    return call(*args)


def settings() -> Settings:
    return load_settings({"BILLING_MODE": "test"}, {}, None, None)


def hiring(hired: Hired) -> Hire:
    """Have these work, whoever asks."""

    @asynccontextmanager
    async def hire(_services: Services) -> AsyncIterator[Hired]:
        yield hired

    return hire


@dataclass(frozen=True)
class Boss:
    """A process that hands out and carries out, with a ledger handle of its own."""

    services: Services
    engine: InProcess
    overseer: Overseer


@asynccontextmanager
async def boss_of(
    world: World, controls: Controls | None = None, *, shards: int = 4, wire: Wire | None = None
) -> AsyncIterator[Boss]:
    controls = controls or Remembered()
    async with world.services(wire=wire) as services:
        carrier = Carrier(services, settings(), controls, "here", 16, apart=at_once)
        engine = InProcess(services.log, shards)
        yield Boss(services, engine, Overseer(hiring(Hired(Crew(engine, controls, at_once), carrier))))


async def run_over_workers(world: World, controls: Controls | None = None, **options: Any) -> Ending:
    """Plan the run and carry it out over shards; then go home."""
    async with boss_of(world, controls) as boss:
        await world.plan(boss.services)
        return await boss.overseer.execute(boss.services, RUN, RunOptions(**options), world.policies)
