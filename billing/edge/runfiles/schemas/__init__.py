"""The kinds of run files, by the word a file says: ``kind: charges``. This registry alone knows them all."""

from billing.edge.runfiles.schema import Schema
from billing.edge.runfiles.schemas.cancellation import CANCELLATIONS
from billing.edge.runfiles.schemas.charge import CHARGES
from billing.edge.runfiles.schemas.payer import PAYERS
from billing.edge.runfiles.schemas.refund import REFUNDS
from billing.edge.runfiles.schemas.subscription import SUBSCRIPTIONS

SCHEMAS: tuple[Schema, ...] = (CHARGES, REFUNDS, PAYERS, CANCELLATIONS, SUBSCRIPTIONS)
"""The first is meant where a file says nothing."""
