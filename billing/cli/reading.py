"""The commands that only read the ledger."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import ConfigOpt, ForceOpt, LedgerOpt, LogFormatOpt, LogLevelOpt, OutputOpt

RunArg = Annotated[str, typer.Argument(metavar="RUN", help="The run id.")]


def status(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; a list of all unless said.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second until the run has ended.")] = False,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Show where runs stand.

    Counts by group, rate and time left of a run in progress, the oldest unfinished item.

    \b
    billing status
    billing status coaching-2026-11 --watch
    """
    from billing.cli.session import Common
    from billing.cli.verbs.status import status as verb

    return verb(Common(config, ledger, None, output, log_format, log_level), run, watch=watch)


def report(
    run: RunArg,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="text|csv|json", help="Instead of what the suffix of -o says, or text."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A .csv, .json or .txt that only you can read.")
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option("--status", metavar="STATUS", help="Only lines of this status. Repeatable.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="ACCOUNT", help="Only lines of this account. Repeatable.")
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", metavar="CUSTOMER", help="Only lines of this customer. Repeatable."),
    ] = None,
    by_account: Annotated[
        bool, typer.Option("--by-account", help="Totals per connected account instead of lines.")
    ] = False,
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="CHAR", help="Between the cells of a CSV: a character, or tab."),
    ] = None,
    decimal: Annotated[
        str, typer.Option("--decimal", metavar="point|comma", help="In the amounts of a CSV; comma parts cells by ;.")
    ] = "point",
    bom: Annotated[
        bool | None,
        typer.Option("--bom/--no-bom", help="A mark that Excel needs at the start of a CSV: in files unless said."),
    ] = None,
    force: ForceOpt = False,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Give back every input line with what became of it.

    Times in a CSV are those of the run's time zone; in JSON they are ISO 8601, UTC.

    \b
    billing report coaching-2026-11
    billing report coaching-2026-11 -o report.csv
    billing report coaching-2026-11 -o bericht.csv --decimal comma
    billing report coaching-2026-11 --status declined --status needs_customer
    billing report coaching-2026-11 --by-account
    """
    from billing.cli.session import Common
    from billing.cli.verbs.report import ReportAsked
    from billing.cli.verbs.report import report as verb
    from billing.flow.report import Wanted

    wanted = Wanted(frozenset(status or ()), frozenset(account or ()), frozenset(customer or ()))
    asked = ReportAsked(format_, out, by_account, wanted, delimiter, decimal, bom, force)
    return verb(Common(config, ledger, None, None, log_format, log_level), run, asked)


def verify(
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Check chain, database and every item.

    Every item is compared with the fold of its entries; the head is the value to keep elsewhere as a witness.

    \b
    billing ledger verify
    """
    from billing.cli.session import Common
    from billing.cli.verbs.ledger import verify as verb

    return verb(Common(config, ledger, None, output, log_format, log_level))


def events(
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Of one run.")] = None,
    reference: Annotated[str | None, typer.Option("--reference", metavar="REF", help="Of one item.")] = None,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Print what happened, when, to which item.

    \b
    billing ledger events --run coaching-2026-11 --reference INV-0042
    billing ledger events --output json | jq .name
    """
    from billing.cli.session import Common
    from billing.cli.verbs.ledger import events as verb

    return verb(Common(config, ledger, None, output, log_format, log_level), run, reference)
