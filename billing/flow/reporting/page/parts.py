"""A list that is too long for one page, in pages of its own: the lines by account, and an index by reference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from billing.core.wording import counted
from billing.edge.logs import visible
from billing.edge.pages.rows import index_entry
from billing.flow.reporting.page.listing import Entry, Listing

MOST = 5_000
# Lines on one page: what a browser lays out without a pause, and a person can still search.


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of one account on one page: from place ``first`` to before ``after``."""

    account: str
    first: int
    after: int


@dataclass(frozen=True, slots=True)
class Part:
    """A page of lines, or of the index.

    Attributes:
        name: of its file.
        address: from the report.
        words: what stands on it.
        lines: how many.
        told: how many accounts, or where it belongs.
        first: of an index, the first reference.
    """

    name: str
    address: str
    words: str
    lines: int
    told: str
    first: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """All pages of a long list.

    Attributes:
        folder: where they stand, beside the report.
        pages: of lines.
        index: of references.
    """

    folder: str
    pages: tuple[Part, ...]
    index: tuple[Part, ...]
    _pieces: tuple[tuple[Piece, ...], ...]
    _entries: Sequence[Entry]

    def rows(self, listing: Listing, page: int) -> Iterator[Markup]:
        """Stream the rows of a page of lines."""
        for piece in self._pieces[page]:
            yield from listing.of(piece.account, piece.first, piece.after)

    def entries(self, page: int) -> Iterator[Markup]:
        """Stream the entries of a page of the index."""
        places = {(piece.account, piece.first // MOST): part.name
                  for part, pieces in zip(self.pages, self._pieces, strict=True) for piece in pieces}  # fmt: skip
        for entry in self._entries[page * MOST : (page + 1) * MOST]:
            there = f"{places[entry.account, entry.nth // MOST]}#{quote(entry.anchor, safe='')}"
            yield index_entry(entry.name or entry.anchor, entry.anchor, there, visible(entry.account))


def parts_of(listing: Listing, folder: str) -> Parts:
    """Share the lines out to pages: whole accounts in the order of their ids; a large one has pages of its own."""
    pieces = tuple(shared_out(listing.counts()))
    pages = tuple(_page(folder, at, found) for at, found in enumerate(pieces, 1))
    # In the order that a script of the page compares texts in: UTF-16 units.
    entries = sorted(listing.entries, key=lambda entry: entry.anchor.encode("utf-16-be", "surrogatepass"))
    index = tuple(_index(folder, at, entries[begin : begin + MOST])
                  for at, begin in enumerate(range(0, len(entries), MOST), 1))  # fmt: skip
    return Parts(folder, pages, index, pieces, entries)


def shared_out(counts: Mapping[str, int], most: int = MOST) -> Iterator[tuple[Piece, ...]]:
    """Share lines out to pages of at most ``most``, given how many each account has."""
    page: list[Piece] = []
    room = most
    for account, lines in counts.items():
        whole, rest = lines - lines % most, lines % most
        if page and (whole or rest > room):
            yield tuple(page)
            page, room = [], most
        yield from ((Piece(account, first, first + most),) for first in range(0, whole, most))
        if rest:
            page.append(Piece(account, whole, lines))
            room -= rest
    if page:
        yield tuple(page)


def _page(folder: str, number: int, pieces: Sequence[Piece]) -> Part:
    name = f"lines-{number:03}.html"
    first, last = (visible(pieces[at].account) or "no account" for at in (0, -1))
    words = first if first == last else f"{first} to {last}"
    if len(pieces) == 1 and pieces[0].first:
        words += f", from its line {pieces[0].first + 1:,} on"
    lines = sum(piece.after - piece.first for piece in pieces)
    told = f"{counted(lines, 'line')} of {counted(len(pieces), 'account')}"
    return Part(name, f"{quote(folder)}/{name}", words, lines, told)


def _index(folder: str, number: int, entries: Sequence[Entry]) -> Part:
    name = f"references-{number:03}.html"
    first, last = entries[0].anchor, entries[-1].anchor
    return Part(name, f"{quote(folder)}/{name}", f"{first} to {last}", len(entries),
                f"{counted(len(entries), 'line')} by reference", first)  # fmt: skip
