"""What a plan of payers looks up: nothing that moves anything, and the accounts that cards are saved on behalf of."""

from collections.abc import Iterable, Sequence

from billing.core.estimates import Reads
from billing.core.findings import Findings
from billing.core.items import Kind, Payer
from billing.core.kinds.payer import State
from billing.core.kinds.payer_rules import SKIPS
from billing.core.notices import Notice
from billing.flow.planning.planned import NOTHING_EXAMINED, Plan, Source
from billing.flow.planning.preflight import Elsewhere, LookedUp, Lookout, Planning, Preflight
from billing.flow.services import Services

SAVED = (State.SAVED, State.DEFAULTING, State.SUCCEEDED)
UNLOOKED = NOTHING_EXAMINED | frozenset(SKIPS)


async def look_up(services: Services, source: Source, _preflight: Preflight, lookout: Lookout) -> LookedUp:
    """Say how the payers will be asked, and that the customers are listed before the first one is made."""
    reads = Reads(1, 1, 1 / services.rates.key_rps, at_least=True)
    lookout.foretell(reads)
    saved = services.ledger.of_kind(services.platform, services.mode, Kind.PAYER, SAVED)
    answered = {item.reference for item in saved}
    payers = (line.item for line in source.lines() if isinstance(line.item, Payer))
    asked = [payer for payer in payers if payer.reference not in answered]
    return LookedUp(Findings(), list(_notices(services, asked)), reads)


def _notices(services: Services, every: Sequence[Payer]) -> Iterable[Notice]:
    """Yield what the sheet does not show of those who have not answered: where they may, and who cannot be asked."""
    if services.answers_with:
        yield Notice("answered", f"{services.answers_with} answers for all payers who were asked (test mode)")
        return
    if services.public_url:
        return
    hosted = sum(not payer.amount.minor and payer.return_url is not None for payer in every)
    if hosted:
        who = "1 payer is" if hosted == 1 else f"{hosted:,} payers are"
        said = f"{who} asked on pages of Stripe's, which are dead after 24 hours"
        yield Notice("hosted", f"{said}; with collect.public_url the links are ours, and live as long as the file says")
    if lacking := len(every) - hosted:
        who = "1 payer" if lacking == 1 else f"{lacking:,} payers"
        yield Notice("no_page", f"{who} cannot be asked without collect.public_url; see the report")


async def elsewhere(_services: Services, _source: Source, _plan: Plan) -> Elsewhere:
    """Find nothing out beforehand: whose customers there are already, the list before the first create shows."""
    return Elsewhere()


PAYER_PLANNING = Planning(
    look_up=look_up,
    unexamined={Preflight.NONE: UNLOOKED, Preflight.ACCOUNTS: UNLOOKED, Preflight.ALL: UNLOOKED},
    elsewhere=elsewhere,
)
