"""Rebuild a lost run, and say what was found, what was not, and what the next run will charge."""

from typing import Annotated

import typer

from billing.cli.options import Common, FileArg, Sending, Sheet, request_of


def command(
    *,
    file: FileArg,
    sheet: Sheet,
    sending: Sending,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DATE",
            help="List intents opened from this day on; 31 days before a month's period unless said.",
        ),
    ] = None,
    skip_account: Annotated[
        list[str] | None,
        typer.Option(
            "--skip-account",
            metavar="ACCOUNT",
            help="Give up an account that cannot be looked at any more: its items are never charged. Repeatable.",
        ),
    ] = None,
    common: Common,
) -> int:
    """Rebuild a lost run from its file and Stripe.

    Only reads. Give the very file that was charged: each of its accounts is listed once (and no other), and every item
    gets the state of its intent. One intent that disagrees with the file refuses it whole. Until the rebuild is
    complete the run cannot be started; type the same command again to go on. Items without any intent are named: the
    next run charges them.

    A window that begins too late makes paid items look unpaid, and the next run would charge them again. One that
    begins too early costs a read for every hundred intents more.

    \b
    billing ledger rebuild coaching.csv --run coaching-2026-11
    billing ledger rebuild coaching.yaml --since 2026-09-01 --live
    """
    from billing.cli.rebuilding import carry_out, day_of
    from billing.cli.session import begin, run_async
    from billing.cli.source import open_source
    from billing.flow.kinds.charge.rebuilding.rebuild import RebuildOptions

    session = begin(common, run_file=file)
    options = RebuildOptions(day_of(since), frozenset(skip_account or ()))
    request = request_of(file, sheet, sending)
    with open_source(session, file, request.read) as source:
        return run_async(carry_out, session, request, options, source)
