"""The rules of every kind of items, beside their tables of states."""

from collections.abc import Mapping
from typing import Any

from billing.core.item_rules import ItemRules
from billing.core.items import Kind
from billing.core.kinds.cancellation_rules import CANCELLATION_RULES
from billing.core.kinds.charge_rules import CHARGE_RULES
from billing.core.kinds.payer_rules import PAYER_RULES
from billing.core.kinds.refund_rules import REFUND_RULES
from billing.core.kinds.subscription_rules import SUBSCRIPTION_RULES
from billing.core.kinds.sync_rules import SYNC_RULES

RULES: Mapping[Kind, ItemRules[Any]] = {
    Kind.CHARGE: CHARGE_RULES,
    Kind.REFUND: REFUND_RULES,
    Kind.PAYER: PAYER_RULES,
    Kind.SYNC: SYNC_RULES,
    Kind.CANCELLATION: CANCELLATION_RULES,
    Kind.SUBSCRIPTION: SUBSCRIPTION_RULES,
}
