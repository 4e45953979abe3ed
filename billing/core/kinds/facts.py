"""The facts of every kind of items, by the names that stand on record."""

from collections.abc import Mapping

from billing.core.facts import Fact, named
from billing.core.items import Kind
from billing.core.kinds import cancellation, charge, payer, refund, subscription, sync
from billing.core.kinds.cancellation_facts import CANCELLATION_FACTS
from billing.core.kinds.charge_facts import CHARGE_FACTS
from billing.core.kinds.payer_facts import PAYER_FACTS
from billing.core.kinds.refund_facts import REFUND_FACTS
from billing.core.kinds.subscription_facts import SUBSCRIPTION_FACTS
from billing.core.kinds.sync_facts import SYNC_FACTS

FACTS: Mapping[Kind, Mapping[str, Fact]] = {
    Kind.CHARGE: named(CHARGE_FACTS, charge.OPS),
    Kind.REFUND: named(REFUND_FACTS, refund.OPS),
    Kind.PAYER: named(PAYER_FACTS, payer.OPS),
    Kind.SYNC: named(SYNC_FACTS, sync.OPS),
    Kind.CANCELLATION: named(CANCELLATION_FACTS, cancellation.OPS),
    Kind.SUBSCRIPTION: named(SUBSCRIPTION_FACTS, subscription.OPS),
}
