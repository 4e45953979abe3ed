"""The desk for commands that talk to the provider, set up as the run file and the flags want it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from billing.cli.session import Session, before_connecting
from billing.core.policies import Pacing
from billing.flow.carry_out import paced
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.services import Services


@asynccontextmanager
async def services_for(
    session: Session, opening: ServiceOptions, pacing: Pacing | None = None
) -> AsyncIterator[Services]:
    """Open the desk; everything that disagrees is refused before anything is sent.

    Args:
        session: of the command.
        opening: what the command wants.
        pacing: of the run file; it replaces the settings, flags replace both.
    """
    before_connecting(session)
    settings = session.settings if pacing is None else paced(session.settings, pacing)
    async with open_services(settings, session.environ, opening, session.log) as services:
        yield services
