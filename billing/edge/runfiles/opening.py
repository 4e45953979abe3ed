"""Opening a run file: which reader it needs, and whether what came out can be accepted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from billing.core.errors import InvalidInput, Problem, UsageError
from billing.core.items import Mode, Run
from billing.core.money import TABLE_DATE
from billing.core.policies import Policies
from billing.edge.runfiles.badlines import write_bad_lines
from billing.edge.runfiles.csvfile import Dialect, read_csv
from billing.edge.runfiles.delimiters import delimiter_of
from billing.edge.runfiles.inline import read_inline
from billing.edge.runfiles.intake import Intake
from billing.edge.runfiles.names import BadName, split_id
from billing.edge.runfiles.problems import Unreadable
from billing.edge.runfiles.reading import RunFile, bad_lines
from billing.edge.runfiles.rows import ItemDefaults
from billing.edge.runfiles.spool import Spool
from billing.edge.runfiles.tap import Digest, Tap, new_digest
from billing.edge.runfiles.text import quoted
from billing.edge.runfiles.totals import Places, check_totals
from billing.edge.runfiles.yamlfile import Inline, Sheet, read_yaml


@dataclass(frozen=True, slots=True)
class RunDefaults:
    """What the settings say where the run file is silent.

    Attributes:
        mode: test unless the settings say otherwise.
        timezone: IANA name.
        application_fee_percent: the fee of items that name none, such as ``Decimal("2.5")``; None for no fee.
        statement_suffix: for items without one.
        description: for items without one.
        policies: limits, pacing, guards; a YAML file replaces single values of it.
        spool_folder: where the temporary file goes; None for the system's choice.
    """

    mode: Mode = Mode.TEST
    timezone: str = "UTC"
    application_fee_percent: Decimal | None = None
    statement_suffix: str | None = None
    description: str | None = None
    policies: Policies = field(default_factory=Policies)
    spool_folder: Path | None = None

    @property
    def items(self) -> ItemDefaults:
        """The part that concerns single items."""
        return ItemDefaults(self.application_fee_percent, self.statement_suffix, self.description)


def open_run(
    path: Path,
    *,
    run_id: str | None = None,
    delimiter: str | None = None,
    skip_invalid: bool = False,
    defaults: RunDefaults | None = None,
    errors_csv: Path | None = None,
) -> RunFile:
    """Read a run file once, check everything in it that can be checked without a network, and keep its lines.

    Args:
        path: ``.csv``, ``.yaml``, ``.yml`` or ``.json``.
        run_id: needed for a CSV (name, then period); for YAML it must agree with the file.
        delimiter: of the CSV: one character, or tab, semicolon, comma, pipe. None means a comma, or what the YAML says.
        skip_invalid: set bad lines aside instead of refusing the file. Problems of the file as a whole still refuse it.
        defaults: from the settings.
        errors_csv: where to write the bad lines with a reason column, whether the file is refused or not.

    Raises:
        InvalidInput: the file has problems; none of it may be sent. The first hundred come with it.
        UsageError: the file cannot be opened, has another suffix, or the run id is missing or unusable.
        RunStopped: the temporary folder or the file of bad lines cannot be trusted or written.
    """
    defaults = defaults or RunDefaults()
    if str(path) == "-":
        raise UsageError("a run file cannot come from standard input: it is named in messages, reports and the ledger")
    asked = _Asked(path, run_id, delimiter, skip_invalid, defaults, errors_csv)
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return _open_csv(asked)
        case ".yaml" | ".yml" | ".json":
            return _open_yaml(asked)
        case _:
            raise UsageError(f"{path} is neither .csv nor .yaml; the suffix says how to read a run file")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller wants."""

    path: Path
    run_id: str | None
    delimiter: str | None
    skip_invalid: bool
    defaults: RunDefaults
    errors_csv: Path | None


def _open_csv(asked: _Asked) -> RunFile:
    path, defaults = asked.path, asked.defaults
    if asked.run_id is None:
        raise UsageError(f"{path} needs a run id: add --run with a name, then a period, such as --run coaching-2026-11")
    try:
        name, period = split_id(asked.run_id)
    except BadName as error:
        raise UsageError(str(error)) from None
    run = Run(name, period, asked.run_id, defaults.timezone, defaults.mode, (), None, defaults.policies, TABLE_DATE)
    digest = new_digest()
    dialect = Dialect(_delimiter(asked.delimiter))
    with _opened(path) as source:
        return _taken_in(
            asked,
            run,
            digest,
            str(path),
            {},
            lambda intake: read_csv(Tap(source, digest), intake, dialect, defaults.items),
        )


def _open_yaml(asked: _Asked) -> RunFile:
    path, digest = asked.path, new_digest()
    with _opened(path) as source:
        document = read_yaml(source, str(path), digest, asked.defaults)
    run = document.run
    if asked.run_id not in {None, run.run_id}:
        raise UsageError(f"--run says {asked.run_id}, {path} says {run.run_id}: leave --run out")
    match document.items:
        case Inline() if asked.delimiter is not None:
            raise UsageError(f"--delimiter is for CSV; the items of {path} stand in the file itself")
        case Inline(nodes=nodes):
            return _taken_in(
                asked,
                run,
                digest,
                str(path),
                document.places,
                lambda intake: read_inline(nodes, intake, document.defaults),
            )
        case Sheet() as sheet:
            place = path.parent / sheet.csv
            dialect = Dialect(_delimiter(asked.delimiter or sheet.delimiter), sheet.names, sheet.ignore)
            with _opened_sheet(place, str(path), sheet) as source:
                return _taken_in(
                    asked,
                    run,
                    digest,
                    str(place),
                    document.places,
                    lambda intake: read_csv(Tap(source, digest), intake, dialect, document.defaults),
                )


def _taken_in(
    asked: _Asked, run: Run, digest: Digest, place: str, places: Places, fill: Callable[[Intake], None]
) -> RunFile:
    """Read every line with ``fill``, look at them together, then accept or refuse the file."""
    _check_target(asked.errors_csv, (asked.path, Path(place)))
    spool = Spool(asked.defaults.spool_folder)
    try:
        intake = Intake(place, spool, run.policies.limits)
        try:
            fill(intake)
        except Unreadable as end:
            intake.stop(end)
        intake.finish()
        if asked.skip_invalid or not intake.problems.total:
            check_totals(intake, run.policies, str(asked.path), places)
        if asked.errors_csv is not None:
            write_bad_lines(asked.errors_csv, intake.columns, bad_lines(intake))
        if intake.broken or not asked.skip_invalid:
            intake.problems.raise_if_any()
        return RunFile(replace(run, columns=intake.columns), str(asked.path), digest.hexdigest(), intake, spool)
    except BaseException:
        spool.close()
        raise


def _delimiter(text: str | None) -> str:
    """The character a word or a character stands for.

    Raises:
        UsageError: it is neither.
    """
    try:
        return delimiter_of(text or "")
    except ValueError as error:
        raise UsageError(f"--delimiter {error}") from None


def _opened(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        UsageError: it cannot be opened, or is no regular file.
    """
    try:
        if not path.is_file():
            reason = "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "does not exist"
            raise UsageError(f"{path} {reason}")
        return path.open("rb")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the name is not usable"
        raise UsageError(f"{path} cannot be read: {why}") from None


def _opened_sheet(place: Path, file: str, sheet: Sheet) -> BinaryIO:
    """The CSV that a YAML file names.

    Raises:
        InvalidInput: it cannot be opened; the problem stands where the YAML names it.
    """
    try:
        return _opened(place)
    except UsageError as error:
        reason = str(error).removeprefix(f"{place} ")
        hint = "the path is relative to the YAML file"
        raise InvalidInput(
            [Problem(file, *sheet.place, "source", f"source.csv {quoted(sheet.csv)} {reason}", hint)]
        ) from None


def _check_target(errors_csv: Path | None, sources: tuple[Path, ...]) -> None:
    """The bad lines must not overwrite what they come from.

    Raises:
        UsageError: they would.
    """
    if errors_csv is None or not errors_csv.exists():
        return
    if any(source.exists() and errors_csv.samefile(source) for source in sources):
        raise UsageError(f"--errors-csv {errors_csv} would overwrite the run file itself")
