"""Which platform customers have changed since the last sync: by Stripe's events where they reach back, else not known.

The cursor is a look-up in the ledger. Events are read again from ten minutes before the last reading, because they are
not told in the order in which they happen; what was read then is left out by its id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from billing.core.objects.events import KEPT_DAYS, TYPES, method_in, payer_in
from billing.edge.stripe.found import LookupFailed
from billing.flow.kinds.sync.links import MOST_NAMES, Link
from billing.flow.services import Services

CURSOR, LINKS = "sync_cursor", "sync_link"
# Kinds of look-ups: how far events were read, and which links were examined.
EVER = "1970-01-01T00:00:00+00:00"
# Look-ups of any age.
OVERLAP_SECONDS = 600
KEPT_SECONDS = KEPT_DAYS * 24 * 3600


@dataclass(frozen=True, slots=True)
class Changes:
    """What the events tell.

    Attributes:
        payers: platform customers that changed; None where events cannot tell, so that everybody must be looked at.
        methods: payment methods that changed and say no more whose they were.
        cursor: what to keep once all that follows from them is on record.
        requests: what reading them took.
    """

    payers: frozenset[str] | None
    cursor: Mapping[str, Any]
    requests: int = 0
    methods: frozenset[str] = frozenset()

    def concern(self, link: Link) -> bool:
        """Tell whether a link must be looked at for what changed."""
        return self.payers is None or link.payer in self.payers or not self.methods.isdisjoint(link.methods)


async def changes_since(services: Services, *, everybody: bool = False) -> Changes:
    """Read the events since the cursor.

    Raises:
        BillingError: they cannot be read.
    """
    now = int(services.clock.epoch())
    kept = services.ledger.lookups(CURSOR, [_name(services)], EVER).get(_name(services))
    if everybody or kept is None or now - int(kept["read_at"]) > KEPT_SECONDS:
        return Changes(None, {"read_at": now, "ids": []})
    known = frozenset(kept.get("ids", ()))
    payers, methods, recent, pages = set[str](), set[str](), set[str](), 0
    async for page in services.gateway.event_pages(TYPES, int(kept["read_at"]) - OVERLAP_SECONDS):
        if isinstance(page, LookupFailed):
            raise page.as_error()
        pages += 1
        for event in page:
            created = event.get("created")
            if type(created) is not int or created >= now - OVERLAP_SECONDS:
                recent.add(str(event["id"]))
            if event["id"] in known:
                continue
            if payer := payer_in(event):
                payers.add(payer)
            elif method := method_in(event):
                methods.add(method)
    cursor = {"read_at": now, "ids": sorted(recent)}
    return Changes(frozenset(payers), cursor, pages, frozenset(methods))


def unseen(services: Services, links: Iterable[Link]) -> frozenset[str]:
    """Return those links, by name, that no sync has looked at, or could read."""
    names = [link.name for link in links]
    seen = set[str]()
    for first in range(0, len(names), MOST_NAMES):
        kept = services.ledger.lookups(LINKS, names[first : first + MOST_NAMES], EVER)
        seen |= {name for name, facts in kept.items() if facts["examined"]}
    return frozenset(names) - seen


async def keep_cursor(services: Services, changes: Changes, examined: Mapping[str, bool]) -> None:
    """Remember how far events were read, and which links were looked at; those that could not be are looked at again.

    It is the last thing that is kept: whatever ends a sync before it, the next one reads the same events once more.
    """
    await services.ledger.keep_lookups(LINKS, {name: {"examined": done} for name, done in examined.items()})
    await services.ledger.keep_lookups(CURSOR, {_name(services): changes.cursor})


def _name(services: Services) -> str:
    return f"{services.platform}:{services.mode}"
