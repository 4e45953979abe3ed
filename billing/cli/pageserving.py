"""Serve the pages of a ledger until it is stopped."""

import signal
import sys

import anyio

from billing.cli.books import open_books
from billing.cli.session import Session
from billing.cli.terminal import is_terminal, write_json, write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.edge.serve.access import Access
from billing.edge.serve.site import HOST, listen, serve
from billing.flow.serving.desk import LedgerDesk
from billing.flow.serving.live import utc_now

PORT = 8686
# The same each time, so that an address that somebody has noted is right but for its token.


async def serve_until_stopped(session: Session, port: int | None, *, browser: bool) -> int:
    """Serve, say where, and end at once when told to: nothing is lost with a page.

    Raises:
        UsageError: it cannot listen there.
        LedgerError: there is no ledger, or it cannot be read.
    """
    async with open_books(session) as reader, open_books(session) as onlooker:
        desk = LedgerDesk(reader, onlooker, utc_now)
        try:
            sock = listen(PORT if port is None else port, or_free=port is None)
        except OSError as error:
            raise UsageError(f"{HOST}:{port or PORT} cannot be used: {error.strerror} (--port)") from None
        try:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async with serve(desk, Access, session.log, sock) as access:
                    await _say_where(session, f"http://{HOST}:{access.port}/?token={access.token}", browser=browser)
                    await anext(aiter(signals))
        finally:
            desk.close()
    return Exit.OK


async def _say_where(session: Session, url: str, *, browser: bool) -> None:
    if session.json:
        write_json({"url": url})
    else:
        write_out(f"The ledger is shown at {url}  Ctrl-C ends it.\n")
    if browser and is_terminal(sys.stdout):
        import webbrowser

        await anyio.to_thread.run_sync(webbrowser.open, url)
