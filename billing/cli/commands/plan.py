"""Show what a run would do, and save it if asked."""

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
    FileArg,
    ForceOpt,
    LimitOpt,
    NewLedgerOpt,
    PreflightOpt,
    Sending,
    Sheet,
    Without,
    request_of,
)
from billing.core.errors import UsageError


def command(
    *,
    file: FileArg,
    sheet: Sheet,
    chosen: Chosen,
    sending: Annotated[Sending, Without("wait")],
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="PATH", help="Save the plan, for `run`.")] = None,
    preflight: PreflightOpt = "all",
    offline: Annotated[bool, typer.Option("--offline", help="Look nothing up; no key is needed.")] = False,
    amend: AmendOpt = False,
    limit: LimitOpt = None,
    ack: AckOpt = None,
    reason: AckReasonOpt = None,
    force: ForceOpt = False,
    new_ledger: NewLedgerOpt = False,
    common: Common,
) -> int:
    """Show what a run would do; only reads are sent.

    Totals, what is skipped and why, warnings, an estimate of time and requests.

    \b
    billing plan coaching.csv --run coaching-2026-11
    billing plan coaching.yaml -o plan.json && billing run plan.json
    billing plan coaching.yaml -o plan.json --ack gone --reason "two clubs closed"
    billing plan november.csv --run coaching-2026-11 --amend     a line was corrected, added or taken out
    """
    from billing.cli.looking_ahead import look_ahead, look_offline
    from billing.cli.session import begin, run_async
    from billing.cli.source import guarded, open_source
    from billing.edge.outputs import PLAN, Target
    from billing.edge.runfiles import STDIN
    from billing.flow.planning.accepting import acks_asked

    session = begin(common, run_file=file)
    if offline and out is not None:
        raise UsageError("a plan to run later needs its look-ups: leave out --offline or --out")
    if out is not None and file == STDIN:
        raise UsageError("a plan to run later needs its file: standard input is gone by then; save the file first")
    acks = acks_asked(ack or (), reason or ())
    if offline and acks:
        raise UsageError("without look-ups nothing is compared: leave out --offline or --ack")
    request = request_of(file, sheet, sending, chosen, preflight=preflight, amend=amend, limit=limit, new=new_ledger)
    request = replace(request, acks=acks)
    with open_source(session, file, request.read) as source:
        if offline:
            return look_offline(session, request, source)
        target = None if out is None else Target(out, PLAN, guarded(session, source), force=force)
        return run_async(look_ahead, session, request, source, target)
