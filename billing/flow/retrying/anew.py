"""An obligation begun anew: the next generation of a charge that is over unpaid, in a revision of its run.

The last intent of it takes no money any more: it was cancelled, or it was paid once and the payment was returned. The
sheet stays as it is, line by line; only what stands for these lines is the next item. What was tried before counts on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256

from billing.core.entries import ItemRecord
from billing.core.items import Kind
from billing.core.keys import item_id, length_prefixed
from billing.core.kinds import ended_empty
from billing.core.kinds.charge_rules import method_used
from billing.core.records import NewItem, PlannedLine, RunRecord
from billing.edge.ledger import Ledger
from billing.flow.retrying.methods import Replacement
from billing.flow.services import Services


async def begin_anew(
    services: Services, record: RunRecord, items: Iterable[ItemRecord], new: Mapping[int, Replacement]
) -> list[ItemRecord]:
    """Open the next generation of each of these items and return them, planned; nothing is sent.

    Args:
        services: the ledger open for writing.
        record: the run, as it is on record.
        items: of the run, over and empty.
        new: by ledger row, the payment method with which one goes on.

    Raises:
        LedgerError: nothing of it is kept.
    """
    over = {item.id: item for item in items if ended_empty(item.state)}
    if not over:
        return []
    named = [text for item in over.values() for text in (item.item_id, str(item.generation + 1))]
    digest = sha256(length_prefixed((record.plan_digest, *named))).hexdigest()
    revision = replace(record, revision=record.revision + 1, plan_digest=digest)
    await services.ledger.plan_run(revision, _lines(services.ledger, record, over, new))
    references = [item.reference for item in over.values()]
    begun: list[ItemRecord] = []
    for start in range(0, len(references), CHUNK):
        chunk = references[start : start + CHUNK]
        known = services.ledger.obligations(record.platform, record.mode, record.period, chunk, Kind.CHARGE)
        begun += [known[reference] for reference in chunk]
    return begun


CHUNK = 500
# References the ledger answers at once.


def _lines(
    ledger: Ledger, record: RunRecord, over: Mapping[int, ItemRecord], new: Mapping[int, Replacement]
) -> Iterator[PlannedLine]:
    """Stream the lines of the run's sheet as they stand, with the next items in the place of these."""
    for line in ledger.report(record.run_id):
        if not line.listed:
            return
        item = line.item
        if item is None or item.id not in over or not line.owned:
            row = None if item is None else item.id
            yield PlannedLine(line.line, line.cells, item=row, reason=line.reason, detail=line.detail)
        else:
            yield PlannedLine(line.line, line.cells, new=_next(record, over[item.id], new.get(item.id)))


def _next(record: RunRecord, item: ItemRecord, replacement: Replacement | None) -> NewItem:
    """Return the next generation of an item; the method with which it goes on is fixed with it, in one commit."""
    generation = item.generation + 1
    method = replacement.method if replacement is not None else method_used(item)
    declines = int(item.facts.get("declines") or item.content.get("earlier_declines") or 0)
    content = {name: value for name, value in item.content.items() if name != "skip"}
    return NewItem(
        item_id=item_id(record.mode, record.platform, record.period, item.reference, generation, item.kind),
        kind=item.kind,
        reference=item.reference,
        generation=generation,
        account=item.account,
        payer=item.payer,
        amount=item.amount,
        currency=item.currency,
        digest=item.digest,
        content={**content, "method": method, "earlier_declines": max(declines, 1)},
    )
