"""Make the ledger one of this release."""

from typing import Annotated

import typer

from billing.cli.options import Reading
from billing.cli.terminal import write_json, write_out
from billing.core.exits import Exit


def command(
    *,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait", metavar="SECONDS", min=0, help="Wait this long for another runner to let go of the ledger."
        ),
    ] = None,
    make: Annotated[
        bool, typer.Option("--make", help="Where there is none yet, make an empty one: for the owner of a database.")
    ] = False,
    common: Reading,
) -> int:
    """Make a ledger of an earlier release one of this release.

    Needed when a command says so, and harmless otherwise. The ledger is checked, carried over into a new file and
    checked again; then the new file takes its place, and the old one stays beside it (ledger.db.v1). In PostgreSQL it
    is one transaction, and whoever types it must own the schema. No request is sent. If it is cut off, type it again:
    until the end the ledger stays as it was. Keep a copy of ledger and key, as before every upgrade; an earlier
    release refuses the new ledger.

    \b
    billing ledger upgrade
    billing ledger upgrade --make --ledger postgresql://billing_owner@db.example/billing
    billing ledger upgrade --ledger sqlite:////srv/billing/ledger.db --output json
    """
    from billing.cli.ledger_view import upgraded_json, upgraded_lines
    from billing.cli.session import begin, run_async
    from billing.edge.ledger.upgraded import Upgraded
    from billing.edge.ledger.upgrading import upgrade_ledger
    from billing.edge.stripe.clock import ProviderClock

    session = begin(common)

    async def upgraded() -> Upgraded:
        settings = session.settings
        return await upgrade_ledger(
            settings.ledger,
            key_file=settings.ledger_key_file,
            clock=ProviderClock().now,
            wait=wait,
            make=make,
            environ=session.environ,
        )

    found = run_async(upgraded)
    for warning in found.warnings:
        session.log("ledger_warning", level="warning", message=warning)
    if session.json:
        write_json(upgraded_json(found))
    else:
        write_out("".join(line + "\n" for line in upgraded_lines(found)))
    return Exit.OK
