"""Whether items are what their plan says, under the key: asked of the items that are about to be worked on."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from billing.core.entries import ItemRecord, Note
from billing.core.errors import LedgerDamaged
from billing.edge.ledger.chain import Mac, eras
from billing.edge.ledger.check import BREAKS
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader, as_list
from billing.edge.ledger.rows import frozen

_ENTRY, _BEFORE, _ITEM = slice(0, 9), 10, slice(11, None)
_NUMBER, _NAME, _OF, _FACTS, _MAC = 0, 2, 4, 8, 9
# Where a row of the question has what.


class AsPlanned:
    """Holds items against the entries that planned them; such an entry is authentic if its mac is this key's."""

    def __init__(self, reader: Reader, key: bytes, named: str) -> None:
        self._reader, self._key, self._named = reader, key, named

    def require(self, items: Sequence[ItemRecord]) -> None:
        """Refuse items that are not as planned.

        Raises:
            LedgerDamaged: one of them is not.
        """
        if not items:
            return
        rows = self._reader.all(Question.AS_PLANNED, {"items": as_list(item.id for item in items)})
        sound = {row[_OF] for row in rows if self._is_sound(row)}
        for item in items:
            if item.id not in sound:
                said = f"item {item.id} ({item.reference}): is not what was planned"
                raise LedgerDamaged(f"{self._named}: {said}. Nothing is sent; it can still be read")

    def _is_sound(self, row: tuple[Any, ...]) -> bool:
        try:
            before = self._seal if row[_BEFORE] is None else row[_BEFORE]
            signed = row[_MAC] == self._rule(row[_NUMBER])(self._key, before, *row[_ENTRY])
            planned = row[_NAME] == Note.ITEM_PLANNED and frozen(*row[_ITEM]) == json.loads(row[_FACTS])["frozen"]
            return bool(signed and planned)
        except BREAKS:
            return False

    def _rule(self, number: int) -> Mac:
        found = self._eras
        return found[bisect_right([since for since, _ in found], number) - 1][1]

    @cached_property
    def _eras(self) -> list[tuple[int, Mac]]:
        return eras(self._reader.all(Question.UPGRADES, {"name": Note.LEDGER_UPGRADED}), VERSION)

    @cached_property
    def _seal(self) -> bytes:
        meta: dict[str, str] = dict(self._reader.all(Question.META))
        return bytes.fromhex(meta["seal"])
