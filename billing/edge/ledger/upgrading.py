"""`billing ledger upgrade`: the ledger that a URL names becomes one of this release."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from billing.core.errors import LedgerMissing
from billing.edge.ledger.opening import open_ledger
from billing.edge.ledger.postgres.connecting import require_driver
from billing.edge.ledger.sqlite.upgrade import upgrading as sqlite
from billing.edge.ledger.upgraded import Upgraded
from billing.edge.ledger_url import is_postgres


async def upgrade_ledger(
    url: str,
    *,
    key_file: Path | None,
    clock: Callable[[], datetime],
    wait: float | None = None,
    make: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Upgraded:
    """Make the ledger a URL names one of this release.

    Args:
        url, key_file, clock, wait, environ: as for `billing.edge.ledger.opening.open_ledger`.
        make: make an empty one where there is none and none was ever seen.

    Raises:
        UsageError: the URL names no ledger.
        LedgerMissing: there is none.
        LedgerHeld: a runner holds it, or another program has it open.
        LedgerDamaged: it does not agree with itself; it was left as it is.
        LedgerError: it was written by a newer release, or the place, the database or the key cannot be used.
    """
    upgrade = sqlite.upgrade_ledger
    if is_postgres(url):
        require_driver()
        from billing.edge.ledger.postgres import upgrading as postgres

        upgrade = postgres.upgrade_ledger
    upgraded = partial(upgrade, url, key_file=key_file, clock=clock, wait=wait, environ=environ)
    try:
        return await upgraded()
    except LedgerMissing:
        if not make:
            raise
    made = await open_ledger(url, key_file=key_file, clock=clock, wait=wait, purpose="ledger upgrade", environ=environ)
    await made.aclose()
    return await upgraded()
