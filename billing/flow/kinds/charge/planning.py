"""What planning charges takes: look-ups, the lists that show what another ledger has opened, and what is unusual."""

from billing.core.kinds.charge import CHARGE_LIFE
from billing.core.life import Phase
from billing.core.notices import Notice
from billing.edge.ledger import Ledger
from billing.flow.kinds.charge.elsewhere import opened_elsewhere
from billing.flow.kinds.charge.preflight import UNEXAMINED, look_up
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Planning


def first_charges(plan: Plan, ledger: Ledger) -> list[Notice]:
    """Name accounts on which nothing was begun before, once the ledger has a history that makes this worth a look."""
    if plan.changes is None:
        return []
    accounts = sorted(plan.accounts)
    begun, unsent = set[str](), CHARGE_LIFE.within(Phase.WAITING) | {CHARGE_LIFE.skipped}
    states = frozenset(CHARGE_LIFE.states) - unsent
    for start in range(0, len(accounts), 500):
        begun |= ledger.accounts_begun(accounts[start : start + 500], states)
    return [
        Notice("first_charge", f"{account}: first charge ever, {plan.accounts[account]:,} lines")
        for account in accounts
        if account not in begun
    ]


CHARGE_PLANNING = Planning(look_up=look_up, unexamined=UNEXAMINED, elsewhere=opened_elsewhere, notices=first_charges)
