"""What a comment or a page points to is in the repository: pages, their headings, modules and names, constants."""

import importlib
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOTS = (ROOT, ROOT / "billing", ROOT / ".github")
PAGES = sorted(ROOT / name for name in subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split())  # fmt: skip
SOURCES = sorted(file for room in ("billing", "jobs", "tests") for file in (ROOT / room).rglob("*.py"))
SETTINGS = sorted(file for room in ("configs", "jobs", ".ci") for file in (ROOT / room).rglob("*")
                  if file.suffix in (".yaml", "") and file.is_file())  # fmt: skip

_CITED = re.compile(r'([\w./-]*\w\.md)(?:, "([^"]+)")?')
_NAMED = re.compile(r"`{1,2}((?:billing|core|edge|flow|cli|sandbox|jobs|tests)(?:\.\w+)+)`{1,2}")
_CONSTANT = re.compile(r"^\| `(billing(?:\.\w+)+\.[A-Z_]+)` \| ([^|]+?) \|", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(
    r"failure.catalogue|catalogue [A-Z]\d|rate-control|protocol, (?:section )?\d|\([PNFAESRCT]\d{1,2}(?:, [A-Z]\d+)*\)"
)
# How other people's papers are cited; what they say belongs into the pages of this repository.
WRITTEN = frozenset({"report.md"})
# What the command writes: a name that is typed, and no page.


def _said(file: Path) -> Iterator[str]:
    """Every comment of a file, lines that follow one another together, and every text that may be a docstring."""
    together, last = "", 0
    with tokenize.open(file) as source:
        for token in tokenize.generate_tokens(source.readline):
            if token.type == tokenize.COMMENT:
                if token.start[0] != last + 1:
                    yield together
                    together = ""
                together, last = f"{together} {token.string.lstrip('#').strip()}", token.start[0]
            elif token.type == tokenize.STRING and token.string.startswith('"""'):
                yield " ".join(token.string.split())
    yield together


def _comments(file: Path) -> Iterator[str]:
    if file.suffix == ".py":
        yield from _said(file)
    else:
        yield re.sub(r"\s*\n\s*#?\s*", " ", file.read_text(encoding="utf-8"))


def _anchor(heading: str) -> str:
    """The name under which GitHub links to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@cache
def _headings(page: Path) -> tuple[str, ...]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return tuple(re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def _page(name: str, here: Path) -> Path | None:
    return next((found for base in (here, *ROOTS) if (found := base / name).is_file()), None)


def _resolves(name: str) -> bool:
    """Whether a dotted name is a module of ours, or something in one."""
    parts = name.split(".")
    full = parts if parts[0] in ("billing", "jobs", "tests") else ["billing", *parts]
    for cut in range(len(full), 0, -1):
        try:
            found = importlib.import_module(".".join(full[:cut]))
        except ModuleNotFoundError:
            continue
        return all((found := getattr(found, part, None)) is not None for part in full[cut:])
    return False


def _broken(text: str, here: Path) -> Iterator[str]:
    for name, heading in _CITED.findall(text):
        if name in WRITTEN:
            continue
        page = _page(name, here)
        if page is None:
            yield f"{name} is not here"
        elif heading and heading not in _headings(page):
            yield f"{name} has no heading {heading!r}"
    for name in _NAMED.findall(text):
        if not name.endswith((".yaml", ".md", ".py", ".csv", ".db")) and not _resolves(name):
            yield f"{name} is no module and no name in one"
    for found in _ELSEWHERE.finditer(text):
        yield f"{found.group()!r} is not in the repository"


def test_whatever_a_comment_cites_is_in_the_repository():
    files = [file for file in SOURCES + SETTINGS if file != Path(__file__)]
    wrong = [f"{file.relative_to(ROOT)}: {why}" for file in files for text in _comments(file)
             for why in _broken(text, file.parent)]  # fmt: skip
    assert wrong == []


def test_whatever_a_page_names_is_in_the_repository():
    wrong = [f"{page.relative_to(ROOT)}: {why}" for page in PAGES
             for why in _broken(page.read_text(encoding="utf-8"), page.parent)]  # fmt: skip
    assert wrong == []


def _astray(page: Path) -> Iterator[str]:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in map(_anchor, _headings(target))):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page):
    assert list(_astray(page)) == []


def test_every_room_has_its_page():
    rooms = (
        "core",
        "edge/stripe",
        "edge/pacing",
        "edge/ledger",
        "edge/runfiles",
        "edge/settings",
        "edge/texts",
        "flow",
        "flow/kinds/charge",
        "sandbox",
    )
    assert {ROOT / "billing" / room / "README.md" for room in rooms} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_lists_is_beside_it(page):
    cells = re.findall(r"^\| (`[^|]+?`) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    names = [name for cell in cells for name in re.findall(r"`([\w./]+\.py|[\w/]+/)`", cell)]
    assert [name for name in names if not any((base / name).exists() for base in (page.parent, *ROOTS))] == []


def _written(value: object) -> str:
    return f"{value:,g}" if isinstance(value, float) and value < 1_000_000 else f"{value:,}"


def test_every_constant_has_the_value_that_a_page_says():
    said = [found for page in PAGES for found in _CONSTANT.findall(page.read_text(encoding="utf-8"))]
    assert said
    for name, value in said:
        module, _, constant = name.rpartition(".")
        assert _written(getattr(importlib.import_module(module), constant)) == value, name
