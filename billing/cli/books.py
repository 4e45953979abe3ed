"""The ledger for commands that only read it: no lock, so they may look while another process charges."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from billing.cli.session import Session
from billing.edge.ledger.database import DatabaseLedger
from billing.edge.ledger.moving import gone_to
from billing.edge.ledger.opening import open_ledger
from billing.edge.stripe.clock import ProviderClock


@asynccontextmanager
async def open_books(session: Session) -> AsyncIterator[DatabaseLedger]:
    """Open the ledger of the settings read-only.

    Raises:
        LedgerError: there is none, or it cannot be read.
    """
    settings = session.settings
    ledger = await open_ledger(
        settings.ledger,
        key_file=settings.ledger_key_file,
        clock=ProviderClock().now,
        write=False,
        environ=session.environ,
    )
    if ledger.moved:
        session.log("ledger_warning", level="warning", message=f"{ledger.named}: {gone_to(ledger.moved)}")
    try:
        yield ledger
    finally:
        await ledger.aclose()
