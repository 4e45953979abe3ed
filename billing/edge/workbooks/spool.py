"""Lines that are written in another order than they come: kept in a file meanwhile, not in memory."""

import json
from array import array
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any


class Spool:
    """Records by group, each group in the order in which its records came."""

    def __init__(self, path: Path) -> None:
        """Keep them in a new file, in a folder that nobody else may enter."""
        self._file = path.open("x+b")
        self._end = 0
        self._starts: dict[Hashable, array[int]] = {}

    def keep(self, group: Hashable, record: tuple[Any, ...]) -> None:
        """Keep a record of texts and whole numbers."""
        self._starts.setdefault(group, array("Q")).append(self._end)
        self._end += self._file.write(json.dumps(record).encode() + b"\n")

    def of(self, group: Hashable) -> Iterator[tuple[Any, ...]]:
        """Stream the records of a group."""
        for start in self._starts.get(group, ()):
            self._file.seek(start)
            yield tuple(json.loads(self._file.readline()))
        self._file.seek(self._end)

    def close(self) -> None:
        """Let go of the file; whoever made its folder removes it."""
        self._file.close()
