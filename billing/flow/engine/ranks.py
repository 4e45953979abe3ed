"""Names in the order of a rank that may change: a heap that forgets what is out of date."""

import heapq
from typing import Generic, TypeVar

Rank = TypeVar("Rank")

SPARE = 64
# Entries out of date that are put up with however few names there are.


class Ranks(Generic[Rank]):
    """A priority queue over names. Every step costs O(log n), spread over the steps; it holds at most 2 n entries."""

    def __init__(self) -> None:
        """Start empty."""
        self._ranks: dict[str, Rank] = {}
        self._heap: list[tuple[Rank, str]] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def put(self, name: str, rank: Rank) -> None:
        """Add a name, or move it to another rank; the smallest comes first."""
        if self._ranks.get(name) == rank:
            return
        self._ranks[name] = rank
        heapq.heappush(self._heap, (rank, name))
        if len(self._heap) > 2 * len(self._ranks) + SPARE:
            self._heap = [(rank, name) for name, rank in self._ranks.items()]
            heapq.heapify(self._heap)

    def drop(self, name: str) -> None:
        """Take a name out, if it is there."""
        self._ranks.pop(name, None)

    def first(self) -> str | None:
        """Return the name of the smallest rank, or None when there is none."""
        while self._heap:
            rank, name = self._heap[0]
            if self._ranks.get(name) == rank:
                return name
            heapq.heappop(self._heap)
        return None

    def rank(self, name: str) -> Rank:
        """Return the rank of a name that is there."""
        return self._ranks[name]
