"""The commands that read a run file or move money: what they are called, what they take, what their help says."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import (
    AllowEmptyOpt,
    ApiBaseOpt,
    ConcurrencyOpt,
    ConfigOpt,
    DecimalOpt,
    DelimiterOpt,
    ExcludeOpt,
    FileArg,
    ForceOpt,
    IgnoreOpt,
    LateOpt,
    LedgerOpt,
    LiveOpt,
    LogFormatOpt,
    LogLevelOpt,
    NewLedgerOpt,
    OnlyOpt,
    OutputOpt,
    RateOpt,
    RunIdOpt,
    SkipInvalidOpt,
    WaitOpt,
    YesOpt,
)

AnyRunArg = Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; all of them unless said.")]
SinceOpt = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="DATE",
        help="List intents opened from this day on; 31 days before a month's period unless said.",
    ),
]
SkipAccountOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--skip-account",
        metavar="ACCOUNT",
        help="Give up an account that cannot be looked at any more: its items are never charged. Repeatable.",
    ),
]
AmendOpt = Annotated[
    bool,
    typer.Option("--amend", help="Change a run that has begun: lines added, corrected, or taken out of the sheet."),
]
LimitOpt = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Start at most so many lines.")]
PreflightOpt = Annotated[
    str,
    typer.Option("--preflight", metavar="accounts|all", help="What to look up: accounts, or payment methods too."),
]
DeclinesOkOpt = Annotated[bool, typer.Option("--declines-ok", help="Declines alone give exit code 0 instead of 4.")]


def check(
    file: FileArg,
    run: RunIdOpt = None,
    delimiter: DelimiterOpt = None,
    skip_invalid: SkipInvalidOpt = False,
    decimal: DecimalOpt = None,
    ignore: IgnoreOpt = None,
    late: LateOpt = False,
    allow_empty: AllowEmptyOpt = False,
    errors_csv: Annotated[
        Path | None,
        typer.Option("--errors-csv", metavar="PATH", help="Write the bad lines there, with a reason column."),
    ] = None,
    force: ForceOpt = False,
    config: ConfigOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Check a run file offline: every problem with its line.

    \b
    billing check coaching.csv --run coaching-2026-11
    billing check coaching.yaml --errors-csv bad-lines.csv
    """
    from billing.cli.session import Common
    from billing.cli.verbs.check import check as verb
    from billing.edge.runfiles import ReadOptions

    common = Common(config, None, None, output, log_format, log_level)
    read = ReadOptions(run, delimiter, decimal, tuple(ignore or ()), skip_invalid, late, allow_empty)
    return verb(common, file, read, errors_csv, force=force)


def plan(
    file: FileArg,
    run: RunIdOpt = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="PATH", help="Save the plan, for `run`.")] = None,
    preflight: PreflightOpt = "all",
    offline: Annotated[bool, typer.Option("--offline", help="Look nothing up; no key is needed.")] = False,
    amend: AmendOpt = False,
    only: OnlyOpt = None,
    exclude: ExcludeOpt = None,
    limit: LimitOpt = None,
    delimiter: DelimiterOpt = None,
    skip_invalid: SkipInvalidOpt = False,
    decimal: DecimalOpt = None,
    ignore: IgnoreOpt = None,
    late: LateOpt = False,
    allow_empty: AllowEmptyOpt = False,
    force: ForceOpt = False,
    live: LiveOpt = False,
    rate: RateOpt = None,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    new_ledger: NewLedgerOpt = False,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Show what a run would do; only reads are sent.

    Totals, what is skipped and why, warnings, an estimate of time and requests.

    \b
    billing plan coaching.csv --run coaching-2026-11
    billing plan coaching.yaml -o plan.json && billing run plan.json
    billing plan november.csv --run coaching-2026-11 --amend     a line was corrected, added or taken out
    """
    from billing.cli.session import Common
    from billing.cli.verbs.plan import PlanAsked
    from billing.cli.verbs.plan import plan as verb
    from billing.edge.runfiles import ReadOptions
    from billing.flow.options import Selection

    common = Common(config, ledger, api_base, output, log_format, log_level)
    chosen = Selection(tuple(only or ()), tuple(exclude or ()))
    read = ReadOptions(run, delimiter, decimal, tuple(ignore or ()), skip_invalid, late, allow_empty)
    asked = PlanAsked(file, read, amend, preflight, offline, live, rate, new_ledger, chosen, limit)
    return verb(common, asked, out, force=force)


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A run file, or a plan saved by `billing plan -o`.")],
    run: RunIdOpt = None,
    yes: YesOpt = False,
    live: LiveOpt = False,
    only: OnlyOpt = None,
    exclude: ExcludeOpt = None,
    limit: LimitOpt = None,
    max_failures: Annotated[
        int | None,
        typer.Option("--max-failures", metavar="N", min=0, help="Stop after more than so many unpaid items."),
    ] = None,
    deadline: Annotated[
        str | None, typer.Option("--deadline", metavar="TIME", help="Start nothing after this long: 90s, 30m, 2h.")
    ] = None,
    rate: RateOpt = None,
    concurrency: ConcurrencyOpt = None,
    wait: WaitOpt = None,
    amend: AmendOpt = False,
    preflight: PreflightOpt = "all",
    declines_ok: DeclinesOkOpt = False,
    delimiter: DelimiterOpt = None,
    skip_invalid: SkipInvalidOpt = False,
    decimal: DecimalOpt = None,
    ignore: IgnoreOpt = None,
    late: LateOpt = False,
    allow_empty: AllowEmptyOpt = False,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    new_ledger: NewLedgerOpt = False,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Charge every item of a run once. The same command again continues, or finds nothing to do.

    \b
    billing run coaching.csv --run coaching-2026-11
    billing run plan.json --yes --output json
    billing run coaching.yaml --only 'INV-2026-*' --limit 10
    billing run coaching.yaml --live          real money; asks for the total
    """
    from billing.cli.session import Common
    from billing.cli.verbs.plan import PlanAsked
    from billing.cli.verbs.run import RunAsked
    from billing.cli.verbs.run import run as verb
    from billing.edge.runfiles import ReadOptions
    from billing.flow.options import Selection

    common = Common(config, ledger, api_base, output, log_format, log_level)
    chosen = Selection(tuple(only or ()), tuple(exclude or ()))
    read = ReadOptions(run, delimiter, decimal, tuple(ignore or ()), skip_invalid, late, allow_empty)
    planning = PlanAsked(file, read, amend, preflight, False, live, rate, new_ledger, chosen, limit)
    wanted = RunAsked(yes, max_failures, deadline, concurrency, wait, declines_ok)
    return verb(common, planning, wanted)


def resolve(
    run: AnyRunArg = None,
    live: LiveOpt = False,
    rate: RateOpt = None,
    wait: WaitOpt = None,
    declines_ok: DeclinesOkOpt = False,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Ask Stripe what became of lost answers and of open declines. Only looks: charges nobody.

    What turns out not to be paid waits for billing run.

    \b
    billing resolve
    billing resolve coaching-2026-11
    """
    from billing.cli.session import Common
    from billing.cli.verbs.follow import follow

    common = Common(config, ledger, api_base, output, log_format, log_level)
    return follow(common, "resolve", run, live=live, rate=rate, wait=wait, declines_ok=declines_ok)


def settle(
    run: AnyRunArg = None,
    live: LiveOpt = False,
    rate: RateOpt = None,
    wait: WaitOpt = None,
    declines_ok: DeclinesOkOpt = False,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Ask Stripe what became of bank debits and of open declines. Only looks: charges nobody.

    Run it daily until nothing is processing.

    \b
    billing settle
    billing settle coaching-2026-11
    """
    from billing.cli.session import Common
    from billing.cli.verbs.follow import follow

    common = Common(config, ledger, api_base, output, log_format, log_level)
    return follow(common, "settle", run, live=live, rate=rate, wait=wait, declines_ok=declines_ok)


def cancel(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it goes on record. Name nobody.")],
    only: OnlyOpt = None,
    exclude: ExcludeOpt = None,
    yes: YesOpt = False,
    live: LiveOpt = False,
    rate: RateOpt = None,
    wait: WaitOpt = None,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Close what is not paid of a run, on the record.

    Looks first at whatever may be on its way. What is paid stays paid, and is named. The same command again goes on.

    \b
    billing cancel coaching-2026-11 --reason "the wrong sheet"
    billing cancel coaching-2026-11 --only INV-2026-11-0005 --reason "the customer complained"
    """
    from billing.cli.session import Common
    from billing.cli.verbs.cancel import CancelAsked, cancel_run
    from billing.flow.options import Selection

    common = Common(config, ledger, api_base, output, log_format, log_level)
    chosen = Selection(tuple(only or ()), tuple(exclude or ()))
    return cancel_run(common, CancelAsked(run, reason, chosen, yes, live, rate, wait))


def rebuild(
    file: FileArg,
    run: RunIdOpt = None,
    since: SinceOpt = None,
    skip_account: SkipAccountOpt = None,
    delimiter: DelimiterOpt = None,
    skip_invalid: SkipInvalidOpt = False,
    decimal: DecimalOpt = None,
    ignore: IgnoreOpt = None,
    late: LateOpt = False,
    allow_empty: AllowEmptyOpt = False,
    live: LiveOpt = False,
    rate: RateOpt = None,
    wait: WaitOpt = None,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
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
    from billing.cli.session import Common
    from billing.cli.verbs.rebuild import RebuildAsked
    from billing.cli.verbs.rebuild import rebuild as verb
    from billing.edge.runfiles import ReadOptions

    common = Common(config, ledger, api_base, output, log_format, log_level)
    read = ReadOptions(run, delimiter, decimal, tuple(ignore or ()), skip_invalid, late, allow_empty)
    asked = RebuildAsked(file, read, since, tuple(skip_account or ()), live, rate, wait)
    return verb(common, asked)
