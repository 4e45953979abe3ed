"""What the engine must know of a kind of items to carry a run of it out, and one visit to one item.

A kind's own room says what is done with an item in each state. The loop below only asks for the next step, so a killed
process is continued by asking again, and the engine knows no kind.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.life import Life
from billing.core.policies import Policies
from billing.edge.ledger import LostRace
from billing.flow.engine.context import ItemContext, Keeps, Requeue, StillUnresolved, nothing_kept
from billing.flow.engine.goals import BEGINS, Goal, may_be_in_flight
from billing.flow.engine.listed import LOOKS, Listing, Reader
from billing.flow.options import Ending
from billing.flow.services import Services

Step = Callable[[ItemContext, ItemRecord], Awaitable[ItemRecord]]
# From what is on record to what is on record then, by one decision: write, send, write.
Steps = Mapping[StrEnum, Step]


@dataclass(frozen=True, slots=True)
class Flow:
    """How items of one kind are carried out.

    Attributes:
        life: their table of states.
        steps: what each goal does with an item in each state. A goal that only looks has no step that counts.
        closing: given the facts of why, what closing does with an item in each state.
        rests: whether an item is where a goal leaves it.
        waits_for_customer: whether an item rests until its customer does something.
        rounds: of requests that an item usually takes: how many leave together, one round after another.
        look_up: what the ledger is asked about a page of planned items before any of them begins.
        keeps: what is kept in the same commit as moves of an item, as look-ups.
        listing: how the objects of many items are read at once; None where each is read by itself.
        afterwards: what ``billing settle`` reads of items that are over, given the run and its policies; returns how
            many show something new, and what is over now that was not. None where nothing becomes of such items.
        answering: what ``rests`` is in a run that answers for its customers (test mode); None for the same.
    """

    life: Life
    steps: Mapping[Goal, Steps]
    closing: Callable[[Mapping[str, Any]], Steps]
    rests: Callable[[Goal, ItemRecord], bool]
    waits_for_customer: Callable[[ItemRecord], bool]
    rounds: tuple[int, ...]
    look_up: Callable[[Services, Iterable[ItemRecord]], None]
    keeps: Keeps = nothing_kept
    answering: Callable[[Goal, ItemRecord], bool] | None = None
    listing: Listing | None = None
    afterwards: Callable[[Services, str, Policies], Awaitable[Ending]] | None = None

    def asked_by(self, services: Services) -> "Flow":
        """Return the flow as a run with these services carries it out."""
        return replace(self, rests=self.answering) if services.answers_with and self.answering else self

    def requests(self, goal: Goal) -> int:
        """Return how many requests an item usually costs its account: a look, or all of its rounds."""
        return sum(self.rounds) if goal in BEGINS else 1

    def context(
        self, services: Services, policies: Policies, *, closes: bool = False, reader: Reader | None = None
    ) -> ItemContext:
        """Return what a visit to one item may spend, and what lists show of it."""
        return ItemContext(services, policies, self.keeps, closes=closes, reader=reader)

    def reader(self, services: Services, run_id: str, goal: Goal) -> Reader | None:
        """Return what reads the objects of a run by the hundred while a goal looks at them; None where nothing does."""
        if self.listing is None or goal not in LOOKS:
            return None
        return Reader(services, self.life, self.listing, run_id, goal, self.rests)


@dataclass(frozen=True, slots=True)
class ItemResult:
    """Where a visit to an item ended: what is known, and why it goes on later if it does.

    Attributes:
        item: the item as the ledger holds it.
        put_back: the answer of a limiter, when the item belongs at the head of its queue again.
        dead_account: why the item's account refuses everything, when an answer said so: Stripe's code.
        dead_words: the same in Stripe's words.
        alive: whether nothing speaks against starting the account's next items.
    """

    item: ItemRecord
    put_back: Requeue | None = None
    dead_account: str = ""
    dead_words: str = ""
    alive: bool = True


Visit = Callable[[ItemRecord, Goal], Awaitable[ItemResult]]
# Takes one item as far as a goal says.


async def carry(flow: Flow, ctx: ItemContext, item: ItemRecord, goal: Goal, steps: Steps | None = None) -> ItemResult:
    """Take one item as far as ``goal`` says, from whatever the ledger shows.

    Every turn of the loop decides by the state on record alone; a lost race begins anew from what the other runner
    wrote.

    Args:
        flow: of the item's kind.
        ctx: what the visit may spend.
        item: as the ledger holds it.
        goal: how far it is taken.
        steps: instead of the goal's own, for closing.

    Raises:
        Halted: an answer that stops the whole run.
        LedgerError: a commit failed; nothing more may be sent.
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    while not flow.rests(goal, item):
        if ctx.services.draining and not may_be_in_flight(item.state):
            break
        try:
            item = await (steps or flow.steps[goal])[item.state](ctx, item)
        except LostRace as race:
            item = race.item
        except StillUnresolved as left:
            return _result(ctx, left.item)
        except Requeue as back:
            return _result(ctx, back.item, back)
    return _result(ctx, item)


def _result(ctx: ItemContext, item: ItemRecord, back: Requeue | None = None) -> ItemResult:
    return ItemResult(item, back, ctx.dead_account, ctx.dead_words, ctx.alive and not ctx.dead_account)
