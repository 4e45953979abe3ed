"""What this process has heard from each connected account: does it take requests, or does it refuse everything?

Stripe has codes for some of the reasons why an account cannot be charged, and only words for others. So a refusal that
says neither its code nor which parameter it is about is held until something else is known of the account: another
item that it takes, and the refusal was the item's own; or another one that it refuses in the same words.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from billing.core.calls import Op
from billing.core.entries import ItemRecord
from billing.core.outcomes import Refused, Scope


class Reach(StrEnum):
    """Whose a refusal is."""

    ITEM = "item"
    ACCOUNT = "account"
    UNCLEAR = "unclear"


_names = re.compile(r"'[^']*'|\b[a-z]{2,6}_[A-Za-z0-9]+|\d+").sub


@dataclass(slots=True)
class Standing:
    """The accounts that have taken a request of a kind, and the first unclear refusal of those that have not."""

    _takes: set[tuple[str, Op]] = field(default_factory=set)
    _refused: dict[tuple[str, Op], tuple[str, str]] = field(default_factory=dict)

    def takes(self, item: ItemRecord, op: Op) -> None:
        """Note that the item's account has carried out a request."""
        self._takes.add((item.account, op))

    def reach(self, item: ItemRecord, op: Op, refused: Refused) -> Reach:
        """Return whose a refusal is, as far as that is known by now."""
        if refused.scope is Scope.ACCOUNT:
            return Reach.ACCOUNT
        where = (item.account, op)
        if refused.param or refused.dead_clone or where in self._takes:
            return Reach.ITEM
        says = _names("", f"{refused.code} {refused.message}")
        first, said = self._refused.setdefault(where, (item.item_id, says))
        if first == item.item_id:
            return Reach.UNCLEAR
        if said == says:
            return Reach.ACCOUNT
        self.takes(item, op)  # two items, two reasons: they are the items' own
        return Reach.ITEM
