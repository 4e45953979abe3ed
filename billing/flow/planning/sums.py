"""The money of a plan: every line in exactly one row, and what of it can move in this invocation."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappush, heapreplace
from itertools import groupby

from billing.core.items import Item
from billing.core.money import add_money
from billing.core.planrows import NOT_SELECTED, ROWS, TO_CHARGE
from billing.core.plans import Continue, Create, Replace, Skip
from billing.flow.options import Selection
from billing.flow.planning.amendment import Amended, Amendment


@dataclass(slots=True)
class Row:
    """Lines of a plan that share what becomes of them, with their money in minor units per currency."""

    lines: int = 0
    totals: Counter[str] = field(default_factory=Counter)

    def add(self, minor: int, currency: str, sign: int = 1) -> None:
        """Take a line in, or out again."""
        self.lines += sign
        add_money(self.totals, sign * minor, currency)


@dataclass(slots=True)
class Left:
    """What this invocation can move: not paid yet, usable and selected.

    Attributes:
        lines: how many.
        totals: currency -> minor units.
        accounts: connected account -> lines.
        customers: how many distinct platform customers.
        largest_payer: lines of the customer with the most; they run one after another.
    """

    lines: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    customers: int = 0
    largest_payer: int = 0


Place = tuple[int, int]
# In which order items stand in the ledger: those on record by their row, new ones after them by their line.
Standing = tuple[Place, int, str, str, int, Amended | None]


class Sums:
    """Counts a plan line by line.

    Attributes:
        rows: code of the row -> its lines and money, of the rows that have any.
        sheet: all lines together.
        left: what can move in this invocation.
    """

    def __init__(self, selection: Selection, limit: int | None, amendment: Amendment) -> None:
        """Begin; lines that are taken up again and can move are noted in ``amendment``."""
        self.rows: dict[str, Row] = {}
        self.sheet = Row()
        self.left = Left()
        self._selection, self._limit, self._amendment = selection, limit, amendment
        self._first: list[tuple[int, int, Standing]] = []
        self._payers = array("Q")
        self._hits: set[str] = set()

    def take(
        self,
        wanted: Item,
        decision: Create | Replace | Continue | Skip,
        row: str,
        line: int,
        again: Amended | None = None,
    ) -> None:
        """Count a line: its decision says where its money stands; ``again`` that it is taken up again if it moves."""
        item = decision.new if isinstance(decision, Create | Replace) else decision.item
        minor, currency = wanted.amount.minor, wanted.amount.currency
        self.sheet.add(minor, currency)
        self._hits |= self._selection.named_by(item)
        if row == TO_CHARGE and not self._selection.takes(item):
            row = NOT_SELECTED
        self._row(row).add(minor, currency)
        if row == TO_CHARGE:
            place = (0, decision.item.id) if isinstance(decision, Continue) else (1, line)
            self._movable((place, minor, currency, wanted.account, short_hash(wanted.payer), again))

    def _row(self, code: str) -> Row:
        return self.rows.setdefault(code, Row())

    def _movable(self, one: Standing) -> None:
        """Count a line among what can move; under a limit only the first so many stay there."""
        if self._limit is None:
            self._put(one)
            return
        place = one[0]
        entry = (-place[0], -place[1], one)
        if len(self._first) < self._limit:
            heappush(self._first, entry)
            return
        *_, out = heapreplace(self._first, entry) if entry > self._first[0] else entry
        self._row(TO_CHARGE).add(out[1], out[2], -1)
        self._row(NOT_SELECTED).add(out[1], out[2])

    def _put(self, one: Standing) -> None:
        _, minor, currency, account, payer, again = one
        if again is not None:
            self._amendment.note(again)
        self.left.lines += 1
        add_money(self.left.totals, minor, currency)
        self.left.accounts[account] += 1
        self._payers.append(payer)

    def finish(self) -> None:
        """Add up what only the whole file tells, and put the rows in their order."""
        for *_, one in self._first:
            self._put(one)
        self.left.customers, self.left.largest_payer = payers(self._payers)
        order = {code: place for place, code in enumerate(ROWS)}
        item = sorted(self.rows, key=lambda code: (order.get(code, len(order)), code))
        self.rows = {code: self.rows[code] for code in item if self.rows[code].lines}

    def unmatched(self) -> tuple[list[str], list[str]]:
        """Return the patterns of ``--only``, and those of ``--exclude``, that name no line of the file."""
        only, exclude = self._selection.only, self._selection.exclude
        return [each for each in only if each not in self._hits], [each for each in exclude if each not in self._hits]


def short_hash(text: str) -> int:
    """Return eight bytes that stand for a text: a set of a million strings would cost a hundred megabytes."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def payers(hashes: "array[int]") -> tuple[int, int]:
    """Return how many payers there are, and the lines of the one with the most."""
    lines = [sum(1 for _ in same) for _, same in groupby(sorted(hashes))]
    return len(lines), max(lines, default=0)
