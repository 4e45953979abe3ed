"""From which day on a rebuild lists intents, and what speaks against that day once the lists are read."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.core.errors import UsageError
from billing.core.items import Run
from billing.core.redaction import scrub
from billing.flow.kinds.charge.rebuilding.stripe_listing import StripeListing

EARLIER_DAYS = 31
# How long before its period a run may have been charged (in advance). A window that begins too late makes paid items
# look unpaid, one that begins too early costs a read for each hundred intents more: so it is generous.
EDGE_SECONDS = 86_400
# An intent as close as this to the beginning of the window says that there may be more before it.


def window(run: Run, asked: date | None, now: datetime) -> datetime:
    """Return the first moment whose intents are listed: the beginning of a day in the run's time zone.

    Raises:
        UsageError: the period is no month and no day was given, or the day is still to come.
    """
    day = asked or _default_day(run)
    since = datetime.combine(day, time(), ZoneInfo(run.timezone))
    if since > now:
        raise UsageError(
            f"--since {day}: nothing can have been opened from then on; name the day the run began, or before"
        )
    return since


def _default_day(run: Run) -> date:
    month = re.fullmatch(r"([0-9]{4})-([0-9]{2})", run.period)
    if month is None:
        raise UsageError(
            f"period {run.period} is no month, so when its items were charged is not known: name a day before "
            "the first of them with --since YYYY-MM-DD"
        )
    return date(int(month[1]), int(month[2]), 1) - timedelta(days=EARLIER_DAYS)


def window_warnings(stock: StripeListing, run: Run, since: datetime) -> Iterator[str]:
    """Yield what may be wrong with the window or the run id: both make paid items look as if they were not."""
    earliest = stock.earliest
    if earliest is not None and earliest - since.timestamp() < EDGE_SECONDS:
        yield (
            f"the first intent was opened within a day of {since:%Y-%m-%d}, where the window begins: if the run began "
            "earlier, items of those days are paid and look as if they were not; then rebuild with an earlier --since"
        )
    others = Counter(intent.mark("billing_run") for intent in stock.all())
    others.pop(run.run_id, None)
    for name, count in sorted(others.items()):
        yield f"{count} intents of these references were opened by run {scrub(name) or 'without a name'} and taken over"
