"""A run over workers on one bench: the sandbox, a real ledger, and workers that share nothing else but controls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from billing.core.wire import Wire
from billing.edge.engines.controls import Controls, Remembered
from billing.edge.engines.inprocess import InProcess
from billing.edge.settings.load import Settings, load_settings
from billing.flow.options import Ending, RunOptions
from billing.flow.services import Services
from billing.flow.workers.carrying import Carrier
from billing.flow.workers.launching import Overseer
from billing.flow.workers.rounds import Crew
from tests.flow.world import RUN, World


async def at_once(call: Any, *args: Any) -> Any:
    """Do what takes long here and now: virtual time does not wait for threads."""
    return call(*args)


def settings() -> Settings:
    return load_settings({"BILLING_MODE": "test"}, {}, None, None)


@asynccontextmanager
async def overseer(
    world: World, controls: Controls | None = None, *, at_once_shards: int = 4, wire: Wire | None = None
) -> AsyncIterator[tuple[Services, Overseer]]:
    """A process that hands out and carries out, with a ledger handle of its own."""
    controls = controls or Remembered()
    async with world.services(wire=wire) as services:
        carrier = Carrier(services, settings(), controls, "here", 16, at_once)
        yield services, Overseer(Crew(InProcess(services.log, at_once_shards), controls, at_once), carrier)


async def run_over_workers(world: World, controls: Controls | None = None, **options: Any) -> Ending:
    """Plan the run and carry it out over shards; then go home."""
    async with overseer(world, controls) as (services, boss):
        await world.plan(services)
        return await boss.execute(services, RUN, RunOptions(**options), world.policies)


@asynccontextmanager
async def working(engine: InProcess, carrier: Carrier) -> AsyncIterator[None]:
    """Let a carrier work meanwhile."""
    task = asyncio.create_task(engine.work(carrier.carry_out))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
