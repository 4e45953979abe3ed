"""Designs of a cancellation one decision away from the shipped one."""

from collections.abc import Iterator, Sequence

from billing.core.items import When
from billing.core.kinds.cancellation import END_NOW, FINALIZE, VOID, Event, State
from billing.core.objects.cancellation import EndSeen, Standing, Uncollected
from tests.model.cancel_runner import Book, Runner, Shipped, Step, World
from tests.model.cancel_stripe import SUB, Ask, Stripe


class AnswerDecides(Shipped):
    """A round that was answered is the end, and nothing is read after it."""

    name = "the answer decides"

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Write success from an answer."""
        after = super().answered(runner, answer)
        if after.event is Event.ROUND_ANSWERED:
            return after._replace(event=Event.SUBSCRIPTION_OVER)
        return after


class CancelAlone(Shipped):
    """What is over is done with, whatever of it is open."""

    name = "cancelled, and its invoices left open"

    def stands(self, seen: EndSeen, invoices: Sequence[Uncollected]) -> Standing:
        """Return where it stands without its invoices."""
        return super().stands(seen, ())


class DraftsAreNothing(Shipped):
    """A draft counts for nothing: only open invoices are made void."""

    name = "drafts left"

    def merged(self, seen: EndSeen, listed: Sequence[Uncollected]) -> tuple[Uncollected, ...]:
        """Return the open ones."""
        return tuple(one for one in super().merged(seen, listed) if one.status == "open")


class VoidFirst(Shipped):
    """Its open invoices are made void while it runs, then it is cancelled, and an over one is done with."""

    name = "void, then cancel"

    def stands(self, seen: EndSeen, invoices: Sequence[Uncollected]) -> Standing:
        """Return where it stands: over is the end."""
        return super().stands(seen, ())

    def read(self, world: World, runner: Runner) -> Iterator[Step]:
        """Read it together with its invoices."""
        seen = world.stripe.seen()
        yield from self.decided("reads it and its invoices", world, runner, seen, world.stripe.listed())

    def round(self, seen: EndSeen, invoices: Sequence[Uncollected], standing: Standing) -> tuple[Ask, ...]:
        """Return the voids, and the end behind them."""
        voids = [
            (str(op), one.id) for one in invoices for op in ((FINALIZE, VOID) if one.status == "draft" else (VOID,))
        ]
        return (*voids, (str(END_NOW), SUB)) if standing is Standing.RUNNING else ()


class ListBelieved(Shipped):
    """What a list lacks is not there, whatever the subscription says of its latest invoice."""

    name = "a list that lags is believed"

    def merged(self, _seen: EndSeen, listed: Sequence[Uncollected]) -> tuple[Uncollected, ...]:
        """Return what is listed."""
        return tuple(listed)


class RefusalIsFailure(Shipped):
    """What is refused is called failed, whatever else was sent."""

    name = "failed from a refusal, whatever else was sent"

    def believed(self, runner: Runner, todo: Sequence[Ask], standing: Standing) -> Runner:
        """Forget that a send has no answer."""
        return super().believed(runner._replace(book=runner.book._replace(loose=False)), todo, standing)


class RefusalUnread(Shipped):
    """A refusal is believed as it comes: nobody looks whether an earlier send has done it."""

    name = "a refusal is believed without a look"

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Give up what is refused."""
        after = super().answered(runner, answer)
        if after.refused is None or after.refused[0] in (str(VOID), str(FINALIZE)):
            return after
        return self.hold(runner, Event.CANCEL_REFUSED)


class KillsAreForgotten(Shipped):
    """An item found in flight counts as one whose round was answered."""

    name = "found in flight is as good as answered"

    def is_loose(self, _book: Book) -> bool:
        """Forget the round before."""
        return False


class ClosedInFlight(Shipped):
    """What nobody wants any more is failed, whether or not its round was answered."""

    name = "closed while a round has no answer"

    def closed(self, runner: Runner) -> Runner:
        """Close it."""
        if runner.book.state == State.CANCELLING:
            return self.hold(runner, Event.CANCEL_REFUSED)
        return super().closed(runner)


class OneKey(Shipped):
    """Every round has the key of the first: what Stripe keeps under it is all that ever comes back."""

    name = "the same key in every round"

    def kept(self, stripe: Stripe, ask: Ask) -> Stripe:
        """Keep the answer."""
        return stripe._replace(keys=stripe.keys | {ask})


class EndBeforeShare(Shipped):
    """The end is set first, the share cleared after it, and the end alone is what counts."""

    name = "the share cleared after the end"

    def stands(self, seen: EndSeen, invoices: Sequence[Uncollected]) -> Standing:
        """Return where it stands without the share."""
        if self.rules.when is When.PERIOD_END and seen.ends_with_period:
            return Standing.ENDING
        return super().stands(seen, invoices)

    def round(self, seen: EndSeen, invoices: Sequence[Uncollected], standing: Standing) -> tuple[Ask, ...]:
        """Return the round the other way round."""
        return super().round(seen, invoices, standing)[::-1]


class WithoutCompareAndSet(Shipped):
    """Each runner writes over whatever stands in the row."""

    name = "no compare-and-set"

    def outdated(self, runner: Runner) -> Runner:
        """Return the runner as it is: it never learns that the row moved."""
        return runner

    def written(self, world: World, runner: Runner) -> Step:
        """Write what follows from the row that the runner saw once."""
        return super().written(world._replace(book=runner.book), runner)
