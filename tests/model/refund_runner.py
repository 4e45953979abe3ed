"""The refund's runner: what the shipped flow does next, from whatever it holds. Each step is a commit, send or read."""

from collections.abc import Iterator
from typing import NamedTuple

from billing.core.kinds.refund import CONCLUDES, REFUND_LIFE, Event, State, ends
from billing.core.life import ImpossibleTransition
from billing.core.objects.refund import Standing
from tests.model.refund_stripe import Rules, Stripe, alone, arrived, listed, meaning, stands

CRASHED = "crashed"
# In place of a state: the program tried to write what the table refuses.
NUMBERS = 1
# How often the number of a key may grow.
CONTRADICTED_BY_A_LOOK = ("charge_already_refunded", "charge_disputed")
# Refusals whose reason a look must show, or they are not believed.

Row = tuple[State, Event]


class Book(NamedTuple):
    """The row: the state, whether a refund is on record, and the facts that decide something.

    Attributes:
        loose: a send of ours has no answer.
        spent: the key would only replay what is stored under it.
        number: of the key.
        misnamed: it was called failed although others had given back all of it.
    """

    state: str = State.PLANNED
    seen: bool = False
    loose: bool = False
    spent: bool = False
    number: int = 0
    misnamed: bool = False


class Hold(NamedTuple):
    """What a runner is about to write: events of one commit, and the facts with them; None leaves one as it is."""

    events: tuple[Event, ...] = ()
    seen: bool = False
    loose: bool = False
    spent: bool | None = None
    number: int | None = None
    misnamed: bool = False


class World(NamedTuple):
    """What everybody shares; ``net`` are the keys of requests on their way whose sender waits no longer."""

    book: Book = Book()
    stripe: Stripe = Stripe()
    net: tuple[int, ...] = ()
    broken: str = ""


class Runner(NamedTuple):
    """One runner between two steps.

    Attributes:
        at: ``idle`` (also: dead), ``check`` (the charge is read next), ``look`` (list and charge), ``send`` (the
            refund may be under way), ``refused`` (the look after a refusal), ``write`` (an outcome, not yet durable).
        fresh: nobody wrote since it last saw the row.
        book: the row as it saw it.
        hold: what it is about to write.
        answer: the refusal that a look must bear out.
    """

    at: str = "idle"
    fresh: bool = True
    book: Book = Book()
    hold: Hold = Hold()
    answer: str = ""


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
    amount = 0

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.rows: set[Row] = set()

    # --- what the explorer asks -----------------------------------------------------------------------------------

    def start(self) -> tuple[World, Runner]:
        """Return the beginning: planned, nothing sent, runners idle."""
        return World(stripe=Stripe(refunds=("fS1",) if self.rules.before else ())), IDLE

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        book, stripe = world.book, world.stripe
        if stripe.standing("o") > self.rules.approved:
            return "beyond"
        if book.state in (State.FAILED, State.MOOT, State.SKIPPED) and stripe.standing("o"):
            return "hidden"
        if book.misnamed:
            return "misnamed"
        ours = [one for one in stripe.refunds if one[0] == "o"]
        if book.state in (State.SUCCEEDED, State.UNSETTLED) and not ours:
            return "false"
        if book.state == State.SETTLED and not stripe.standing("o"):
            return "false"
        return world.broken or ("impossible" if book.state == CRASHED else None)

    def ended(self, world: World) -> bool:
        """Tell whether the item is where it may stay: what succeeded must lead on, for banks may return it."""
        return world.book.state in REFUND_LIFE.final or world.book.state == State.PARKED

    def outdated(self, runner: Runner) -> Runner:
        """Return a runner after somebody else wrote. What it holds is lost then, unless it reports a sighting."""
        if runner.at == "write" and not all(_sighting(event) for event in runner.hold.events):
            return IDLE
        return runner._replace(fresh=False) if runner.at != "idle" else runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner: late arrivals, banks, the payer, the Dashboard, time."""
        for place, number in enumerate(world.net):
            net = (*world.net[:place], *world.net[place + 1 :])
            for stripe, answer in arrived(world.stripe, number, self.rules, self.amount):
                says = f"a refund sent earlier arrives: {answer}"
                yield Step(says, world._replace(stripe=stripe, net=net), fault=True)
        for says, stripe, fault in alone(world.stripe, self.rules):
            yield Step(says, world._replace(stripe=stripe), fault=fault)

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Yield what a runner may do next, its death included."""
        match runner.at:
            case "idle":
                yield from self.idle(world)
            case "check":
                yield from self.check(world, runner)
            case "send":
                yield from self.send(world, runner)
            case "write":
                yield self.written(world, runner)
            case _:
                yield from self.look(world, runner)
        if self.rules.kills and runner.at != "idle":
            yield Step("is killed", world, IDLE, fault=True)
            for net in self._left_behind(world, runner):
                yield Step("is killed, its request still on its way", world._replace(net=net), IDLE, fault=True)

    # --- flow.kinds.refund.steps: the state on record decides ---------------------------------------------------------

    def idle(self, world: World) -> Iterator[Step]:
        """``flow.engine.flow.carry``: take the item up from what the ledger shows."""
        book = world.book
        match book.state:
            case State.PLANNED:
                yield self.now(world, Hold((Event.ITEM_SKIPPED,)))
                yield Step("is about to read the charge", world, Runner("check", book=book))
            case State.REFUNDING:
                yield self.now(world, self.lost(kill=True))
            case State.UNREFUNDED:
                yield self.now(world, self.end(book, Event.GIVEN_UP))
            case State.READY:
                yield Step("is about to list", world, Runner("look", book=book))
                yield self.now(world, self.end(book, Event.REFUND_REFUSED, Event.GIVEN_UP))
            case State.UNKNOWN | State.PARKED | State.UNSETTLED | State.SUCCEEDED:
                yield Step("is about to list", world, Runner("look", book=book))

    def lost(self, *, kill: bool = False, answered: bool = False, stored: bool = False) -> Hold:
        """Return the entry of a refund whose answer says nothing for certain, or never came."""
        return Hold((Event.REFUND_LOST,), loose=not answered, spent=stored or None)

    def end(self, book: Book, *events: Event) -> Hold:
        """Return the entries of an item of which nothing stands."""
        return Hold(ends(events, loose=book.loose))

    def check(self, world: World, runner: Runner) -> Iterator[Step]:
        """``check``: before the first send one read of the charge; a list only where somebody has refunded before."""
        if self.rules.losses:
            yield Step("cannot read the charge", world, IDLE, fault=True)
        if world.stripe.dispute == "o":
            yield Step("reads the charge: disputed", world, self.hold(runner, Hold((Event.ITEM_SKIPPED,))))
        elif world.stripe.refunded(self.rules) == 0:
            yield Step("reads the charge: untouched", world, self.hold(runner, self.started(runner.book)))
        else:
            yield Step("reads the charge: refunded", world, runner._replace(at="look"))

    def started(self, book: Book) -> Hold:
        """``refund_started``: the key is the line's own; its number grows only when the last one is spent."""
        number = min(book.number + 1, NUMBERS) if book.spent else book.number
        return Hold((Event.REFUND_STARTED,), spent=False, number=number)

    # --- the request that counts ------------------------------------------------------------------------------------

    def send(self, world: World, runner: Runner) -> Iterator[Step]:
        """``_send``: it may not have left yet; it arrives, or its sender waits no longer."""
        for stripe, answer in arrived(world.stripe, runner.book.number, self.rules, self.amount):
            after, says = world._replace(stripe=stripe), f"its refund arrives: {answer}"
            yield Step(says, after, self.answered(runner, answer))
            if self.rules.losses:
                yield Step(f"{says}, the answer is lost", after, self.hold(runner, self.lost()), fault=True)
        if self.rules.losses:
            yield Step("its refund is lost", world, self.hold(runner, self.lost()), fault=True)
            unsent = self.hold(runner, Hold((Event.REFUND_UNSENT,)))
            yield Step("a limiter says no to its refund", world, unsent, fault=True)
        for net in self._left_behind(world, runner):
            says = "waits for its refund no longer"
            yield Step(says, world._replace(net=net), self.hold(runner, self.lost()), fault=True)

    def answered(self, runner: Runner, answer: str) -> Runner:
        """Return the runner after an answer."""
        match meaning(answer, self.rules.approved):
            case "succeeded":
                return self.hold(runner, Hold((Event.REFUND_SUCCEEDED,), seen=True))
            case "pending":
                return self.hold(runner, Hold((Event.REFUND_PENDING,), seen=True))
            case "contradicts":
                return self.hold(runner, Hold((Event.REFUND_LOST, Event.LEFT_IN_DOUBT)))
            case "look":
                return runner._replace(at="refused", answer=answer)
            case means:
                return self.hold(runner, self.lost(stored=means == "stored"))

    # --- the look ---------------------------------------------------------------------------------------------------

    def look(self, world: World, runner: Runner) -> Iterator[Step]:
        """``look``: list, then read the charge. The list may be older than the charge, never the other way round."""
        refunded, disputed = world.stripe.refunded(self.rules), world.stripe.dispute == "o"
        for shown, stale in listed(world.stripe, self.rules):
            standing, which = self.stands(shown, refunded)
            says = f"lists {' '.join(shown) or 'nothing'}{' (no longer true)' * stale}: {standing}"
            for then in self.concluded(runner, standing, which, disputed):
                yield Step(says, world, then, fault=stale)
        if self.rules.losses:
            unread = self.hold(runner, self.lost(answered=True)) if runner.at == "refused" else IDLE
            yield Step("cannot list", world, unread, fault=True)

    def stands(self, shown: tuple[str, ...], refunded: int) -> tuple[Standing, str]:
        """Return what a list and the charge show together."""
        return stands(shown, refunded, self.rules)

    def concluded(self, runner: Runner, standing: Standing, which: str, disputed: bool) -> Iterator[Runner]:
        """Return what follows from where the refund stands, by the state that asked."""
        state = State.REFUNDING if runner.at == "refused" else State(runner.book.state)
        if standing in (Standing.SUCCEEDED, Standing.PENDING):
            yield self.sighted(runner, state, standing, which)
        elif state == State.PARKED:
            yield IDLE
        elif standing is Standing.UNSURE:
            yield self.hold(runner, self.lost(answered=True)) if state == State.REFUNDING else IDLE
        elif standing is Standing.UNTOUCHED:
            yield self.untouched(runner, state, disputed)
        elif state == State.PLANNED and standing is not Standing.RETURNED:
            yield self.hold(runner, Hold((Event.ITEM_SKIPPED,)))
        elif (state, CONCLUDES[standing][0]) in REFUND_LIFE.edges or state == State.PLANNED:
            yield self.ended_by(runner, state, standing)
        else:
            yield IDLE

    def sighted(self, runner: Runner, state: State, standing: Standing, which: str) -> Runner:
        """Return the runner that has seen a refund of ours: as approved, or with another amount."""
        event = CONCLUDES[standing][0]
        first = (Event.REFUND_STARTED,) if state == State.PLANNED else ()
        if int(which[2]) != self.rules.approved:
            lost = {State.PLANNED: (Event.REFUND_LOST,), State.REFUNDING: (Event.REFUND_LOST,)}.get(state, ())
            return self.hold(runner, Hold((*first, *lost, Event.LEFT_IN_DOUBT))) if state != State.PARKED else IDLE
        if state == State.SUCCEEDED and which[1] == "T":
            return self.hold(runner, Hold((Event.RETURN_PERIOD_OVER,), seen=True))
        if (state, event) in REFUND_LIFE.edges or first:
            return self.hold(runner, Hold((*first, event), seen=True))
        return IDLE

    def untouched(self, runner: Runner, state: State, disputed: bool) -> Runner:
        """Return what a charge of which nobody has given back anything leads to."""
        if state == State.REFUNDING:
            return self.believed(runner, disputed)
        if disputed:
            skip = state == State.PLANNED
            ended = Hold((Event.ITEM_SKIPPED,)) if skip else self.end(runner.book, Event.REFUND_REFUSED, Event.GIVEN_UP)
            return self.hold(runner, ended) if state in (State.PLANNED, State.READY, State.UNKNOWN) else IDLE
        if state == State.UNKNOWN:
            return self.hold(runner, Hold((Event.REFUND_ABSENT,)))
        return self.hold(runner, self.started(runner.book)) if state in (State.PLANNED, State.READY) else IDLE

    def believed(self, runner: Runner, disputed: bool) -> Runner:
        """Return what a refusal means of an untouched charge: the truth, if nothing else explains it."""
        replayed, answer = runner.answer.startswith("replayed "), runner.answer.removeprefix("replayed ")
        if disputed or (not replayed and answer not in CONTRADICTED_BY_A_LOOK and not answer.startswith("ok")):
            return self.hold(runner, self.end(runner.book, Event.REFUND_REFUSED, Event.GIVEN_UP))
        return self.hold(runner, self.lost(answered=True, stored=replayed))

    def ended_by(self, runner: Runner, state: State, standing: Standing) -> Runner:
        """Return the runner that writes how an item ends of which nothing of ours stands."""
        first = (Event.REFUND_STARTED,) if state == State.PLANNED else ()
        end = self.end(runner.book, *first, *self.concludes(standing))
        misnamed = standing is Standing.NOTHING_LEFT and Event.GIVEN_UP in end.events
        return self.hold(runner, end._replace(seen=standing is Standing.RETURNED, misnamed=misnamed))

    def concludes(self, standing: Standing) -> tuple[Event, ...]:
        """Return what is written of an item of which nothing of ours stands."""
        return CONCLUDES[standing]

    # --- the ledger -------------------------------------------------------------------------------------------------

    def hold(self, runner: Runner, held: Hold) -> Runner:
        """Return the runner with an outcome in hand; one that is lost already (the row moved) counts as idle."""
        holding = Runner("write", runner.fresh, runner.book, held)
        return holding if runner.fresh else self.outdated(holding)

    def now(self, world: World, held: Hold) -> Step:
        """Return the write of a runner that decides on the row of this moment."""
        return self.written(world, Runner("write", True, world.book, held))

    def written(self, world: World, runner: Runner) -> Step:
        """``Ledger.record``: one commit, or a lost race, after which the runner starts again from what it finds."""
        names = " + ".join(runner.hold.events)
        after = self.record(world.book, runner)
        if after is None:
            return Step(f"would write {names}, but the item has moved", world, IDLE)
        then = Runner("send", book=after) if after.state == State.REFUNDING else IDLE
        return Step(f"writes {names}: {after.state}", world._replace(book=after), then, wrote=True)

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Return the row after what the runner holds is written, or None for a lost race."""
        held = runner.hold
        if not runner.fresh and not _all_sightings(book, held.events):
            return None
        state, seen = State(book.state), book.seen
        for event in held.events:
            try:
                edge = REFUND_LIFE.advance(state, event)
            except ImpossibleTransition:
                return book._replace(state=CRASHED)
            seen = seen or (held.seen and (edge.sighting or event is Event.REFUND_RETURNED))
            if not edge.object.allows("re_1" if seen else None):
                return book._replace(state=CRASHED)
            self.rows.add((state, event))
            state = State(edge.to)
        return book._replace(
            state=state,
            seen=seen,
            loose=book.loose or held.loose,
            spent=book.spent if held.spent is None else held.spent,
            number=book.number if held.number is None else held.number,
            misnamed=held.misnamed,
        )

    def _left_behind(self, world: World, runner: Runner) -> Iterator[tuple[int, ...]]:
        """Yield the network with the runner's request still on its way, if there is room and one may be under way."""
        if self.rules.delays and runner.at == "send" and len(world.net) < self.rules.delayed:
            yield tuple(sorted((*world.net, runner.book.number)))


_SIGHTINGS = frozenset(event for (_, event), edge in REFUND_LIFE.edges.items() if edge.sighting)


def _sighting(event: Event) -> bool:
    return event in _SIGHTINGS


def _all_sightings(book: Book, events: tuple[Event, ...]) -> bool:
    state = State(book.state) if book.state != CRASHED else None
    for event in events:
        if state is None or not REFUND_LIFE.is_sighting(state, event):
            return False
        state = State(REFUND_LIFE.advance(state, event).to)
    return bool(events)
