"""The runner of a cancellation: what the shipped flow does next. Each step is a commit, one send or one read."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from billing.core.items import When
from billing.core.kinds.cancellation import CANCELLATION_LIFE, SHOWS, Event, State, left
from billing.core.life import ImpossibleTransition
from billing.core.objects.cancellation import DONE, EndSeen, Standing, Uncollected, where_it_stands, with_latest
from tests.model.cancel_stripe import LOST_500, NO, OK, Ask, Rules, Stripe, alone, arrived

CRASHED = "crashed"
Row = tuple[State, Event]


class Book(NamedTuple):
    """The row: the state, and whether a send of ours has no answer."""

    state: str = State.PLANNED
    loose: bool = False


class World(NamedTuple):
    """What everybody shares; ``net`` are requests on their way whose sender waits no longer."""

    book: Book = Book()
    stripe: Stripe = Stripe()
    net: tuple[Ask, ...] = ()


class Runner(NamedTuple):
    """One runner between two steps.

    Attributes:
        at: ``idle`` (also: dead), ``read``, ``list``, ``send`` (a round is under way), ``write`` (an outcome in hand).
        fresh: nobody wrote since it last saw the row.
        book: the row as it saw it.
        seen: the subscription as it read it, before the list.
        todo: what of its round has not left yet.
        refused: what was refused, which a look must bear out.
        event: what it is about to write, with ``loose``.
    """

    at: str = "idle"
    fresh: bool = True
    book: Book = Book()
    seen: EndSeen | None = None
    todo: tuple[Ask, ...] = ()
    refused: Ask | None = None
    event: Event | None = None
    loose: bool = False


class Step(NamedTuple):
    """One step, as ``parts.Step``."""

    says: str
    world: World
    runner: Runner = Runner()
    wrote: bool = False
    fault: bool = False


IDLE = Runner()


class Shipped:
    """This repository's protocol: one runner's steps, and what happens by itself.

    Attributes:
        rules: the setting.
        rows: those of the shipped table that a walk has used so far.
    """

    name = "shipped"

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.rows: set[Row] = set()

    # --- what the explorer asks -----------------------------------------------------------------------------------

    def start(self) -> tuple[World, Runner]:
        """Return the beginning: planned, nothing sent, runners idle."""
        return World(stripe=Stripe(share=self.rules.fee, invoices=self.rules.before)), IDLE

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        book, stripe = world.book, world.stripe
        if book.state in (State.FAILED, State.SKIPPED) and stripe.ours:
            return "hidden"
        if book.state == State.SUCCEEDED:
            if self.rules.when is When.NOW:
                return "collectable" if stripe.collectable else None
            if stripe.alive and not stripe.was_set:
                return "false"
            if stripe.alive and stripe.share:
                return "share"
        return "impossible" if book.state == CRASHED else None

    def ended(self, world: World) -> bool:
        """Tell whether the item is where it may stay."""
        return world.book.state in CANCELLATION_LIFE.final

    def outdated(self, runner: Runner) -> Runner:
        """Return a runner after somebody else wrote: what it holds is lost then."""
        if runner.at == "write":
            return IDLE
        return runner._replace(fresh=False) if runner.at != "idle" else runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner: late arrivals, renewals, banks, the payer, the Dashboard."""
        for place, ask in enumerate(world.net):
            net = (*world.net[:place], *world.net[place + 1 :])
            for stripe, answer in arrived(world.stripe, ask, self.rules):
                says = f"{' '.join(ask)}, sent earlier, arrives: {answer}"
                yield Step(says, world._replace(stripe=stripe, net=net), fault=True)
        for says, stripe, fault in alone(world.stripe, self.rules):
            yield Step(says, world._replace(stripe=stripe), fault=fault)

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Yield what a runner may do next, its death included."""
        if runner.at == "idle":
            yield from self.idle(world)
            return
        if self.rules.kills:
            yield Step("dies", world, IDLE, fault=True)
            for net in self._left_behind(world, runner):
                yield Step("dies, its request on the way", world._replace(net=net), IDLE, fault=True)
        if runner.at == "write":
            yield self.written(world, runner)
        elif runner.at == "send":
            yield from self.send(world, runner)
        elif runner.at == "read":
            yield from self.read(world, runner)
        else:
            yield from self.list(world, runner)

    # --- the look ---------------------------------------------------------------------------------------------------

    def idle(self, world: World) -> Iterator[Step]:
        """Take the item up, in whatever state it is: a look comes first."""
        if not self.ended(world):
            yield Step("takes it up", world, Runner("read", book=world.book))

    def read(self, world: World, runner: Runner) -> Iterator[Step]:
        """Read the subscription; one that is over has its invoices listed after it."""
        seen = world.stripe.seen()
        says = f"reads it {'over' if seen.over else 'running'}"
        if seen.over and self.rules.when is When.NOW:
            yield Step(says, world, runner._replace(at="list", seen=seen))
        else:
            yield from self.decided(says, world, runner, seen, ())
        if self.rules.losses:
            yield Step("cannot read it", world, self.unread(runner), fault=True)

    def list(self, world: World, runner: Runner) -> Iterator[Step]:
        """List what may be collected; a list may lack what was made lately."""
        assert runner.seen is not None
        whole = world.stripe.listed()
        newest = str(len(world.stripe.invoices) - 1)
        lacking = tuple(one for one in whole if one.id != newest)
        for shown in dict.fromkeys((whole, *((lacking,) if self.rules.stale else ()))):
            says = f"lists {len(shown)} to collect"
            for step in self.decided(says, world, runner, runner.seen, self.merged(runner.seen, shown)):
                yield step._replace(fault=shown != whole)
        if self.rules.losses:
            yield Step("cannot list them", world, self.unread(runner), fault=True)

    def merged(self, seen: EndSeen, listed: Sequence[Uncollected]) -> tuple[Uncollected, ...]:
        """Return what a look believes of the invoices."""
        return with_latest(seen, listed)

    def decided(
        self, says: str, world: World, runner: Runner, seen: EndSeen, invoices: Sequence[Uncollected]
    ) -> Iterator[Step]:
        """Yield what follows from a look."""
        standing = self.stands(seen, invoices)
        todo = self.round(seen, invoices, standing)
        says = f"{says}: {standing}"
        if standing in DONE:
            first = runner.book.state == State.PLANNED
            yield Step(says, world, self.hold(runner, Event.FOUND_OVER if first else SHOWS[standing]))
        elif runner.refused is not None:
            yield Step(says, world, self.believed(runner, todo, standing))
        else:
            start = self.hold(runner, Event.CANCEL_STARTED, loose=self.is_loose(runner.book))
            yield Step(says, world, start._replace(todo=todo))
            if self.rules.closing and standing is Standing.RUNNING:
                yield Step(f"{says}; nobody wants it", world, self.closed(runner), fault=True)

    def stands(self, seen: EndSeen, invoices: Sequence[Uncollected]) -> Standing:
        """Return where the end stands."""
        return where_it_stands(self.rules.when, seen, invoices, clear_fee=self.rules.fee)

    def round(self, seen: EndSeen, invoices: Sequence[Uncollected], standing: Standing) -> tuple[Ask, ...]:
        """Return the next round."""
        asked = left(self.rules.when, seen, invoices, standing, clear_fee=self.rules.fee)
        return tuple((str(op), name) for op, name in asked)

    def is_loose(self, book: Book) -> bool:
        """Tell whether a round that begins now follows one that has no answer."""
        return book.state == State.CANCELLING

    def believed(self, runner: Runner, todo: Sequence[Ask], standing: Standing) -> Runner:
        """Return what a refusal means: nothing if it is served already, else that it holds."""
        if runner.refused not in todo:
            return self.hold(runner, Event.ROUND_ANSWERED)
        if standing is Standing.COLLECTABLE:
            return self.hold(runner, Event.VOID_REFUSED)
        return IDLE if runner.book.loose else self.hold(runner, Event.CANCEL_REFUSED)

    def closed(self, runner: Runner) -> Runner:
        """Return what closing does with what still runs."""
        if runner.book.state == State.PLANNED:
            return self.hold(runner, Event.ITEM_SKIPPED)
        answered = runner.book.state == State.READY and not runner.book.loose
        return self.hold(runner, Event.CANCEL_REFUSED) if answered else IDLE

    def unread(self, runner: Runner) -> Runner:
        """Return a runner whose look told nothing: a refusal is not believed, and the round is as good as lost."""
        return IDLE

    # --- the round --------------------------------------------------------------------------------------------------

    def send(self, world: World, runner: Runner) -> Iterator[Step]:
        """Send the next request of the round."""
        ask, says = runner.todo[0], " ".join(runner.todo[0])
        for stripe, answer in arrived(world.stripe, self.named(ask), self.rules):
            stripe = self.kept(stripe, ask)
            yield Step(f"{says}: {answer}", world._replace(stripe=stripe), self.answered(runner, answer))
            if self.rules.losses:
                yield Step(f"{says}: its answer is lost", world._replace(stripe=stripe), IDLE, fault=True)
        if self.rules.losses:
            unsent = self.hold(runner, Event.ROUND_ANSWERED)
            yield Step(f"{says}: a limiter says no", world, unsent, fault=True)
        for net in self._left_behind(world, runner):
            yield Step(f"waits for {says} no longer", world._replace(net=net), IDLE, fault=True)

    def named(self, ask: Ask) -> Ask:
        """Return the request as its key names it."""
        return ask

    def kept(self, stripe: Stripe, _ask: Ask) -> Stripe:
        """Return Stripe with what it keeps of a key that may come again; keys that grow never do."""
        return stripe

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Return the runner after an answer."""
        if answer == LOST_500:
            return IDLE
        if answer == NO:
            return runner._replace(at="read", refused=runner.todo[0], todo=())
        assert answer == OK
        rest = runner.todo[1:]
        return runner._replace(todo=rest) if rest else self.hold(runner, Event.ROUND_ANSWERED)

    # --- the ledger -------------------------------------------------------------------------------------------------

    def hold(self, runner: Runner, event: Event, *, loose: bool = False) -> Runner:
        """Return the runner with an outcome in hand; one that is lost already (the row moved) counts as idle."""
        return Runner("write", True, runner.book, event=event, loose=loose) if runner.fresh else IDLE

    def written(self, world: World, runner: Runner) -> Step:
        """``Ledger.record``: one commit, or a lost race, after which the runner starts again from what it finds."""
        event = runner.event
        assert event is not None
        after = self.record(world.book, event, runner.loose)
        then = Runner("send", book=after, todo=runner.todo) if after.state == State.CANCELLING else IDLE
        return Step(f"writes {event}: {after.state}", world._replace(book=after), then, wrote=True)

    def record(self, book: Book, event: Event, loose: bool) -> Book:
        """Return the row after an event."""
        state = State(book.state)
        try:
            edge = CANCELLATION_LIFE.advance(state, event)
        except ImpossibleTransition:
            return book._replace(state=CRASHED)
        self.rows.add((state, event))
        return Book(State(edge.to), book.loose or loose)

    def _left_behind(self, world: World, runner: Runner) -> Iterator[tuple[Ask, ...]]:
        """Yield the network with the runner's request still on its way, if there is room and one may be under way."""
        if self.rules.delays and runner.at == "send" and len(world.net) < self.rules.delayed:
            yield tuple(sorted((*world.net, runner.todo[0])))
