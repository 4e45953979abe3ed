"""Designs of a payer one decision away from the shipped one, and two ledgers that know nothing of each other."""

from collections.abc import Iterator

from billing.core.kinds.payer import Event
from billing.core.objects.setup import Standing
from tests.model.payer_runner import IDLE, Book, Hold, Runner, Shipped, Step, World, is_older
from tests.model.payer_stripe import changed


class NoLook(Shipped):
    """The customer is made under its key, and nobody lists before."""

    name = "no look before the customer is made"

    def before_create(self, taken: Runner) -> Runner:
        """Send at once."""
        return taken._replace(at="customer")


class OldList(Shipped):
    """A list of customers is good for ever."""

    name = "a list of customers that may be older than the keys"

    def find(self, world: World, runner: Runner) -> Iterator[Step]:
        """Keep no age of it."""
        for step in super().find(world, runner):
            yield step._replace(runner=step.runner._replace(age=-1))


class SecretFirst(Shipped):
    """The page gets the secret as soon as the invitation is made."""

    name = "the secret before the record"

    def told(self, step: Step, runner: Runner) -> Iterator[Step]:
        """Show what was made, then go on to write it."""
        made = step.runner.hold.setup
        if runner.at == "invite" and made is not None:
            shown = changed(step.world.stripe, made, shown=True)
            yield step._replace(says=f"{step.says}, and is shown", world=step.world._replace(stripe=shown))
        else:
            yield step


class NoFence(Shipped):
    """What is given up is failed, and its invitation is left open."""

    name = "no fence"

    def fence(self, _book: Book) -> Hold:
        """Write both at once."""
        return Hold((Event.CANCEL_STARTED, Event.INVITATION_OVER))


class AnswerIsTheEnd(Shipped):
    """Whatever is answered to a cancel, the invitation is over."""

    name = "a cancel that was answered is over, unread"

    def answered(self, world: World, runner: Runner, means: str) -> Runner:
        """Give up without a read."""
        if runner.at == "cancel":
            return self.hold(runner, Hold((Event.INVITATION_OVER,)))
        return super().answered(world, runner, means)


class OverByCalendar(Shipped):
    """An invitation counts as expired by its date."""

    name = "expired by the calendar alone"

    def fence(self, _book: Book) -> Hold:
        """Write that it has expired."""
        return Hold((Event.INVITATION_EXPIRED,))


class MethodUnread(Shipped):
    """An intent that succeeded has saved a method, and a default that was sent is set."""

    name = "the method is not read"

    def seen(self, runner: Runner, standing: Standing) -> Runner:
        """Take what is gone for what is saved."""
        return super().seen(runner, Standing.SAVED if standing is Standing.GONE else standing)

    def choose(self, world: World, runner: Runner) -> Iterator[Step]:
        """Name the method of the own invitation."""
        held = Hold((Event.DEFAULT_STARTED,), target=runner.book.setup)
        yield Step("names its own method", world, self.hold(runner, held))

    def answered(self, world: World, runner: Runner, means: str) -> Runner:
        """Believe that it is done."""
        if runner.at == "default":
            return self.hold(runner, Hold((Event.DEFAULT_SET,)))
        return super().answered(world, runner, means)


class OwnMethod(Shipped):
    """Each ledger makes what its own invitation saved the default, and is content with the answer."""

    name = "own method as default, no last read"

    def chosen(self, runner: Runner, found: int) -> int:
        """Return the own one."""
        return runner.book.setup if runner.book.setup >= 0 else found

    def answered(self, world: World, runner: Runner, means: str) -> Runner:
        """Believe the answer."""
        if runner.at == "default" and means == "shown":
            return self.hold(runner, Hold((Event.DEFAULT_SET,)))
        return super().answered(world, runner, means)


class SameKey(Shipped):
    """A default is sent again under the key it had."""

    name = "a default again under the same key"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Keep the number."""
        after = super().record(book, runner)
        return after and after._replace(number=0)


class NoOffers(Shipped):
    """A first payment is asked for under the key of the line and the attempt, and nobody lists those that were."""

    name = "a first payment asked for without a list"

    def ready(self, world: World) -> Iterator[Step]:
        """Invite at once."""
        yield self.now(world, Hold((Event.GIVEN_UP,)))
        if world.book.attempt < self.rules.attempts:
            yield self.now(world, Hold((Event.INVITE_STARTED,), ask=world.book.attempt))


class PaidAgain(NoOffers):
    """A payer whose first payment was taken, and whose method is gone, is invited as any other."""

    name = "paid, its method gone, invited again without a list"

    def seen(self, runner: Runner, standing: Standing) -> Runner:
        """Take it for a setup."""
        return super().seen(runner, Standing.GONE if standing is Standing.PAID_AND_GONE else standing)

    def gone(self, _runner: Runner) -> Hold:
        """The same."""
        return Hold((Event.METHOD_GONE,))


class WithoutCompareAndSet(Shipped):
    """Each runner writes over whatever stands in the row."""

    name = "no compare-and-set"

    def outdated(self, runner: Runner) -> Runner:
        """Return the runner as it is: it never learns that the row moved."""
        return runner

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write what follows from the row the runner saw once."""
        del book
        return super().record(runner.book, runner._replace(fresh=True))


# --- two ledgers -----------------------------------------------------------------------------------------------------


class TwoLedgers:
    """One design run by two ledgers: each has its row and its runner, and they share nothing but Stripe.

    ``failed`` speaks for one ledger: what another one has saved, it does not know.
    """

    def __init__(self, design: Shipped) -> None:
        self.design = design
        design.one_of_two = True
        self.name, self.rules = f"two ledgers: {design.name}", design.rules

    def start(self) -> tuple[World, tuple[Book, Runner]]:
        """Return the beginning."""
        return World(unfinished=2), (Book(), IDLE)

    def outdated(self, ledger: tuple[Book, Runner]) -> tuple[Book, Runner]:
        """Return a ledger after the other one wrote: nothing has changed in it."""
        return ledger

    def ended(self, _world: World) -> bool:
        """Ends are walked with one ledger."""
        return True

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        if len(world.used) > 1:
            return "double"
        if world.broken:
            return world.broken
        return "older" if is_older(world) else None

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner; neither ledger moves."""
        yield from self.design.alone(world)

    def steps(self, world: World, ledger: tuple[Book, Runner]) -> Iterator[Step]:
        """Yield what one ledger's runner may do next."""
        book, runner = ledger
        for says, after, then, _, fault in self.design.steps(world._replace(book=book), runner):
            shared = after._replace(book=Book(), broken=self.design.verdict(after) or "")
            yield Step(says, shared, (after.book, then), False, fault)  # type: ignore[arg-type]
