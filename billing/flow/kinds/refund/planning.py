"""What planning refunds takes: the disputes of each account. The charge itself is read right before its refund leaves.

What was left because it was disputed is taken up again by a plan that finds the dispute won.
"""

from collections import Counter, defaultdict

from billing.core.estimates import Reads
from billing.core.findings import Findings
from billing.core.items import FeeBack, Refund
from billing.core.kinds.refund_rules import DISPUTED, SKIPS
from billing.core.notices import Notice
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.kinds.refund.disputes import Disputes
from billing.flow.planning.planned import NOTHING_EXAMINED, Plan, Source
from billing.flow.planning.preflight import Elsewhere, LookedUp, Lookout, Planning, Preflight
from billing.flow.services import Services

UNLOOKED = NOTHING_EXAMINED | frozenset(SKIPS)
LOOKED = UNLOOKED - {DISPUTED}


async def look_up(services: Services, source: Source, preflight: Preflight, lookout: Lookout) -> LookedUp:
    """List the disputes of the accounts, one after another; what cannot be listed now, the run asks for again.

    Raises:
        CredentialsError: the key may not list them.
    """
    if preflight is Preflight.NONE:
        return LookedUp()
    intents: defaultdict[str, list[str]] = defaultdict(list)
    fees: Counter[FeeBack] = Counter()
    for line in source.lines():
        if isinstance(line.item, Refund):
            intents[line.item.account].append(line.item.intent)
            fees[line.item.fee] += 1
    lookout.foretell(_cost(services, len(intents), at_least=True))
    disputed: dict[str, str] = {}
    unlisted = 0
    for account, wanted in intents.items():
        found = await services.shared(Disputes).of(account)
        if isinstance(found, LookupFailed):
            if found.trouble is Trouble.CREDENTIALS:
                raise found.as_error()
            unlisted += 1
            continue
        disputed |= {intent: DISPUTED for intent in wanted if not found.get(intent, True)}
    warnings = [Notice("fee", _share(fees)), *([Notice("unlisted", _unlisted(unlisted))] if unlisted else [])]
    return LookedUp(Findings(disputed=disputed), warnings, _cost(services, len(intents), at_least=False))


def _share(fees: Counter[FeeBack]) -> str:
    """Say what becomes of the platform's share: what is agreed to here cannot be seen in the amounts."""
    back, kept = fees[FeeBack.REFUND], fees[FeeBack.KEEP]
    said = [f"your application fee goes back with {back:,} of the lines"] if back else []
    said += [f"it is kept of {kept:,}, whose accounts bear it"] if back and kept else []
    said += [f"your application fee is kept of all {kept:,} lines: their accounts bear it"] if kept and not back else []
    return "; ".join(said)


def _cost(services: Services, accounts: int, *, at_least: bool) -> Reads:
    return Reads(accounts, accounts, accounts / services.rates.key_rps, at_least)


def _unlisted(accounts: int) -> str:
    return f"the disputes of {accounts:,} accounts could not be listed; the run asks again before anything is sent"


async def elsewhere(_services: Services, _source: Source, _plan: Plan) -> Elsewhere:
    """Find nothing out beforehand: what another ledger has given back, the look before each refund shows."""
    return Elsewhere()


REFUND_PLANNING = Planning(
    look_up=look_up,
    unexamined={Preflight.NONE: UNLOOKED, Preflight.ACCOUNTS: LOOKED, Preflight.ALL: LOOKED},
    elsewhere=elsewhere,
)
