"""The payer's runner: what the shipped flow does next, from whatever it holds. Each step is a commit, send or read."""

from collections.abc import Iterator
from typing import NamedTuple

from billing.core.kinds.payer import CONCLUDES, PAYER_LIFE, Event, State, gone
from billing.core.life import ImpossibleTransition
from billing.core.objects.setup import Standing
from tests.model.payer_stripe import (
    Request,
    Rules,
    Setup,
    Stripe,
    alone,
    arrived,
    changed,
    meaning,
    newest,
    saved,
    stands,
)

CRASHED = "crashed"
# In place of a state: the program tried to write what the table refuses.
NUMBERS = 2
# How often the number of a default's key may grow.

Row = tuple[State, Event]
RESTS = (State.READY, State.INVITED, State.PARKED)


class Book(NamedTuple):
    """The row.

    Attributes:
        customer: on record, or -1.
        setup: the invitation of this attempt, or -1.
        held: every invitation that was on record.
        ask: the number in the key of the invitation.
        target: the saved method that is made the default, by its invitation, or -1.
        number: of the default's key.
        paid: a first payment was seen taken.
    """

    state: str = State.PLANNED
    customer: int = -1
    setup: int = -1
    held: tuple[int, ...] = ()
    attempt: int = 0
    ask: int = 0
    target: int = -1
    number: int = 0
    paid: bool = False


class Hold(NamedTuple):
    """What a runner is about to write: events of one commit, and the facts with them; None leaves one as it is."""

    events: tuple[Event, ...] = ()
    customer: int | None = None
    setup: int | None = None
    ask: int | None = None
    target: int | None = None
    paid: bool = False


class World(NamedTuple):
    """What everybody shares.

    Attributes:
        net: requests on their way whose sender waits no longer.
        used: customers that a ledger has on record.
        unfinished: ledgers that are not at their end.
    """

    book: Book = Book()
    stripe: Stripe = Stripe()
    net: tuple[Request, ...] = ()
    used: tuple[int, ...] = ()
    unfinished: int = 1
    broken: str = ""


class Runner(NamedTuple):
    """One runner between two steps.

    Attributes:
        at: ``idle`` (also: dead), a request that may be under way (``customer``, ``invite``, ``default``, ``cancel``),
            a list or read that comes next (``find``, ``offers``, ``again``, ``peek``, ``choose``, ``check``, ``look``,
            ``over``), ``write`` (an outcome, not yet durable), ``show`` (the page gets the secret).
        fresh: nobody wrote since it last saw the row.
        book: the row as it saw it.
        hold: what it is about to write.
        age: of the list of customers it has.
    """

    at: str = "idle"
    fresh: bool = True
    book: Book = Book()
    hold: Hold = Hold()
    age: int = -1


class Step(NamedTuple):
    """One step, as ``parts.Step``."""

    says: str
    world: World
    runner: Runner = Runner()
    wrote: bool = False
    fault: bool = False


def is_older(world: World) -> bool:
    """Tell whether the default is not the newest saved method although nobody is to write one any more.

    What a person saves in the Dashboard when all is over is nobody's to follow.
    """
    foreign = any(one.foreign for one in world.stripe.setups)
    if world.unfinished or foreign or any(one.op == "default" for one in world.net):
        return False
    defaults = enumerate(world.stripe.defaults)
    return any(default not in (-1, saved(world.stripe, customer)) for customer, default in defaults)


IDLE = Runner()
SENDS = frozenset({"customer", "invite", "default", "cancel"})


class Shipped:
    """This repository's protocol: one runner's steps, and what happens by itself.

    Attributes:
        rules: the setting.
        rows: those of the shipped table that a walk has used so far.
        one_of_two: another ledger invites the same payer.
    """

    name = "shipped"

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.rows: set[Row] = set()
        self.one_of_two = False

    # --- what the explorer asks -----------------------------------------------------------------------------------

    def start(self) -> tuple[World, Runner]:
        """Return the beginning: planned, nothing sent, runners idle."""
        return World(), IDLE

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        book, stripe = world.book, world.stripe
        if len(world.used) > 1:
            return "double"
        if self.rules.pays and sum(one.status == "s" and not one.foreign for one in stripe.setups) > 1:
            return "paid_twice"
        mine = book.held if self.one_of_two else range(len(stripe.setups))
        ours = [stripe.setups[place] for place in mine if stripe.setups[place].shown]
        if book.state in (State.FAILED, State.SKIPPED):
            taken = any(one.method == "a" or (self.rules.pays and one.status == "s") for one in ours)
            return "hidden" if taken else world.broken or None
        if book.state == State.SUCCEEDED:
            default = stripe.defaults[book.customer]
            if not stripe.detached and (default < 0 or stripe.setups[default].method != "a"):
                return "dead"
            if not self.one_of_two and is_older(world):
                return "older"
        return world.broken or ("impossible" if book.state == CRASHED else None)

    def ended(self, world: World) -> bool:
        """Tell whether the item is where it may stay: at an end, or until its payer or its bank does something."""
        book = world.book
        if book.state == State.INVITED:
            return world.stripe.setups[book.setup].status in "op"
        return book.state in PAYER_LIFE.final or book.state in RESTS

    def outdated(self, runner: Runner) -> Runner:
        """Return a runner after somebody else wrote. What it holds is lost then, unless it reports a sighting."""
        if runner.at == "write" and runner.hold.events != (Event.METHOD_SAVED,):
            return IDLE
        return runner._replace(fresh=False) if runner.at != "idle" else runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner: late arrivals, payers, banks, time."""
        for place, request in enumerate(world.net):
            net = (*world.net[:place], *world.net[place + 1 :])
            for stripe, answer in arrived(world.stripe, request, self.rules):
                says = f"{request.op} {request.setup if request.setup >= 0 else ''} arrives late: {answer}"
                yield Step(says, world._replace(stripe=stripe, net=net), fault=True)
        for says, stripe, fault in alone(world.stripe, self.rules):
            yield Step(says, world._replace(stripe=stripe), fault=fault)

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Yield what a runner may do next, its death included."""
        if runner.at in SENDS:
            yield from self.send(world, runner)
        else:
            yield from getattr(self, runner.at)(world, runner)
        if self.rules.kills and runner.at != "idle":
            yield Step("is killed", world, IDLE, fault=True)
            for net in self._left_behind(world, runner):
                yield Step("is killed, its request still on its way", world._replace(net=net), IDLE, fault=True)

    # --- flow.kinds.payer.steps: the state on record decides ----------------------------------------------------------

    def idle(self, world: World, _runner: Runner) -> Iterator[Step]:
        """``flow.engine.flow.carry`` and a click: take the item up from what the ledger shows."""
        book = world.book
        taken = Runner(book=book)
        match book.state:
            case State.PLANNED:
                yield self.now(world, Hold((Event.ITEM_SKIPPED,)))
                yield self.now(world, Hold((Event.CREATE_STARTED,)))
            case State.CREATING:
                yield Step("takes it up", world, self.before_create(taken))
                yield self.now(world, Hold((Event.GIVEN_UP,)))
            case State.READY:
                yield from self.ready(world)
            case State.INVITING:
                yield self.now(world, Hold((Event.INVITE_LOST,)))
                if not self.rules.pays:
                    yield Step("takes it up", world, taken._replace(at="invite"))
            case State.INVITED:
                yield from self.invited(world)
            case State.DEFAULTING:
                yield self.now(world, Hold((Event.DEFAULT_UNCERTAIN,)))
            case State.SAVED | State.CANCELLING | State.PARKED:
                yield Step("takes it up", world, taken._replace(at=_READS[State(book.state)]))

    def before_create(self, taken: Runner) -> Runner:
        """What precedes the create: a list of customers."""
        return taken._replace(at="find")

    def ready(self, world: World) -> Iterator[Step]:
        """``ask``, ``closing``: invite while attempts are left, look what others have saved, or give up."""
        yield self.now(world, Hold((Event.GIVEN_UP,)))
        yield Step("takes it up", world, Runner("again", book=world.book))
        if world.book.attempt < self.rules.attempts and self.rules.pays:
            yield Step("is about to list", world, Runner("offers", book=world.book))
        elif world.book.attempt < self.rules.attempts:
            yield self.now(world, Hold((Event.INVITE_STARTED,), ask=world.book.attempt))

    def invited(self, world: World) -> Iterator[Step]:
        """``follow``, ``invitation``: read it, show it to its payer, or end it."""
        book = world.book
        yield Step("is about to read", world, Runner("peek", book=book))
        if not world.stripe.setups[book.setup].shown:
            yield Step("is about to show it", world, Runner("show", book=book))
        yield self.now(world, self.fence(book))

    def fence(self, _book: Book) -> Hold:
        """The way to give an open invitation up."""
        return Hold((Event.CANCEL_STARTED,))

    def show(self, world: World, runner: Runner) -> Iterator[Step]:
        """``invitation``: the page gets the secret of the invitation on record, read from Stripe."""
        shown = changed(world.stripe, runner.book.setup, shown=True)
        yield Step("shows the invitation to its payer", world._replace(stripe=shown), IDLE)

    # --- requests ---------------------------------------------------------------------------------------------------

    def find(self, world: World, runner: Runner) -> Iterator[Step]:
        """``create``: one of ours on the list is taken, the oldest; else it is made, while the list is young."""
        stripe = world.stripe
        for count in {stripe.customers, self.shown(stripe.customers, "customer", stripe)}:
            if count:
                yield Step(f"lists {count} customers", world, self.hold(runner, self.known(0)))
            else:
                young = runner._replace(at="customer", age=stripe.age)
                yield Step("lists no customer", world, young, fault=bool(stripe.customers))
        if self.rules.losses:
            yield Step("cannot list", world, IDLE, fault=True)

    def shown(self, count: int, op: str, stripe: Stripe) -> int:
        """Return how many of so many a list shows that lacks the youngest: no longer than its key is known."""
        return count - 1 if count and self.rules.stale and any(one.op == op for one, _ in stripe.keys) else count

    def known(self, customer: int) -> Hold:
        """Return the entry of a customer that was found or made."""
        return Hold((Event.CUSTOMER_KNOWN,), customer=customer)

    def request(self, runner: Runner) -> Request:
        """Return what a runner sends; what its key names, and no more."""
        book = runner.book
        match runner.at:
            case "customer":
                return Request("customer")
            case "invite":
                return Request("invite", book.customer, number=book.ask)
            case "default":
                return Request("default", book.customer, book.target, book.number)
            case _:
                return Request("cancel", book.customer, book.setup)

    def send(self, world: World, runner: Runner) -> Iterator[Step]:
        """A request may not have left yet; it arrives, or its sender waits no longer."""
        if runner.age not in (-1, world.stripe.age):
            yield Step("has too old a list", world, IDLE)
            return
        request = self.request(runner)
        for stripe, answer in arrived(world.stripe, request, self.rules):
            after, says = world._replace(stripe=stripe), f"its {request.op} arrives: {answer}"
            then = self.answered(world, runner, meaning(answer, request, self.rules))
            yield from self.told(Step(says, after, then), runner)
            if self.rules.losses:
                yield Step(f"{says}, the answer is lost", after, self.unanswered(runner), fault=True)
        if self.rules.losses:
            yield Step(f"its {request.op} is lost", world, self.unanswered(runner), fault=True)
        for net in self._left_behind(world, runner):
            says = f"waits for its {request.op} no longer"
            yield Step(says, world._replace(net=net), self.unanswered(runner), fault=True)

    def told(self, step: Step, _runner: Runner) -> Iterator[Step]:
        """What follows from an answer at once."""
        yield step

    def answered(self, world: World, runner: Runner, means: str) -> Runner:
        """Return the runner after an answer."""
        made = int(means.split()[1]) if means.startswith("made") else -1
        match runner.at, means:
            case "customer", _ if made >= 0:
                return self.hold(runner, self.known(made))
            case "invite", _ if made >= 0:
                return self.hold(runner, Hold((Event.INVITATION_OPENED,), setup=made))
            case "default", "shown":
                return runner._replace(at="check")
            case "customer", "refused":
                return self.hold(runner, Hold((Event.CREATE_REFUSED,)))
            case "invite", "refused":
                return self.hold(runner, Hold((Event.INVITE_REFUSED,)))
            case "default", "refused":
                return self.hold(runner, Hold((Event.DEFAULT_UNCERTAIN,)))
            case "cancel", _:
                return runner._replace(at="over")
            case _:
                return self.unanswered(runner)

    def unanswered(self, runner: Runner) -> Runner:
        """Return the runner whose request has no answer: what may be repeated stays where it is."""
        match runner.at:
            case "default":
                return self.hold(runner, Hold((Event.DEFAULT_UNCERTAIN,)))
            case "cancel":
                return runner._replace(at="over")
            case _:
                return IDLE

    # --- reads ------------------------------------------------------------------------------------------------------

    def peek(self, world: World, runner: Runner) -> Iterator[Step]:
        """``follow``: the invitation and its method, as they are now."""
        standing = stands(world.stripe.setups[runner.book.setup], self.rules)
        yield Step(f"reads: {standing}", world, self.seen(runner, standing))

    def seen(self, runner: Runner, standing: Standing) -> Runner:
        """Return what follows from where the invitation of an invited payer stands."""
        event = CONCLUDES.get(standing)
        paid = self.rules.pays and standing in (Standing.SAVED, Standing.PAID_AND_GONE)
        return IDLE if event is None else self.hold(runner, Hold((event,), paid=paid))

    def again(self, world: World, runner: Runner) -> Iterator[Step]:
        """What was saved for this payer by another invitation is seen on the list."""
        found = newest(world.stripe.setups, runner.book.customer, self.rules)
        then = IDLE if found < 0 else self.hold(runner, Hold((Event.METHOD_SAVED,), paid=self.rules.pays))
        yield Step(f"lists what was saved: {found}", world, then)

    def offers(self, world: World, runner: Runner) -> Iterator[Step]:
        """``offers``: before a first payment is asked for, the list of those that were; the oldest open one is taken.

        What is made has a number in its key that is how many have ended: two ledgers that see the same make one.
        """
        every = world.stripe.setups
        for count in {len(every), self.shown(len(every), "invite", world.stripe)}:
            found = [(place, one) for place, one in enumerate(every[:count]) if self.is_offer(runner, one)]
            then = self.offered(runner._replace(age=world.stripe.age), found)
            yield Step(f"lists {len(found)} invitations", world, then, fault=count < len(every))
        if self.rules.losses:
            yield Step("cannot list", world, IDLE, fault=True)

    def is_offer(self, runner: Runner, one: Setup) -> bool:
        """Tell whether an invitation is a first payment of this payer."""
        return one.customer == runner.book.customer and not one.foreign

    def offered(self, runner: Runner, found: list[tuple[int, Setup]]) -> Runner:
        """Return what follows from the first payments that a list shows."""
        standing = {place: stands(one, self.rules) for place, one in found}
        for where in standing.values():
            if where in (Standing.SAVED, Standing.PAID_AND_GONE):
                return self.hold(runner, Hold((CONCLUDES[where],), paid=True))
        for place, where in standing.items():
            if where in (Standing.OPEN, Standing.PROCESSING):
                return self.hold(runner, Hold((Event.INVITE_STARTED, Event.INVITATION_OPENED), setup=place))
        return self.hold(runner, Hold((Event.INVITE_STARTED,), ask=len(standing)))

    def choose(self, world: World, runner: Runner) -> Iterator[Step]:
        """``choose``: the newest saved of this customer is to be the default."""
        found = newest(world.stripe.setups, runner.book.customer, self.rules)
        then = self.gone(runner) if found < 0 else Hold((Event.DEFAULT_STARTED,), target=self.chosen(runner, found))
        yield Step(f"lists what was saved: {found}", world, self.hold(runner, then))

    def chosen(self, _runner: Runner, found: int) -> int:
        """Return whose method becomes the default."""
        return found

    def gone(self, runner: Runner) -> Hold:
        """Return what is written when nothing is saved any more."""
        return Hold((gone(paid=runner.book.paid),))

    def check(self, world: World, runner: Runner) -> Iterator[Step]:
        """``confirmed``: after the write, is the newest still the one that was written?"""
        found = newest(world.stripe.setups, runner.book.customer, self.rules)
        same = runner._replace(at="look") if found == runner.book.target else None
        held = self.gone(runner) if found < 0 else Hold((Event.DEFAULT_UNCERTAIN,))
        yield Step(f"lists what was saved: {found}", world, same or self.hold(runner, held))

    def look(self, world: World, runner: Runner) -> Iterator[Step]:
        """``confirmed``: and is it the customer's default?"""
        default = world.stripe.defaults[runner.book.customer]
        same = default == runner.book.target
        held = Hold((Event.DEFAULT_SET if same else Event.DEFAULT_UNCERTAIN,))
        yield Step(f"reads the default: {default}", world, self.hold(runner, held))

    def over(self, world: World, runner: Runner) -> Iterator[Step]:
        """``fence``: whatever was answered, the read decides."""
        standing = stands(world.stripe.setups[runner.book.setup], self.rules)
        event = {
            Standing.OVER: Event.INVITATION_OVER,
            Standing.SAVED: Event.METHOD_SAVED,
            Standing.OPEN: None,
        }.get(standing, Event.CANCEL_REFUSED)
        paid = self.rules.pays and standing is Standing.SAVED
        then = IDLE if event is None else self.hold(runner, Hold((event,), paid=paid))
        yield Step(f"reads: {standing}", world, then)

    # --- the ledger -------------------------------------------------------------------------------------------------

    def hold(self, runner: Runner, held: Hold) -> Runner:
        """Return the runner with an outcome in hand; one that is lost already (the row moved) counts as idle."""
        holding = Runner("write", runner.fresh, runner.book, held, runner.age)
        return holding if runner.fresh else self.outdated(holding)

    def now(self, world: World, held: Hold) -> Step:
        """Return the write of a runner that decides on the row of this moment."""
        return self.written(world, Runner("write", True, world.book, held))

    def write(self, world: World, runner: Runner) -> Iterator[Step]:
        """Write what is in hand."""
        yield self.written(world, runner)

    def written(self, world: World, runner: Runner) -> Step:
        """``Ledger.record``: one commit, or a lost race, after which the runner starts again from what it finds."""
        names = " + ".join(runner.hold.events)
        after = self.record(world.book, runner)
        if after is None:
            return Step(f"would write {names}, but the item has moved", world, IDLE)
        used = tuple(sorted({*world.used, after.customer} - {-1}))
        over = after.state in PAYER_LIFE.final and world.book.state not in PAYER_LIFE.final
        then = Runner(_SENT[after.state], book=after, age=runner.age) if after.state in _SENT else IDLE
        moved = world._replace(book=after, used=used, unfinished=world.unfinished - over)
        return Step(f"writes {names}: {after.state}", moved, then, wrote=True)

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Return the row after what the runner holds is written, or None for a lost race."""
        held = runner.hold
        state = State(book.state) if book.state != CRASHED else None
        if state is None or (not runner.fresh and not PAYER_LIFE.is_sighting(state, held.events[0])):
            return None
        customer, attempt = book.customer if held.customer is None else held.customer, book.attempt
        for event in held.events:
            try:
                edge = PAYER_LIFE.advance(state, event)
            except ImpossibleTransition:
                return book._replace(state=CRASHED)
            if book.customer not in (-1, customer) or not edge.object.allows(None if customer < 0 else "cus_1"):
                return book._replace(state=CRASHED)
            self.rows.add((state, event))
            attempt += edge.attempt
            state = State(edge.to)
        setup = held.setup if held.setup is not None else -1 if attempt != book.attempt else book.setup
        grown = min(book.number + 1, NUMBERS) if Event.DEFAULT_STARTED in held.events else book.number
        return book._replace(
            state=state,
            customer=customer,
            setup=setup,
            held=tuple(sorted({*book.held, setup} - {-1})),
            attempt=attempt,
            ask=book.ask if held.ask is None else held.ask,
            target=book.target if held.target is None else held.target,
            number=grown,
            paid=book.paid or held.paid,
        )

    def _left_behind(self, world: World, runner: Runner) -> Iterator[tuple[Request, ...]]:
        """Yield the network with the runner's request still on its way, if there is room and one may be under way."""
        allowed = self.rules.late if runner.at == "default" else self.rules.delays
        if runner.at in SENDS and allowed and len(world.net) < self.rules.delayed:
            yield tuple(sorted((*world.net, self.request(runner))))


_READS = {State.SAVED: "choose", State.CANCELLING: "cancel", State.PARKED: "again"}
_SENT = {State.INVITING: "invite", State.DEFAULTING: "default", State.CANCELLING: "cancel"}
