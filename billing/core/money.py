"""Money in minor units, and the dated currency table that says what a minor unit is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (an integer, never a float) of a lower-case ISO currency."""

    minor: int
    currency: str
