"""What planning refunds takes: no look-ups. The charge and its disputes are read right before each refund leaves."""

from billing.core.kinds.refund_rules import SKIPS
from billing.flow.planning.planned import NOTHING_EXAMINED, Plan, Source
from billing.flow.planning.preflight import Elsewhere, LookedUp, Lookout, Planning, Preflight
from billing.flow.services import Services


async def look_up(_services: Services, _source: Source, _preflight: Preflight, _lookout: Lookout) -> LookedUp:
    """Look nothing up."""
    return LookedUp()


async def elsewhere(_services: Services, _source: Source, _plan: Plan) -> Elsewhere:
    """Find nothing out beforehand: what another ledger has given back, the look before each refund shows."""
    return Elsewhere()


REFUND_PLANNING = Planning(
    look_up=look_up,
    unexamined=dict.fromkeys(Preflight, NOTHING_EXAMINED | frozenset(SKIPS)),
    elsewhere=elsewhere,
)
