"""The sync's runner: what the shipped flow does next, from whatever it holds. Each step is a commit, send or read."""

from collections.abc import Iterator
from typing import NamedTuple

from billing.core.kinds.sync import NEXT, SYNC_LIFE, Event, State
from billing.core.life import ImpossibleTransition
from billing.core.objects.link import Follows
from tests.model.sync_stripe import (
    NONE,
    Request,
    Rules,
    Seen,
    Stripe,
    alone,
    arrived,
    must_follow,
    to_detach,
    to_move,
)

CRASHED = "crashed"
# In place of a state: the program tried to write what the table refuses.

MOST_NUMBERS = 3
# How often the number of a repoint's key may grow; a walk has no room for more.

Row = tuple[State, Event]


class Book(NamedTuple):
    """The row: the state, this attempt's copy, what it is made of, and what its keys are numbered by.

    Attributes:
        mine: the copy, or ``NONE``.
        change: what it is made of.
        number: of the keys of a repoint; it grows with each that a read asked for.
        begun: a copy of this line may be a default.
        stale: it was called in step although its last look showed a newer change.
    """

    state: str = State.PLANNED
    mine: int = NONE
    change: int = 0
    attempt: int = 0
    number: int = 0
    begun: bool = False
    stale: bool = False


class Hold(NamedTuple):
    """What a runner is about to write: an event, and what goes on record with it."""

    event: Event | None = None
    mine: int = NONE
    change: int = NONE
    left: tuple[int, ...] = ()


class World(NamedTuple):
    """What everybody shares; ``net`` are requests on their way whose sender waits no longer.

    Attributes:
        over: how many ledgers have succeeded.
    """

    book: Book = Book()
    stripe: Stripe = Stripe()
    net: tuple[Request, ...] = ()
    over: int = 0


class Runner(NamedTuple):
    """One runner between two steps.

    Attributes:
        at: ``idle`` (also: dead), ``platform`` (its method is read next), ``subscriptions`` (those to move are read),
            ``copies`` (those to detach are read), ``look`` (the next of four reads), ``send`` (the first request of
            ``left`` may be under way), ``write`` (an outcome, not yet durable).
        fresh: nobody wrote since it last saw the row.
        book: the row as it saw it.
        hold: what it is about to write.
        left: what it still sends before that.
        reads: how many reads of a look are done.
        seen: what they showed.
    """

    at: str = "idle"
    fresh: bool = True
    book: Book = Book()
    hold: Hold = Hold()
    left: tuple[Request, ...] = ()
    reads: int = 0
    seen: Seen = Seen()


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
        self._numbered = rules.keys != "none"

    # --- what the explorer asks -----------------------------------------------------------------------------------

    def start(self) -> tuple[World, Runner]:
        """Return the beginning: planned, nothing sent, runners idle."""
        return World(stripe=Stripe(subscriptions=(0 if self.rules.own else NONE,))), IDLE

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        book, stripe = world.book, world.stripe
        if book.state == CRASHED:
            return "impossible"
        if stripe.broken():
            return stripe.broken()
        dead = any(not stripe.lives(copy) for copy in stripe.named())
        if dead and self.rules.calm:
            return "gap"
        if book.state == State.SUCCEEDED:
            if dead:
                return "dead"
            if book.stale or any(stripe.copies[copy][0] < book.change for copy in stripe.named()):
                return "drift"
        if book.state == State.FAILED and stripe.named() != {0} and not self.rules.made:
            return "hidden"
        return None

    def ended(self, world: World) -> bool:
        """Tell whether the line is where it may stay, or the walk has no room for what would follow."""
        full = len(world.stripe.copies) == self.rules.copies
        return full or world.book.state in SYNC_LIFE.final or world.book.state == State.PARKED

    def outdated(self, runner: Runner) -> Runner:
        """Return a runner after somebody else wrote: what it holds is lost then, for nothing here is a sighting."""
        if runner.at == "write":
            return IDLE
        return runner._replace(fresh=False) if runner.at != "idle" else runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner: late arrivals, the platform's next change, other people, time."""
        for place, request in enumerate(world.net):
            net = (*world.net[:place], *world.net[place + 1 :])
            found = arrived(world.stripe, request, self.rules)
            if found is not None:
                says = f"a {request.op} of copy {request.copy}, sent earlier, arrives: {found[1]}"
                yield Step(says, world._replace(stripe=found[0], net=net), fault=True)
        for says, stripe, fault in alone(world.stripe, self.rules):
            yield Step(says, world._replace(stripe=stripe), fault=fault)

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Yield what a runner may do next, its death included."""
        match runner.at:
            case "idle":
                yield from self.idle(world)
            case "send":
                yield from self.send(world, runner)
            case "write":
                yield self.written(world, runner)
            case "platform":
                yield from self.platform(world, runner)
            case "look":
                yield from self.look(world, runner)
            case _:
                yield from self.listed(world, runner)
        if self.rules.kills and runner.at != "idle":
            yield Step("is killed", world, IDLE, fault=True)
            for net in self._left_behind(world, runner):
                yield Step("is killed, its request still on its way", world._replace(net=net), IDLE, fault=True)

    # --- flow.kinds.sync.steps: the state on record decides -----------------------------------------------------------

    def idle(self, world: World) -> Iterator[Step]:
        """``flow.engine.flow.carry``: take the item up from what the ledger shows."""
        book = world.book
        match book.state:
            case State.PLANNED:
                yield self.now(world, Hold(Event.ITEM_SKIPPED))
                yield Step("is about to read the platform", world, Runner("platform", book=book))
            case State.CLONING:
                yield Step("is about to read the platform", world, Runner("platform", book=book))
            case State.ATTACHING | State.REPOINTING:
                yield Step("goes on", world, self.sending(book))
            case State.MOVING:
                yield Step("is about to list subscriptions", world, Runner("subscriptions", book=book))
            case State.MOVED | State.DETACHED:
                yield Step("is about to look", world, Runner("look", book=book))
            case State.DETACHING:
                yield Step("is about to list copies", world, Runner("copies", book=book))
            case State.PARKED:
                yield self.now(world, Hold(Event.MOVED))

    def sending(self, book: Book, left: tuple[int, ...] = ()) -> Runner:
        """Return a runner with the requests that leave in a state, the same ones whoever takes it up."""
        place, attempt, number = 0, book.attempt, book.number  # without a store of keys both stay 0: nothing tells them
        match book.state:
            case State.CLONING:
                requests: tuple[Request, ...] = (Request("clone", book.change, place, attempt),)
            case State.ATTACHING:
                requests = (Request("attach", book.mine, place, attempt),)
            case State.REPOINTING:
                requests = (Request("repoint", book.mine, place, attempt, number),)
            case State.MOVING:
                requests = tuple(Request("move", book.mine, each, attempt, number) for each in left)
            case _:
                requests = tuple(Request("detach", each, place, attempt) for each in left)
        return Runner("send", book=book, left=requests)

    def platform(self, world: World, runner: Runner) -> Iterator[Step]:
        """``begin`` and ``clone``: what is cloned was read just before; what is newer than the change begins again."""
        newest, book = world.stripe.newest, runner.book
        says = f"reads the platform: change {newest}"
        if book.state == State.CLONING and book.change == newest:
            yield Step(says, world, self.sending(book)._replace(fresh=runner.fresh))
        elif book.state == State.CLONING:
            yield Step(says, world, self.hold(runner, Hold(Event.MOVED)))
        else:
            yield Step(says, world, self.hold(runner, Hold(Event.CLONE_STARTED, change=newest)))

    def listed(self, world: World, runner: Runner) -> Iterator[Step]:
        """``move`` and ``detach``: list what is to be sent, from whatever is there now."""
        stripe, book = world.stripe, runner.book
        seen = Seen(book.change, book.mine, stripe.subscriptions, stripe.copies)
        if runner.at == "subscriptions":
            left, after = to_move(seen, book.mine), Event.MOVED
        else:
            left, after = self.detaches(seen, book), Event.DETACHED
        says = f"lists {runner.at}: {' '.join(map(str, left)) or 'nothing to do'}"
        if left:
            yield Step(says, world, self.sending(book, left)._replace(fresh=runner.fresh))
        else:
            yield Step(says, world, self.hold(runner, Hold(after)))

    def detaches(self, seen: Seen, book: Book) -> tuple[int, ...]:
        """Return the copies that are let go."""
        return to_detach(seen, book.mine, book.change)

    # --- sends ------------------------------------------------------------------------------------------------------

    def send(self, world: World, runner: Runner) -> Iterator[Step]:
        """Send the first request that is left: it may be lost, or its answer, or arrive when nobody waits any more."""
        request = runner.left[0]
        what = f"{request.op} of copy {request.copy}" if request.op != "clone" else f"clone of change {request.copy}"
        found = arrived(world.stripe, request, self.rules)
        if found is not None:
            after = world._replace(stripe=found[0])
            yield Step(f"its {what} arrives: {found[1]}", after, self.answered(runner, request, found[1]))
            if self.rules.losses:
                yield Step(f"its {what} arrives: {found[1]}, the answer is lost", after, IDLE, fault=True)
        if self.rules.losses:
            yield Step(f"its {what} is lost", world, IDLE, fault=True)
        if self.rules.refusals and request.op != "detach":
            refused = self.hold(runner, Hold(self.refused(runner.book, request)))
            yield Step(f"its {what} is refused for good", world, refused, fault=True)
        for net in self._left_behind(world, runner):
            yield Step(f"waits for its {what} no longer", world._replace(net=net), IDLE, fault=True)

    def refused(self, book: Book, request: Request) -> Event:
        """Return what a refusal is that no repeat will change: the end, while nothing can name a copy of this line."""
        if book.begun or request.op not in ("clone", "attach"):
            return Event.LEFT_AS_IT_IS
        return Event.CLONE_REFUSED if request.op == "clone" else Event.ATTACH_REFUSED

    def answered(self, runner: Runner, request: Request, answer: str) -> Runner:
        """Return the runner after an answer: the next request, the outcome, or a fresh copy when its own is dead."""
        if answer == "dead":
            return Runner("platform", runner.fresh, runner.book)
        if request.op == "clone":
            return self.hold(runner, Hold(Event.ATTACH_STARTED, mine=int(answer)))
        if len(runner.left) > 1:
            return runner._replace(left=runner.left[1:])
        return self.hold(runner, Hold(_AFTER[request.op]))

    # --- the look ---------------------------------------------------------------------------------------------------

    def look(self, world: World, runner: Runner) -> Iterator[Step]:
        """``look``: platform, customer, subscriptions, copies, each a read of its own moment."""
        if self.rules.losses:
            yield Step("cannot read on", world, IDLE, fault=True)
        if self.rules.refusals:
            gone = self.hold(runner, Hold(Event.LEFT_AS_IT_IS))
            yield Step("reads that the customer is gone", world, gone, fault=True)
        stripe = world.stripe
        name, shown = (
            ("newest", stripe.newest),
            ("default", stripe.default),
            ("subscriptions", stripe.subscriptions),
            ("copies", stripe.copies),
        )[runner.reads]
        seen = runner.seen._replace(**{name: shown})
        if runner.reads < len(Seen._fields) - 1:
            yield Step(f"reads {name}", world, runner._replace(seen=seen, reads=runner.reads + 1))
            return
        book = runner.book
        then = self.must_follow(seen, book)
        left = self.detaches(seen, book) if then is Follows.DETACH else ()
        yield Step(f"reads copies: {then}", world, self.hold(runner, Hold(NEXT[then], change=seen.newest, left=left)))

    def must_follow(self, seen: Seen, book: Book) -> Follows:
        """Return what follows from a look."""
        return must_follow(seen, book.mine, book.change)

    # --- the ledger -------------------------------------------------------------------------------------------------

    def hold(self, runner: Runner, held: Hold) -> Runner:
        """Return the runner with an outcome in hand; one that is lost already (the row moved) counts as idle."""
        return Runner("write", book=runner.book, hold=held) if runner.fresh else IDLE

    def now(self, world: World, held: Hold) -> Step:
        """Return the write of a runner that decides on the row of this moment."""
        return self.written(world, Runner("write", book=world.book, hold=held))

    def written(self, world: World, runner: Runner) -> Step:
        """``Ledger.record``: one commit, and what the same process does next without looking at the row again."""
        held = runner.hold
        after = self.record(world.book, held)
        over = world.over + (after.state == State.SUCCEEDED)
        then = self.after(after, held)
        return Step(f"writes {held.event}: {after.state}", world._replace(book=after, over=over), then, wrote=True)

    def after(self, book: Book, held: Hold) -> Runner:
        """Return the runner after a write, or an idle one where the state on record decides."""
        if held.event in (Event.CLONE_STARTED, Event.ATTACH_STARTED, Event.REPOINT_STARTED):
            return self.sending(book)
        return self.sending(book, held.left) if held.event is Event.DETACH_STARTED else IDLE

    def record(self, book: Book, held: Hold) -> Book:
        """Return the row after what the runner holds is written."""
        assert held.event is not None
        try:
            edge = SYNC_LIFE.advance(State(book.state), held.event)
        except ImpossibleTransition:
            return book._replace(state=CRASHED)
        self.rows.add((State(book.state), held.event))
        if edge.attempt:
            return Book(edge.to, NONE, held.change, book.attempt + self._numbered, book.number, book.begun)
        repoints = held.event is Event.REPOINT_STARTED
        return book._replace(
            state=edge.to,
            mine=book.mine if held.mine == NONE else held.mine,
            number=min(book.number + (repoints and self._numbered), MOST_NUMBERS),
            begun=book.begun or repoints,
            stale=held.event is Event.IN_STEP and held.change > book.change,
        )

    def _left_behind(self, world: World, runner: Runner) -> Iterator[tuple[Request, ...]]:
        """Yield the network with the runner's request still on its way, if there is room and one may be under way."""
        if not self.rules.delays or runner.at != "send" or len(world.net) == self.rules.delayed:
            return
        request = runner.left[0]
        if request.op not in {each.op for each in world.net} and not self._inert(request):
            yield tuple(sorted((*world.net, request)))

    def _inert(self, request: Request) -> bool:
        """Tell whether an arrival could change nothing that matters: a clone whose id nobody will ever learn."""
        return request.op == "clone" and self.rules.keys == "none"


_AFTER = {
    "attach": Event.REPOINT_STARTED,
    "repoint": Event.MOVE_STARTED,
    "move": Event.MOVED,
    "detach": Event.DETACHED,
}
