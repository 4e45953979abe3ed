"""What is handed to a worker at once: a shard of a run, at most 500 items, no account with somebody else meanwhile.

A big account is cut into shards that are worked one after another, so that its items stay in order and only one worker
sends to it. Accounts with few items are bundled whole. So nobody has to know what others are doing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from billing.edge.engines import Placed

MOST, LEAST = 500, 8
# Items of a shard: as many as one worker may hold in memory and lose the time of. Of a bundle: as few as its delivery
# is worth.
PIECES = 64
# Bundles that a run of small accounts is cut into at least: the last of them must not keep one worker alone.


@dataclass(frozen=True, slots=True)
class Part:
    """Items of one account, in the order they were planned.

    Attributes:
        account: the connected account.
        first_row, last_row: of the ledger; everything of the run between them on this account belongs to it.
        items: how many there were when it was cut.
        rows: nothing but these; None for all.
    """

    account: str
    first_row: int
    last_row: int
    items: int
    rows: tuple[int, ...] | None = None

    def to_json(self) -> list[Any]:
        """Return it as a payload carries it."""
        return [self.account, self.first_row, self.last_row, self.items, self.rows and list(self.rows)]

    @classmethod
    def from_json(cls, told: Sequence[Any]) -> "Part":
        """Return what `to_json` wrote."""
        account, first, last, items, rows = told
        return cls(account, first, last, items, None if rows is None else tuple(rows))


@dataclass(frozen=True, slots=True)
class Shard:
    """A piece of a run.

    Attributes:
        number: from 1, within a round.
        parts: its accounts; one alone where an account is cut.
        behind: how many more shards the account is cut into after this one.
        chained: whether its account has other shards.
    """

    number: int
    parts: tuple[Part, ...]
    behind: int = 0
    chained: bool = False

    @property
    def items(self) -> int:
        """How many items it had when it was cut."""
        return sum(part.items for part in self.parts)


Rows = Iterable[tuple[str, Iterable[int]]]
# Accounts in the order of the file, each with the rows of its items, ascending.


def cut(work: Rows, total: int, *, exactly: bool = False) -> list[Shard]:
    """Cut a run into shards, numbered from 1; the same work is cut in the same way.

    Args:
        work: every item once; an account once.
        total: how many items there are, about.
        exactly: name every row, because others of the same accounts are not wanted.
    """
    size = min(MOST, max(LEAST, total // PIECES))
    shards: list[Shard] = []
    for parts, behind, chained in _pieces(work, size, exactly=exactly):
        shards.append(Shard(len(shards) + 1, parts, behind, chained))
    return shards


def _pieces(work: Rows, size: int, *, exactly: bool) -> Iterator[tuple[tuple[Part, ...], int, bool]]:
    """Yield what each shard holds; an account's own shards are worked in turn, so smaller ones would gain nothing."""
    bundle: list[Part] = []
    held = 0
    for account, rows in work:
        parts = [_part(account, some, exactly=exactly) for some in _runs_of(rows, MOST)]
        if len(parts) > 1 or (parts and parts[0].items > size):
            yield from (((part,), len(parts) - place, len(parts) > 1) for place, part in enumerate(parts, 1))
            continue
        if bundle and parts and held + parts[0].items > size:
            yield tuple(bundle), 0, False
            bundle, held = [], 0
        bundle += parts
        held += sum(part.items for part in parts)
    if bundle:
        yield tuple(bundle), 0, False


def _runs_of(rows: Iterable[int], size: int) -> Iterator[list[int]]:
    """Yield rows, so many at a time."""
    for _, some in groupby(enumerate(rows), key=lambda each: each[0] // size):
        yield [row for _, row in some]


def _part(account: str, rows: Sequence[int], *, exactly: bool) -> Part:
    return Part(account, rows[0], rows[-1], len(rows), tuple(rows) if exactly else None)


def placed(
    shards: Sequence[Shard], run_id: str, revision: int, number: int, asked: Mapping[str, Any]
) -> Iterator[Placed]:
    """Yield the shards of a round as an engine takes them.

    The account with the most shards to come goes first: else its last ones would be worked alone at the end.

    Args:
        shards: all of the round.
        run_id: of the run.
        revision: of the run.
        number: of the round.
        asked: JSON of how they are carried out.
    """
    longest = max((shard.behind for shard in shards), default=0)
    for shard in shards:
        own = f"{run_id}:{revision}.{number}:{shard.number}"
        partition = shard.parts[0].account if shard.chained else own
        payload = {"parts": [part.to_json() for part in shard.parts], "asked": dict(asked)}
        yield Placed(run_id, revision, number, shard.number, partition, 1 + longest - shard.behind, payload)


def parts_of(shard: Placed) -> tuple[Part, ...]:
    """Return what a shard holds."""
    return tuple(Part.from_json(told) for told in shard.payload["parts"])
