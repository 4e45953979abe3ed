"""A YAML run file: a strict form, every value read as text, all problems at once with their places."""

import re
from collections.abc import Mapping as ReadMapping
from collections.abc import Sequence as ReadSequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import BinaryIO, Protocol
from zoneinfo import ZoneInfo

from billing.core.items import Mode, Run
from billing.core.money import TABLE_DATE
from billing.core.periods import CURRENT, PREVIOUS, month_meant
from billing.core.policies import Policies
from billing.edge.runfiles.fields import METADATA
from billing.edge.runfiles.policyfile import SECTIONS, read_policies
from billing.edge.runfiles.reading.byte_stream import ByteStream, Digest, decoded
from billing.edge.runfiles.reading.delimiters import decimal_of, delimiter_of
from billing.edge.runfiles.run_ids import checked_id, checked_period
from billing.edge.runfiles.schema import Defaults, Schema
from billing.edge.runfiles.which_kind import said_kind
from billing.edge.texts.forms import Forms, place_of
from billing.edge.texts.problems import Collector, Unreadable
from billing.edge.texts.safe_text import quoted
from billing.edge.texts.values import day, platform_name, timezone
from billing.edge.texts.yaml_tree import Mapping, Node, Scalar, Sequence, parsed

LARGEST = 64 * 1024**2
# Bytes; a hundred thousand items fit three times over. Larger runs belong into a CSV.

KEYS = ("version", "run", "kind", "platform", "mode", "not_after", "source", "items", "defaults", *SECTIONS)
RUN = ("name", "period", "timezone", "id")
SOURCE = ("csv", "xlsx", "sheet", "map", "delimiter", "decimal", "ignore")
_OF_CSV = ("delimiter", "decimal")
_OF_XLSX = ("sheet",)
# What means something for one sort of sheet alone.

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Base(Protocol):
    """What the settings say where the file is silent."""

    @property
    def mode(self) -> Mode:
        """Test or live."""
        ...

    @property
    def timezone(self) -> str:
        """IANA name."""
        ...

    @property
    def items(self) -> Defaults:
        """What empty cells stand for."""
        ...

    @property
    def policies(self) -> Policies:
        """Limits, pacing and guards."""
        ...


@dataclass(frozen=True, slots=True)
class Inline:
    """Items that stand in the YAML file itself."""

    nodes: Sequence


@dataclass(frozen=True, slots=True)
class Sheet:
    """Items that stand in a CSV or a workbook beside it; ``place`` is where the YAML names it.

    Attributes:
        key: ``csv`` or ``xlsx``, as the YAML says.
        file: its path.
        sheet: of a workbook: the sheet's name, if it is said.
    """

    key: str
    file: str
    place: tuple[int, int]
    names: ReadMapping[str, str]
    ignore: tuple[str, ...]
    delimiter: str | None
    decimal: str | None = None
    sheet: str | None = None

    @property
    def is_workbook(self) -> bool:
        """Whether it is one, and no CSV."""
        return self.key == "xlsx"


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML run file, understood except for its items; whether its period follows the calendar or is written out."""

    run: Run
    schema: Schema
    items: Inline | Sheet
    defaults: Defaults
    places: ReadMapping[str, tuple[int, int]]
    follows_calendar: bool = False


def read_yaml(
    source: BinaryIO, file: str, digest: Digest, base: Base, now: datetime, schemas: ReadSequence[Schema]
) -> Document:
    """Read everything but the items.

    Args:
        source, file: the open file and its name.
        digest: takes its bytes in.
        base: what holds where the file is silent.
        now: with a time zone; it says which month the current one is.
        schemas: the kinds there are; the first is meant where the file names none.

    Raises:
        InvalidInput: with all problems.
    """
    problems = Collector()
    forms = Forms(file, problems)
    try:
        root = _root(ByteStream(source, digest, LARGEST), forms)
    except Unreadable as end:
        forms.end(end)
        root = Mapping(0, 0)
    problems.raise_if_any()
    document = _document(forms, root, base, now, schemas)
    problems.raise_if_any()
    if document is None:
        raise AssertionError("a document without problems has all its parts")
    return document


def _root(tap: ByteStream, forms: Forms) -> Mapping:
    try:
        text = decoded(tap).read()
    except UnicodeDecodeError as error:
        raise tap.undecodable(error) from None
    root = parsed(text, forms.fault)
    if root is None or (isinstance(root, Scalar) and not root.text):
        raise Unreadable(0, 0, "empty_file", "the file is empty", "it needs at least version, run and items")
    if not isinstance(root, Mapping):
        raise Unreadable(root.line, root.column, "yaml_shape", "a run file is a mapping of names to values")
    return root


def _document(forms: Forms, root: Mapping, base: Base, now: datetime, schemas: ReadSequence[Schema]) -> Document | None:
    forms.section(root, "the run file", KEYS)
    _check_version(forms, root)
    zone = _zone(forms, root) or base.timezone
    identity = _identity(forms, root, now.astimezone(ZoneInfo(zone)).date())
    mode = forms.read(root.entries.get("mode"), "mode", _mode) or base.mode
    platform = forms.read(root.entries.get("platform"), "platform", platform_name) or ""
    not_after = forms.read(root.entries.get("not_after"), "not_after", day)
    policies = read_policies(forms, root, base.policies)
    schema = forms.read(root.entries.get("kind"), "kind", partial(said_kind, schemas=schemas)) or schemas[0]
    defaults = _defaults(forms, root.entries.get("defaults"), base.items, schema)
    items = _items(forms, root, schema)
    if identity is None or items is None:
        return None
    name, period, run_id = identity
    run = Run(name, period, run_id, zone, mode, (), not_after, policies, TABLE_DATE, platform=platform)
    return Document(run, schema, items, defaults, root.keys, _follows_calendar(root))


def _check_version(forms: Forms, root: Mapping) -> None:
    node = root.entries.get("version")
    if node is None:
        forms.problem(place_of(root), "missing", "version is missing", "version: 1")
    elif not isinstance(node, Scalar) or node.text != "1":
        forms.problem(place_of(node), "version", "version must be 1")


def _identity(forms: Forms, root: Mapping, today: date) -> tuple[str, str, str] | None:
    """Name, period and id of the run."""
    section = forms.section(root.entries.get("run"), "run", RUN)
    for key in ("name", "period") if isinstance(root.entries.get("run"), Mapping | None) else ():
        if key not in section.entries:
            place = root.keys.get("run", place_of(root))
            forms.problem(place, "missing", f"run.{key} is missing", "run: {name: coaching, period: 2026-11}")
    name = forms.read(section.entries.get("name"), "run.name", _word)
    period = forms.read(section.entries.get("period"), "run.period", partial(_period, today=today))
    chosen = section.entries.get("id")
    if chosen is not None:
        run_id = forms.read(chosen, "run.id", checked_id)
    elif name and period:
        run_id = forms.read(Scalar(*root.keys["run"], f"{name}-{period}"), "run", checked_id)
    else:
        run_id = None
    return (name, period, run_id) if name and period and run_id else None


def _follows_calendar(root: Mapping) -> bool:
    section = root.entries.get("run")
    period = section.entries.get("period") if isinstance(section, Mapping) else None
    return isinstance(period, Scalar) and period.text.strip(" ") in {CURRENT, PREVIOUS}


def _zone(forms: Forms, root: Mapping) -> str | None:
    section = root.entries.get("run")
    node = section.entries.get("timezone") if isinstance(section, Mapping) else None
    return forms.read(node, "run.timezone", timezone)


def _defaults(forms: Forms, node: Node | None, base: Defaults, schema: Schema) -> Defaults:
    entries = forms.section(node, "defaults", schema.defaults).entries
    read = {name: forms.read(entries.get(name), name, reader) for name, reader in schema.defaults.items()}
    return {**base, **{name: value for name, value in read.items() if value is not None}}


def _items(forms: Forms, root: Mapping, schema: Schema) -> Inline | Sheet | None:
    items, source = root.entries.get("items"), root.entries.get("source")
    if (items is None) == (source is None):
        what = "either items or source is needed" if items is None else "items and source are both given"
        forms.problem(root.keys.get("source", place_of(root)), "source", what, "items: [...] or source: {csv: FILE}")
        return None
    if items is None:
        return _sheet(forms, root, schema)
    if isinstance(items, Sequence):
        return Inline(items)
    forms.problem(place_of(items), "yaml_shape", "items must be a list")
    return None


def _sheet(forms: Forms, root: Mapping, schema: Schema) -> Sheet | None:
    section = forms.section(root.entries["source"], "source", SOURCE)
    entries = section.entries
    key = _sort_of_sheet(forms, root, section)
    file = forms.text(entries.get(key), f"source.{key}")
    names = _names(forms, entries.get("map"), schema)
    ignore = [forms.text(each, "source.ignore") for each in forms.listed(entries.get("ignore"), "source.ignore")]
    delimiter = forms.character(entries.get("delimiter"), "source.delimiter", delimiter_of)
    decimal = forms.read(entries.get("decimal"), "source.decimal", decimal_of)
    sheet = forms.text(entries.get("sheet"), "source.sheet")
    if file is None:
        return None
    return Sheet(key, file, place_of(entries[key]), names, tuple(filter(None, ignore)), delimiter, decimal, sheet)


def _sort_of_sheet(forms: Forms, root: Mapping, section: Mapping) -> str:
    """``csv`` or ``xlsx``, whichever is given; what is said of the other sort is a problem."""
    entries = section.entries
    if isinstance(root.entries["source"], Mapping):
        if "csv" in entries and "xlsx" in entries:
            forms.problem(section.keys["xlsx"], "source", "source.csv and source.xlsx are both given", "keep one")
        elif "csv" not in entries and "xlsx" not in entries:
            hint = "source: {csv: FILE} or source: {xlsx: FILE}"
            forms.problem(root.keys["source"], "missing", "source.csv is missing", hint)
    key = "xlsx" if "xlsx" in entries and "csv" not in entries else "csv"
    for other in _OF_CSV if key == "xlsx" else _OF_XLSX:
        if other in entries:
            what = "a CSV" if key == "xlsx" else "a workbook"
            forms.problem(section.keys[other], "source", f"source.{other} is for {what}", "leave it out")
    return key


def _names(forms: Forms, node: Node | None, schema: Schema) -> dict[str, str]:
    """Our column -> their header."""
    if node is not None and not isinstance(node, Mapping):
        forms.problem(place_of(node), "yaml_shape", "source.map must be a mapping of our columns to theirs")
        return {}
    own = [key for key in node.entries if key.startswith(METADATA) and schema.knows(key)] if node is not None else []
    section = forms.section(node, "source.map", (*schema.names, *own))
    found: dict[str, str] = {}
    for key, value in section.entries.items():
        title = forms.text(value, f"source.map.{key}")
        if title is None:
            continue
        if title in found.values():
            forms.problem(place_of(value), "duplicate_column", f"source.map uses {quoted(title)} twice", "keep one")
        found[key] = title
    return found


def _period(text: str, today: date) -> str:
    return month_meant(text, today) if text in {CURRENT, PREVIOUS} else checked_period(text)


def _word(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("must be 1 to 63 of a-z, 0-9 and ._-, not beginning with ._-")
    return text


def _mode(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError:
        raise ValueError("must be test or live") from None
