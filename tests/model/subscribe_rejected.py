"""Designs of subscribing one decision away from the shipped one, and two ledgers that know nothing of each other."""

from collections.abc import Iterator

from billing.core.kinds.subscription import Event, State
from billing.core.objects.subscription import Standing
from tests.model.subscribe_runner import IDLE, Book, Hold, Runner, Shipped, Step, World, broken
from tests.model.subscribe_stripe import FRESH, OLD, Request, Stripe, older


class OneCall(Shipped):
    """``error_if_incomplete``: opened and paid by one request, so that no half of it is on record."""

    name, opens = "error_if_incomplete, one call", "one call"

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Believe the answer: paid, or no subscription."""
        text = answer.removeprefix("replayed ")
        if runner.at != "open" or not text.startswith(("made", "402")):
            return super().answered(runner, answer)
        if text == "402":
            return self.hold(runner, Hold((Event.OPEN_REFUSED,)))
        return self.hold(runner, Hold((Event.OPENED, Event.INVOICE_PAID), sub=int(text[5:])))


class OneCallUnlisted(OneCall):
    """The same, sent again without a look."""

    name = "error_if_incomplete, no list"

    def licensed(self, runner: Runner) -> bool:
        """Need no list."""
        return True


class Unlisted(Shipped):
    """Neither an open nor a pay needs a list of the account."""

    name = "open and pay without a list"

    def licensed(self, runner: Runner) -> bool:
        """Need no list."""
        return True


class CancelOnly(Shipped):
    """The fence is the end of the subscription; its open invoice is left."""

    name = "the fence cancels, and voids nothing"

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Read at once after the cancel."""
        return runner._replace(at="look") if runner.at == "cancel" else super().answered(runner, answer)

    def stands(self, read: str, invoice: str, renewed: bool, *, tried: bool) -> Standing:
        """Take a dead subscription for the end, whatever invoice is open."""
        standing = super().stands(read, invoice, renewed, tried=tried)
        return Standing.OVER if read[0] == "x" and standing is Standing.HALF_OVER else standing


class VoidFirst(Shipped):
    """The fence voids, then cancels."""

    name = "the fence voids, then cancels"

    def idle(self, world: World, runner: Runner) -> Iterator[Step]:
        """Begin the fence with the void."""
        for step in super().idle(world, runner):
            first = step.runner.at == "cancel"
            yield step._replace(runner=step.runner._replace(at="void")) if first else step

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Cancel after the void, read after that."""
        if runner.at in ("cancel", "void"):
            return runner._replace(at="look" if runner.at == "cancel" else "cancel")
        return super().answered(runner, answer)


class FirstInvoiceOnly(Shipped):
    """The end is concluded from the first invoice; later ones are not read."""

    name = "the fence reads the first invoice only"

    def stands(self, read: str, invoice: str, renewed: bool, *, tried: bool) -> Standing:
        """Look at the first invoice."""
        return super().stands(read, invoice, renewed=False, tried=tried)


class NoFence(Shipped):
    """What is given up is left to expire by itself."""

    name = "no fence: an incomplete one dies after 23 hours"

    def idle(self, world: World, runner: Runner) -> Iterator[Step]:
        """Only read what is given up."""
        for step in super().idle(world, runner):
            yield step._replace(runner=step.runner._replace(at="look")) if step.runner.at == "cancel" else step


class NoFuse(Shipped):
    """Where nothing is due the subscription is opened as it shall be."""

    name, opens = "nothing due, no fuse", "no fuse"

    def opened(self, runner: Runner, text: str) -> Runner:
        """Be done with the open."""
        after = super().opened(runner, text)
        if after.hold.events != (Event.OPENED,):
            return after
        return after._replace(hold=Hold((Event.OPENED, Event.START_STARTED, Event.FUSE_CLEARED), sub=after.hold.sub))


class NoMark(Shipped):
    """The fuse is cleared, and nothing on the subscription says that it was."""

    name, opens = "fuse, no mark", "no mark"

    def stands(self, read: str, invoice: str, renewed: bool, *, tried: bool) -> Standing:
        """Take a living one without a fuse for a started one."""
        if read[0] == "a" and invoice == "-":
            return Standing.STARTED
        return super().stands(read, invoice, renewed, tried=tried)


class AdoptLiving(Shipped):
    """Only what lives is taken over from a list."""

    name = "only a living one is taken over"

    def other(self, runner: Runner, own: int, *, counted: bool = False) -> int:
        """Look at those that live."""
        found = [(letter != "c", at) for at, letter in enumerate(runner.shown, 1) if at != own and letter != "n"]
        first = min(found, default=(True, 0))
        return 0 if counted and first[0] else first[1]


class DeadIsGone(AdoptLiving):
    """The same, and what has counted and is dead counts for nothing any more."""

    name = "fuse, what lives is taken over, what is dead is gone"

    def lists(self, world: World, runner: Runner, at: str = "idle") -> Iterator[Step]:
        """List without the dead, as Stripe does unless it is asked for all."""
        for step in super().lists(world, runner, at):
            shown = "".join(
                "n" if sub.status == "x" else letter
                for sub, letter in zip(world.stripe.subs, step.runner.shown, strict=False)
            )
            yield step if step.fault else step._replace(runner=step.runner._replace(shown=shown))


class Grown(Shipped):
    """After a replayed error, and a list that shows nothing, the open has the next key."""

    name = "the open's number grows after a replayed error"
    licence = True

    def request(self, runner: Runner) -> Request:
        """Open under the number on record."""
        return ("open", runner.book.number, 0) if runner.at == "open" else super().request(runner)

    def answered(self, runner: Runner, answer: str) -> Runner:
        """List after a replayed error, and take the next key where nothing is listed."""
        if runner.at == "open" and answer == "replayed 500" and runner.book.number == 0:
            return runner._replace(at="grow")
        return super().answered(runner, answer)

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Grow, or go on as ever."""
        if runner.at != "grow":
            yield from super().steps(world, runner)
            return
        for step in self.lists(world, runner):
            if step.fault or step.runner.shown:
                yield step
            else:
                yield Step(step.says, world._replace(book=world.book._replace(number=1)), step.runner, wrote=True)

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Forget the open's number once it is opened."""
        after = super().record(book, runner)
        opened = after is not None and Event.OPENED in runner.hold.events
        return after._replace(number=0) if after is not None and opened else after


class LostIsFailed(Shipped):
    """A lost pay counts as a no."""

    name = "a lost pay is failed"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write failed where the shipped flow writes that it does not know."""
        if runner.hold.events == (Event.PAY_LOST,) and runner.fresh:
            return Book(State.FAILED, book.sub)
        return super().record(book, runner)


class WithoutCompareAndSet(Shipped):
    """Each runner writes over whatever stands in the row."""

    name = "no compare-and-set"

    def outdated(self, runner: Runner) -> Runner:
        """Return the runner as it is: it never learns that the row moved."""
        return runner

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write what follows from the row the runner saw once."""
        return super().record(runner.book, runner._replace(fresh=True))


# --- two ledgers -----------------------------------------------------------------------------------------------------

Shared = tuple[Stripe, tuple[Request, ...]]
Ledger = tuple[Book, Runner]


class TwoLedgers:
    """One design run by two ledgers: each has its row and its runner, and they share nothing but Stripe.

    Time passes by the tick: a list is good for ``FRESH`` of them, a key may be forgotten after ``OLD``, and before that
    an incomplete subscription is dead. The shipped hours are 22, 24 and 23.
    """

    def __init__(self, design: Shipped) -> None:
        assert FRESH < OLD
        self.design = design
        self.name, self.rules = f"two ledgers: {design.name}", design.rules

    def start(self) -> tuple[Shared, Ledger]:
        """Return the beginning."""
        return (Stripe(), ()), (Book(), IDLE)

    def alone(self, shared: Shared) -> Iterator[tuple[str, Shared]]:
        """Yield what happens without a runner."""
        for step in self.design.alone(World(stripe=shared[0], net=shared[1])):
            yield step.says, (step.world.stripe, step.world.net)

    def later(self, shared: Shared) -> Shared:
        """Return Stripe one tick later; what is on its way stays there."""
        return older(shared[0]), shared[1]

    def aged(self, ledger: Ledger) -> Ledger:
        """Return a ledger one tick later: its process knows of an older list."""
        book, runner = ledger
        age = min(runner.age + 1, FRESH + 1) if runner.age >= 0 else -1
        return book, _plain(runner._replace(age=age))

    def steps(self, shared: Shared, ledger: Ledger) -> Iterator[tuple[str, Shared, Ledger]]:
        """Yield what one ledger's runner may do next."""
        book, runner = ledger
        for step in self.design.steps(World(book, *shared), runner):
            after = step.world
            yield step.says, (after.stripe, after.net), (after.book, _plain(step.runner))

    def broken(self, shared: Shared, ledger: Ledger) -> str | None:
        """Return the law that is broken. What one ledger never started, the other one may."""
        skipped = ledger[0].state == State.SKIPPED
        return broken(shared[0], Book() if skipped else ledger[0])


def _plain(runner: Runner) -> Runner:
    """Return a runner without a list that is too old to be used."""
    return runner._replace(age=-1, shown="") if runner.age > FRESH and runner.at == "idle" else runner
