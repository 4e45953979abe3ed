"""What the limiters have learned, kept beside the runs: the next run begins near the limits that this one found."""

import asyncio

from billing.core.items import Mode
from billing.edge.ledger import Ledger
from billing.edge.pacing.throttle import Remember
from billing.edge.stripe.clock import ProviderClock
from billing.flow.services import Services

KIND = "limit"
DAYS = 7
# A limit that nobody has met for a week may have been raised or lowered; then finding out anew is the better guess.
KEEP_SECONDS = 60.0
# Between two looks at what was learned: a run that is killed loses a minute of it.
CHANGE = 0.01
# Share by which a rate must have moved to be written again.


def remembered(ledger: Ledger, clock: ProviderClock, mode: Mode, platform: str | None = None) -> Remember:
    """Return what recalls the rate (requests a second) of a limiter by its name, if it is young enough.

    Args:
        ledger: where it was kept.
        clock: the provider's time.
        mode: of the run.
        platform: the account that is charged for, where the settings name it; else the only one the ledger knows.
    """
    known = {record.platform for record in ledger.runs()}
    if platform is None and len(known) == 1:
        (platform,) = known
    # A ledger that knows one platform may hold what was kept before the platform was written beside it.
    prefixes = [f"{mode} {platform}"] if platform else []
    prefixes += [f"{mode}"] if known <= {platform} else []

    def remember(name: str) -> float | None:
        names = [f"{prefix} {name}" for prefix in prefixes]
        found = ledger.lookups(KIND, names, clock.days_ago(DAYS))
        return next((float(found[each]["requests_per_second"]) for each in names if each in found), None)

    return remember


class LearnedLimits:
    """Keeps the learned rates of one desk: at the end of a run, and now and then before."""

    def __init__(self, services: Services) -> None:
        """Begin with nothing kept."""
        self._desk = services
        self._kept: dict[str, float] = {}
        self._looked = asyncio.get_running_loop().time()

    async def keep_at_times(self) -> None:
        """Keep what was learned if the last time was a while ago.

        Raises:
            LedgerError: the commit failed.
        """
        now = asyncio.get_running_loop().time()
        if now - self._looked >= KEEP_SECONDS:
            self._looked = now
            await self.keep()

    async def keep(self) -> None:
        """Keep what was learned and has moved.

        Raises:
            LedgerError: the commit failed.
        """
        learned = self._desk.gateway.throttle.learned()
        moved = {name: rate for name, rate in learned.items() if abs(rate - self._kept.get(name, 0.0)) > CHANGE * rate}
        if moved:
            of = f"{self._desk.mode} {self._desk.platform}"
            facts = {f"{of} {name}": {"requests_per_second": rate} for name, rate in moved.items()}
            await self._desk.ledger.keep_lookups(KIND, facts)
            self._kept |= moved
