"""What is walked: the shipped design under many settings, and every rejected one with what it must be caught at."""

from dataclasses import dataclass

from tests.model import rejected as without
from tests.model.explorer import Design
from tests.model.onecall import OneCall
from tests.model.rules import Rules
from tests.model.runner import Shipped

CHANGE: tuple[Rules, ...] = (
    Rules(runners=1, attempts=3, delayed=2, nameless=True),
    Rules(spent="success", stale="open", outsider=True, refusals=False),
    Rules(payer=True, outsider=True),
    Rules(keys="pruned", spent="always", refusals=False),
    Rules(debits=True, spent="always", returns=True),
    Rules(runners=1, debits=True, stale="any"),
)
# On every change: each in seconds. Kills, lost answers and delayed sends are part of every one.

DEEP: tuple[Rules, ...] = (
    Rules(attempts=3, spent="always", outsider=True),
    Rules(delayed=2, spent="always", keys="pruned"),
    Rules(spent="success", stale="open", nameless=True),
    Rules(payer=True, stale="open", nameless=True, outsider=True),
    Rules(debits=True, payer=True, outsider=True, refusals=False),
    Rules(debits=True, spent="always", stale="any", attempts=1),
    Rules(debits=True, spent="always", stale="open", refusals=False),
    Rules(debits=True, spent="always", stale="any", refusals=False),
)
# For nights, beside the others: more than 10,000,000 states, each setting within a few GB.


@dataclass(frozen=True, slots=True)
class Case:
    """A design, and the kinds of violation it must be caught at; none means that it holds."""

    design: Design
    caught: frozenset[str] = frozenset()


def _case(design: Design, *kinds: str) -> Case:
    return Case(design, frozenset(kinds))


ONE = Rules(runners=1, declines=False)
TWO = Rules(declines=False)
ITEM_KEY = "one call, the item's key"

FAMILY: tuple[Case, ...] = (
    _case(OneCall("one call, a key per call, result written afterwards", ONE, noted=False), "double"),
    _case(OneCall("one call, a key per call, started written first", ONE), "double"),
    _case(OneCall(f"{ITEM_KEY}, keys kept", Rules(keys="kept", delayed=2))),
    _case(OneCall(f"{ITEM_KEY}, continued after 24 h", Rules(runners=1, declines=False, keys="pruned")), "double"),
    _case(
        OneCall(f"{ITEM_KEY}, Search first", Rules(runners=1, declines=False, keys="pruned"), look="search"), "double"
    ),
    _case(OneCall(f"{ITEM_KEY}, List first", Rules(runners=1, declines=False, keys="pruned"), look="list"), "double"),
    _case(OneCall(f"{ITEM_KEY}, List first, no send outlives a key", Rules(keys="quiet", delayed=2), look="list")),
    _case(
        OneCall("one call, one clone, spent by any confirm", Rules(spent="always", delayed=3), True, "list", "recorded")
    ),
    _case(
        OneCall("one call, one clone, spent by success only", Rules(spent="success"), True, "list", "recorded"),
        "hidden",
    ),
    _case(OneCall("one call, one clone, reusable", TWO, True, "list", "recorded"), "double"),
    _case(
        OneCall("one call, a fresh clone on continuing", Rules(spent="always"), True, "list", "fresh"),
        "double",
        "hidden",
    ),
)

SIMPLE = Rules(attempts=1)
VARIANTS: tuple[Case, ...] = (
    _case(without.WithoutFence(Rules(runners=1)), "hidden"),
    _case(without.LostMeansFailed(Rules(runners=1)), "hidden"),
    _case(without.WithoutCompareAndSet(SIMPLE), "double"),
    _case(without.SecondIntent(SIMPLE), "double"),
    _case(without.ResultFirst(Rules(runners=1)), "false"),
    _case(without.RequestFirst(Rules(runners=1)), "double"),
    _case(without.AttemptOnNewIntent(Rules(runners=1)), "double"),
    _case(without.PaidIsReturned(Rules(runners=1, debits=True, returns=True)), "false"),
    _case(without.UnknownRests(Rules(runners=1)), "stuck"),
    _case(without.OnlyOwnRefusals(Rules(runners=1, debits=True)), "stuck"),
    _case(without.AttemptWhileUnknown(Rules(runners=1, delayed=2))),
)

REJECTED = FAMILY + VARIANTS


def shipped(rules: tuple[Rules, ...] = CHANGE) -> list[Case]:
    """Return the shipped design under each setting."""
    return [Case(Shipped(setting)) for setting in rules]
