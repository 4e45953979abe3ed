"""Take webhooks until stopped, then let what is being read come home."""

import asyncio
import signal
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress

import anyio

from billing.cli.books import open_books
from billing.cli.session import Session, before_connecting
from billing.cli.terminal import write_json, write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.hooks.signature import Secrets
from billing.edge.hooks.site import Endpoint, serve
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.secrets import load_key, load_webhook_secrets
from billing.edge.settings.agreement import require_agreement
from billing.flow.listening import Listening
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.services import Services

LAST_READS = 20.0
# Seconds in which what is being read may come home; with the last answers that is less than the 30 of Kubernetes.


async def listen_until_stopped(session: Session, mode: Mode, *, live: bool) -> int:
    """Listen, say where, and end when told to. What waits then is left to `billing settle`.

    Raises:
        UsageError: settings, keys, secrets, mode and flag disagree, or it cannot listen there.
        LedgerError: there is no ledger, or it cannot be read.
    """
    settings, environ = session.settings, session.environ
    secrets, key = Secrets(load_webhook_secrets(environ)), load_key(environ, settings.key)
    require_agreement(settings, mode=mode, live_key=key.mode is Mode.LIVE, live_flag=live)
    before_connecting(session)
    opening = ServiceOptions(mode, "listen", live=live, making=Making.NEVER)

    def desk() -> AbstractAsyncContextManager[Services]:
        return open_services(settings, environ, opening, session.log)

    async with open_books(session):
        pass  # whoever listens for no ledger is told so now
    listening = Listening(lambda: open_books(session), desk, settings, mode, session.log)
    endpoint = Endpoint(secrets, mode, listening, session.log)
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
        _say_where(session, await _served(stack, endpoint, settings.values["listen.address"]), len(secrets))
        worker, told = asyncio.create_task(listening.work()), asyncio.ensure_future(anext(aiter(signals)))
        await asyncio.wait({worker, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
    listening.stop()
    with suppress(TimeoutError):
        await asyncio.wait_for(worker, LAST_READS)
    return Exit.OK


async def _served(stack: AsyncExitStack, endpoint: Endpoint, address: tuple[str, int]) -> str:
    """Begin to listen, and return where.

    Raises:
        UsageError: it cannot.
    """
    host, port = address
    try:
        bound = await stack.enter_async_context(serve(endpoint, host, port))
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be used: {error.strerror} (listen.address)") from None
    return f"{f'[{host}]' if ':' in host else host}:{bound}"


def _say_where(session: Session, listening: str, secrets: int) -> None:
    if session.json:
        write_json({"listening": listening, "secrets": secrets})
        return
    many = "1 secret" if secrets == 1 else f"{secrets} secrets"
    write_out(f"Webhooks are taken at http://{listening}/ ({many}). Ctrl-C ends it.\n")
