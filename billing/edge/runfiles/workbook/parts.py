"""What a workbook says of itself: its sheets in order, its number formats, and where its parts are."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from billing.edge.runfiles.workbook.formats import BUILT_IN
from billing.edge.runfiles.workbook.package import MOST_PARTS, Package, Xml
from billing.edge.texts.problems import Unreadable

CONTENTS = "[Content_Types].xml"
_MOST_SHEETS = 1_000
_MOST_STYLES = 100_000
# Excel keeps 65,490 formats of cells.
_LONGEST_FORMAT = 255
# Characters. (Excel specifications and limits)
_LINKS = ("http://schemas.openxmlformats.org/package/2006/relationships",)
_ROOT_LINKS = "_rels/.rels"
_UNKNOWN = "!@"
# Stands for a format that nobody wrote down: it is understood by none.


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet: its name, whether it can be seen, and where its cells are; ``part`` is empty for a chart."""

    name: str
    visible: bool
    part: str


@dataclass(frozen=True, slots=True)
class Contents:
    """A workbook without its cells.

    Attributes:
        sheets: in the order of their tabs.
        formats: the number format of each style.
        strings: the part with the shared texts, if there is one.
        from_1904: whether dates are counted from 1904.
        conditional: those looks of conditions that show a number in another format.
        recalculated: whether a spreadsheet works out every formula when it opens it, whatever result is stored.
    """

    sheets: tuple[SheetPart, ...]
    formats: tuple[str, ...]
    strings: str | None
    from_1904: bool
    conditional: frozenset[int] = frozenset()
    recalculated: bool = False

    def format(self, style: int) -> str:
        """The number format of a style; one that nobody wrote down where the style is unknown."""
        if style == 0 and not self.formats:
            return BUILT_IN[0]
        return self.formats[style] if 0 <= style < len(self.formats) else _UNKNOWN


@dataclass(frozen=True, slots=True)
class _Link:
    kind: str
    part: str


def contents_of(package: Package) -> Contents:
    """Read what a workbook says of itself.

    Raises:
        Unreadable: it is damaged.
    """
    _require_workbook(package)
    book = next((link.part for link in _links(package, "").values() if link.kind == "officeDocument"), None)
    if book is None:
        raise Unreadable(0, 0, "damaged_workbook", "the workbook does not say where its sheets are", "save it again")
    links = _links(package, book)
    named: dict[str, str] = {link.kind: link.part for link in links.values()}
    sheets: list[SheetPart] = []
    from_1904 = recalculated = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal from_1904, recalculated
        if name == "sheet":
            sheets.append(_sheet(attributes, links))
        elif name == "workbookPr":
            from_1904 = attributes.get("date1904") in {"1", "true"}
        elif name == "calcPr":
            recalculated = attributes.get("fullCalcOnLoad") in {"1", "true"}
        if len(sheets) > _MOST_SHEETS:
            raise Unreadable(0, 0, "too_many_parts", f"the workbook has more than {_MOST_SHEETS:,} sheets")

    Xml(package, book, start).run()
    formats, conditional = _formats(package, named["styles"]) if "styles" in named else ((), frozenset())
    return Contents(tuple(sheets), formats, named.get("sharedStrings"), from_1904, conditional, recalculated)


_SORTS = {
    "xl/workbook.bin": "is a binary workbook (.xlsb)",
    "index/document.iwa": "is of Numbers",
    "index.zip": "is of Numbers",
    "word/document.xml": "is a text document (.docx)",
    "ppt/presentation.xml": "is a presentation (.pptx)",
}
# What else is packed in the same way, known by a part that only this has.
_SAVE = "in the spreadsheet: Save as, Excel workbook (.xlsx)"


def _require_workbook(package: Package) -> None:
    """Refuse what is packed as a workbook is, and is none.

    Raises:
        Unreadable: it is none.
    """
    if "mimetype" in package and b"opendocument" in package.head("mimetype", 100):
        raise Unreadable(0, 0, "not_a_workbook", "the file is of LibreOffice (.ods)", _SAVE)
    for part, says in _SORTS.items():
        if part in package:
            raise Unreadable(0, 0, "not_a_workbook", f"the file {says}", _SAVE)
    if _ROOT_LINKS not in package:
        raise Unreadable(0, 0, "not_a_workbook", "the file is a zip archive and no workbook", "give the sheet in it")


def _sheet(attributes: Mapping[str, str], links: Mapping[str, _Link]) -> SheetPart:
    wanted = next((value for key, value in attributes.items() if key.endswith("/relationships id")), "")
    link = links.get(wanted, _Link("", ""))
    visible = attributes.get("state", "visible") == "visible"
    return SheetPart(attributes.get("name", ""), visible, link.part if link.kind == "worksheet" else "")


def _links(package: Package, part: str) -> dict[str, _Link]:
    """Where the links of a part lead inside of the package; what leads outside is left alone."""
    folder, name = posixpath.split(part)
    found: dict[str, _Link] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/" + folder, attributes.get("Target", ""))).lstrip("/")
            kind = attributes.get("Type", "").rpartition("/")[2]
            if attributes.get("Id", "") in found:
                raise Unreadable(0, 0, "damaged_workbook", "the workbook has two parts of one name", "save it again")
            found[attributes.get("Id", "")] = _Link(kind, target)
            if len(found) > MOST_PARTS:
                raise Unreadable(0, 0, "too_many_parts", f"the workbook has more than {MOST_PARTS:,} parts")

    where = posixpath.join(folder, "_rels", f"{name}.rels") if part else _ROOT_LINKS
    Xml(package, where, start, spaces=_LINKS).run()
    return found


def _formats(package: Package, part: str) -> tuple[tuple[str, ...], frozenset[int]]:
    """The number format of each style of a cell, and which looks of conditions have one."""
    codes, styles, conditional = dict(BUILT_IN), list[int](), set[int]()
    inside, looks = False, 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside, looks
        if name == "dxf":
            looks += 1
        elif name == "numFmt" and looks:  # it counts for that look alone, whatever its number is
            conditional.add(looks - 1)
        elif name == "numFmt":
            code = attributes.get("formatCode", "")
            codes[_number(attributes.get("numFmtId"))] = code if len(code) <= _LONGEST_FORMAT else _UNKNOWN
        elif name == "cellXfs":
            inside = True
        elif name == "xf" and inside:
            styles.append(_number(attributes.get("numFmtId", "0")))
        if len(styles) > _MOST_STYLES or len(codes) > _MOST_STYLES:
            raise Unreadable(0, 0, "too_many_parts", f"the workbook has more than {_MOST_STYLES:,} formats")

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and name != "cellXfs"

    Xml(package, part, start, end).run()
    codes.pop(-1, None)
    return tuple(codes.get(style, _UNKNOWN) for style in styles), frozenset(conditional)


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else -1
