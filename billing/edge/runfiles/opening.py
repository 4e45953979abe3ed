"""Opening a run file: which reader it needs, and whether what came out can be accepted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from billing.core.errors import Problem, UsageError
from billing.core.items import Run
from billing.core.money import TABLE_DATE
from billing.core.periods import in_words, is_of_month
from billing.edge.outputs import BAD_LINES, Target
from billing.edge.runfiles.control_totals import Places, check_control, check_limits
from billing.edge.runfiles.header import Dialect
from billing.edge.runfiles.inline import read_inline
from billing.edge.runfiles.lines import LineCollector
from billing.edge.runfiles.options import ReadOptions, RunDefaults
from billing.edge.runfiles.reading.bad_lines import write_bad_lines
from billing.edge.runfiles.reading.byte_stream import Digest, new_digest
from billing.edge.runfiles.reading.forms import Form, form_of
from billing.edge.runfiles.reading.sources import STDIN, Opened, is_yaml, opened, standard_input
from billing.edge.runfiles.reading.spool import Spool
from billing.edge.runfiles.run_file import RunFile, bad_lines
from billing.edge.runfiles.run_ids import BadName, split_id
from billing.edge.runfiles.schema import ZONE, Defaults, Schema
from billing.edge.runfiles.schemas import SCHEMAS
from billing.edge.runfiles.sheets import (
    OF_SHEETS,
    How,
    decimal_typed,
    delimiter_typed,
    opened_sheet,
    read_sheet,
    refuse_options,
    require_form,
)
from billing.edge.runfiles.yamlfile import Inline, Sheet, read_yaml
from billing.edge.texts.problems import Unreadable


def open_run(
    path: Path,
    *,
    run_id: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    ignore: tuple[str, ...] = (),
    skip_invalid: bool = False,
    late: bool = False,
    allow_empty: bool = False,
    sheet: str | None = None,
    defaults: RunDefaults | None = None,
    now: datetime | None = None,
    errors_csv: Path | None = None,
    force: bool = False,
) -> RunFile:
    """Read a run file once, check everything in it that can be checked without a network, and keep its lines.

    Args:
        path: ``.csv``, ``.xlsx``, ``.xlsm``, ``.yaml``, ``.yml`` or ``.json``; ``-`` is standard input, any of them.
        run_id: as in `ReadOptions`, like the seven that follow.
        delimiter: the same.
        decimal: the same.
        ignore: the same.
        skip_invalid: the same. Problems of the file as a whole still refuse it.
        late: the same.
        allow_empty: the same.
        sheet: the same.
        defaults: from the settings.
        now: the moment it is read for, with a time zone; it says which month is the current one. None means the
            machine's clock, and that a file of another month is nobody's concern.
        errors_csv: where to write the bad lines with a reason column, whether the file is refused or not.
        force: whether they may replace a file of another kind.

    Raises:
        InvalidInput: the file has problems; none of it may be sent. The first hundred come with it.
        UsageError: the file cannot be opened, has another suffix, or the run id is missing or unusable.
        RunStopped: the temporary folder or the file of bad lines cannot be trusted or written.
    """
    options = ReadOptions(run_id, delimiter, decimal, ignore, skip_invalid, late, allow_empty, sheet)
    asked = _Asked(path, options, defaults or RunDefaults(), now, errors_csv, force)
    if path == STDIN:
        with standard_input(asked.defaults.spool_folder) as source:
            return _reader_of(source)(asked, source)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        suffixes = "neither .csv nor .xlsx nor .yaml"
        raise UsageError(f"{path} is {suffixes}; the suffix says how to read a run file{_export(path)}")
    with opened(path) as source:
        require_form(source, Form.ZIP if reader is _open_workbook else Form.TEXT)
        return reader(asked, source)


def _reader_of(source: Opened) -> "Callable[[_Asked, Opened], RunFile]":
    """What reads something without a name.

    Raises:
        UsageError: nothing does.
    """
    form = form_of(source.file)
    if form is Form.ZIP:
        return _open_workbook
    require_form(source, Form.TEXT)
    return _open_yaml if is_yaml(source.file) else _open_csv


def _export(path: Path) -> str:
    """What helps with a file that a spreadsheet keeps for itself."""
    own = path.suffix.lower() in {".xls", ".xlsb", ".ods", ".numbers"}
    return "; in the spreadsheet: Save as, Excel workbook (.xlsx)" if own else ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller wants."""

    path: Path
    options: ReadOptions
    defaults: RunDefaults
    now: datetime | None
    errors_csv: Path | None
    force: bool


def _open_csv(asked: _Asked, source: Opened) -> RunFile:
    return _open_sheet(asked, source, workbook=False)


def _open_workbook(asked: _Asked, source: Opened) -> RunFile:
    return _open_sheet(asked, source, workbook=True)


def _open_sheet(asked: _Asked, source: Opened, *, workbook: bool) -> RunFile:
    """A sheet that comes alone: its run is named where it is read."""
    options, digest = asked.options, new_digest()
    refuse_options(options, asked.path, workbook=workbook)
    run = _named_run(asked)
    dialect = Dialect(
        SCHEMAS, None, delimiter_typed(options.delimiter), {}, options.ignore, decimal_typed(options.decimal)
    )
    how = How(dialect, _zoned(asked.defaults.items, run), options.sheet, asked.defaults.spool_folder, workbook=workbook)
    return _taken_in(
        asked,
        run,
        Sources(SCHEMAS[0], str(asked.path), {}, (source,), digest),
        lambda collector: read_sheet(source, digest, collector, how),
    )


def _named_run(asked: _Asked) -> Run:
    """The run that a sheet without a YAML file is of: as it was typed.

    Raises:
        UsageError: nothing was typed, or no name and period.
    """
    path, defaults, options = asked.path, asked.defaults, asked.options
    if options.run_id is None:
        raise UsageError(f"{path} needs a run id: add --run with a name, then a period, such as --run coaching-2026-11")
    try:
        name, period = split_id(options.run_id)
    except BadName as error:
        raise UsageError(str(error)) from None
    return Run(name, period, options.run_id, defaults.timezone, defaults.mode, (), None, defaults.policies, TABLE_DATE)


def _open_yaml(asked: _Asked, source: Opened) -> RunFile:
    path, options, digest = asked.path, asked.options, new_digest()
    now = asked.now or datetime.now(UTC)
    document = read_yaml(source.file, str(path), digest, asked.defaults, now, SCHEMAS)
    run, follows, given = document.run, document.follows_calendar, _zoned(document.defaults, document.run)
    sources = Sources(document.schema, str(path), document.places, (source,), digest, names_period=not follows)
    if options.run_id not in {None, run.run_id}:
        raise UsageError(f"--run says {options.run_id}, {path} says {run.run_id}: leave --run out")
    match document.items:
        case Inline(nodes=nodes):
            of_sheets = [flag for flag in options.given if flag in OF_SHEETS]
            if of_sheets:
                raise UsageError(f"{', '.join(of_sheets)} is for sheets; the items of {path} stand in the file itself")
            return _taken_in(
                asked,
                run,
                sources,
                lambda collector: read_inline(nodes, collector, document.schema, given, SCHEMAS),
            )
        case Sheet() as sheet:
            return _open_named(asked, sources, run, given, sheet)


def _open_named(asked: _Asked, sources: "Sources", run: Run, given: Defaults, sheet: Sheet) -> RunFile:
    """The sheet that a YAML file names."""
    options, place = asked.options, asked.path.parent / sheet.file
    refuse_options(options, place, workbook=sheet.is_workbook)
    dialect = Dialect(
        SCHEMAS,
        sources.schema,
        delimiter_typed(options.delimiter or sheet.delimiter),
        sheet.names,
        (*sheet.ignore, *options.ignore),
        decimal_typed(options.decimal or sheet.decimal),
    )
    folder = asked.defaults.spool_folder
    how = How(dialect, given, options.sheet or sheet.sheet, folder, workbook=sheet.is_workbook)
    with opened_sheet(place, str(asked.path), sheet) as rows:
        return _taken_in(
            asked,
            run,
            replace(sources, place=str(place), files=(*sources.files, rows)),
            lambda collector: read_sheet(rows, sources.digest, collector, how),
        )


def _zoned(given: Defaults, run: Run) -> Defaults:
    """What empty cells stand for, and the zone in which the days of the lines are meant."""
    return {**given, ZONE: run.timezone}


_READERS: dict[str, Callable[[_Asked, Opened], RunFile]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), _open_csv),
    **dict.fromkeys((".xlsx", ".xlsm"), _open_workbook),
    **dict.fromkeys((".yaml", ".yml", ".json"), _open_yaml),
}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the lines come from.

    Attributes:
        schema: the kind of file it is, as far as is known before the header of a sheet was read.
        place: the file that lines are counted in.
        sections: of a YAML file: line and column of each.
        files: everything that was opened; ``digest`` takes its bytes in.
        names_period: whether the file itself says for which period it is.
    """

    schema: Schema
    place: str
    sections: Places
    files: tuple[Opened, ...]
    digest: Digest
    names_period: bool = False


def _taken_in(asked: _Asked, run: Run, sources: Sources, fill: Callable[[LineCollector], None]) -> RunFile:
    """Read every line with ``fill``, look at them together, then accept or refuse the file."""
    target = _target(asked, sources)
    spool = Spool(asked.defaults.spool_folder)
    try:
        collector = LineCollector(sources.place, spool, run.policies.limits, sources.schema)
        try:
            fill(collector)
        except Unreadable as end:
            collector.stop(end)
        collector.finish()
        _check_whole(asked, run, sources, collector)
        if target is not None:
            write_bad_lines(target, collector.columns, bad_lines(collector), collector.delimiter)
        if collector.broken or not asked.options.skip_invalid:
            collector.problems.raise_if_any()
        run = replace(run, columns=collector.columns, kind=collector.schema.kind)
        return RunFile(run, str(asked.path), sources.digest.hexdigest(), collector, spool)
    except BaseException:
        spool.close()
        raise


def _check_whole(asked: _Asked, run: Run, sources: Sources, collector: LineCollector) -> None:
    """What must hold for the file as a whole, once every line is in."""
    file, skipping = str(asked.path), asked.options.skip_invalid
    for source in sources.files:
        if source.changed():
            hint = "wait until it is saved, then try again"
            collector.refuse_whole(
                Problem(source.name, 0, 0, "file_changed", "the file changed while it was read", hint)
            )
    sums_are_whole = skipping or not collector.problems.total
    check_limits(collector, run.policies, file, sources.sections, gross=not skipping)
    if sums_are_whole:
        check_control(collector, run.policies, file, sources.sections)
    if sources.names_period and asked.now is not None and not asked.options.late:
        _check_month(run, asked.now, file, sources.sections, collector)
    expected = run.policies.control.items == 0 or asked.options.allow_empty or asked.defaults.allow_empty
    if not collector.count and not expected and sums_are_whole:
        collector.refuse_whole(_empty(file, collector))


def _check_month(run: Run, now: datetime, file: str, sections: Places, collector: LineCollector) -> None:
    """A file that says for which month it is must be of this one: last month's, started again, bills nobody."""
    today = now.astimezone(ZoneInfo(run.timezone)).date()
    if is_of_month(run.period, today):
        return
    line, column = sections.get("run", (0, 0))
    message = f"the file is for {in_words(run.period)}, and today is {today.isoformat()}"
    hint = "--late takes it all the same; period: current or previous follows the calendar"
    collector.refuse_whole(Problem(file, line, column, "another_month", message, hint))


def _empty(file: str, collector: LineCollector) -> Problem:
    aside = f": all {collector.set_aside} lines were set aside" if collector.set_aside else ""
    hint = "a broken export looks like this; --allow-empty takes it all the same (always: allow_empty in billing.yaml)"
    return Problem(file, 0, 0, "nothing_to_charge", f"the file has nothing to charge{aside}", hint)


def _target(asked: _Asked, sources: Sources) -> Target | None:
    """Where the bad lines go.

    Raises:
        UsageError: they would overwrite what they come from, or a file of another kind.
    """
    if asked.errors_csv is None:
        return None
    target = Target(asked.errors_csv, BAD_LINES, (asked.path, Path(sources.place)), asked.force, "--errors-csv")
    target.check()
    return target
