"""Which rows of a balance a payout carries: by proof of sum where that is certain, else Stripe is asked.

An automatic payout carries everything that was available when it was made and that no earlier one carried. If exactly
these rows add up to its amount, to the minor unit, they are what it carries, and nobody need be asked. Stripe may hold
a row back; one that an earlier payout has passed over may be held from this one too, and is left out where only that
adds up. A payout is looked into only once Stripe has completed it, and one made by hand never can be.
(docs.stripe.com/payouts/reconciliation)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from billing.core.movements import Payout
from billing.core.reconciling.shown import RowShown

MOST_LOOSE = 2_000
# Rows of one account that are remembered from one look to the next; where there are more, Stripe is asked.


class Loose(NamedTuple):
    """A row of a balance that no payout is known to carry. All rows of an account count here, whosever they are.

    ``held`` tells that it was available when an earlier payout was made, which does not carry it.
    """

    id: str
    net: int
    available_on: int
    currency: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """What a look at payouts came to.

    Attributes:
        payouts: by id, as they are now.
        payout_of: row -> the payout that carries it.
        loose: rows that no payout is known to carry.
        ask: the first payout that only Stripe can tell of; what comes after it waits for the answer.
    """

    payouts: Mapping[str, Payout]
    payout_of: Mapping[str, str]
    loose: Mapping[str, Loose]
    ask: Payout | None = None


def loose_of(rows: Iterable[RowShown], payouts: Mapping[str, Payout]) -> dict[str, Loose]:
    """Return the rows that a payout may carry: all but those by which automatic payouts themselves leave a balance.

    One that somebody made by hand took its money out of what the next automatic one carries.
    """
    return {
        row.id: Loose(row.id, row.net, row.available_on, row.currency)
        for row in rows
        if row.category != "payout" or row.source not in payouts or not payouts[row.source].automatic
    }


def carry(found: Carried, told: Mapping[str, Sequence[str] | None], wanted: frozenset[str]) -> Carried:
    """Return what is known after every payout that can be told of, the oldest first.

    Args:
        found: payouts, and rows that none is known to carry.
        told: payout -> the rows of which Stripe said that it carries them; None where they do not come to its amount,
            so that nothing is believed of it.
        wanted: rows of ours; a payout that can carry none of them is not asked about.
    """
    payouts, payout_of, loose = dict(found.payouts), dict(found.payout_of), dict(found.loose)
    for payout in sorted(payouts.values(), key=lambda one: (one.created, one.id)):
        if payout.broken_down or not can_be_broken_down(payout):
            continue
        rows, might = told.get(payout.id), due(payout, loose.values())
        if rows is None:
            rows = proven(payout, loose.values())
        if rows is None and payout.id not in told and wanted & {row.id for row in might}:
            return Carried(payouts, payout_of, loose, payout)
        if rows is not None:
            payouts[payout.id] = replace(payout, broken_down=True)
            payout_of |= dict.fromkeys(rows, payout.id)
        # Where none is ours, what it carries is not asked for; those rows could prove nothing of a later one.
        for name in rows if rows is not None else [row.id for row in might]:
            loose.pop(name, None)
        loose |= {row.id: row._replace(held=True) for row in might if row.id in loose}
    return Carried(_repaid(payouts, payout_of), payout_of, loose)


def can_be_broken_down(payout: Payout) -> bool:
    """Tell whether Stripe says what a payout carries: an automatic one, once it is completed."""
    return payout.automatic and payout.reconciliation_status == "completed"


def due(payout: Payout, loose: Iterable[Loose]) -> list[Loose]:
    """Return the rows that were available when a payout was made, and that none before it carries."""
    return [row for row in loose if row.currency == payout.currency and row.available_on <= payout.created]


def proven(payout: Payout, loose: Iterable[Loose]) -> list[str] | None:
    """Return the rows that a payout must carry, because they add up: all there were, or all but those held back.

    None where neither does, and where both do: held rows that come to nothing prove nothing.
    """
    rows = due(payout, loose)
    fresh = [row for row in rows if not row.held]
    ways = [rows] if fresh == rows else [rows, fresh]
    fits = [some for some in ways if some and sum(row.net for row in some) == payout.amount]
    return [row.id for row in fits[0]] if len(fits) == 1 else None


def _repaid(payouts: dict[str, Payout], payout_of: Mapping[str, str]) -> dict[str, Payout]:
    """Return the payouts, those that failed with the later one that carries the money they brought back."""
    return {
        name: replace(one, repaid_by=payout_of.get(one.failure_row or "") or one.repaid_by)
        for name, one in payouts.items()
    }  # fmt: skip


def newest(loose: Mapping[str, Loose]) -> list[Loose]:
    """Return the rows worth remembering."""
    return sorted(loose.values(), key=lambda row: (row.available_on, row.id))[-MOST_LOOSE:]


def ending(payouts: Mapping[str, Payout], first: str | None) -> Payout | None:
    """Return the payout with which money ends that ``first`` carried: a failed one's went on with a later one."""
    seen: set[str] = set()
    while first in payouts and first not in seen:
        seen.add(str(first))
        payout = payouts[str(first)]
        if not payout.failed or payout.repaid_by is None:
            return payout
        first = payout.repaid_by
    return None
