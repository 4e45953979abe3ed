"""How each kind of items is planned and carried out: the only place in the flow that knows them all."""

from billing.core.items import Kind
from billing.flow.engine.flow import Flow
from billing.flow.kinds.cancellation.planning import CANCELLATION_PLANNING
from billing.flow.kinds.cancellation.steps import CANCELLATIONS
from billing.flow.kinds.charge.planning import CHARGE_PLANNING
from billing.flow.kinds.charge.steps import CHARGES
from billing.flow.kinds.payer.planning import PAYER_PLANNING
from billing.flow.kinds.payer.steps import PAYERS
from billing.flow.kinds.refund.planning import REFUND_PLANNING
from billing.flow.kinds.refund.steps import REFUNDS
from billing.flow.kinds.subscription.planning import SUBSCRIPTION_PLANNING
from billing.flow.kinds.subscription.steps import SUBSCRIPTIONS
from billing.flow.kinds.sync.planning import SYNC_PLANNING
from billing.flow.kinds.sync.steps import SYNCS
from billing.flow.planning.preflight import Planning

FLOWS: dict[Kind, Flow] = {
    flow.life.kind: flow for flow in (CHARGES, REFUNDS, PAYERS, SYNCS, CANCELLATIONS, SUBSCRIPTIONS)
}
PLANNINGS: dict[Kind, Planning] = {
    Kind.CHARGE: CHARGE_PLANNING,
    Kind.REFUND: REFUND_PLANNING,
    Kind.PAYER: PAYER_PLANNING,
    Kind.SYNC: SYNC_PLANNING,
    Kind.CANCELLATION: CANCELLATION_PLANNING,
    Kind.SUBSCRIPTION: SUBSCRIPTION_PLANNING,
}
