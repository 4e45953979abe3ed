"""Designs of a refund one decision away from the shipped one, and two ledgers that know nothing of each other."""

from collections.abc import Iterator

from billing.core.kinds.refund import Event, State
from billing.core.objects.refund import Standing
from tests.model.refund_runner import IDLE, Book, Hold, Runner, Shipped, Step, World


class RefusalIsFailure(Shipped):
    """What is refused is called failed, whatever else was sent."""

    name = "failed from a refusal, whatever else was sent"

    def end(self, book: Book, *events: Event) -> Hold:
        """Return the end that every send of ours was answered."""
        return Hold(events)


class KillsAreForgotten(Shipped):
    """An item found in flight counts as one whose send was answered."""

    name = "found in flight is as good as answered"

    def lost(self, *, kill: bool = False, answered: bool = False, stored: bool = False) -> Hold:
        """Return the entry of a lost answer, without the memory of a process that is gone."""
        return super().lost(answered=answered or kill, stored=stored)


class TimeoutsAreForgotten(Shipped):
    """A list that shows nothing after a time-out counts as the end of that send."""

    name = "absent from a list is never sent"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Forget, with the list, that a send had no answer."""
        after = super().record(book, runner)
        absent = after is not None and Event.REFUND_ABSENT in runner.hold.events
        return after._replace(loose=False) if after is not None and absent else after


class LostIsFailed(Shipped):
    """A lost answer counts as a no."""

    name = "a lost refund is failed"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write failed where the shipped flow writes that it does not know."""
        if runner.hold.events == (Event.REFUND_LOST,) and runner.fresh:
            return book._replace(state=State.FAILED)
        return super().record(book, runner)


class NothingLeftIsFailed(Shipped):
    """A charge of which nothing is left, and nothing of ours, is a refund that failed."""

    name = "nothing left is failed"

    def concludes(self, standing: Standing) -> tuple[Event, ...]:
        """Return the end of what others have given back."""
        if standing is Standing.NOTHING_LEFT:
            return (Event.REFUND_REFUSED, Event.GIVEN_UP)
        return super().concludes(standing)


class PendingIsFailed(Shipped):
    """A pending refund is taken for one that did not succeed."""

    name = "pending is not succeeded, hence failed"

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Give up what is pending."""
        if answer.startswith("ok P"):
            return self.hold(runner, self.end(runner.book, Event.REFUND_REFUSED, Event.GIVEN_UP))
        return super().answered(runner, answer)


class SettledByCalendar(Shipped):
    """After some weeks a refund is settled without another look."""

    name = "settled by the calendar alone"

    def idle(self, world: World) -> Iterator[Step]:
        """Settle whatever succeeded."""
        yield from super().idle(world)
        if world.book.state == State.SUCCEEDED:
            yield self.now(world, Hold((Event.RETURN_PERIOD_OVER,), seen=True))


class WithoutCompareAndSet(Shipped):
    """Each runner writes over whatever stands in the row."""

    name = "no compare-and-set"

    def outdated(self, runner: Runner) -> Runner:
        """Return the runner as it is: it never learns that the row moved."""
        return runner

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write what follows from the row the runner saw once."""
        return super().record(runner.book, runner._replace(fresh=True))


class SuccessUnread(Shipped):
    """What succeeded is not looked at again, though its bank may return it."""

    name = "what succeeded is not read again"

    def idle(self, world: World) -> Iterator[Step]:
        """Leave what succeeded alone."""
        if world.book.state != State.SUCCEEDED:
            yield from super().idle(world)


class OtherAmountRests(Shipped):
    """A refund of ours that is not what was approved leaves an item that succeeded where it is.

    The one that was seen came back, and a late one of ours took what another refund by others had left: nobody ever
    brings that item to an end.
    """

    name = "another amount leaves the item where it is"

    def sighted(self, runner: Runner, state: State, standing: Standing, which: str) -> Runner:
        """Write nothing of what contradicts an item that succeeded."""
        if state in (State.SUCCEEDED, State.UNSETTLED) and int(which[2]) != self.rules.approved:
            return IDLE
        return super().sighted(runner, state, standing, which)


class LaggingListBelieved(Shipped):
    """What a list does not show is not there, whether it adds up with the charge or not."""

    name = "a list that does not add up is believed"

    def stands(self, shown: tuple[str, ...], refunded: int) -> tuple[Standing, str]:
        """Return what the list shows."""
        standing, which = super().stands(shown, refunded)
        if standing is not Standing.UNSURE:
            return standing, which
        return (Standing.NOTHING_LEFT if refunded >= self.rules.total else Standing.TOUCHED), ""


class RefusalUnread(Shipped):
    """A refusal is believed as it comes; nobody looks whether another ledger has given the money back."""

    name = "a refusal is believed without a look"

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Give up what is refused."""
        after = super().answered(runner, answer)
        if after.at == "refused":
            return self.hold(runner, self.end(runner.book, Event.REFUND_REFUSED, Event.GIVEN_UP))
        return after


class RestAfterOthers(Shipped):
    """A plan takes what others have left of a charge, without saying how much that is."""

    name = "all that is left, after a refund by others"

    def check(self, world: World, runner: Runner) -> Iterator[Step]:
        """Send, whatever the charge shows."""
        yield Step("reads the charge", world, self.hold(runner, self.started(runner.book)))


class PartByKey(Shipped):
    """A part of the charge, sent again under its key without a look."""

    name = "half or less, by its key alone"
    amount = 1

    def idle(self, world: World) -> Iterator[Step]:
        """Send again at once what has no answer."""
        if world.book.state == State.UNKNOWN:
            yield self.now(world, Hold((Event.REFUND_ABSENT,)))
        elif world.book.state == State.READY:
            yield self.now(world, self.started(world.book))
        else:
            yield from super().idle(world)


class PartByList(Shipped):
    """A part of the charge, sent again only after a list."""

    name = "half or less, list first"
    amount = 1


class MostByList(Shipped):
    """More than half of the charge: a second one does not fit, so it fences itself. The plan does not offer it."""

    name = "more than half, list first"
    amount = 2


# --- two ledgers -----------------------------------------------------------------------------------------------------


class TwoLedgers:
    """One design run by two ledgers: each has its row and its runner, and they share nothing but Stripe.

    What one ledger sends the other cannot know, so ``failed`` speaks for one ledger only, and the law of it is another:
    ``blind``, nothing is given up while a refund of ours stood when it was last looked at.
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
        if world.stripe.standing("o") > self.rules.approved:
            return "beyond"
        return world.broken or None

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner; neither ledger moves."""
        yield from self.design.alone(world)

    def steps(self, world: World, ledger: tuple[Book, Runner]) -> Iterator[Step]:
        """Yield what one ledger's runner may do next."""
        book, runner = ledger
        for says, after, then, _, fault in self.design.steps(world._replace(book=book), runner):
            broken = self._broken(after, then)
            shared = after._replace(book=Book(), broken=broken)
            yield Step(says, shared, (after.book, then), False, fault)  # type: ignore[arg-type]

    def _broken(self, after: World, then: Runner) -> str:
        given_up = {Event.GIVEN_UP, Event.NOTHING_LEFT} & set(then.hold.events)
        if given_up and then.at == "write" and after.stripe.standing("o"):
            return "blind"
        law = self.design.verdict(after)
        return law if law in ("false", "impossible") else ""
