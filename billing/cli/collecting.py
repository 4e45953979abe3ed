"""Serve the page of payers until it is stopped, or print one payer's link."""

import signal
from contextlib import AbstractAsyncContextManager

import anyio

from billing.cli.books import open_books
from billing.cli.session import Session, before_connecting
from billing.cli.terminal import write_json, write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.collect.options import collect_options
from billing.edge.collect.server import serve
from billing.edge.collect.site import Site
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.secrets import load_key
from billing.edge.settings.agreement import require_agreement
from billing.flow.collecting import Payers
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.services import Services

HELD_SECONDS = 15.0
# How long a payer waits for another runner to let go of the ledger, before being asked to come back.


async def serve_until_stopped(session: Session, mode: Mode, *, live: bool) -> int:
    """Serve, say where, and end when told to; whoever is being served then is served to the end.

    Raises:
        UsageError: settings, keys, mode and flag disagree, or it cannot listen there.
        LedgerError: the ledger cannot be read.
    """
    settings, environ = session.settings, session.environ
    options = collect_options(settings, environ, mode)
    key = load_key(environ, settings.key)
    require_agreement(settings, mode=mode, live_key=key.mode is Mode.LIVE, live_flag=live)
    before_connecting(session)
    opening = ServiceOptions(mode, "collect", live=live, wait=HELD_SECONDS, making=Making.NEVER)
    interactive = settings.having("collect", {"rate_share": _left_free(settings.rate_share)})

    def desk() -> AbstractAsyncContextManager[Services]:
        return open_services(interactive, environ, opening, session.log)

    payers = Payers(lambda: open_books(session), desk, mode, session.log)
    site = Site(options, payers, await payers.prepare())
    host, port = options.listen
    try:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with serve(site, session.log, host, port) as bound:
                _say_where(session, options.public_url, f"{f'[{host}]' if ':' in host else host}:{bound}")
                await anext(aiter(signals))
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be used: {error.strerror} (collect.listen)") from None
    return Exit.OK


def _left_free(share: float) -> float:
    """Return the share of Stripe's limits that runs leave free: it is for people who wait, and payers are such."""
    return 1 - share if share < 1 else share


def _say_where(session: Session, public_url: str, listening: str) -> None:
    if session.json:
        write_json({"public_url": public_url, "listening": listening})
        return
    write_out(f"The page of payers is open at {public_url} (listening on {listening}). Ctrl-C ends it.\n")
