"""The options that several commands share: each worded once, in groups that a command takes as one value."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from billing.edge.runfiles import ReadOptions
    from billing.flow.options import Selection
    from billing.flow.report import Wanted
    from billing.flow.request import RunRequest


class Output(StrEnum):
    """What stdout carries."""

    TEXT = "text"
    JSON = "json"


class Form(StrEnum):
    """What stdout carries, of a command that lists."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


class LogFormat(StrEnum):
    """How stderr is written."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class EngineName(StrEnum):
    """What hands shards to one process, or to many."""

    INPROCESS = "inprocess"
    DBOS = "dbos"


FileArg = Annotated[Path, typer.Argument(metavar="FILE", help="A run file: .csv, .xlsx, .yaml, .json, or -.")]
ForceOpt = Annotated[bool, typer.Option("--force", help="Replace a file of another kind where the output goes.")]
NewLedgerOpt = Annotated[
    bool,
    typer.Option("--new-ledger", help="Make a ledger although the same key keeps others (needed in live mode)."),
]
YesOpt = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
AnyRunArg = Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; all of them unless said.")]
AmendOpt = Annotated[
    bool,
    typer.Option("--amend", help="Change a run that has begun: lines added, corrected, or taken out of the sheet."),
]
AckOpt = Annotated[
    list[str] | None,
    typer.Option("--ack", metavar="NAME", help="Accept that the run differs in this from the ones before. Repeatable."),
]
AckReasonOpt = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="TEXT", help="Why, for all of --ack or each; it goes on record. Name nobody."),
]
LimitOpt = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Start at most so many lines.")]
PreflightOpt = Annotated[
    str,
    typer.Option("--preflight", metavar="accounts|all", help="What to look up: accounts, or payment methods too."),
]
DeclinesOkOpt = Annotated[bool, typer.Option("--declines-ok", help="Declines alone give exit code 0 instead of 4.")]
OutputOpt = Annotated[Output | None, typer.Option("--output", help="What stdout carries (text unless said).")]
LiveOpt = Annotated[bool, typer.Option("--live", help="Needed in live mode, where real money moves.")]
ConcurrencyOpt = Annotated[
    int | None,
    typer.Option("--concurrency", metavar="N", min=1, help="Items at once (requests: at most 100)."),
]

WorkersOpt = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, max=32, help="Share it among N processes (a PostgreSQL ledger)."),
]
EngineOpt = Annotated[
    EngineName | None,
    typer.Option("--engine", help="Cut the run into shards; dbos keeps them, so that they outlive the process."),
]
DetachOpt = Annotated[
    bool, typer.Option("--detach", help="Hand it out and come back; billing worker works it, wherever it runs.")
]

# What follows are groups: a command with a parameter of such a type has every option of it (`billing.cli.groups`).


@dataclass(frozen=True, slots=True)
class Common:
    """Where things are, and how a command speaks."""

    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings instead of billing.yaml here or above."),
    ] = None
    platform: Annotated[
        str | None,
        typer.Option("--platform", metavar="NAME", help="Which of the platforms that billing.yaml names."),
    ] = None
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            metavar="URL",
            help="The ledger (sqlite:///billing.db); unless named the one here, above, or by billing.yaml.",
        ),
    ] = None
    api_base: Annotated[
        str | None,
        typer.Option("--api-base", metavar="URL", help="A sandbox instead of Stripe; test keys only."),
    ] = None
    output: OutputOpt = None
    log_format: Annotated[LogFormat | None, typer.Option("--log-format", help="How stderr is written.")] = None
    log_level: Annotated[LogLevel | None, typer.Option("--log-level", help="The least that is logged.")] = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """How a run file is read."""

    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="The run id of a sheet: name, then period (coaching-2026-11)."),
    ] = None
    sheet: Annotated[
        str | None,
        typer.Option("--sheet", metavar="NAME", help="The sheet of an .xlsx; else the first not hidden."),
    ] = None
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="CHAR", help="Between the fields of a CSV: a character, or tab."),
    ] = None
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Set bad lines aside instead of refusing the whole file.")
    ] = False
    decimal: Annotated[
        str | None,
        typer.Option("--decimal", metavar="point|comma", help="In the amounts of a CSV: 1234.56, or 1234,56."),
    ] = None
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="A column that the run does not need; the report keeps it."),
    ] = None
    late: Annotated[bool, typer.Option("--late", help="Take a run file of another month.")] = False
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Take a file with nothing to charge.")] = False

    def as_read(self) -> "ReadOptions":
        """Return the same for the reader."""
        from billing.edge.runfiles import ReadOptions

        return ReadOptions(
            run_id=self.run,
            delimiter=self.delimiter,
            decimal=self.decimal,
            ignore=tuple(self.ignore or ()),
            skip_invalid=self.skip_invalid,
            late=self.late,
            allow_empty=self.allow_empty,
            sheet=self.sheet,
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which items of a run."""

    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="WHAT", help="Only these: a reference (with *), account or customer. Repeatable."
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="WHAT", help="All but these, as for --only. Repeatable."),
    ] = None

    def as_selection(self) -> "Selection":
        """Return the same for the flows."""
        from billing.flow.options import Selection

        return Selection(tuple(self.only or ()), tuple(self.exclude or ()))


@dataclass(frozen=True, slots=True)
class Lines:
    """Which lines of a report."""

    status: Annotated[
        list[str] | None, typer.Option("--status", metavar="STATUS", help="Only lines of this status. Repeatable.")
    ] = None
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="ACCOUNT", help="Only lines of this account. Repeatable.")
    ] = None
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", metavar="CUSTOMER", help="Only lines of this customer. Repeatable."),
    ] = None
    reference: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="REFERENCE", help="Only lines of this reference (with *). Repeatable."),
    ] = None

    def as_wanted(self) -> "Wanted":
        """Return the same for the report."""
        from billing.flow.report import Wanted

        return Wanted(
            frozenset(self.status or ()),
            frozenset(self.account or ()),
            frozenset(self.customer or ()),
            frozenset(self.reference or ()),
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """How a CSV is written, for the spreadsheet that opens it."""

    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="CHAR", help="Between the cells of a CSV: a character, or tab."),
    ] = None
    decimal: Annotated[
        str, typer.Option("--decimal", metavar="point|comma", help="In the amounts of a CSV; comma parts cells by ;.")
    ] = "point"
    bom: Annotated[
        bool | None,
        typer.Option("--bom/--no-bom", help="A mark that Excel needs at the start of a CSV: in files unless said."),
    ] = None


@dataclass(frozen=True, slots=True)
class Sending:
    """What may be sent, and when."""

    live: LiveOpt = False
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="R", min=0.1, help="Requests a second, instead of the documented limits."),
    ] = None
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait", metavar="SECONDS", min=0, help="Wait this long for another runner to let go of the ledger."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Without:
    """Stands beside a group in an annotation: these of its options a command does not have."""

    names: frozenset[str]

    def __init__(self, *names: str) -> None:
        """Leave these out."""
        object.__setattr__(self, "names", frozenset(names))


GROUPS: tuple[type[Any], ...] = (Common, Sheet, Chosen, Lines, Cells, Sending)
# The types that a parameter may have to stand for all their options.

Reading = Annotated[Common, Without("api_base")]
# Of a command that asks nobody but the ledger.
Logging = Annotated[Common, Without("config", "platform", "ledger", "api_base", "output", "log_format")]
# Of a command that plays by itself.


def request_of(
    file: Path,
    sheet: Sheet,
    sending: Sending,
    chosen: Chosen = Chosen(),
    *,
    preflight: str = "all",
    amend: bool = False,
    limit: int | None = None,
    new: bool = False,
) -> "RunRequest":
    """Return the one value that says what was asked for.

    Raises:
        UsageError: there is no such preflight.
    """
    from billing.edge.ledger.custody.known_ledgers import Making
    from billing.flow.options import RunOptions
    from billing.flow.request import RunRequest, preflight_named

    return RunRequest(
        RunOptions(selection=chosen.as_selection(), limit=limit),
        amend=amend,
        preflight=preflight_named(preflight),
        file=file,
        read=sheet.as_read(),
        live=sending.live,
        rate=sending.rate,
        wait=sending.wait,
        making=Making.NEW if new else Making.FIRST,
    )
