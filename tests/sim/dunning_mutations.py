"""Bugs planted in how attempts with a card are counted, and two ways of trying one card that catch them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.kinds.charge import Event
from billing.flow.kinds.charge import attempts
from billing.flow.kinds.charge.attempts import Attempts
from billing.flow.options import RunOptions, Selection
from billing.sandbox.faults import FaultKind
from tests.flow.retry_world import AGAIN, excesses, tried
from tests.flow.world import World
from tests.sim.mutations import Patches
from tests.virtual import run_virtually


def counted_after_the_confirm() -> Patches:
    """An attempt counts once its answer is there."""
    return [(attempts, "_TELLING", attempts._TELLING - {Event.CONFIRM_STARTED})]


def counted_by_the_process() -> Patches:
    """A process knows its own attempts, and nobody else's."""

    def of(self: Attempts, item: ItemRecord, moves: Any) -> dict[str, Any]:
        self._leaving |= self._rows(item, moves)
        return {}

    return [(Attempts, "of", of)]


def counted_by_the_clone() -> Patches:
    """Each clone is a card of its own."""
    return [(attempts, "cards_of", lambda item: (item.instrument_id or "none",))]


def counted_by_the_item() -> Patches:
    """The attempts of another line with the same card are no business of this one."""
    return [(attempts, "cards_of", lambda item: (item.item_id,))]


MUTATIONS: dict[str, Callable[[], Patches]] = {
    bug.__name__: bug
    for bug in (counted_after_the_confirm, counted_by_the_process, counted_by_the_clone, counted_by_the_item)
}


def two_lines_of_one_card(folder: Path, *, lost: bool) -> list[str]:
    """Try two lines of one card on one day, each in a process of its own; return what was tried too often.

    ``lost`` leaves the answer to the first one out, and all reads after it, until the second one had its turn.
    """
    folder.mkdir()
    world = World.make(folder, items=2, accounts=1, items_per_customer=2, mix={"insufficient_funds": 1})

    async def main() -> list[str]:
        await world.charge_all()
        world.sandbox.advance(AGAIN)
        if lost:
            world.script(FaultKind.LOST_AFTER, "payment_intents.confirm")
            world.script(FaultKind.LOST_BEFORE, "payment_intents.retrieve", times=40)
        for row in (1, 2):
            async with world.services() as services:
                only = Selection(only=(services.ledger.item(row).reference,))
            await tried(world, options=RunOptions(selection=only))
        return excesses(world)

    return run_virtually(main)
