"""What comparisons with Stripe have kept of one line: its rows, its payouts, and what differs by the rules of a run."""

from collections.abc import Mapping, Sequence

from billing.core.items import Kind
from billing.core.movements import MOVEMENT, PAYOUT, Movement, Payout
from billing.core.reconciling.account_book import View
from billing.core.reconciling.claims import intent_of
from billing.core.reconciling.comparing import compare
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kept import CURSOR, DISPUTE, SIGHTING, Cursor, Dispute, Sighting, from_facts
from billing.core.reconciling.kinds import Kind as Difference
from billing.core.stories.case import Case
from billing.core.stories.found import iso
from billing.core.stories.moneys import MOVES
from billing.edge.ledger import Ledger
from billing.flow.report import EVER

OF_ROWS = frozenset(
    {Difference.REFUNDED_OUTSIDE, Difference.DISPUTED, Difference.RETURNED, Difference.DUPLICATE, Difference.ORPHAN}
)
# Differences that rows of Stripe's show by themselves; the others ask that a look came after what the ledger has.


def with_stripe(ledger: Ledger, bare: Case) -> Case:
    """Add what comparisons with Stripe have kept of it."""
    account = bare.item.account
    facts = ledger.lookups(CURSOR, [account], EVER).get(account)
    if facts is None or bare.item.kind not in MOVES:
        return bare
    looked = from_facts(Cursor, facts).listed_at
    rows, payouts = _movements(ledger, bare), dict[str, Payout]()
    names = [f"{account}/{name}" for name in dict.fromkeys(row.payout for row in rows if row.payout)]
    for name, kept in ledger.lookups(PAYOUT, names, EVER).items():
        payout = Payout.from_facts(name, kept)
        payouts[payout.id] = payout
    findings = _findings(ledger, bare, rows, payouts, looked)
    return Case(
        bare.record, bare.zone, bare.lives, bare.row, bare.told, bare.done_at, bare.since, bare.undoing, rows, payouts,
        findings, looked,
    )  # fmt: skip


def _movements(ledger: Ledger, case: Case) -> list[Movement]:
    """Return the rows of a line: of its payments, and of payments that say that they are its."""
    prefix, found = f"{case.item.account}/", dict[str, Movement]()
    for item in case.lives:
        asked = [("item", item.item_id), *([("intent", intent_of(item))] if intent_of(item) else [])]
        for name, value in asked:
            for key, facts in ledger.finder.about(MOVEMENT, prefix, name, value):
                found[key] = Movement.from_facts(key, facts)
    return sorted(found.values(), key=lambda row: (row.at, row.id))


def _findings(
    ledger: Ledger, case: Case, rows: Sequence[Movement], payouts: Mapping[str, Payout], looked: int
) -> tuple[Finding, ...]:
    """Compare this one line, by the rules by which whole runs are compared."""
    account = case.item.account
    seen, disputes = dict[str, Sighting](), dict[str, Dispute]()
    for item in case.lives:
        for key, facts in ledger.finder.about(SIGHTING, f"{account}/", "item", item.item_id):
            seen[key.partition("/")[2]] = from_facts(Sighting, facts)
        if intent_of(item):
            for key, facts in ledger.finder.about(DISPUTE, f"{account}/", "intent", intent_of(item)):
                disputes[key.partition("/")[2]] = from_facts(Dispute, facts)
    beside = [each.item for each in case.undoing if each.item.kind is Kind.REFUND]
    runs = frozenset(item.run_id for item in case.lives)
    view = View(account, list(case.lives), beside, runs, rows, payouts, seen, disputes, looked)
    older = iso(looked) < case.since
    own = {item.item_id for item in case.lives}
    return tuple(
        each for each in compare(view).findings if each.item in own and (each.kind in OF_ROWS or not older)
    )  # fmt: skip
