"""A subscription's runner: what the shipped flow does next, from whatever it holds: a commit, a send or a read."""

from collections.abc import Iterator
from typing import NamedTuple

from billing.core.kinds.subscription import SUBSCRIPTION_LIFE, Event, State, shows
from billing.core.life import ImpossibleTransition
from billing.core.objects.subscription import Standing
from tests.model.subscribe_stripe import FRESH, Request, Rules, Stripe, alone, arrived, meaning, stands

CRASHED = "crashed"
# In place of a state: the program tried to write what the table refuses.
NUMBERS = 1
# How often the number of a pay's key may grow.

Row = tuple[State, Event]


class Book(NamedTuple):
    """The row: the state, the subscription on record (0 for none), and the facts that decide something.

    Attributes:
        attempt: at paying.
        spent: the pay's key would only replay what is stored under it.
        number: of the pay's key.
    """

    state: str = State.PLANNED
    sub: int = 0
    attempt: int = 0
    spent: bool = False
    number: int = 0


class Hold(NamedTuple):
    """What a runner is about to write: events of one commit, and what goes on record with them."""

    events: tuple[Event, ...] = ()
    sub: int = 0
    attempt: int | None = None
    spent: bool | None = None
    number: int | None = None


class World(NamedTuple):
    """What everybody shares; ``net`` are the requests on their way whose sender waits no longer."""

    book: Book = Book()
    stripe: Stripe = Stripe()
    net: tuple[Request, ...] = ()


class Runner(NamedTuple):
    """One runner between two steps.

    Attributes:
        at: ``idle`` (also: dead), ``open``, ``pay``, ``clear``, ``cancel``, ``void`` (the request may be under way),
            ``look`` (read the subscription), ``invoices`` (and then its invoices), ``last`` (the list after the fence),
            ``write`` (an outcome, not yet durable).
        fresh: nobody wrote since it last saw the row.
        book: the row as it saw it.
        hold: what it is about to write.
        target: the subscription that it reads or fences; not always the one on record.
        read: what the read of the subscription showed: its status, and a mark.
        age: ticks since its last list; -1 before the first.
        shown: what that list said of each subscription, a letter each.
    """

    at: str = "idle"
    fresh: bool = True
    book: Book = Book()
    hold: Hold = Hold()
    target: int = 0
    read: str = ""
    age: int = -1
    shown: str = ""


class Step(NamedTuple):
    """One step, as ``parts.Step``."""

    says: str
    world: World
    runner: Runner = Runner()
    wrote: bool = False
    fault: bool = False


IDLE = Runner()
ADOPTS: dict[Standing, tuple[Event, ...]] = {
    Standing.PAID: (Event.INVOICE_PAID,),
    Standing.STARTED: (Event.START_STARTED, Event.FUSE_CLEARED),
    Standing.PROCESSING: (Event.PAYMENT_PROCESSING,),
    Standing.HALF_OVER: (Event.CANCEL_STARTED,),
    Standing.OVER_AFTER_PAYMENT: (Event.OVER_AFTER_PAYMENT,),
}
# What is written with a subscription that was taken over, beside its opening; nothing where it can still be paid.
LINK: dict[str, tuple[Event, ...]] = {
    State.PLANNED: (Event.LINK_STARTED, Event.CLONE_STARTED),
    State.LINKING: (Event.CLONE_STARTED, Event.OPEN_STARTED, Event.LINK_REFUSED),
    State.CLONING: (Event.ATTACH_STARTED, Event.OPEN_STARTED, Event.LINK_REFUSED),
    State.ATTACHING: (Event.CLONE_STARTED, Event.DEFAULT_STARTED, Event.OPEN_STARTED, Event.LINK_REFUSED),
    State.DEFAULTING: (Event.OPEN_STARTED, Event.LINK_REFUSED),
}
# The inert steps before the open: whatever they leave behind counts for nothing.


class Shipped:
    """This repository's protocol: one runner's steps, and what happens by itself.

    Attributes:
        rules: the setting.
        rows: those of the shipped table that a walk has used so far.
        opens: how the open is made, where a design makes it otherwise.
    """

    name = "shipped"
    opens = ""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.rows: set[Row] = set()

    # --- what the explorer asks -----------------------------------------------------------------------------------

    def start(self) -> tuple[World, Runner]:
        """Return the beginning: planned, nothing sent, runners idle."""
        return World(), IDLE

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        return broken(world.stripe, world.book)

    def ended(self, world: World) -> bool:
        """Tell whether the item is where it may stay."""
        return world.book.state in SUBSCRIPTION_LIFE.final or world.book.state == State.PARKED

    def outdated(self, runner: Runner) -> Runner:
        """Return a runner after somebody else wrote. What it holds is lost then, unless it reports a sighting."""
        if runner.at == "write" and not all(event in _SIGHTINGS for event in runner.hold.events):
            return self.resting(runner)
        return runner._replace(fresh=False) if runner.at != "idle" else runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner: late arrivals, banks, the payer, the Dashboard, forgotten keys."""
        for place, request in enumerate(world.net):
            net = (*world.net[:place], *world.net[place + 1 :])
            for stripe, answer in self.arrives(world.stripe, request):
                says = f"a {request[0]} sent earlier arrives: {answer}"
                yield Step(says, world._replace(stripe=stripe, net=net), fault=True)
        for says, stripe, fault in alone(world.stripe, self.rules):
            yield Step(says, world._replace(stripe=stripe), fault=fault)

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Yield what a runner may do next, its death included."""
        match runner.at:
            case "idle":
                yield from self.idle(world, runner)
            case "write":
                yield self.written(world, runner)
            case "look":
                yield from self.look(world, runner)
            case "invoices":
                yield from self.invoices(world, runner)
            case "last":
                yield from self.last(world, runner)
            case _:
                yield from self.send(world, runner)
        if self.rules.kills and runner != IDLE:
            yield Step("is killed", world, IDLE, fault=True)
            if runner.at in SENT:
                for net in self.left_behind(world, runner):
                    yield Step("is killed, its request on its way", world._replace(net=net), IDLE, fault=True)

    def resting(self, runner: Runner) -> Runner:
        """Return the runner between two visits: it keeps what still decides something of what its list has shown."""
        own, shown = runner.book.sub or runner.hold.sub, runner.shown
        if own:
            shown = "".join("c" if letter == "c" and at != own else "n" for at, letter in enumerate(shown, 1))
        return Runner(age=runner.age, shown=shown.rstrip("n") if own else shown)

    # --- the state on record decides ---------------------------------------------------

    def idle(self, world: World, runner: Runner) -> Iterator[Step]:
        """``flow.engine.flow.carry``: take the item up from what the ledger shows."""
        book = world.book
        runner = runner._replace(book=book, fresh=True)
        match book.state:
            case State.PLANNED | State.OPENING:
                yield from self.planned(world, runner)
            case State.LINKING | State.CLONING | State.ATTACHING | State.DEFAULTING:
                yield from self.link(world, runner)
            case State.READY | State.STARTING:
                yield from self.ready(world, runner)
            case State.PAYING:
                yield self.now(world, runner, Hold((Event.PAY_LOST,)))
            case State.UNKNOWN | State.PARKED | State.UNSETTLED:
                if book.state == State.UNKNOWN:
                    yield self.now(world, runner, Hold((Event.RESOLVE_EXHAUSTED,)))
                yield Step("is about to read", world, runner._replace(at="look", target=book.sub))
            case State.UNPAID:
                yield from self.unpaid(world, runner)
            case State.CANCELLING:
                yield Step("is about to cancel", world, runner._replace(at="cancel", target=book.sub))

    def planned(self, world: World, runner: Runner) -> Iterator[Step]:
        """Begin, after the link."""
        if world.book.state == State.PLANNED and self.rules.operator:
            yield self.now(world, runner, Hold((Event.ITEM_SKIPPED,)))
        if self.rules.linking:
            yield from self.link(world, runner)
        yield from self.begin(world, runner)

    def link(self, world: World, runner: Runner) -> Iterator[Step]:
        """The link: customer, copy, attach, default."""
        for event in LINK.get(world.book.state, ()):
            yield self.now(world, runner, Hold((event,), attempt=world.book.attempt or 1))

    def lists(self, world: World, runner: Runner, at: str = "idle") -> Iterator[Step]:
        """``Finder.look``: have a list of the account."""
        shown = "".join(sub.listed for sub in world.stripe.subs)
        yield Step(f"lists {shown or 'nothing'}", world, runner._replace(at=at, age=0, shown=shown))
        if self.rules.losses:
            yield Step("cannot list", world, self.resting(runner), fault=True)

    def licensed(self, runner: Runner) -> bool:
        """Tell whether the last list is young enough (``licence``)."""
        return 0 <= runner.age <= FRESH

    def other(self, runner: Runner, own: int, *, counted: bool = False) -> int:
        """Return the subscription that is the item's by a list: one that has counted first, else the oldest; or 0."""
        found = [(letter != "c", at) for at, letter in enumerate(runner.shown, 1) if at != own]
        first = min(found, default=(True, 0))
        return 0 if counted and first[0] else first[1]

    def begin(self, world: World, runner: Runner) -> Iterator[Step]:
        """Take over what is listed, else open under the first key."""
        if not self.licensed(runner):
            yield from self.lists(world, runner)
            return
        found = self.other(runner, 0)
        if found:
            yield Step("takes over what is listed", world, runner._replace(at="look", target=found))
        elif world.book.state == State.PLANNED:
            yield self.now(world, runner, Hold((Event.OPEN_STARTED,), attempt=1))
        else:
            yield Step("is about to open", world, runner._replace(at="open"))

    def ready(self, world: World, runner: Runner) -> Iterator[Step]:
        """The request that counts, unless another one has counted in the line's place."""
        if self.rules.operator:
            yield self.now(world, runner, Hold((Event.CANCEL_STARTED,)))
        if not self.licensed(runner):
            yield from self.lists(world, runner)
        elif self.other(runner, world.book.sub, counted=True):
            yield self.now(world, runner, Hold((Event.CANCEL_STARTED,)))
        elif world.book.state == State.STARTING:
            yield Step("is about to clear the fuse", world, runner._replace(at="clear", target=world.book.sub))
        elif self.rules.due:
            yield self.now(world, runner, self.pay_started(world.book))
        else:
            yield self.now(world, runner, Hold((Event.START_STARTED,)))

    def unpaid(self, world: World, runner: Runner) -> Iterator[Step]:
        """The next attempt, or the fence; a look may see it paid."""
        book = world.book
        yield self.now(world, runner, Hold((Event.CANCEL_STARTED,)))
        yield Step("is about to read", world, runner._replace(at="look", target=book.sub))
        if book.attempt >= self.rules.attempts:
            return
        if not self.licensed(runner):
            yield from self.lists(world, runner)
        elif not self.other(runner, book.sub, counted=True):
            yield self.now(world, runner, self.pay_started(book)._replace(attempt=book.attempt + 1, number=0))

    def pay_started(self, book: Book) -> Hold:
        """Return ``pay_started``: the number of the key grows only when the last one is spent."""
        number = min(book.number + 1, NUMBERS) if book.spent else book.number
        return Hold((Event.PAY_STARTED,), spent=False, number=number)

    # --- requests -----------------------------------------------------------------------------------------------------

    def request(self, runner: Runner) -> Request:
        """Return the request that is under way."""
        book = runner.book
        match runner.at:
            case "open":
                return "open", 0, 0
            case "pay":
                return "pay", 2 * book.attempt + book.number, book.sub
            case at:
                return at, 0, runner.target

    def arrives(self, stripe: Stripe, request: Request) -> Iterator[tuple[Stripe, str]]:
        """Yield what the arrival of a request leads to."""
        return arrived(stripe, request, self.rules, design=self.opens)

    def send(self, world: World, runner: Runner) -> Iterator[Step]:
        """A request that may not have left yet: it arrives, or its sender waits no longer."""
        for stripe, answer in self.arrives(world.stripe, self.request(runner)):
            after, says = world._replace(stripe=stripe), f"its {runner.at} arrives: {answer}"
            yield Step(says, after, self.answered(runner, answer))
            if self.rules.losses:
                yield Step(f"{says}, the answer is lost", after, self.lost(runner), fault=True)
        if self.rules.losses:
            unsent = self.lost(runner)
            if runner.at == "pay":
                unsent = self.hold(runner, Hold((Event.PAY_UNSENT,)))
            yield Step(f"a limiter says no to its {runner.at}", world, unsent, fault=True)
        for net in self.left_behind(world, runner):
            yield Step(f"waits for its {runner.at} no longer", world._replace(net=net), self.lost(runner), fault=True)

    def lost(self, runner: Runner, *, spent: bool = False) -> Runner:
        """Return the runner whose answer says nothing for certain, or never came."""
        if runner.at == "pay":
            return self.hold(runner, Hold((Event.PAY_LOST,), spent=spent or None))
        return self.resting(runner)

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Return the runner after an answer."""
        text = answer.removeprefix("replayed ")
        match runner.at:
            case "open":
                return self.opened(runner, text)
            case "pay":
                return self.paid(runner, answer)
            case "clear":
                return self.cleared(runner, answer)
            case "cancel":
                return runner._replace(at="void")
            case _:
                return runner._replace(at="look")

    def opened(self, runner: Runner, text: str) -> Runner:
        """The first recorded wins; an answer that comes after the list has aged is looked into."""
        if text in ("other", "full"):
            return self.resting(runner._replace(age=-1, shown=""))  # another ledger's: list, take over
        if text == "400":
            return self.hold(runner, Hold((Event.OPEN_REFUSED,)))
        if not text.startswith("made"):
            return self.resting(runner)
        if not self.licensed(runner):
            return self.resting(runner)
        return self.hold(runner, Hold((Event.OPENED,), sub=int(text[5:])))

    def paid(self, runner: Runner, answer: str) -> Runner:
        """Go on, with the meaning of the answer as the shipped code reads it."""
        match meaning(answer):
            case "paid":
                return self.hold(runner, Hold((Event.INVOICE_PAID,)))
            case "declined":
                return self.hold(runner, Hold((Event.PAY_DECLINED,)))
            case "look":
                return runner._replace(at="look", target=runner.book.sub, read=f"?{answer}")
            case "other":
                return self.hold(runner._replace(age=-1, shown=""), Hold((Event.PAY_LOST,)))
            case means:
                return self.lost(runner, spent=means == "stored" and answer.startswith("replayed"))

    def cleared(self, runner: Runner, answer: str) -> Runner:
        """Certain is only what was answered now; a stored answer is as old as its key."""
        if answer == "cleared":
            return self.hold(runner, Hold((Event.FUSE_CLEARED,)))
        if answer == "other":
            return self.resting(runner._replace(age=-1, shown=""))
        if answer.endswith("500"):
            return self.resting(runner)
        return runner._replace(at="look", target=runner.book.sub)

    # --- looks --------------------------------------------------------------------------------------------------------

    def look(self, world: World, runner: Runner) -> Iterator[Step]:
        """``look``: read the subscription; its invoices come after it."""
        sub = world.stripe.subs[runner.target - 1]
        read = f"{sub.status}{'m' if sub.marked else '-'}{runner.read}"
        says = f"reads subscription {runner.target}: {sub.status}{' marked' * sub.marked}"
        yield Step(says, world, runner._replace(at="invoices", read=read))
        if self.rules.losses:
            yield Step("cannot read", world, self.unread(runner), fault=True)

    def unread(self, runner: Runner) -> Runner:
        """Return the runner that has learnt nothing."""
        lost = Hold((Event.PAY_LOST,))
        return self.hold(runner, lost) if "?" in runner.read else self.resting(runner)

    def invoices(self, world: World, runner: Runner) -> Iterator[Step]:
        """``look``: all of the subscription's invoices, and what follows."""
        sub = world.stripe.subs[runner.target - 1]
        standing = self.stands(runner.read, sub.invoice, sub.renewed, tried=sub.tried)
        yield Step(f"reads its invoices: {standing}", world, self.concluded(runner, standing))
        if self.rules.losses:
            yield Step("cannot read", world, self.unread(runner), fault=True)

    def stands(self, read: str, invoice: str, renewed: bool, *, tried: bool) -> Standing:
        """Return what the two reads show together."""
        return stands(read[0], read[1] == "m", invoice, renewed, tried)

    def concluded(self, runner: Runner, standing: Standing) -> Runner:
        """Return what follows from where a subscription stands, by the state that asked."""
        book = runner.book
        if book.sub == 0:
            return self.adopted(runner, standing)
        if runner.target != book.sub:
            return self.resting(runner)  # another one of the line was fenced: the round begins anew
        state = State(book.state)
        if standing is Standing.OVER:
            return runner._replace(at="last")
        event = shows(state, standing)
        if event is not None:
            return self.hold(runner, Hold((event,)))
        if state == State.PAYING:
            refused = "?400" in runner.read and standing is Standing.UNTRIED
            event = Event.PAY_REFUSED if refused else Event.PAY_LOST
            return self.hold(runner, Hold((event,), spent="?r" in runner.read))
        return self.resting(runner)

    def adopted(self, runner: Runner, standing: Standing) -> Runner:
        """Record another ledger's, or an earlier send's, with what it shows."""
        if standing is Standing.OVER:
            return runner._replace(at="last")
        first = (Event.OPEN_STARTED, Event.OPENED) if runner.book.state == State.PLANNED else (Event.OPENED,)
        held = Hold((*first, *ADOPTS.get(standing, ())), sub=runner.target, attempt=runner.book.attempt or 1)
        return self.hold(runner, held)

    def last(self, world: World, runner: Runner) -> Iterator[Step]:
        """A list after the fence shows whether another one of the line lives, or has counted."""
        for listed in self.lists(world, runner, at="last"):
            yield listed._replace(runner=self.listed_last(listed.runner)) if not listed.fault else listed

    def listed_last(self, runner: Runner) -> Runner:
        """Return how an item ends whose subscription is dead and unpaid."""
        own = runner.book.sub or runner.target
        living = [at for at, letter in enumerate(runner.shown, 1) if letter == "l" and at != own]
        first: tuple[Event, ...] = ()
        if not runner.book.sub:
            first = (Event.OPEN_STARTED, Event.OPENED) if runner.book.state == State.PLANNED else (Event.OPENED,)
        if self.other(runner, own, counted=True):
            events = (*first, Event.FOUND_ELSEWHERE)
        elif living:
            return runner._replace(at="cancel", target=living[0])
        else:
            events = (*first, Event.SUBSCRIPTION_OVER)
        return self.hold(runner, Hold(events, sub=0 if runner.book.sub else own, attempt=runner.book.attempt or 1))

    # --- the ledger ---------------------------------------------------------------------------------------------------

    def hold(self, runner: Runner, held: Hold) -> Runner:
        """Return the runner with an outcome in hand; one that is lost already (the row moved) counts as idle."""
        holding = self.resting(runner)._replace(at="write", fresh=runner.fresh, book=runner.book, hold=held)
        return holding if runner.fresh else self.outdated(holding)

    def now(self, world: World, runner: Runner, held: Hold) -> Step:
        """Return the write of a runner that decides on the row of this moment."""
        return self.written(world, runner._replace(at="write", fresh=True, book=world.book, hold=held))

    def written(self, world: World, runner: Runner) -> Step:
        """``Ledger.record``: one commit, or a lost race, after which the runner starts again from what it finds."""
        names = " + ".join(runner.hold.events)
        after, rest = self.record(world.book, runner), self.resting(runner)
        if after is None:
            return Step(f"would write {names}, but the item has moved", world, rest)
        if after.state in SUBSCRIPTION_LIFE.final:
            rest = IDLE
        then = rest._replace(at="pay", book=after, target=after.sub) if after.state == State.PAYING else rest
        return Step(f"writes {names}: {after.state}", world._replace(book=after), then, wrote=True)

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Return the row after what the runner holds is written, or None for a lost race."""
        held = runner.hold
        if not runner.fresh and not _all_sightings(book, held.events):
            return None
        state, sub = State(book.state), book.sub
        for event in held.events:
            try:
                edge = SUBSCRIPTION_LIFE.advance(state, event)
            except ImpossibleTransition:
                return book._replace(state=CRASHED)
            if held.sub and event is Event.OPENED:
                sub = held.sub
            if not edge.object.allows("sub" if sub else None):
                return book._replace(state=CRASHED)
            self.rows.add((state, event))
            state = State(edge.to)
        if state in SUBSCRIPTION_LIFE.final:
            return Book(state, sub)
        return Book(
            state,
            sub,
            book.attempt if held.attempt is None else held.attempt,
            book.spent if held.spent is None else held.spent,
            book.number if held.number is None else held.number,
        )

    def left_behind(self, world: World, runner: Runner) -> Iterator[tuple[Request, ...]]:
        """Yield the network with the runner's request still on its way, if there is room."""
        if self.rules.delays and len(world.net) < self.rules.delayed:
            yield tuple(sorted((*world.net, self.request(runner))))


SENT = frozenset({"open", "pay", "clear", "cancel", "void"})
_SIGHTINGS = frozenset(event for (_, event), edge in SUBSCRIPTION_LIFE.edges.items() if edge.sighting)
_EMPTY = frozenset({State.FAILED, State.SKIPPED})


def broken(stripe: Stripe, book: Book) -> str | None:
    """Return the law that Stripe and one ledger break together."""
    counting = [at for at, sub in enumerate(stripe.subs, 1) if sub.counts]
    own = stripe.subs[book.sub - 1] if book.sub else None
    if len(counting) > 1:
        return "double"
    if book.state in _EMPTY and counting:
        return "hidden"
    if book.state == State.ELSEWHERE and book.sub in counting:
        return "hidden"
    if any(sub.started and sub.invoice == "v" for sub in stripe.subs):
        return "charged"
    if book.state in (State.SUCCEEDED, State.ENDED) and (own is None or not own.has_counted):
        return "false"
    if book.state == State.ENDED and own is not None and own.status != "x":
        return "false"
    return "impossible" if book.state == CRASHED else None


def _all_sightings(book: Book, events: tuple[Event, ...]) -> bool:
    state = State(book.state) if book.state != CRASHED else None
    for event in events:
        if state is None or not SUBSCRIPTION_LIFE.is_sighting(state, event):
            return False
        state = State(SUBSCRIPTION_LIFE.advance(state, event).to)
    return bool(events)
