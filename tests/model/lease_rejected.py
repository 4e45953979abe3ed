"""Designs of several workers, one decision away from the shipped one; the explorer has to find what each costs."""

from collections.abc import Iterator

from tests.model import book as ledger
from tests.model.book import Book
from tests.model.lease_item import Carried
from tests.model.lease_parts import (
    DONE,
    FINISHED,
    RUNNING,
    WAITING,
    Process,
    Session,
    Step,
    World,
    idle,
    put,
)
from tests.model.lease_worker import Shipped
from tests.model.parts import Runner


class Blind(Carried):
    """A flush that names the item and nothing more: what it remembers is written over whatever stands there."""

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Return what follows from the row as it was once seen."""
        return ledger.record(runner.seen, True, *runner.hold)


class VersionUnnamed(Shipped):
    """Workers rely on their locks: no flush names the version that it saw."""

    name = "no version in the flush"
    carried = Blind


class TakenUnasked(Shipped):
    """A shard is resumed whether or not its worker lives, and flushes name no version."""

    name = "resumed without the lock, and without the version"
    carried = Blind

    def ended_by(self, world: World, dead: str) -> World:
        """Put the shard back, and end nobody's backends."""
        return world._replace(shard=WAITING)


class Leased(TakenUnasked):
    """A lease in place of the version: it is looked at before a flush, which may then be late."""

    name = "a lease in place of the version"

    def requests(self, world: World, runner: Process) -> Iterator[Step]:
        """Drop what is about to be written once the shard is another's."""
        for step in super().requests(world, runner):
            hands = step.runner.hands
            if world.shard != runner.who:
                hands = tuple(idle(hand.seen) if hand.at == "write" else hand for hand in hands)
            yield step._replace(runner=step.runner._replace(hands=hands))


class GoesOn(Shipped):
    """A worker whose connection is gone opens the next one and goes on with what it remembers.

    Attributes:
        outlived: that its memory outlives a connection is a violation by itself.
    """

    name = "goes on after its connection is lost"
    outlived = True

    def lose(self, world: World, runner: Process, says: str) -> Iterator[Step]:
        """Connect again under the same session number, if nobody holds its id, and keep the hands."""
        if not runner.hands or not self.free(world, runner.who):
            yield from super().lose(world, runner, says)
            return
        session = Session(runner.who, moved=self.believes(world, runner), outlived=self.outlived)
        sessions = put(world.sessions, runner.session, session)
        yield Step(f"{says}, connects again", world._replace(sessions=sessions), runner)

    def believes(self, world: World, runner: Process) -> tuple[bool, ...]:
        """Tell of which rows what it remembers is no longer true."""
        return tuple(hand.seen != item.book for hand, item in zip(runner.hands, world.items, strict=True))


class Redone(GoesOn):
    """A commit whose answer was lost counts as failed: it is done again over whatever version stands there."""

    name = "a commit of unknown result counts as failed"
    outlived = False

    def believes(self, world: World, runner: Process) -> tuple[bool, ...]:
        """Take each row for what it remembers."""
        return (False,) * len(runner.hands)


class Believed(GoesOn):
    """A commit whose answer was lost counts as durable."""

    name = "a commit of unknown result counts as durable"
    outlived = False

    def unknown(self, world: World, after: World, runner: Process, place: int) -> Iterator[Step]:
        """Go on from what was to be written, whether or not it is there."""
        then = self.flow.after_flush(after.items[place], runner.hands[place])
        believing = runner._replace(hands=put(runner.hands, place, then))
        for durable, was in ((True, after), (False, world)):
            says = f"commits, the connection breaks, it is {'durable' if durable else 'lost'}"
            for step in self.lose(self.cut(was, runner.session), believing, says):
                yield step._replace(fault=True)


class Forks(Shipped):
    """A worker appends to its chain without asking whether that is still where it left it."""

    name = "no compare-and-set on the chain"

    def forks(self) -> bool:
        """Append all the same."""
        return True


class QueueIsEmpty(Shipped):
    """A run is over when nothing of it waits in the queue."""

    name = "over when the queue is empty"

    def note(self, world: World, runner: Process) -> Iterator[Step]:
        """Look at the queue alone."""
        if world.run == RUNNING and world.shard != WAITING:
            yield Step("notes that the run is over", self.noted(world), runner)


class DoneFirst(Shipped):
    """A shard is done first, and whoever did the last one then notes the end: nobody else ever looks."""

    name = "the last shard is done before the end is noted"

    def conclude(self, world: World, runner: Process) -> Step:
        """Leave the shard, and remember that it is to be asked whether all is over."""
        step = self.leave(world, runner, DONE, "is done with the shard")
        return step._replace(runner=step.runner._replace(hands=(Runner("last"),)))

    def note(self, world: World, runner: Process) -> Iterator[Step]:
        """Ask and note in one."""
        if runner.hands and world.run != FINISHED:
            yield Step("notes that the run is over", self.noted(world), runner._replace(hands=()))

    def gone(self, world: World, runner: Process, says: str, *, fault: bool = True) -> Iterator[Step]:
        """Forget it."""
        hands = tuple(hand for hand in runner.hands if hand.at != "last")
        yield from super().gone(world, runner._replace(hands=hands), says, fault=fault)


class NotedUnlocked(DoneFirst):
    """Whether a run is over is asked first and noted afterwards, without the lock of its row between."""

    name = "asked and noted in two steps"

    def conclude(self, world: World, runner: Process) -> Step:
        """Leave the shard; everybody looks."""
        return self.leave(world, runner, DONE, "is done with the shard")

    def note(self, world: World, runner: Process) -> Iterator[Step]:
        """Ask, then note what was found a moment ago."""
        if runner.hands:
            yield Step("notes that the run is over", self.noted(world), runner._replace(hands=()))
        elif world.run != FINISHED and self.over(world):
            yield Step("sees that the run is over", world, runner._replace(hands=(Runner("last"),)))


class OwnClock(Shipped):
    """A worker's heart beats by its own clock, which may run ahead: a frozen one looks alive for ever."""

    name = "the heart beats by the worker's clock"

    def watch(self, world: World, runner: Process) -> Iterator[Step]:
        """Find dead only whose lock is free."""
        if self.free(world, world.shard):
            yield from super().watch(world, runner)
