"""The kinds of items: one table of states each. This registry is the only place that knows them all."""

from collections.abc import Mapping
from enum import StrEnum

from billing.core.items import Kind
from billing.core.kinds.cancellation import CANCELLATION_LIFE
from billing.core.kinds.charge import CHARGE_LIFE
from billing.core.kinds.payer import PAYER_LIFE
from billing.core.kinds.refund import REFUND_LIFE
from billing.core.kinds.subscription import SUBSCRIPTION_LIFE
from billing.core.kinds.sync import SYNC_LIFE
from billing.core.life import Life, Phase

LIVES: Mapping[Kind, Life] = {
    life.kind: life for life in (CHARGE_LIFE, REFUND_LIFE, PAYER_LIFE, SYNC_LIFE, CANCELLATION_LIFE, SUBSCRIPTION_LIFE)
}
_BY_STATES = {life.states: life for life in LIVES.values()}


def life_of(state: StrEnum) -> Life:
    """Return the table that a state belongs to."""
    return _BY_STATES[type(state)]


def phase_of(state: StrEnum) -> Phase:
    """Return where in an item's life a state lies."""
    return life_of(state).phase(state)


def is_unsent(state: StrEnum) -> bool:
    """Tell whether no request that counts has left."""
    return phase_of(state) in (Phase.WAITING, Phase.PREPARING)


def is_planned(state: StrEnum) -> bool:
    """Tell whether nothing at all was sent, and nothing decided against it."""
    return state is life_of(state).planned


def is_final(state: StrEnum) -> bool:
    """Tell whether an item is over."""
    return state in life_of(state).final


def ended_empty(state: StrEnum) -> bool:
    """Tell whether an item is over and counts for nothing: another generation may follow it."""
    return state in life_of(state).reopens
