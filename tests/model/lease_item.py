"""How a worker carries one item: the charge's own runner, with the memory of a shard that was loaded when claimed."""

from collections.abc import Iterator

from tests.model import book as ledger
from tests.model.book import Write
from tests.model.parts import Net, Runner, Step, World
from tests.model.runner import Shipped


class Carried(Shipped):
    """The charge's runner (``tests.model.runner``): it decides on the row that it remembers, and leaves writing to the
    one connection of its worker."""

    def now(self, world: World, *moves: Write, then: str = "idle") -> Step:
        """Return the decision to write: it is durable later, or never."""
        names = " + ".join(str(move[0]) for move in moves)
        return Step(f"decides on {names}", world, Runner("write", True, world.book, moves, then))

    def next_of(self, world: World, hand: Runner) -> Iterator[Step]:
        """Yield what the worker may do next about an item, but for writing; the row stays as it is."""
        remembered = world._replace(book=hand.seen)
        for step in self.steps(remembered, hand):
            after = step.runner if step.runner.at != "idle" else Runner(seen=hand.seen)
            yield step._replace(world=step.world._replace(book=world.book), runner=after)

    def flushed(self, world: World, hand: Runner, *, moved: bool) -> World | None:
        """Return the item after a commit of what a hand holds; None where the flush names a version that is gone."""
        after = self.record(world.book, hand._replace(fresh=not moved))
        return None if after is None else world._replace(book=after)

    def after_flush(self, world: World, hand: Runner) -> Runner:
        """Return the hand after its commit was acknowledged."""
        return Runner("confirm" if hand.then == "confirm" else "idle", seen=world.book)

    def left_behind(self, world: World, hand: Runner) -> list[Net]:
        """Return what may be on its way when the sender goes: its last request, or nothing more."""
        return [world.net, *self._left_behind(world, hand)]

    def over(self, book: ledger.Book) -> bool:
        """Tell whether there is nothing more to do about an item."""
        return self.ended(World(book=book))
