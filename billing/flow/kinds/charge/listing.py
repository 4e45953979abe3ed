"""How the intents of many charges are read at once, and what their charges say beside that."""

from collections.abc import Mapping
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.kinds.charge import READ
from billing.flow.engine.listed import Listing
from billing.flow.services import Services

RECENT_SECONDS = 3_600.0
# For how long the charge of an intent counts as undisputed: as long as one look through a run may take.


class Undisputed:
    """Intents that a list of this process showed paid and in no dispute: none of them has come back before that."""

    def __init__(self, services: Services) -> None:
        """Begin with none; a look for what came back takes them all."""
        self._clock = services.clock
        self._seen: dict[str, float] = {}

    def note(self, intent: Mapping[str, Any]) -> None:
        """Learn from an intent that is listed with its charge."""
        charge = intent.get("latest_charge")
        if intent.get("status") == "succeeded" and isinstance(charge, Mapping) and charge.get("disputed") is False:
            self._seen[str(intent.get("id"))] = self._clock.epoch()

    def take(self) -> frozenset[str]:
        """Return those that were shown just now, and begin anew: for a later look they say nothing."""
        recent = self._clock.epoch() - RECENT_SECONDS
        found, self._seen = frozenset(name for name, at in self._seen.items() if at >= recent), {}
        return found


def _born(item: ItemRecord) -> float | None:
    """Return when the open of an item left first; an intent that another ledger had opened before is read by itself."""
    born = item.facts.get("open_born")
    return None if born is None else float(born)


def _as_read(services: Services, intent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an intent as a read shows it, which names its charge alone."""
    services.shared(Undisputed).note(intent)
    charge = intent.get("latest_charge")
    return {**intent, "latest_charge": charge.get("id")} if isinstance(charge, Mapping) else intent


INTENTS = Listing(
    op=READ,
    pages=lambda gateway, account, since: gateway.charged_pages(account, since),
    named=lambda item: item.object_id or "",
    born=_born,
    answer=_as_read,
)
