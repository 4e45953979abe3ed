"""What one commit writes: moves of items and entries of the chain, collected and written in a few statements."""

from collections.abc import Iterable, Sequence

from billing.edge.ledger.chain import Head, entry_mac
from billing.edge.ledger.store import Store

Row = tuple[int, int, str, int | None, int | None, int, int, int, str, bytes]
Unchained = tuple[str, int | None, int | None, int, int, str]
# An entry before it has its place in the chain: name, run, item, ver, attempt, facts.


class Conflict(Exception):
    """An item is not as the one who moves it believes; which one is found out by writing one work after another."""


class Transaction:
    """One open transaction: the store, its time, and the end of the chain as it grows.

    Attributes:
        optimistic: the works are written together, in as few statements as there can be, and undone together if one
            fails.
    """

    __slots__ = ("_entries", "_layers", "at", "head", "key", "optimistic", "store")

    def __init__(self, store: Store, key: bytes, at: int, head: Head, *, optimistic: bool = False) -> None:
        self.store, self.key, self.at, self.head, self.optimistic = store, key, at, head, optimistic
        self._entries: list[Unchained] = []
        self._layers: list[list[tuple[object, ...]]] = []

    def append(self, entries: Iterable[Unchained]) -> None:
        """Append entries to the chain."""
        self._entries.extend(entries)
        if not self.optimistic:
            self.flush()

    def move(self, rows: Iterable[tuple[object, ...]], entries: Iterable[Unchained]) -> None:
        """Move an item on, by rows of `Store.move` one after another, and append their entries.

        Raises:
            Conflict: the item is not as the rows say; a hopeful transaction finds out when it is flushed.
        """
        for layer, row in enumerate(rows):
            if layer == len(self._layers):
                self._layers.append([])
            self._layers[layer].append(row)
        self.append(entries)

    def flush(self) -> None:
        """Write what was collected.

        Raises:
            Conflict: an item is not as its move says.
        """
        layers, entries, self._layers, self._entries = self._layers, self._entries, [], []
        if not entries:
            return
        numbers = self.store.move(layers, len(entries), self.head)
        if numbers is None:
            raise Conflict
        self.store.append(self._chained(entries, numbers), last=self.optimistic)

    def _chained(self, entries: Iterable[Unchained], numbers: Sequence[int]) -> list[Row]:
        """Give entries their numbers and their places in the chain, in order; return the rows to insert."""
        key, at, chain, seq, mac = self.key, self.at, self.store.chain, self.head.seq, self.head.mac
        rows = []
        for seq, (name, run, item, ver, attempt, facts) in zip(numbers, entries, strict=True):
            mac = entry_mac(key, mac, seq, at, name, run, item, ver, chain, attempt, facts)
            rows.append((seq, at, name, run, item, ver, chain, attempt, facts, mac))
        self.head = Head(seq, mac)
        return rows
