"""Look at everything a run depends on, and say what to do about it."""

from dataclasses import asdict
from typing import Annotated

import typer

from billing.cli.options import Common, LiveOpt
from billing.cli.terminal import write_json, write_out
from billing.core.exits import Exit


def command(
    *,
    live: LiveOpt = False,
    write_probes: Annotated[
        bool, typer.Option("--write-probes", help="With --live: test write permissions, by requests that must fail.")
    ] = False,
    common: Common,
) -> int:
    """Check key, each permission, clock, ledger and versions. Makes nothing, moves no money.

    Where the settings name several platforms, all of them are looked at, or with --platform one.
    Write permissions are tested by requests that can only fail; with --live only when --write-probes asks for it.

    \b
    billing doctor
    billing doctor --live
    billing doctor --platform shop-eu
    """
    from billing.cli.diagnosis import as_text, diagnose_each
    from billing.cli.findings import Verdict
    from billing.cli.session import begin_each, run_async

    sessions = begin_each(common)
    findings = run_async(lambda: diagnose_each(sessions, live=live, write_probes=write_probes))
    if sessions[0].json:
        write_json([asdict(finding) for finding in findings])
    else:
        write_out(as_text(findings))
    return next((finding.exit_code for finding in findings if finding.verdict is Verdict.FAIL), Exit.OK)
