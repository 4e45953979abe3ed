"""A ledger for planning: read while another runner charges from it; what was looked up is kept when nobody does.

A plan writes nothing but look-ups, which spare the run that follows their requests. So it holds the lock for two
moments: to check the ledger (and make it, where there is none), and at the end to keep what it has found. Where a
runner holds the lock then, nothing is kept, and nothing is lost but requests.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from billing.core.entries import Facts
from billing.core.errors import LedgerHeld
from billing.edge.ledger.sqlite.ledger import Opened, SqliteLedger

Open = Callable[..., Awaitable[SqliteLedger]]
# `open_ledger` with everything but ``write``.


async def open_to_plan(open_ledger: Open) -> SqliteLedger:
    """Open a ledger to plan with it.

    Args:
        open_ledger: opens it, and takes ``write``.

    Raises:
        What ``open_ledger`` raises, but never that another runner holds it.
    """
    checked = None
    with suppress(LedgerHeld):  # whoever holds it has checked it
        checked = await open_ledger()
        await checked.aclose()
    return await open_ledger(write=False, kind=partial(BorrowedLedger, checked=checked, later=open_ledger))


class BorrowedLedger(SqliteLedger):
    """A `Ledger` that is read, and remembers look-ups until it is closed."""

    def __init__(
        self, opened: Opened, now: Callable[[], int], *, inline: bool, checked: SqliteLedger | None, later: Open
    ) -> None:
        """Read what was opened.

        Args:
            opened: to read.
            now: milliseconds; as for every ledger.
            inline: as for every ledger.
            checked: what was opened before, to write, for what that has found.
            later: opens it to write.
        """
        super().__init__(opened, now, inline=inline)
        if checked is not None:
            self.warnings, self.made = checked.warnings, checked.made
        self._open = later
        self._found: dict[str, dict[str, Facts]] = {}

    async def keep_lookups(self, kind: str, found: Mapping[str, Facts]) -> None:
        """Remember look-ups."""
        # As they would be read back.
        self._found.setdefault(kind, {}).update(json.loads(json.dumps(dict(found))))

    def lookups(self, kind: str, names: Sequence[str], not_before: str) -> dict[str, Facts]:
        """Return look-ups kept at or after ``not_before``, and those of this very plan."""
        own = self._found.get(kind, {})
        return super().lookups(kind, names, not_before) | {name: own[name] for name in names if name in own}

    async def aclose(self) -> None:
        """Let go of the file, and keep what was found, if nobody holds the ledger."""
        await super().aclose()
        found, self._found = self._found, {}
        if not found:
            return
        with suppress(LedgerHeld):
            ledger = await self._open()
            try:
                for kind, facts in found.items():
                    await ledger.keep_lookups(kind, facts)
            finally:
                await ledger.aclose()
