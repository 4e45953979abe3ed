"""Designs of a sync one decision away from the shipped one, and two ledgers that know nothing of each other."""

from collections.abc import Iterator

from billing.core.kinds.sync import Event, State
from billing.core.objects.link import Follows
from tests.model.sync_runner import IDLE, Book, Hold, Runner, Shipped, Step, World
from tests.model.sync_stripe import Request, Seen


class DetachFirst(Shipped):
    """Older copies are let go as soon as the new one is attached; the defaults follow."""

    name = "detach first, then repoint"

    def answered(self, runner: Runner, request: Request, answer: str) -> Runner:
        """Send the detaches right after the attach, and repoint after the last of them."""
        book = runner.book
        if request.op == "attach" and answer == "ok":
            return runner._replace(left=tuple(Request("detach", copy) for copy in range(book.mine)))
        if request.op == "detach" and book.state == State.ATTACHING and len(runner.left) == 1:
            return self.hold(runner, Hold(Event.REPOINT_STARTED))
        return super().answered(runner, request, answer)


class CheckDetachDone(Shipped):
    """What a read showed before the detaches is believed after them."""

    name = "check, then detach, then done"

    def record(self, book: Book, held: Hold) -> Book:
        """Call a line done whose copies are detached."""
        after = super().record(book, held)
        return after._replace(state=State.SUCCEEDED) if held.event is Event.DETACHED else after


class EveryOtherIsDetached(Shipped):
    """Every copy of ours but this attempt's is let go, younger ones and those of the same change included."""

    name = "every other copy is detached"

    def detaches(self, seen: Seen, book: Book) -> tuple[int, ...]:
        """Return every other copy that is attached."""
        return tuple(place for place, (_, where) in enumerate(seen.copies) if where == "a" and place != book.mine)

    def must_follow(self, seen: Seen, book: Book) -> Follows:
        """Return what follows: a detach, as long as there is another copy."""
        then = super().must_follow(seen, book)
        return Follows.DETACH if then is Follows.NOTHING and self.detaches(seen, book) else then


class OldCopyIsReused(Shipped):
    """A copy that is attached and agrees with the platform again is taken instead of a fresh one."""

    name = "an old copy that agrees again is reused"

    def platform(self, world: World, runner: Runner) -> Iterator[Step]:
        """Take an old copy, where one agrees."""
        for place, (change, where) in enumerate(world.stripe.copies):
            if where == "a" and change == world.stripe.newest and runner.book.state == State.CLONING:
                taken = Hold(Event.ATTACH_STARTED, mine=place)
                yield Step(f"takes copy {place} once more", world, self.hold(runner, taken))
                return
        yield from super().platform(world, runner)

    def after(self, book: Book, held: Hold) -> Runner:
        """Look for such a copy before a clone is sent."""
        if held.event is Event.CLONE_STARTED:
            return Runner("platform", book=book)
        return super().after(book, held)


class PlatformIsRemembered(Shipped):
    """What was newest when the copy was made counts as the newest when the line is done."""

    name = "the platform is not read again"

    def must_follow(self, seen: Seen, book: Book) -> Follows:
        """Return what follows if nothing has changed there."""
        return super().must_follow(seen._replace(newest=book.change), book)


class SubscriptionsFollow(Shipped):
    """Only the customer's default is moved; a subscription that names its own method goes on naming it."""

    name = "the customer alone is repointed"

    def must_follow(self, seen: Seen, book: Book) -> Follows:
        """Return what follows from all but the subscriptions."""
        return super().must_follow(seen._replace(subscriptions=()), book)

    def listed(self, world: World, runner: Runner) -> Iterator[Step]:
        """Move nothing."""
        if runner.at == "subscriptions":
            yield Step("moves nothing", world, self.hold(runner, Hold(Event.MOVED)))
        else:
            yield from super().listed(world, runner)


class SameNumberAgain(Shipped):
    """A repoint that a read asks for is sent under the key of the last one."""

    name = "a repoint again, under the same key"

    def record(self, book: Book, held: Hold) -> Book:
        """Let no number grow."""
        return super().record(book, held)._replace(number=0)


class RefusedIsFailed(Shipped):
    """What is refused is called failed, even when a copy of this line may be a default already."""

    name = "refused is failed, whatever was repointed"

    def refused(self, book: Book, request: Request) -> Event:
        """Return the end, for the first refusal that comes."""
        return super().refused(book._replace(begun=False), request)


# --- two ledgers -----------------------------------------------------------------------------------------------------


class TwoLedgers:
    """One design run by two ledgers: each has its row and its runner, and they share nothing but Stripe.

    ``dead`` is then asked once either has succeeded; where the platform changes twice, once both have: a ledger that
    was given up in the middle may leave what only its own last read would repair.
    """

    def __init__(self, design: Shipped) -> None:
        self.design = design
        self.name, self.rules = f"two ledgers: {design.name}", design.rules

    def start(self) -> tuple[World, tuple[Book, Runner]]:
        """Return the beginning."""
        world, _ = self.design.start()
        return world, (Book(), IDLE)

    def outdated(self, ledger: tuple[Book, Runner]) -> tuple[Book, Runner]:
        """Return a ledger after the other one wrote: nothing has changed in it."""
        return ledger

    def ended(self, _world: World) -> bool:
        """Ends are walked with one ledger."""
        return True

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        stripe = world.stripe
        if stripe.broken():
            return stripe.broken()
        dead = any(not stripe.lives(copy) for copy in stripe.named())
        return "dead" if dead and world.over >= (1 if self.rules.strict else 2) else None

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner; neither ledger moves."""
        yield from self.design.alone(world)

    def steps(self, world: World, ledger: tuple[Book, Runner]) -> Iterator[Step]:
        """Yield what one ledger's runner may do next."""
        book, runner = ledger
        for says, after, then, _, fault in self.design.steps(world._replace(book=book), runner):
            shared = after._replace(book=Book())
            yield Step(says, shared, (after.book, then), False, fault)  # type: ignore[arg-type]
