"""A run, its items and the lines they came from, a file for each kind. All of it is immutable and compares by value."""

from billing.core.items.cancellation import Cancellation, When
from billing.core.items.charge import Charge
from billing.core.items.item import NOBODY, Item, Kind, Mode, Named, Personal
from billing.core.items.payer import Payer
from billing.core.items.refund import FeeBack, Refund
from billing.core.items.run import InputLine, Run
from billing.core.items.subscription import Subscription
from billing.core.items.sync import Does, Sync

__all__ = [
    "NOBODY",
    "Cancellation",
    "Charge",
    "Does",
    "FeeBack",
    "InputLine",
    "Item",
    "Kind",
    "Mode",
    "Named",
    "Payer",
    "Personal",
    "Refund",
    "Run",
    "Subscription",
    "Sync",
    "When",
]
