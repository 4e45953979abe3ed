"""Take over what Stripe knows better: each such line's own payment is read, and recorded by the rules of `resolve`.

Nothing is taken from a list, and nothing but a sighting is recorded: what is paid is paid, what is closed stays closed.
What a ledger calls ended unpaid, while Stripe calls it paid, is for a person: no entry leads out of that.
"""

from collections.abc import Iterable

from billing.core.groups import group_of
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import Kind
from billing.core.records import RunRecord
from billing.edge.settings.load import Settings
from billing.flow.engine.progress import unwatched
from billing.flow.follow import policies_of
from billing.flow.options import RunOptions, Selection
from billing.flow.reconciling.scope import Scope, items_on
from billing.flow.resolve import resolve, settle
from billing.flow.services import Services


async def adopt(services: Services, scope: Scope, findings: Iterable[Finding], settings: Settings) -> list[str]:
    """Read the lines whose state differs, and record what their objects show; return the references that moved.

    Raises:
        LedgerError: the ledger failed.
        BillingError: an answer contradicts a line, or the key is refused.
    """
    wanted = {one.item: one.account for one in findings if one.kind is Kind.STATE and one.item}
    return [name for run in scope.runs for name in await _of_run(services, run, wanted, settings)] if wanted else []


async def _of_run(services: Services, run: RunRecord, wanted: dict[str, str], settings: Settings) -> list[str]:
    ledger, accounts = services.ledger, sorted(set(wanted.values()))
    items = [item for account in accounts for item in items_on(ledger, [run], account) if item.item_id in wanted]
    if not items:
        return []
    options = RunOptions(selection=Selection(rows=frozenset(item.id for item in items), strict=True))
    for verb in (resolve, settle):
        ending = await verb(services, run.run_id, options, policies_of(run, settings), unwatched)
        if ending.exit:
            services.log("adopting_stopped", run=run.run_id, reason=ending.reason)
    after = [ledger.item(item.id) for item in items]
    return [
        now.reference
        for before, now in zip(items, after, strict=True)
        if (before.state, group_of(before)) != (now.state, group_of(now))
    ]
