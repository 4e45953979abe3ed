"""Copy the ledger to another database; it goes on there."""

from typing import Annotated

import typer

from billing.cli.options import Common, Without
from billing.core.exits import Exit


def command(
    *,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The ledger (sqlite:///billing.db).")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="An empty database (postgresql://user@host/database), or a new file.")
    ],
    wait: Annotated[
        float | None,
        typer.Option("--wait", metavar="SECONDS", min=0, help="Wait this long for a runner to let go of the ledger."),
    ] = None,
    common: Annotated[Common, Without("ledger", "api_base")],
) -> int:
    """Copy the ledger to another database; it goes on there.

    From a file to PostgreSQL, back, or to another server. The ledger is checked, every row is copied as it is, and the
    copy is checked. Then the old ledger notes where it went: it can be read for ever, and is never charged from again.
    Stop what runs before; afterwards name the new place in billing.yaml or BILLING_LEDGER. No request is sent.

    If it is cut off, type it again. Passwords are taken from PGPASSWORD or ~/.pgpass, never from here. The key stays
    what it is: whoever writes the new ledger needs it (BILLING_LEDGER_KEY_FILE).

    \b
    billing ledger copy sqlite:///billing.db postgresql://billing@db.example/billing
    billing ledger copy postgresql://billing@db.example/ledger sqlite:////srv/billing/ledger.db --output json
    """
    from billing.cli.ledger_copying import carry_out
    from billing.cli.session import begin, run_async

    session = begin(common)
    run_async(carry_out, session, source, target, wait)
    return Exit.OK
