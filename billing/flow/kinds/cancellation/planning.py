"""What planning cancellations takes: nothing is looked up, each subscription is read right before it is ended.

What is agreed to cannot be seen in amounts, for none moves. So a plan says it in a sentence.
"""

from collections import Counter

from billing.core.items import Cancellation, When
from billing.core.kinds.cancellation_rules import SKIPS
from billing.core.notices import Notice
from billing.flow.planning.planned import NOTHING_EXAMINED, Plan, Source
from billing.flow.planning.preflight import Elsewhere, LookedUp, Lookout, Planning, Preflight
from billing.flow.services import Services

UNLOOKED = NOTHING_EXAMINED | frozenset(SKIPS)


async def look_up(_services: Services, source: Source, _preflight: Preflight, _lookout: Lookout) -> LookedUp:
    """Count what the lines ask for; nothing is sent."""
    lines = [line.item for line in source.lines() if isinstance(line.item, Cancellation)]
    ends = Counter(line.when for line in lines)
    return LookedUp(warnings=[Notice("ends", _said(ends, sum(line.clear_fee for line in lines)))] if lines else [])


def _said(ends: Counter[When], cleared: int) -> str:
    now, later = ends[When.NOW], ends[When.PERIOD_END]
    said = [f"{now:,} end now, and what is open of them is made void"] if now else []
    said += [f"{later:,} end with the period that is paid for"] if later else []
    said += [f"your share is cleared of {cleared:,}"] if cleared else []
    return "; ".join(said)


async def elsewhere(_services: Services, _source: Source, _plan: Plan) -> Elsewhere:
    """Find nothing out beforehand: what another ledger has ended, the read before each shows."""
    return Elsewhere()


CANCELLATION_PLANNING = Planning(
    look_up=look_up,
    unexamined=dict.fromkeys(Preflight, UNLOOKED),
    elsewhere=elsewhere,
)
