"""The report of a run as a page: one file that needs nothing else, or for a long run one with a folder beside it."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from billing.core.errors import UsageError
from billing.core.wording import counted
from billing.edge.ledger import Ledger
from billing.edge.outputs import Target
from billing.edge.pagefolder import PageFolder
from billing.edge.pages.rendering import render
from billing.edge.privatefile import is_passage
from billing.flow.report import EVERY_LINE, Wanted
from billing.flow.reporting.overview import Overview, gathering_of, lines_of
from billing.flow.reporting.page.listing import Listing
from billing.flow.reporting.page.parts import MOST, Part, Parts, parts_of
from billing.flow.reporting.page.people import states_of
from billing.flow.reporting.page.whole import values_of

STYLES, SCRIPT = ("report.css",), "find.js"


def write_html(ledger: Ledger, run_id: str, wanted: Wanted, target: Target) -> Iterator[str]:
    """Write a report to a file, its lines to a folder beside it where they are too many, and say so.

    Raises:
        UsageError: the ledger has no such run, or the file or the folder must not be written.
        RunStopped: a symbolic link stands there, or the disk says no.
    """
    overview, listing = gathered(ledger, run_id, wanted)
    with closing(listing):
        folder = PageFolder(target.path.with_name(f"{target.path.stem or 'report'}-lines"))
        split = len(listing.entries) > MOST
        if split and is_passage(target.path):
            raise UsageError(_too_many(listing))
        parts = parts_of(listing, folder.path.name) if split else None
        target.check()
        if parts is not None:
            folder.replace(_pages(overview, listing, parts, target.path))
        target.write(_whole(ledger, overview, listing, parts))
    written = f"{target.path}: written, a page with {counted(overview.sheet.lines, 'line')}"
    if parts is None:
        folder.remove()
        yield written
    else:
        yield f"{written}, which stand in {counted(len(parts.pages), 'page')} by account in {folder.path}"


def html_text(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Iterator[str]:
    """Stream a report as one page.

    Raises:
        UsageError: the ledger has no such run, or its lines are too many for one page.
    """
    overview, listing = gathered(ledger, run_id, wanted)
    with closing(listing):
        if len(listing.entries) > MOST:
            raise UsageError(_too_many(listing))
        yield from _whole(ledger, overview, listing, None)


def _too_many(listing: Listing) -> str:
    lines = counted(len(listing.entries), "line")
    return f"{lines} are too many for one page; name a file with -o report.html, and they are split beside it"


def gathered(ledger: Ledger, run_id: str, wanted: Wanted) -> tuple[Overview, Listing]:
    """Gather a run in one pass over its lines: the sums, and the list of lines."""
    gathering = gathering_of(ledger, run_id, wanted)
    listing = Listing(gathering.overview.record, gathering.overview.zone)
    for line in lines_of(ledger, run_id, wanted):
        gathering.take(line)
        listing.take(line)
    return gathering.done(), listing


def _whole(ledger: Ledger, overview: Overview, listing: Listing, parts: Parts | None) -> Iterator[str]:
    rows = listing.all() if parts is None else ()
    values = values_of(ledger, overview, listing.entries, parts)
    return render("report.html", styles=STYLES, script=SCRIPT, rows=rows, **values)


def _pages(overview: Overview, listing: Listing, parts: Parts, report: Path) -> Iterator[tuple[str, Iterable[str]]]:
    """Return the pages of a folder by name, each as a stream."""
    for at, part in enumerate(parts.pages):
        yield part.name, _page(overview, report, parts.pages, at, rows=parts.rows(listing, at), index=False)
    for at, part in enumerate(parts.index):
        yield part.name, _page(overview, report, parts.index, at, rows=parts.entries(at), index=True)


def _page(
    overview: Overview, report: Path, pages: tuple[Part, ...], at: int, *, rows: Iterable[str], index: bool
) -> Iterator[str]:
    part, record = pages[at], overview.record
    return render(
        "part.html", styles=STYLES, script=SCRIPT, rows=rows, index=index, title=record.run_id, mode=record.mode,
        words=part.words, told=part.told, back=f"../{quote(report.name)}", states=tuple(states_of(overview)),
        heading=counted(part.lines, "line"),
        before=pages[at - 1].name if at else "", after=pages[at + 1].name if at + 1 < len(pages) else "",
    )  # fmt: skip
