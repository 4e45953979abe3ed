"""Plan if needed, ask, charge, and say what became of it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import (
    AckOpt,
    AckReasonOpt,
    AmendOpt,
    Chosen,
    Common,
    ConcurrencyOpt,
    DeclinesOkOpt,
    DetachOpt,
    EngineOpt,
    LimitOpt,
    NewLedgerOpt,
    PreflightOpt,
    Sending,
    Sheet,
    WorkersOpt,
    YesOpt,
    request_of,
)
from billing.core.errors import UsageError

UNITS = {"s": 1, "m": 60, "h": 3600}


def command(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A run file, or a plan saved by `billing plan -o`.")],
    sheet: Sheet,
    chosen: Chosen,
    sending: Sending,
    yes: YesOpt = False,
    limit: LimitOpt = None,
    max_failures: Annotated[
        int | None,
        typer.Option("--max-failures", metavar="N", min=0, help="Stop after more than so many unpaid items."),
    ] = None,
    deadline: Annotated[
        str | None, typer.Option("--deadline", metavar="TIME", help="Start nothing after this long: 90s, 30m, 2h.")
    ] = None,
    concurrency: ConcurrencyOpt = None,
    amend: AmendOpt = False,
    preflight: PreflightOpt = "all",
    declines_ok: DeclinesOkOpt = False,
    ack: AckOpt = None,
    reason: AckReasonOpt = None,
    new_ledger: NewLedgerOpt = False,
    confirm_with: Annotated[
        str,
        typer.Option(
            "--confirm-with", metavar="pm_…", help="Answer for all payers with a test payment method. Test mode only."
        ),
    ] = "",
    workers: WorkersOpt = None,
    engine: EngineOpt = None,
    detach: DetachOpt = False,
    common: Common,
) -> int:
    """Charge every item of a run once. The same command again continues, or finds nothing to do.

    \b
    billing run coaching.csv --run coaching-2026-11
    billing run plan.json --yes --output json
    billing run coaching.yaml --only 'INV-2026-*' --limit 10
    billing run coaching.yaml --live          real money; asks for the total
    billing run coaching.yaml --ack gone --reason "two clubs closed"
    billing run coaching.csv --workers 4      four processes, one ledger in PostgreSQL
    """
    from billing.cli.over_workers import Crewing
    from billing.cli.running import Manner, carry_out
    from billing.cli.session import begin, run_async
    from billing.cli.source import open_source
    from billing.flow.planning.accepting import acks_asked
    from billing.flow.request import as_planned

    session = begin(common, run_file=file)
    request = request_of(file, sheet, sending, chosen, preflight=preflight, amend=amend, limit=limit, new=new_ledger)
    until = replace(request.run, max_failures=max_failures, deadline=seconds_of(deadline))
    request = replace(request, run=until, concurrency=concurrency, declines_ok=declines_ok)
    request = replace(request, acks=acks_asked(ack or (), reason or ()))
    request = as_planned(replace(request, answers_with=test_method(confirm_with)))
    with open_source(session, request.file, request.read) as source:
        return run_async(carry_out, session, request, source, Manner(yes), Crewing(workers, engine, detach))


def test_method(text: str) -> str:
    """Read the name of a test payment method, or nothing.

    Raises:
        UsageError: it is none.
    """
    from billing.edge.logs import visible

    if text and not re.fullmatch(r"pm_[A-Za-z0-9_]{1,60}", text):
        raise UsageError(f'--confirm-with "{visible(text)}" is no test payment method such as pm_card_visa')
    return text


def seconds_of(text: str | None) -> float | None:
    """Read a duration such as 90s, 30m or 2h.

    Raises:
        UsageError: it is none.
    """
    from billing.edge.logs import visible

    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text)
    if found is None:
        raise UsageError(f'--deadline "{visible(text)}" is no duration such as 90s, 30m or 2h')
    return float(found[1]) * UNITS[found[2]]
