"""Waiting for a server that is away: who only looks on loses nothing by it, and says once that it waits."""

import time
from collections.abc import Callable

from billing.core.errors import LedgerDamaged, LedgerError
from billing.edge.logs import Log

LONGEST_PAUSE = 10.0
GIVES_UP_AFTER = 600.0
# Seconds without an answer: a server that is moved to another machine is back by then.


class Patience:
    """How long to wait for a ledger that does not answer, and whether to go on waiting."""

    def __init__(self, log: Log, run_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with a ledger that answers; ``clock`` gives seconds."""
        self._log, self._run_id, self._clock = log, run_id, clock
        self._since: float | None = None
        self._misses = 0

    def missed(self, error: LedgerError) -> float:
        """Return how many seconds to wait until the next look: each time longer, up to ten.

        Raises:
            LedgerError: it was not to be read for ten minutes; or, at once, it is damaged.
        """
        if isinstance(error, LedgerDamaged):
            raise error
        now = self._clock()
        if self._since is None:
            self._since = now
            told = "its workers wait for it as well, and go on"
            self._log("ledger_lost", run=self._run_id, reason=str(error), meanwhile=told, level="warning")
        if now - self._since > GIVES_UP_AFTER:
            raise LedgerError(
                f"the ledger has not answered for {GIVES_UP_AFTER / 60:.0f} minutes ({error}). What is on record "
                f"stays: once it answers, the same command again goes on with {self._run_id}"
            ) from error
        pause = min(2.0**self._misses, LONGEST_PAUSE)
        self._misses += 1
        return pause

    def heard(self) -> None:
        """Look again soon: one of its connections answers, and the others are only to be opened anew."""
        self._misses = 0

    def answered(self) -> None:
        """Begin anew."""
        if self._since is not None:
            seconds = round(self._clock() - self._since, 1)
            self._log("ledger_back", run=self._run_id, after_seconds=seconds, level="warning")
        self._since, self._misses = None, 0
