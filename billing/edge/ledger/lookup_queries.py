"""Questions about what was looked up and kept; each answer is under a mac of its own."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from billing.core.entries import Facts
from billing.core.errors import LedgerDamaged
from billing.edge.ledger.asking import LAST, Streaming, at_once
from billing.edge.ledger.chain import seal
from billing.edge.ledger.questions import Question
from billing.edge.ledger.rows import millis


class LookupQueries(Streaming):
    """Reads of look-ups."""

    _key: bytes

    def lookups(self, kind: str, names: Sequence[str], not_before: str) -> dict[str, Facts]:
        """Return look-ups kept at or after ``not_before``.

        Raises:
            LedgerDamaged: one of them was changed by something else.
        """
        since = millis(datetime.fromisoformat(not_before))
        rows = self._all(Question.LOOKUPS, kind=kind, names=at_once(names), since=since)
        return {name: self._unsealed(kind, name, at, facts, mac) for name, at, facts, mac in rows}

    def kept(self, kind: str, prefix: str) -> Iterator[tuple[str, Facts]]:
        """Stream the look-ups of a kind whose names begin with ``prefix``.

        Raises:
            LedgerDamaged: one of them was changed by something else.
        """
        for name, at, facts, mac in self._stream(Question.KEPT, kind=kind, first=prefix, last=prefix + LAST):
            yield name, self._unsealed(kind, name, at, facts, mac)

    def _unsealed(self, kind: str, name: str, at: int, facts: str, mac: bytes) -> Facts:
        if mac != seal(self._key, "lookup", kind, name, at, facts):
            raise LedgerDamaged(f"lookups: {kind} {name} was changed by something else")
        found: Facts = json.loads(facts)
        return found
