"""Serve the pages of a ledger on this machine."""

from typing import Annotated

import typer

from billing.cli.options import Reading


def command(
    *,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Where it listens; 8686, or a free one where that is taken."),
    ] = None,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in your browser.")] = False,
    common: Reading,
) -> int:
    """Serve the ledger as pages: runs, a run under way, lines, accounts, customers, until it is stopped.

    It listens on this machine alone, and only reads: nothing can be changed on a page. The address that it prints has
    a token, without which nobody sees anything; it holds until the command ends. A run goes on while people look at it.

    \b
    billing serve
    billing serve --open
    billing serve --port 9000 --output json
    """
    from billing.cli.pageserving import serve_until_stopped
    from billing.cli.session import begin, run_async

    session = begin(common)
    return run_async(lambda: serve_until_stopped(session, port, browser=browser))
