"""A ledger for planning: read while another runner charges from it; what was looked up is kept when nobody does.

A plan writes nothing but look-ups, which spare the run that follows their requests. So it holds the lock for two
moments: to check the ledger (and make it, where there is none), and at the end to keep what it has found. Where a
runner holds the lock then, nothing is kept, and nothing is lost but requests.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from billing.core.entries import Facts
from billing.core.errors import LedgerHeld
from billing.edge.ledger import Verification
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.ledger.custody.lock import Holder
from billing.edge.ledger.database import DatabaseLedger

Open = Callable[..., Awaitable[DatabaseLedger]]
# `open_ledger` with everything but ``write``.


async def open_to_plan(open_ledger: Open) -> DatabaseLedger:
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
    return BorrowedLedger(await open_ledger(write=False), checked, open_ledger)


class BorrowedLedger(DatabaseLedger):
    """A `Ledger` that is read, and remembers look-ups until it is closed."""

    def __init__(self, read: DatabaseLedger, checked: DatabaseLedger | None, later: Open) -> None:
        """Read from a ledger.

        Args:
            read: opened to read; it is closed with this one.
            checked: what was opened before, to write, for what that has found.
            later: opens it to write.
        """
        super().__init__(*read.reading, None, None)
        told = read if checked is None else checked
        self.warnings, self.made, self.moved = told.warnings, told.made, read.moved
        self._read, self._open = read, later
        self._found: dict[str, dict[str, Facts]] = {}

    def holder(self) -> Holder | None:
        """Return who holds it now."""
        return self._read.holder()

    def attendance(self) -> Attendance:
        """Return who is at which run now."""
        return self._read.attendance()

    async def keep_lookups(self, kind: str, found: Mapping[str, Facts]) -> None:
        """Remember look-ups."""
        # As they would be read back.
        self._found.setdefault(kind, {}).update(json.loads(json.dumps(dict(found))))

    def lookups(self, kind: str, names: Sequence[str], not_before: str) -> dict[str, Facts]:
        """Return look-ups kept at or after ``not_before``, and those of this very plan."""
        own = self._found.get(kind, {})
        return super().lookups(kind, names, not_before) | {name: own[name] for name in names if name in own}

    def verify(self) -> Verification:
        """Check everything, as the ledger that is read does."""
        return self._read.verify()

    async def aclose(self) -> None:
        """Let go of the database, and keep what was found, if nobody holds the ledger."""
        await self._read.aclose()
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
