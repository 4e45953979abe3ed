"""What an invocation has done so far, counted: for whoever watches, and for what its command answers for at the end."""

import asyncio
from collections import Counter
from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.core.groups import group_of
from billing.core.kinds import is_final
from billing.core.life import Group, Life
from billing.core.money import add_money
from billing.core.records import Tally
from billing.flow.engine.progress import Pace, Snapshot, Watch
from billing.flow.services import Services


class Counts:
    """Counts items as they end.

    Attributes:
        snapshot: what is shown to whoever watches.
        changed: items that are not in the state in which they were found.
    """

    def __init__(self, services: Services, life: Life, watch: Watch) -> None:
        """Begin at nothing, now."""
        self._gateway, self._watch = services.gateway, watch
        self._ended: Counter[tuple[StrEnum, str, str, str]] = Counter()
        self._money: Counter[tuple[StrEnum, str, str, str]] = Counter()
        self._now = asyncio.get_running_loop().time
        self._began, self._pace = self._now(), Pace()
        self.changed = 0
        self.snapshot = Snapshot(0, most=services.rates.key_rps, word=life.word(Group.SUCCEEDED))

    @property
    def ended(self) -> tuple[Tally, ...]:
        """The items that were brought to an end."""
        return tuple(Tally(*each, items, self._money[each]) for each, items in self._ended.items())

    def note_change(self, began: ItemRecord, item: ItemRecord) -> None:
        """Keep what a look has changed: the command answers for what it brought to an end itself."""
        self.changed += item.state is not began.state
        if is_final(item.state):
            reason, grouping = (str(item.facts.get(name) or "") for name in ("reason_code", "group"))
            each = (item.state, grouping, reason, item.currency)
            self._ended[each] += 1
            self._money[each] += item.amount

    def count(self, item: ItemRecord) -> None:
        """Take in an item that this invocation has finished with."""
        snapshot, group = self.snapshot, group_of(item)
        snapshot.done += 1
        snapshot.counts[group] += 1
        if group is Group.SUCCEEDED:
            add_money(snapshot.paid, item.amount, item.currency)
        self.tell()

    def tell(self) -> None:
        """Show where the run stands now."""
        gateway, snapshot = self._gateway, self.snapshot
        counters, key = gateway.counters, gateway.throttle.key
        snapshot.away = gateway.breaker.away
        snapshot.sent, snapshot.rate_limited = counters.sent, counters.rate_limited
        snapshot.elapsed = self._now() - self._began
        snapshot.rate, snapshot.phase = key.rate, key.phase
        snapshot.pace = self._pace.at(snapshot.elapsed, snapshot.sent)
        self._watch(snapshot)

    def note(self, text: str) -> None:
        """Show a sentence that a person must see now."""
        self.snapshot.note = text
        self._watch(self.snapshot)
