"""What a plan has to know of one kind of items. Which kinds there are stands in `billing.core.kinds.rules`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from billing.core.entries import Facts, ItemRecord
from billing.core.findings import Findings
from billing.core.items import Item, Personal

T = TypeVar("T", bound=Item)


class SkipReason(NamedTuple):
    """Why a line is left out.

    Attributes:
        means: in words.
        what_to_do: about it, for a person.
        good: nothing is owed any more on such a line.
    """

    means: str
    what_to_do: str
    good: bool = False


class Difference(NamedTuple):
    """One field that the file says otherwise than the ledger; texts as a person reads them."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ItemRules(Generic[T]):
    """What the items of one kind ask for, and what may keep one from being carried out.

    Attributes:
        digest: the SHA-256 (64 hex) of what the file asks for; another one under the same reference is a change.
        content: what requests are built from, JSON-able, given what the look-ups found of the item.
        differences: the fields in which a line differs from an item on record.
        found: what the look-ups found of an item and its content then fixes, by name; an empty text for nothing.
        finds: the names in ``found``; the plan's digest covers them in this order.
        unusable: why an item cannot be carried out as things are (a code of ``skips``), or None. What is most wrong is
            said. The last argument are the values of ``found`` that the ledger knows to be blocked, each with why.
        skips: the reasons of this kind for leaving a line out, beside those that all kinds share.
        passing: those among them that the ledger itself knows and that pass with time: no look-up finds them, and the
            digest of a plan does not depend on them.
        blocks: the kind of look-up in which the ledger remembers values of ``found`` that must not be used for now.
        block_days: for how long.
        undo: how what has succeeded is undone, as a person reads it; empty for what nothing undoes.
        personal: what a line says of who somebody is, for kinds whose lines do; else None. Its digest covers that under
            the ledger's key alone: the bare digest of an e-mail address is that address to whoever has a list of them.
        again: reasons of a failure after which the same line is taken up again: time alone ended it, and nobody.
        priced: the item with its money, for kinds whose lines may leave it to a look-up; else None.
    """

    digest: Callable[[T], str]
    content: Callable[[T, Facts], Facts]
    differences: Callable[[T, ItemRecord], tuple[Difference, ...]]
    found: Callable[[Findings, T], Mapping[str, str]]
    finds: tuple[str, ...]
    unusable: Callable[[Findings, T, Mapping[str, str]], str | None]
    skips: Mapping[str, SkipReason]
    passing: frozenset[str] = frozenset()
    blocks: str = ""
    block_days: int = 0
    undo: str = ""
    personal: Callable[[T], Personal] | None = None
    again: frozenset[str] = frozenset()
    priced: Callable[[Findings, T], T] | None = None
