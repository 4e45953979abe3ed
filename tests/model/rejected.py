"""Designs one decision away from the shipped one. Each leaves a rule out; the explorer has to find what that costs."""

from collections.abc import Iterator

from billing.core.kinds.charge import Event, State
from tests.model import book as ledger
from tests.model.book import Book, write
from tests.model.parts import IDLE, LOST, Runner, Step, World
from tests.model.runner import Shipped

AT_ONCE = write("next_attempt_at_once")
# An entry that the shipped table does not know; each design says what it does to the row.


class WithoutFence(Shipped):
    """An item that is given up is called failed without cancelling its intent."""

    name = "failed without the fence"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write failed where the shipped flow starts to cancel."""
        if runner.hold[0][0] == Event.CANCEL_STARTED and runner.fresh:
            return book._replace(state=State.FAILED)
        return super().record(book, runner)


class LostMeansFailed(Shipped):
    """A lost answer counts as a no."""

    name = "unknown treated as failed"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write failed where the shipped flow writes that it does not know."""
        if runner.hold == (LOST,) and runner.fresh:
            return book._replace(state=State.FAILED)
        return super().record(book, runner)


class WithoutCompareAndSet(Shipped):
    """Each runner writes over whatever stands in the row, the intent included."""

    name = "no compare-and-set"

    def outdated(self, runner: Runner) -> Runner:
        """Return the runner as it is: it never learns that the row moved."""
        return runner._replace(fresh=False) if runner.at != "idle" else runner

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write what follows from the row the runner saw once."""
        return ledger.record(runner.seen, True, *runner.hold)


class SecondIntent(WithoutCompareAndSet):
    """State, attempt and ver are compared, but the later intent replaces the one on record, as in a lost update."""

    name = "the last intent wins"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Let a late `prepared` put its own intent into the row; leave everything else to the shipped rule."""
        name, _, intent, clone, _ = runner.hold[0]
        if name == Event.PREPARED and not runner.fresh and book.state in (State.CONFIRMING, State.READY, State.UNKNOWN):
            return book._replace(state=State.CONFIRMING, intent=intent, clone=clone)
        if not runner.fresh and super(WithoutCompareAndSet, self).outdated(runner) != runner:
            return None
        return ledger.record(book, runner.fresh, *runner.hold)


class PaidIsReturned(Shipped):
    """Whatever is disputed counts as taken back, whether or not the money is gone for good."""

    name = "any dispute means returned"

    def idle(self, world: World) -> Iterator[Step]:
        """Believe a dispute that is still open."""
        if world.book.state == State.SUCCEEDED:
            yield self.now(world, write(Event.PAYMENT_RETURNED))
        yield from super().idle(world)


class UnknownRests(Shipped):
    """Nobody reads the intent of an unknown item."""

    name = "unknown is never looked at"

    def idle(self, world: World) -> Iterator[Step]:
        """Leave unknown items alone."""
        if world.book.state != State.UNKNOWN:
            yield from super().idle(world)


class AttemptWhileUnknown(Shipped):
    """A new attempt, with a new clone on the same intent, starts while nobody knows what became of the last one.

    No law is broken: the intent is paid once, and the fence comes before failed. The shipped table forbids it all the
    same: the payer's bank may see two requests for one obligation, which the card rules count.
    """

    name = "new attempt while the last is unknown"

    def idle(self, world: World) -> Iterator[Step]:
        """Offer the early attempt beside what the shipped flow does."""
        yield from super().idle(world)
        if world.book.state == State.UNKNOWN and world.book.attempt < self.rules.attempts:
            yield self.now(world, AT_ONCE)

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Start the next attempt."""
        if runner.hold == (AT_ONCE,):
            return book._replace(state=State.PREPARING, attempt=book.attempt + 1, clone=0)
        return super().record(book, runner)


class AttemptOnNewIntent(AttemptWhileUnknown):
    """The same, but the early attempt opens an intent of its own."""

    name = "new attempt, new intent, while the last is unknown"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Start the next attempt and forget the intent."""
        after = super().record(book, runner)
        return after._replace(intent=0) if after is not None and runner.hold == (AT_ONCE,) else after


class ResultFirst(Shipped):
    """The result is written, then the request is sent."""

    name = "result written before the request"

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write succeeded where the shipped flow writes that a confirm leaves."""
        if runner.hold[-1][0] == Event.CONFIRM_STARTED and runner.fresh:
            after = super().record(book, runner)
            return after and after._replace(state=State.SUCCEEDED)
        return super().record(book, runner)


class RequestFirst(Shipped):
    """Intent and clone are used from the replies, and recorded together with the result."""

    name = "request sent before its entry"

    def _pair(self, world: World, runner: Runner, intent: int) -> Iterator[Step]:
        if not intent:
            yield from super()._pair(world, runner, intent)
            return
        seen = runner.seen
        using = seen._replace(state=State.CONFIRMING, intent=intent, clone=seen.clone or seen.attempt)
        yield Step("has intent and clone, writes nothing", world, Runner("confirm", runner.fresh, using))

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Write what the shipped flow had written before, then the result."""
        late = book.state == State.PREPARING and runner.seen.state == State.CONFIRMING
        if not late:
            return super().record(book, runner)
        before = write(Event.PREPARED, intent=runner.seen.intent, clone=runner.seen.clone), write(Event.CONFIRM_STARTED)
        return ledger.record(book, runner.fresh, *before, *runner.hold)


class OnlyOwnRefusals(Shipped):
    """An unsettled item becomes unpaid only if the refusal names this attempt's clone.

    The debit may have been an earlier attempt's, seen processing and reported late; its refusal is then believed by
    nobody, and the item is followed for ever.
    """

    name = "unsettled until this attempt's own clone is refused"

    def _open_again(self, runner: Runner) -> Iterator[Runner]:
        yield IDLE
