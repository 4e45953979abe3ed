"""The report columns of every kind of items."""

from collections.abc import Mapping

from billing.core.items import Kind
from billing.core.kinds.cancellation_columns import CANCELLATION_COLUMNS
from billing.core.kinds.charge_columns import CHARGE_COLUMNS
from billing.core.kinds.payer_columns import PAYER_COLUMNS
from billing.core.kinds.refund_columns import REFUND_COLUMNS
from billing.core.kinds.subscription_columns import SUBSCRIPTION_COLUMNS
from billing.core.kinds.sync_columns import SYNC_COLUMNS
from billing.core.report_columns import ReportColumns

COLUMNS: Mapping[Kind, ReportColumns] = {
    Kind.CHARGE: CHARGE_COLUMNS,
    Kind.REFUND: REFUND_COLUMNS,
    Kind.PAYER: PAYER_COLUMNS,
    Kind.SYNC: SYNC_COLUMNS,
    Kind.CANCELLATION: CANCELLATION_COLUMNS,
    Kind.SUBSCRIPTION: SUBSCRIPTION_COLUMNS,
}
