"""Give back every input line with what became of it."""

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from billing.cli.books import open_books
from billing.cli.reporttext import accounts_as_text, as_text
from billing.cli.session import Session
from billing.cli.tables import plural
from billing.cli.terminal import write_err, write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.life import Group
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.ledger.custody.lock import Holder, holder_of
from billing.edge.logs import visible
from billing.edge.outputs import Target
from billing.edge.runfiles.schema import Schema
from billing.edge.runfiles.schemas import SCHEMAS
from billing.flow.accounts import accounts_as_csv, accounts_as_json
from billing.flow.next_sheet import as_sheet, next_sheet
from billing.flow.report import Wanted, known_run
from billing.flow.report_files import Layout, as_csv, as_json

SUFFIXES = {".txt": "text", ".csv": "csv", ".json": "json"}
FORMATS = tuple(SUFFIXES.values())
FileWriter = Callable[[Ledger, str, Wanted, Target], Iterable[str]]
# Writes a report to where the target says, and yields sentences about what was written.
FILES: dict[str, FileWriter] = {}
# Formats that are files, not a stream of text.
DECIMALS = {"point": False, "comma": True}
NEXT = {schema.word: schema for schema in SCHEMAS if "customer" in schema.names and "of_run" not in schema.names}
# Kinds of runs whose sheet can be made of saved payers.
DELIMITERS = {"tab": "\t"}


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What was typed: see the options of `billing report`."""

    format: str | None = None
    out: Path | None = None
    by_account: bool = False
    wanted: Wanted = Wanted()  # noqa: RUF009  frozen
    delimiter: str | None = None
    decimal: str = "point"
    bom: bool | None = None
    as_kind: str | None = None

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

    def chosen_format(self) -> str:
        """Return the format that was asked for, by name or by the suffix of the file.

        Raises:
            UsageError: there is none of that name, or the two disagree.
        """
        if self.format is not None and self.format not in FORMATS:
            raise UsageError(f"--format {visible(self.format)} is none of {', '.join(FORMATS)}")
        suffix = "" if self.out is None else self.out.suffix.lower()
        by_suffix = SUFFIXES.get(suffix)
        if self.out is not None and by_suffix is None and self.format is None:
            item = ", ".join(SUFFIXES)
            raise UsageError(f"{visible(str(self.out))}: the suffix is none of {item}; name one, or add --format")
        if self.format is not None and by_suffix not in (None, self.format):
            raise UsageError(f"--format {self.format} disagrees with the suffix of {visible(str(self.out))}")
        return self.format or by_suffix or "text"

    def layout(self) -> Layout:
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
        return Layout(delimiter, comma, self.out is not None if self.bom is None else self.bom)

    def require_usable(self) -> None:
        """Refuse what cannot be written, before anything is opened.

        Raises:
            UsageError: an option has no such value, or no line can have such a status.
        """
        if self.schema is not None and (self.by_account or self.chosen_format() not in ("csv", "text")):
            raise UsageError("--as writes a sheet: a CSV, without --by-account")
        self.chosen_format()
        self.layout()
        unknown = sorted(self.wanted.statuses - set(Group))
        if unknown:
            raise UsageError(f"--status {visible(unknown[0])} is none of {', '.join(Group)}")


async def write_report(session: Session, run_id: str, asked: ReportRequest, target: Target | None) -> int:
    """Read the ledger and write every line, to stdout or where it was asked for."""
    chosen = asked.chosen_format() if asked.schema is None else "csv"
    holder = holder_of(ledger_path(session.settings.ledger))
    async with open_books(session) as ledger:
        record = known_run(ledger, run_id)
        if chosen in FILES:
            return _to_files(ledger, run_id, asked.wanted, chosen, target)
        chunks = Counted(_writer(asked, chosen, asked.layout(), holder)(ledger, run_id))
        if target is None:
            write_out(chunks)
            return Exit.OK
        target.write(chunks)
        write_err(_written(target.path, chosen, chunks.lines))
        if asked.schema is not None:
            write_err(_next_step(target.path, record, asked.schema))
    return Exit.OK


def _to_files(ledger: Ledger, run_id: str, wanted: Wanted, chosen: str, target: Target | None) -> int:
    """Write a report of a format that is a file.

    Raises:
        UsageError: no file is named.
    """
    if target is None:
        raise UsageError(f"--format {chosen} writes a file: name it with -o")
    with ledger.at_one_moment():
        for sentence in FILES[chosen](ledger, run_id, wanted, target):
            write_err(visible(sentence))
    return Exit.OK


def _writer(
    asked: ReportRequest, chosen: str, layout: Layout, holder: Holder | None
) -> Callable[[Ledger, str], Iterator[str]]:
    wanted, schema = asked.wanted, asked.schema
    if schema is not None:
        return lambda ledger, run_id: as_sheet(ledger, run_id, schema, wanted, layout)
    writers: dict[tuple[str, bool], Callable[[Ledger, str], Iterator[str]]] = {
        ("text", False): lambda ledger, run_id: as_text(ledger, run_id, holder, wanted),
        ("csv", False): lambda ledger, run_id: as_csv(ledger, run_id, wanted, layout),
        ("json", False): lambda ledger, run_id: as_json(ledger, run_id, wanted),
        ("text", True): lambda ledger, run_id: accounts_as_text(ledger, run_id, wanted),
        ("csv", True): lambda ledger, run_id: accounts_as_csv(ledger, run_id, wanted, layout),
        ("json", True): lambda ledger, run_id: accounts_as_json(ledger, run_id, wanted),
    }
    return writers[chosen, asked.by_account]


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
