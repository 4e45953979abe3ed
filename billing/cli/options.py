"""The options that several commands share, each worded once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """What stdout carries."""

    TEXT = "text"
    JSON = "json"


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


ConfigOpt = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings instead of billing.yaml here or above."),
]
LedgerOpt = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="The ledger (sqlite:///billing.db); unless named the one here, above, or by billing.yaml.",
    ),
]
ApiBaseOpt = Annotated[
    str | None,
    typer.Option("--api-base", metavar="URL", help="A sandbox instead of Stripe; test keys only."),
]
OutputOpt = Annotated[Output | None, typer.Option("--output", help="What stdout carries (text unless said).")]
LogFormatOpt = Annotated[LogFormat | None, typer.Option("--log-format", help="How stderr is written.")]
LogLevelOpt = Annotated[LogLevel | None, typer.Option("--log-level", help="The least that is logged.")]

FileArg = Annotated[Path, typer.Argument(metavar="FILE", help="A run file: .csv, .yaml, .json, or - (standard input).")]
RunIdOpt = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="The run id of a CSV: name, then period (coaching-2026-11).")
]
DelimiterOpt = Annotated[
    str | None,
    typer.Option("--delimiter", metavar="CHAR", help="Between the fields of a CSV: a character, or tab."),
]
DecimalOpt = Annotated[
    str | None,
    typer.Option("--decimal", metavar="point|comma", help="In the amounts of a CSV: 1234.56, or 1234,56."),
]
IgnoreOpt = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="COLUMN", help="A column that the run does not need; the report keeps it."),
]
SkipInvalidOpt = Annotated[
    bool, typer.Option("--skip-invalid", help="Set bad lines aside instead of refusing the whole file.")
]
LateOpt = Annotated[bool, typer.Option("--late", help="Take a run file of another month.")]
AllowEmptyOpt = Annotated[bool, typer.Option("--allow-empty", help="Take a file with nothing to charge.")]
ForceOpt = Annotated[bool, typer.Option("--force", help="Replace a file of another kind where the output goes.")]
WaitOpt = Annotated[
    float | None,
    typer.Option("--wait", metavar="SECONDS", min=0, help="Wait this long for another runner to let go of the ledger."),
]
NewLedgerOpt = Annotated[
    bool,
    typer.Option("--new-ledger", help="Make a ledger although the same key keeps others (needed in live mode)."),
]
LiveOpt = Annotated[bool, typer.Option("--live", help="Needed in live mode, where real money moves.")]
YesOpt = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
RateOpt = Annotated[
    float | None,
    typer.Option("--rate", metavar="R", min=0.1, help="Requests a second, instead of the documented limits."),
]
ConcurrencyOpt = Annotated[
    int | None,
    typer.Option("--concurrency", metavar="N", min=1, help="Items at once (requests: at most 100)."),
]
OnlyOpt = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="WHAT", help="Only these: a reference (with *), account or customer. Repeatable."),
]
ExcludeOpt = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="WHAT", help="All but these, as for --only. Repeatable."),
]
