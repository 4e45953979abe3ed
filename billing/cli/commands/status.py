"""Show where runs stand, from the ledger alone: it may be asked while another process charges."""

from typing import Annotated

import typer

from billing.cli.options import Reading


def command(
    *,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; a list of all unless said.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second until the run has ended.")] = False,
    common: Reading,
) -> int:
    """Show where runs stand.

    Counts by group, rate and time left of a run in progress, the oldest unfinished item. Where the settings name
    several platforms, the runs of all of them, or with --platform those of one.

    \b
    billing status
    billing status coaching-2026-11 --watch
    billing status --platform shop-eu
    """
    from billing.cli.session import begin_each, run_async
    from billing.cli.status_view import look_on, look_once

    return run_async(look_on if watch else look_once, begin_each(common), run)
