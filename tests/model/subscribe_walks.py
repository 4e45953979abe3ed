"""Walk the protocol of subscribing, and what walks must come to: ``python -m tests.model.subscribe_walks [--deep]``.

An exhaustive model of one line that is to be subscribed, after the ones of a charge and a refund, from which it has the
explorers. Driven, not copied: the table of states, where a subscription stands by what two reads show of it
(``core.objects.subscription``), what is written then (``core.kinds.subscription.shows``), and the meaning of every
answer to a payment (``core.objects.invoice``, ``core.classify``). Copied by hand, and to be kept in step: the decisions
of the flow of subscriptions.

Modelled
    One line; one or two runners on one ledger without a lock, or a ledger each; kills between any two steps; requests
    and answers lost, requests that arrive at any later time; limiters, refusals, 5xx stored or not; keys forgotten at
    any moment, never known, or by their age; debits that are with the bank, and refused or paid later, with renewals
    paid meanwhile; incomplete subscriptions that expire, fuses that burn; somebody who cancels in the Dashboard; an
    operator who gives up at any moment; cancelling that voids the open invoice or not, voiding that kills an incomplete
    subscription, leaves it, or makes it active.

Abstracted, each towards more behaviour
    The two reads of a look are of different moments. Budgets and versions are as in the model of a charge. The steps
    before the open leave nothing behind that counts, and are walked in one setting only.

Bounded
    Two subscriptions of the line; requests on their way without a sender (``delayed``); two attempts; one renewal; one
    growth of a payment's key.

Assumed
    Commits are atomic and durable. An invoice is paid at most once, and never after it is void. A dead subscription
    never lives again. An incomplete one is dead before its key may be forgotten: 23 hours against 24. Nobody pays the
    invoice of a subscription that no ledger has on record.

Laws
    ``double``      two subscriptions of the line were paid, or will be
    ``hidden``      failed or skipped, and one was paid or will be; elsewhere, and ours was or will be
    ``charged``     a subscription renews that nobody has paid for or started: it was being given up
    ``false``       called subscribed, and it was neither paid nor started; ended, and the same, or alive
    ``impossible``  the table refused what the flow wanted to write
    ``stuck``       a state from which no end can be reached without a further fault

What it showed
    In no walk do two ledgers come to have two subscriptions on record, so that ``found_elsewhere`` is never written:
    like a charge's licence for the confirm it is the second line of defence, for requests that are a day late.
    Two ledgers with something due *and* requests that are late came to no end: six million states, none of them wrong.
"""

import argparse
import sys
from dataclasses import dataclass
from functools import cache

from tests.model import subscribe_rejected as without
from tests.model.explorer import Explorer, Found
from tests.model.pairs import PairWalk
from tests.model.subscribe_rejected import TwoLedgers
from tests.model.subscribe_runner import Shipped
from tests.model.subscribe_stripe import Rules

Design = Shipped | TwoLedgers


@dataclass(frozen=True, slots=True)
class Walk:
    """A design, and the law it must be caught at; empty for one that holds."""

    design: Design
    caught: str = ""

    def __str__(self) -> str:
        """Return the design and its setting."""
        return f"{self.design.name} ({self.design.rules})"


def one(**setting: object) -> Rules:
    """Return a setting of one runner."""
    return Rules(runners=1, **setting)  # type: ignore[arg-type]


def apart(**setting: object) -> Rules:
    """Return a setting of two ledgers, in which ages decide what is forgotten."""
    return Rules(keys="aged", **setting)  # type: ignore[arg-type]


CHANGE: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(one(linking=True, dashboard=True, attempts=2, refusals=True)),
        Shipped(Rules(losses=False, operator=False, kills=False)),
        Shipped(one(keys="pruned", delays=False, errors=True)),
        Shipped(one(debits=True, attempts=2, dashboard=True, voiding="revives")),
        Shipped(Rules(debits=True, losses=False, delays=False, voiding="nothing", cancel_voids=True)),
        Shipped(one(due=False, dashboard=True, errors=True, keys="pruned")),
        Shipped(Rules(due=False, dashboard=True)),
        TwoLedgers(Shipped(apart(delays=False, same=False))),
        TwoLedgers(Shipped(apart(delays=False, losses=False, kills=False, due=False, dashboard=True))),
    )
)
# The shipped design, on every change: each in seconds. Kills, lost answers and late sends are part of most.

DEEP: tuple[Walk, ...] = tuple(
    Walk(design)
    for design in (
        Shipped(Rules()),
        Shipped(Rules(losses=False, operator=False)),
        Shipped(Rules(losses=False, debits=True)),
        Shipped(one(keys="pruned", errors=True)),
        Shipped(Rules(debits=True, attempts=2, dashboard=True, losses=False, delays=False)),
        TwoLedgers(Shipped(apart(delays=False, dashboard=True))),
        TwoLedgers(Shipped(apart(losses=False, operator=False, due=False))),
        TwoLedgers(Shipped(apart(delays=False, losses=False, debits=True))),
    )
)
# With --deep: minutes.

REJECTED: tuple[Walk, ...] = (
    Walk(without.OneCallUnlisted(one(keys="pruned")), "double"),
    Walk(without.OneCall(one()), "double"),
    Walk(without.CancelOnly(one()), "hidden"),
    Walk(without.VoidFirst(one(voiding="revives")), "charged"),
    Walk(without.FirstInvoiceOnly(one(debits=True)), "hidden"),
    Walk(without.NoFence(one(dashboard=True)), "stuck"),
    Walk(without.NoFuse(one(due=False)), "double"),
    Walk(without.NoMark(one(due=False, dashboard=True)), "hidden"),
    Walk(without.LostIsFailed(one()), "hidden"),
    Walk(without.WithoutCompareAndSet(Rules()), "hidden"),
    Walk(TwoLedgers(without.Unlisted(apart())), "double"),
    Walk(TwoLedgers(without.Grown(apart(errors=True, delays=False, losses=False, operator=False))), "double"),
)


@cache
def explore(walk: Walk) -> Found:
    """Walk to the end, or to the violation it must show."""
    if isinstance(walk.design, TwoLedgers):
        return PairWalk(walk.design, stop=bool(walk.caught)).explore()
    return Explorer(walk.design, stop_at=frozenset({walk.caught} - {"", "stuck"})).explore()  # type: ignore[arg-type]


def as_expected(walk: Walk) -> bool:
    """Tell whether the verdict is the expected one."""
    found = explore(walk)
    return walk.caught in found.violations if walk.caught else found.complete and not found.violations


def main(arguments: list[str]) -> int:
    """Print what each walk came to; exit 1 when one is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.subscribe_walks", description="One line, one Stripe.")
    parser.add_argument("--deep", action="store_true", help="the large settings too: minutes, some GB")
    parser.add_argument("--traces", action="store_true", help="the shortest way to each violation, step by step")
    chosen = parser.parse_args(arguments)
    walks = (*CHANGE, *(DEEP if chosen.deep else ()), *REJECTED)
    for walk in walks:
        found, expected = explore(walk), as_expected(walk)
        says = ", ".join(f"{kind} after {len(trace)} steps" for kind, trace in found.violations.items()) or "holds"
        mark = " " if expected else "!"
        print(f"{mark} {walk!s:<110} {found.states:>10,} {found.seconds:>6.1f} s  {says}", flush=True)  # noqa: T201
        for kind, trace in found.violations.items() if chosen.traces or not expected else ():
            lines = [f"      {number:>2}  {text}" for number, text in enumerate(trace, 1)]
            print("\n".join([f"    {kind}:", *lines]), flush=True)  # noqa: T201
    return int(not all(map(as_expected, walks)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
