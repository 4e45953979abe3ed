"""How each kind of items is carried out: the only place in the flow that knows them all."""

from billing.core.items import Kind
from billing.flow.engine.flow import Flow
from billing.flow.kinds.charge.steps import CHARGES

FLOWS: dict[Kind, Flow] = {flow.life.kind: flow for flow in (CHARGES,)}
