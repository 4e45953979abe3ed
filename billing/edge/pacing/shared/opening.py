"""Opening the budget that all workers of a platform share, in the database of their ledger."""

import os
import socket
from collections.abc import Callable

from billing.core.items import Mode
from billing.edge.pacing.shared.budget import Budget
from billing.edge.pacing.shared.rows import LimitRows

Lost = Callable[[str], None]


def shared_budget(url: str, mode: Mode, platform: str, worker: str, lost: Lost) -> Budget:
    """Return the budget of a platform in a mode; nothing is connected before a request waits.

    Args:
        url: of the ledger, in PostgreSQL.
        mode: limits of live and test mode are apart.
        platform: the account whose limits they are.
        worker: one of several; empty for whoever runs alone.
        lost: is told, once, that the database has not answered for a minute, in words for a person.
    """

    def tell(reason: str) -> None:
        lost(f"nothing may be sent without the rate budget: {reason}; run the same command again once it is back")

    return Budget(LimitRows(url, f"{mode} {platform}"), worker or f"{socket.gethostname()} {os.getpid()}", tell)
