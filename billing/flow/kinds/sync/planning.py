"""What planning a sync takes: nothing more. Its lines were read from Stripe when they were found."""

from billing.core.kinds.sync_rules import SKIPS
from billing.flow.planning.planned import NOTHING_EXAMINED, Plan, Source
from billing.flow.planning.preflight import Elsewhere, LookedUp, Lookout, Planning, Preflight
from billing.flow.services import Services

UNLOOKED = NOTHING_EXAMINED | frozenset(SKIPS)


async def look_up(_services: Services, _source: Source, _preflight: Preflight, _lookout: Lookout) -> LookedUp:
    """Look nothing up once more: each line says what is not in step, or why it cannot be brought in step."""
    return LookedUp()


async def elsewhere(_services: Services, _source: Source, _plan: Plan) -> Elsewhere:
    """Find nothing out: what another ledger has synced was read in step, and is no line."""
    return Elsewhere()


SYNC_PLANNING = Planning(look_up=look_up, unexamined=dict.fromkeys(Preflight, UNLOOKED), elsewhere=elsewhere)
