"""Give back every input line with what became of it."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from billing.cli.books import open_books
from billing.cli.endings import next_commands
from billing.cli.reporttext import accounts_as_text, as_text, only
from billing.cli.session import Session
from billing.cli.tables import plural
from billing.cli.terminal import write_err, write_out
from billing.cli.typed import following
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.core.records import RunRecord
from billing.edge.eventloop import heard_at_once
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.logs import visible
from billing.edge.outputs import Target
from billing.edge.runfiles.schema import Schema
from billing.edge.runfiles.schemas import SCHEMAS
from billing.flow.accounts import accounts_as_csv, accounts_as_json
from billing.flow.next_sheet import as_sheet, next_sheet
from billing.flow.report import EVERY_LINE, Wanted, known_run
from billing.flow.report_files import Layout, as_csv, as_json
from billing.flow.reporting.asked import not_found, require_statuses
from billing.flow.reporting.markdown import as_markdown

FileWriter = Callable[[Ledger, str, Wanted, Target], Iterable[str]]
# Writes a report to where the target says, and yields sentences about what was written.
FILES: dict[str, FileWriter] = {
    "html": lambda *asked: _page_file(*asked),
    "xlsx": lambda *asked: _workbook_file(*asked),
}
# Formats that are files, not a stream of text.
SUFFIXES = {".txt": "text", ".csv": "csv", ".json": "json", ".md": "md", ".html": "html", ".xlsx": "xlsx"}
FORMATS = tuple(SUFFIXES.values())
SAY_NOTHING = frozenset({"csv", "json"})
# Formats for programs, in which there is no place to say which lines were asked for.
STDOUT = Path("-")
OF_THIS_REPORT = frozenset({"format_", "by_account", "status", "account", "customer", "reference"})
# Options that say what this report is, and not what another one should be.
DECIMALS = {"point": False, "comma": True}
NEXT = {schema.word: schema for schema in SCHEMAS if "customer" in schema.names and "of_run" not in schema.names}
# Kinds of runs whose sheet can be made of saved payers.
DELIMITERS = {"tab": "\t"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a stream of text is made of: a run of an open ledger, and how it is written."""

    ledger: Ledger
    run_id: str
    wanted: Wanted
    layout: Layout
    attendance: Attendance


Stream = Callable[[Asked], Iterator[str]]
LINES: dict[str, Stream] = {
    "text": lambda asked: as_text(asked.ledger, asked.run_id, asked.attendance, asked.wanted),
    "csv": lambda asked: as_csv(asked.ledger, asked.run_id, asked.wanted, asked.layout),
    "json": lambda asked: as_json(asked.ledger, asked.run_id, asked.wanted),
    "md": lambda asked: as_markdown(asked.ledger, asked.run_id, asked.wanted, _commands(asked), asked.attendance),
    "html": lambda asked: _page(asked),
}
ACCOUNTS: dict[str, Stream] = {
    "text": lambda asked: accounts_as_text(asked.ledger, asked.run_id, asked.wanted),
    "csv": lambda asked: accounts_as_csv(asked.ledger, asked.run_id, asked.wanted, asked.layout),
    "json": lambda asked: accounts_as_json(asked.ledger, asked.run_id, asked.wanted),
}
# Formats that are a stream of text: of lines, and of totals per connected account.


def _commands(asked: Asked) -> list[str]:
    """Return what can be typed after a report that is read elsewhere than on this terminal."""
    busy = asked.attendance.holder is not None or asked.attendance.at(asked.run_id)
    named = next_commands(asked.ledger, asked.run_id, running=busy)
    every_line = following("report", asked.run_id, without=OF_THIS_REPORT, out="report.csv")
    return [*(each for each in named if not each.startswith("billing report ")), every_line]


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What was typed: see the options of `billing report`."""

    format: str | None = None
    outs: tuple[Path, ...] = ()
    by_account: bool = False
    wanted: Wanted = Wanted()  # noqa: RUF009  frozen
    delimiter: str | None = None
    decimal: str = "point"
    bom: bool | None = None
    as_kind: str | None = None
    per_account: Path | None = None

    @property
    def schema(self) -> Schema | None:
        """What a next sheet is made of, or None where a report is asked for.

        Raises:
            UsageError: there is no such kind of run.
        """
        if self.as_kind is None:
            return None
        if self.as_kind not in NEXT:
            raise UsageError(f"--as {visible(self.as_kind)} is none of {', '.join(NEXT)}")
        return NEXT[self.as_kind]

    def outputs(self) -> list[tuple[Path | None, str]]:
        """Return where what goes: each place with its format; None is stdout.

        Raises:
            UsageError: a format is unknown or disagrees with the suffix of its file, or two would go to one place.
        """
        nowhere = [] if self.per_account else [None]
        places = [None if out == STDOUT else out for out in self.outs] or nowhere
        if len({*places}) < len(places):
            raise UsageError("-o names the same place twice")
        return [(place, self._format_of(place)) for place in places]

    def _format_of(self, out: Path | None) -> str:
        if self.format is not None and self.format not in FORMATS:
            raise UsageError(f"--format {visible(self.format)} is none of {', '.join(FORMATS)}")
        by_suffix = None if out is None else SUFFIXES.get(out.suffix.lower())
        if out is not None and by_suffix is None and self.format is None:
            known = ", ".join(SUFFIXES)
            raise UsageError(f"{visible(str(out))}: the suffix is none of {known}; name one, or add --format")
        if self.format is not None and by_suffix not in (None, self.format):
            raise UsageError(f"--format {self.format} disagrees with the suffix of {visible(str(out))}")
        chosen = self.format or by_suffix or "text"
        if out is None and chosen in FILES.keys() - LINES.keys():
            raise UsageError(f"--format {chosen} writes a file: name it with -o")
        return chosen

    def layout(self, out: Path | None) -> Layout:
        """Return how a CSV is written: for a spreadsheet when it goes to a file, for a program otherwise.

        Raises:
            UsageError: an option has no such value.
        """
        if self.decimal not in DECIMALS:
            raise UsageError(f"--decimal {visible(self.decimal)} is none of {', '.join(DECIMALS)}")
        comma = DECIMALS[self.decimal]
        # Where decimals have a comma, spreadsheets part cells by a semicolon.
        usual = ";" if comma else ","
        delimiter = usual if self.delimiter is None else DELIMITERS.get(self.delimiter, self.delimiter)
        if len(delimiter) != 1 or delimiter in "\"'\r\n" or delimiter.isalnum():
            raise UsageError(f"--delimiter {visible(delimiter)} is no single character such as ; or tab")
        return Layout(delimiter, comma, out is not None if self.bom is None else self.bom)

    def require_usable(self) -> None:
        """Refuse what cannot be written, before anything is opened.

        Raises:
            UsageError: an option has no such value, or no line can have such a status.
        """
        formats = {chosen for _, chosen in self.outputs()}
        if self.schema is not None and (self.by_account or len(self.outs) > 1 or formats - {"csv", "text"}):
            raise UsageError("--as writes a sheet: one CSV, without --by-account")
        if self.by_account and (odd := sorted(formats - ACCOUNTS.keys())):
            raise UsageError(f"--by-account is written as {', '.join(ACCOUNTS)}, not as {odd[0]}")
        if self.per_account and (self.schema is not None or self.by_account or (self.format and not self.outs)):
            raise UsageError(
                "--per-account writes pages and CSVs: without --by-account and --as, and --format is of -o"
            )
        self.layout(None)
        require_statuses(self.wanted)

    def stream(self, chosen: str) -> Stream:
        """Return what writes a format that is text."""
        schema = self.schema
        if schema is not None:
            return lambda asked: as_sheet(asked.ledger, asked.run_id, schema, asked.wanted, asked.layout)
        return (ACCOUNTS if self.by_account else LINES)[chosen]


async def write_report(session: Session, run_id: str, asked: ReportRequest, targets: Mapping[Path, Target]) -> int:
    """Read the ledger at one moment and write every output that was asked for, to stdout or where its target says."""
    async with open_books(session) as ledger:
        attendance = ledger.attendance()
        record = known_run(ledger, run_id)
        with ledger.at_one_moment(), heard_at_once():
            for out, chosen in asked.outputs():
                if chosen in FILES and out is not None:
                    for sentence in FILES[chosen](ledger, run_id, asked.wanted, targets[out]):
                        write_err(visible(sentence))
                    continue
                reading = Asked(ledger, run_id, asked.wanted, asked.layout(out), attendance)
                chunks = Counted(asked.stream(chosen)(reading))
                if out is None:
                    write_out(chunks)
                else:
                    targets[out].write(chunks)
                    write_err(_written(out, "csv" if asked.schema else chosen, chunks.lines))
            for sentence in (*_statements(ledger, record, asked), *_told(ledger, record, asked)):
                write_err(visible(sentence))
    return Exit.OK


def _statements(ledger: Ledger, record: RunRecord, asked: ReportRequest) -> Iterator[str]:
    """Write the statements that were asked for, and yield what was written."""
    folder = asked.per_account
    if folder is not None:
        from billing.edge.ownfolder import OwnFolder
        from billing.flow.reporting.statement_files import write_statements  # other formats need no templates

        reconcile = following("reconcile", record.run_id, live=record.mode is Mode.LIVE, without=OF_THIS_REPORT)
        yield from write_statements(
            ledger, record.run_id, asked.wanted, asked.layout(folder), OwnFolder(folder), reconcile
        )


def _told(ledger: Ledger, record: RunRecord, asked: ReportRequest) -> Iterator[str]:
    """Yield what stands in no file: which lines a file for programs has, what was not found, and what comes next."""
    if asked.wanted != EVERY_LINE and any(chosen in SAY_NOTHING for _, chosen in asked.outputs()):
        yield only(asked.wanted)
    yield from not_found(ledger, record.run_id, asked.wanted)
    schema = asked.schema
    if schema is not None:
        yield from (_next_step(out, record, schema) for out in asked.outs if out != STDOUT)


def _page_file(ledger: Ledger, run_id: str, wanted: Wanted, target: Target) -> Iterable[str]:
    from billing.flow.reporting.html import write_html  # other formats need no templates

    return write_html(ledger, run_id, wanted, target)


def _workbook_file(ledger: Ledger, run_id: str, wanted: Wanted, target: Target) -> Iterable[str]:
    from billing.flow.reporting.workbook.writing import write_workbook  # what makes workbooks is needed nowhere else

    return write_workbook(ledger, run_id, wanted, target)


def _page(asked: Asked) -> Iterator[str]:
    from billing.flow.reporting.html import html_text

    return html_text(asked.ledger, asked.run_id, asked.wanted)


class Counted:
    """Chunks that are counted as they go by: in a CSV each is a line."""

    def __init__(self, chunks: Iterable[str]) -> None:
        """Count these."""
        self._chunks = chunks
        self.lines = 0

    def __iter__(self) -> Iterator[str]:
        """Stream them."""
        for chunk in self._chunks:
            self.lines += chunk.endswith("\n")
            yield chunk


def _next_step(out: Path, record: RunRecord, schema: Schema) -> str:
    """Say what the sheet still needs, and what to type then."""
    empty = next_sheet(record, schema).to_fill_in
    first = f"Fill in {', '.join(empty)}{'' if schema.amounts else ', and what is sold'}. " if empty else ""
    return f"{first}Next: billing check {visible(shlex.quote(str(out)))} --run {schema.word}-{record.period}"


def _written(out: Path, chosen: str, lines: int) -> str:
    """Say what was written where."""
    told = f"{plural(lines - 1, 'line')} and a header" if chosen == "csv" else f"as {chosen}"
    return visible(f"{out}: written, {told}")
