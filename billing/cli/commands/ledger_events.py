"""Print the entries of the ledger."""

from itertools import chain
from typing import Annotated

import typer

from billing.cli.options import Reading
from billing.cli.terminal import write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit


def command(
    *,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Of one run.")] = None,
    reference: Annotated[str | None, typer.Option("--reference", metavar="REF", help="Of one item.")] = None,
    common: Reading,
) -> int:
    """Print what happened, when, to which item.

    \b
    billing ledger events --run coaching-2026-11 --reference INV-0042
    billing ledger events --output json | jq .name
    """
    from billing.cli.books import open_books
    from billing.cli.ledger_view import entry_lines
    from billing.cli.session import begin, run_async
    from billing.flow.report import known_run

    session = begin(common)

    async def printed() -> None:
        async with open_books(session) as ledger:
            if run is not None:
                known_run(ledger, run)
            entries = ledger.entries(run, reference)
            first = next(entries, None)
            if first is None and reference is not None:
                raise UsageError(f"the ledger has no entry about {reference!r}")
            found = chain([first] if first is not None else [], entries)
            write_out(entry_lines(found, as_json=session.json))

    run_async(printed)
    return Exit.OK
