"""A reader that need not read the same text twice: months of lines share few accounts, prices and texts."""

from collections.abc import Callable
from typing import Any

_MOST = 4096
# Values remembered per column: enough for every account and price, small enough to forget about.


class Remembered(dict[Any, Any]):
    """What a reader made of each text it was given, so far; errors are not kept."""

    def __init__(self, read: Callable[[Any], object]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: object) -> object:
        value = self._read(key)
        if len(self) < _MOST:
            self[key] = value
        return value
