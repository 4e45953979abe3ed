"""What several workers do: each step is one commit, one request, one look at the queue, or a blow."""

from collections.abc import Iterator
from itertools import product

from tests.model import parts
from tests.model.book import Book, Row
from tests.model.lease_item import Carried
from tests.model.lease_parts import (
    DONE,
    FINISHED,
    IDS,
    OFF,
    PAUSING,
    RUNNING,
    STOPPED,
    WAITING,
    Process,
    Rules,
    Session,
    Step,
    World,
    idle,
    put,
)
from tests.model.provider import OPENED, Stripe

READY = parts.World(Book("ready", attempt=1, intent=1, clone=1), Stripe((OPENED,), ((),)))
OPEN, GHOST, CUT = "open", "ghost", "cut"


class Shipped:
    """This repository's workers.

    Attributes:
        rules: the setting.
        flow: how one carries an item.
    """

    name = "shipped"
    carried: type[Carried] = Carried

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.flow = self.carried(rules.item)

    @property
    def rows(self) -> set[Row]:
        """Return the rows of the shipped table that a walk has used so far."""
        return self.flow.rows

    # --- what the explorer asks -----------------------------------------------------------------------------------

    def start(self) -> tuple[World, Process]:
        """Return the beginning: a run that is planned and submitted, and nobody at work."""
        items = (parts.World() if self.rules.whole else READY,) * self.rules.items
        return World(items, pauses=self.rules.pauses), OFF

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        return world.broken or next(filter(None, map(self.flow.verdict, world.items)), None)

    def ended(self, world: World) -> bool:
        """Tell whether nothing more needs to happen."""
        return world.run == FINISHED

    def outdated(self, runner: Process) -> Process:
        """Return a process as it is: what it does not know stands with its session."""
        return runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a worker: late arrivals, time, the operator, and the database's own troubles."""
        for place, item in enumerate(world.items):
            for step in self.flow.alone(item):
                yield Step(step.says, _with_item(world, place, step.world), fault=step.fault)
        for number, session in enumerate(world.sessions):
            if session and session.at == GHOST:
                yield from self.ghost(world, number, session)
            if session and session.at == OPEN and self.rules.cuts:
                after = self.cut(world, number)
                yield Step(f"the backend of worker {session.who} is ended", after, fault=True)
        if world.pauses and world.run == RUNNING:
            yield Step("the operator pauses", world._replace(run=PAUSING, pauses=world.pauses - 1), fault=True)
        if world.run == STOPPED:
            yield Step("the operator resumes", world._replace(run=RUNNING))

    def ghost(self, world: World, number: int, session: Session) -> Iterator[Step]:
        """Yield what becomes of a session whose process is gone: its last commit lands, or it ends without."""
        gone = world._replace(sessions=put(world.sessions, number, None))
        yield Step(f"the old session of worker {session.who} ends", gone)
        if session.pending:
            place, hand = session.pending
            after = self.committed(world, number, place, hand)
            if after:
                landed = after._replace(sessions=put(after.sessions, number, None))
                yield Step(f"what worker {session.who} was committing lands", landed, fault=True)

    def steps(self, world: World, runner: Process) -> Iterator[Step]:
        """Yield what a process may do next, its death included."""
        if runner.frozen:
            awake = runner._replace(frozen=False)
            yield Step("wakes", world._replace(frozen=""), awake, fault=True)
        elif runner.at == "off":
            yield from self.begin(world)
        elif world.sessions[runner.session].at == CUT:
            yield from self.lose(world, runner, "learns that its connection is gone")
            yield from self.requests(world, runner)
        else:
            yield from self.up(world, runner) if runner.at == "up" else self.busy(world, runner)
        if runner.at != "off":
            yield from self.blows(world, runner)

    def blows(self, world: World, runner: Process) -> Iterator[Step]:
        """Yield the death of a process, and its freezing."""
        if self.rules.kills:
            awake = world._replace(frozen="") if runner.frozen else world
            yield from self.gone(awake, runner, "is killed")
        if self.rules.freezes and not world.frozen and not runner.frozen:
            yield Step("is frozen", world._replace(frozen=runner.who), runner._replace(frozen=True), fault=True)

    # --- coming and going -------------------------------------------------------------------------------------------

    def begin(self, world: World) -> Iterator[Step]:
        """Start, or start again, under a worker id that nobody holds: the lock comes before everything else."""
        for who in IDS[: self.rules.ids]:
            if not self.rules.locks or self.free(world, who):
                number = world.sessions.index(None)
                session = Session(who)
                up = Process("up", who, number)
                yield Step(f"begins as worker {who}", world._replace(sessions=put(world.sessions, number, session)), up)

    def free(self, world: World, who: str) -> bool:
        """Tell whether nobody holds a worker id, as the database sees it."""
        return not any(session and session.who == who and session.at != CUT for session in world.sessions)

    def cut(self, world: World, number: int) -> World:
        """Return the world after a backend was ended; its process does not know."""
        session = world.sessions[number]
        assert session
        after = None if session.at == GHOST else Session(session.who, CUT)
        return world._replace(sessions=put(world.sessions, number, after))

    def gone(self, world: World, runner: Process, says: str, *, fault: bool = True) -> Iterator[Step]:
        """Yield the end of a process: its requests may still be on their way, and its session may outlive it."""
        session = world.sessions[runner.session]
        assert session
        nets = [self.flow.left_behind(world.items[at], hand) for at, hand in enumerate(runner.hands)]
        ghosts = [session.at == OPEN and other for other in self._outlives(world, runner, session)]
        for left, after in product(product(*nets), (None, *filter(None, ghosts))):
            items = tuple(item._replace(net=net) for item, net in zip(world.items, left, strict=False)) or world.items
            sessions = put(world.sessions, runner.session, after)
            yield Step(says, world._replace(items=items, sessions=sessions), OFF, fault=fault)

    def _outlives(self, world: World, runner: Process, session: Session) -> Iterator[Session]:
        """Yield how a session may outlive its process: idle, or with a commit under way."""
        if not self.rules.ghosts or any(other and other.at == GHOST for other in world.sessions):
            return
        yield Session(session.who, GHOST)
        for place, hand in enumerate(runner.hands):
            if hand.at == "write":
                yield session._replace(at=GHOST, pending=(place, hand))

    def lose(self, world: World, runner: Process, says: str) -> Iterator[Step]:
        """Yield what a process does that has lost its connection: what it remembers is dropped, and it begins anew."""
        yield from self.gone(world, runner, says, fault=False)

    # --- the queue --------------------------------------------------------------------------------------------------

    def up(self, world: World, runner: Process) -> Iterator[Step]:
        """Claim the shard, put back what a dead worker left, and note what is over."""
        if world.shard == WAITING and world.run == RUNNING:
            yield self.claim(world._replace(shard=runner.who), runner, "claims the shard")
        elif world.shard == runner.who:
            yield self.claim(world, runner, "goes on with the shard that its id has pending")
        elif world.shard in IDS:
            yield from self.watch(world, runner)
        yield from self.note(world, runner)

    def claim(self, world: World, runner: Process, says: str) -> Step:
        """Load the shard, as its rows are now."""
        session = world.sessions[runner.session]
        assert session
        loaded = session._replace(moved=(False,) * len(world.items))
        hands = tuple(idle(item.book) for item in world.items)
        sessions = put(world.sessions, runner.session, loaded)
        return Step(says, world._replace(sessions=sessions), runner._replace(at="busy", hands=hands))

    def watch(self, world: World, runner: Process) -> Iterator[Step]:
        """The watchdog: who holds no lock is dead; whose heart does not beat is made so; then its shard is put back."""
        dead = world.shard
        if self.free(world, dead):
            yield Step(f"finds worker {dead} dead, puts its shard back", world._replace(shard=WAITING), runner)
        elif world.frozen == dead or self.rules.early:
            says = f"calls worker {dead} dead, ends its backends, puts its shard back"
            yield Step(says, self.ended_by(world, dead), runner, fault=world.frozen != dead)

    def ended_by(self, world: World, dead: str) -> World:
        """Return the world after a worker's backends were ended and its shard was put back."""
        for number, session in enumerate(world.sessions):
            if self.rules.locks and session and session.who == dead and session.at != CUT:
                world = self.cut(world, number)
        return world._replace(shard=WAITING)

    def note(self, world: World, runner: Process) -> Iterator[Step]:
        """Note that a run is stopped, once nobody has anything of it in hand."""
        if world.run == PAUSING and world.shard in (WAITING, DONE):
            yield Step("notes that the run is stopped", world._replace(run=STOPPED), runner)

    def over(self, world: World) -> bool:
        """Tell whether nothing of the run is open, by its rows."""
        return all(self.flow.over(item.book) for item in world.items)

    def noted(self, world: World) -> World:
        """Return the world after the end of the run was noted."""
        if world.run == FINISHED:
            return world._replace(broken="twice")
        return world._replace(run=FINISHED, broken="" if self.over(world) else "early")

    # --- the shard --------------------------------------------------------------------------------------------------

    def busy(self, world: World, runner: Process) -> Iterator[Step]:
        """Carry out the shard; when nothing is in hand, it may be over, or the run be pausing."""
        yield from self.requests(world, runner)
        for place, hand in enumerate(runner.hands):
            if hand.at == "write":
                yield from self.write(world, runner, place)
        if any(hand.at != "idle" for hand in runner.hands):
            return
        if all(self.flow.over(hand.seen) for hand in runner.hands):
            yield self.conclude(world, runner)
        elif world.run == PAUSING:
            yield self.leave(world, runner, WAITING, "has drained the shard")

    def conclude(self, world: World, runner: Process) -> Step:
        """``finish_if_over``, under the lock of the run's row, and only then the shard is done: it may come again."""
        if world.run == FINISHED:
            return self.leave(world, runner, DONE, "is done with the shard")
        if self.over(world):
            return Step("notes that the run is over", self.noted(world), runner)
        return self.claim(world, runner, "looks at the rows again")

    def leave(self, world: World, runner: Process, shard: str, says: str) -> Step:
        """Leave the shard, with nothing remembered of it; what is another's stays so."""
        shard = shard if world.shard == runner.who else world.shard
        session = world.sessions[runner.session]
        assert session
        sessions = put(world.sessions, runner.session, session._replace(moved=(), outlived=False))
        return Step(says, world._replace(shard=shard, sessions=sessions), Process("up", runner.who, runner.session))

    def requests(self, world: World, runner: Process) -> Iterator[Step]:
        """Yield what needs no connection to the database: decisions, requests, reads of the provider."""
        for place, hand in enumerate(runner.hands):
            if hand.at == "write" or (hand.at == "idle" and self.flow.over(hand.seen)):
                continue
            for step in self.flow.next_of(world.items[place], hand):
                after = _with_item(world, place, step.world)
                yield Step(
                    _of(place, step.says, world), after, _with_hand(runner, place, step.runner), fault=step.fault
                )

    def write(self, world: World, runner: Process, place: int) -> Iterator[Step]:
        """``Committer.commit``: durable, or refused; or the connection breaks, and nobody knows."""
        session, hand = world.sessions[runner.session], runner.hands[place]
        assert session
        names = _of(place, " + ".join(str(move[0]) for move in hand.hold), world)
        after = self.committed(world, runner.session, place, hand)
        if after is None and session.overtaken:
            yield from self.lose(world, runner, f"would write {names}, but its chain has moved")
            return
        if after is None:
            seen = world.items[place].book
            moved = put(session.moved, place, False)
            sessions = put(world.sessions, runner.session, session._replace(moved=moved))
            read = _with_hand(runner, place, idle(seen))
            yield Step(f"would write {names}, but the row has moved", world._replace(sessions=sessions), read)
            return
        then = self.flow.after_flush(after.items[place], hand)
        yield Step(f"writes {names}: {after.items[place].book.state}", after, _with_hand(runner, place, then))
        if self.rules.cuts:
            yield from self.unknown(world, after, runner, place)

    def unknown(self, world: World, after: World, runner: Process, place: int) -> Iterator[Step]:
        """Yield a commit whose answer is lost with the connection: it is durable, or it is not."""
        for durable, was in ((True, after), (False, world)):
            says = f"commits, the connection breaks, it is {'durable' if durable else 'lost'}"
            cut = self.cut(was, runner.session)
            for step in self.lose(cut, runner, says):
                yield step._replace(fault=True)

    def committed(self, world: World, number: int, place: int, hand: parts.Runner) -> World | None:
        """Return the world after a session's commit; None where the chain or the row has moved."""
        session = world.sessions[number]
        assert session
        if session.overtaken and not self.forks():
            return None
        item = self.flow.flushed(world.items[place], hand, moved=session.moved[place])
        if item is None:
            return None
        broken = "forked" if session.overtaken else "fenced" if session.outlived else world.broken
        others = (
            self._told(other, session, place) if at != number else other for at, other in enumerate(world.sessions)
        )
        mine = session._replace(moved=put(session.moved, place, False))
        sessions = put(tuple(others), number, mine)
        return _with_item(world, place, item)._replace(sessions=sessions, broken=broken)

    def forks(self) -> bool:
        """Tell whether an entry is appended to a chain that has moved."""
        return False

    def _told(self, other: Session | None, writer: Session, place: int) -> Session | None:
        """Return another session after a commit: its row has moved, and its chain if that is the same."""
        if other is None or other.at == CUT or (other.at == GHOST and not other.pending):
            return other
        moved = put(other.moved, place, True) if other.moved else ()
        return other._replace(moved=moved, overtaken=other.overtaken or other.who == writer.who)


def _with_item(world: World, place: int, item: parts.World) -> World:
    return world._replace(items=put(world.items, place, item))


def _with_hand(runner: Process, place: int, hand: parts.Runner) -> Process:
    return runner._replace(hands=put(runner.hands, place, hand))


def _of(place: int, says: str, world: World) -> str:
    return f"item {place + 1}: {says}" if len(world.items) > 1 else says
