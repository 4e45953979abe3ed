"""What undoes the items of a run, by their kind: the table that `billing.flow.reversing` reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.items import FeeBack, Item, Kind, When
from billing.core.kinds import LIVES
from billing.flow.kinds.charge.reversal import refund_of
from billing.flow.kinds.subscription.reversal import cancellation_of

Said = Mapping[str, str]
# How something is to be undone, by the names of options: what was said, and nothing for what was not.
YES = "yes"


@dataclass(frozen=True, slots=True)
class Inverse:
    """What undoes items of one kind.

    Attributes:
        kind: of the items that do.
        undoes: the name in their content of the provider object that they undo.
        asks: the option that has to be said, because it is never assumed.
        values: what it may be.
        build: makes the item that undoes another one.
        verb: what is done, said to a person: "give back".
        done: what has been done: "given back".
        before: what the items have to be before: "paid".
        may: options that may be said beside it.
    """

    kind: Kind
    undoes: str
    asks: str
    values: type[StrEnum]
    build: Callable[[ItemRecord, Said], Item]
    verb: str
    done: str
    before: str
    may: frozenset[str] = frozenset()

    @property
    def example(self) -> dict[str, Any]:
        """What is said of it, as an example."""
        return {self.asks: str(next(iter(self.values)))}


def _refund(item: ItemRecord, said: Said) -> Item:
    return refund_of(item, FeeBack(said["fee"]))


def _cancellation(item: ItemRecord, said: Said) -> Item:
    return cancellation_of(item, When(said["when"]), clear_fee=said.get("clear_fee") == YES)


INVERSES: Mapping[Kind, Inverse] = {
    Kind.CHARGE: Inverse(Kind.REFUND, "intent", "fee", FeeBack, _refund, "give back", "given back", "paid"),
    Kind.SUBSCRIPTION: Inverse(
        Kind.CANCELLATION, "subscription", "when", When, _cancellation, "end", "ended", "subscribed",
        frozenset({"clear_fee"}),
    ),
}  # fmt: skip


def inverse_of(run_id: str, kind: Kind, said: Said) -> Inverse:
    """Return what undoes the items of a run, if it is said how.

    Raises:
        UsageError: nothing undoes them; or an option is lacking, or one is said that is of another kind.
    """
    inverse = INVERSES.get(kind)
    if inverse is None:
        raise UsageError(f"run {run_id} has {LIVES[kind].noun}, which nothing undoes")
    known = {inverse.asks, *inverse.may}
    strange = [name for name in said if name not in known]
    asked = " or ".join(f"{option(inverse.asks)} {value}" for value in inverse.values)
    if strange or inverse.asks not in said:
        why = f"and {', '.join(map(option, strange))} is not for them; " if strange else ""
        raise UsageError(f"run {run_id} has {LIVES[kind].noun}, {why}say {asked}")
    return inverse


def option(name: str) -> str:
    """Return an option as it is typed."""
    return f"--{name.replace('_', '-')}"
