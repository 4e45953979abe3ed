"""The runner's side: what the shipped flow does next, from whatever it holds. Each step is one commit, send or read."""

from collections.abc import Iterator

from billing.core.entries import Note
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from tests.model import book as ledger
from tests.model.book import Book, Row, Write, write
from tests.model.parts import IDLE, LOST, SIGHTED, SIGHTINGS, Net, Runner, Step, World
from tests.model.provider import (
    CANCELLED,
    RETURNED,
    TAKEN,
    Stripe,
    answered_by_bank,
    cancelled,
    confirmed,
    listed,
    meaning,
    moved,
    opened,
    shown,
    taken_back,
)
from tests.model.rules import Rules


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
        return World(), IDLE

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        book, stripe = world.book, world.stripe
        if stripe.paid() > 1:
            return "double"
        if book.state == State.FAILED and stripe.paid():
            return "hidden"
        told = {State.SUCCEEDED: TAKEN, State.RETURNED: RETURNED[0]}.get(book.state)
        if told is not None and not (book.intent and stripe.intents[book.intent - 1][0] in told):
            return "false"
        return "impossible" if book.state == ledger.CRASHED else None

    def ended(self, world: World) -> bool:
        """Tell whether the item is where it may stay."""
        return world.book.state in CHARGE_LIFE.final or (world.book.state == State.UNPAID and not world.book.fence)

    def outdated(self, runner: Runner) -> Runner:
        """Return a runner after somebody else wrote. What it holds is lost then, unless it reports a sighting."""
        if runner.at == "write" and not SIGHTED.issuperset(runner.hold):
            return IDLE
        return runner._replace(fresh=False) if runner.at != "idle" else runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield what happens without a runner: late arrivals, the bank, the payer, the Dashboard, time."""
        for place, (what, intent, clone) in enumerate(world.net):
            net = (*world.net[:place], *world.net[place + 1 :])
            for says, stripe in self._arrivals(world.stripe, what, intent, clone):
                yield Step(says, world._replace(stripe=stripe, net=net), fault=True)
        for intent in range(1, len(world.stripe.intents) + 1):
            for says, stripe in answered_by_bank(world.stripe, intent, self.rules):
                yield Step(says, world._replace(stripe=stripe), fault=world.stripe.intents[intent - 1][0] == "A")
            for says, stripe in taken_back(world.stripe, intent, self.rules):
                yield Step(says, world._replace(stripe=stripe), fault=True)
            if self.rules.outsider and world.stripe.intents[intent - 1][0] not in f"{TAKEN}X":
                stripe = moved(world.stripe, intent, CANCELLED, self.rules)
                says = f"somebody cancels intent {intent} in the Dashboard"
                yield Step(says, world._replace(stripe=stripe), fault=True)
        if world.stripe.keys and self.rules.keys == "pruned":
            yield Step("24 hours pass, the keys are forgotten", world._replace(stripe=world.stripe._replace(keys=())))

    def _arrivals(self, stripe: Stripe, what: str, intent: int, clone: int) -> Iterator[tuple[str, Stripe]]:
        match what:
            case "open":
                for made, after in opened(stripe):
                    yield f"an open sent earlier arrives: intent {made}", after
            case "cancel":
                for after, _ in cancelled(stripe, intent, self.rules):
                    yield f"a cancel sent earlier arrives: {after.intents[intent - 1]}", after
            case _:
                for after, (how, status) in confirmed(stripe, intent, clone, self.rules):
                    yield f"a confirm (clone {clone}) sent earlier arrives: {how} {status}", after

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Yield what a runner may do next, its death included."""
        match runner.at:
            case "idle":
                yield from self.idle(world)
            case "prepare":
                yield from self.prepare(world, runner)
            case "confirm":
                yield from self.confirm(world, runner)
            case "cancel":
                yield from self.cancel(world, runner)
            case "write":
                yield self.written(world, runner)
            case _:
                yield from self.read(world, runner)
        if self.rules.kills and runner.at != "idle":
            yield Step("is killed", world, IDLE, fault=True)
            for net in self._left_behind(world, runner):
                yield Step("is killed, its request still on its way", world._replace(net=net), IDLE, fault=True)

    # --- flow.kinds.charge.steps.STEPS: the state on record decides --------------------------------------------------

    def idle(self, world: World) -> Iterator[Step]:
        """``flow.engine.flow.carry``: take the item up from what the ledger shows."""
        book = world.book
        match book.state:
            case State.PLANNED:
                yield self.now(world, write(Event.ITEM_SKIPPED))
                yield self.now(world, write(Event.PREPARE_STARTED, attempt=1))
            case State.PREPARING:
                yield from self._missing(world)
            case State.READY:
                yield self.now(world, write(Event.CONFIRM_STARTED), then="confirm")
                if self.rules.operator:
                    yield self.now(world, write(Event.CANCEL_STARTED))
            case State.CONFIRMING:
                yield self.now(world, LOST)
            case State.UNKNOWN | State.PARKED | State.UNSETTLED:
                yield Step("is about to read the intent", world, Runner("look", seen=book))
            case State.UNPAID:
                yield from self.unpaid(world)
            case State.SUCCEEDED if world.stripe.intents[book.intent - 1] == RETURNED:  # returns._concluded
                back = Runner("write", True, book, (write(Event.PAYMENT_RETURNED),))
                yield Step(f"reads a lost dispute of intent {book.intent}", world, back)
            case State.CANCELLING:
                yield Step("sends the cancel", world, Runner("cancel", seen=book))

    def _missing(self, world: World) -> Iterator[Step]:
        """``prepare.prepare``, and ``_find_or_renew``: the open's key is too old, or Stripe stored a server error."""
        book = world.book
        yield Step("sends what is missing", world, Runner("prepare", seen=book))
        for found in () if book.intent else listed(world.stripe):
            hold = (write(Note.PART_PREPARED, intent=found),)
            yield Step(f"lists the account, finds intent {found}", world, Runner("write", True, book, hold))

    def unpaid(self, world: World) -> Iterator[Step]:
        """``flow.kinds.charge.steps.after_attempt``, and what `retry` or a person asks for while the item rests."""
        book = world.book
        again = write(Event.PREPARE_STARTED, attempt=book.attempt + 1, fence=None)
        if book.fence and book.dead_clone and not book.recloned:
            yield self.now(world, (*again[:4], (("fence", None), ("recloned", True))))
            return
        yield self.now(world, write(Event.CANCEL_STARTED))
        if not book.fence and book.attempt < self.rules.attempts:
            yield self.now(world, again)

    # --- flow.prepare -----------------------------------------------------------------------------------------------

    def prepare(self, world: World, runner: Runner) -> Iterator[Step]:
        """``_send_missing``: the open first; the clone's answer touches nobody else, so it is part of the last step."""
        if runner.seen.intent or runner.then != "idle":
            intent = runner.seen.intent or int(runner.then) if runner.then != "lost" else 0
            yield from self._pair(world, runner, intent)
            return
        for intent, stripe in opened(world.stripe):
            then = runner._replace(then=str(intent))
            yield Step(f"its open arrives, intent {intent}", world._replace(stripe=stripe), then)
            if self.rules.losses:
                then = runner._replace(then="lost")
                yield Step(
                    f"its open arrives, intent {intent}, the answer is lost",
                    world._replace(stripe=stripe),
                    then,
                    fault=True,
                )
        if self.rules.losses:
            yield Step("its open is lost", world, runner._replace(then="lost"), fault=True)
        for net in self._left_behind(world, runner):
            yield Step(
                "waits for its open no longer", world._replace(net=net), runner._replace(then="lost"), fault=True
            )
        if self.rules.refusals:
            refused = self.hold(runner, write(Event.OPEN_REFUSED))
            yield Step("its open is refused", world, refused)

    def _pair(self, world: World, runner: Runner, intent: int) -> Iterator[Step]:
        """``_settle_pair``: what the two answers mean together. ``intent`` 0: the open's answer is lost."""
        seen = runner.seen
        clone = seen.clone or seen.attempt
        new_intent = 0 if intent == seen.intent else intent
        new_clone = 0 if seen.clone else clone
        if intent:
            both = write(Event.PREPARED, intent=intent, clone=clone)
            with_confirm = self.hold(runner, both, write(Event.CONFIRM_STARTED), then="confirm")
            yield Step("has intent and clone", world, with_confirm)
            yield Step("has intent and clone, and starts nothing more", world, self.hold(runner, both))
        elif new_clone:
            part = write(Note.PART_PREPARED, clone=clone)
            yield Step("has the clone alone", world, self.hold(runner, part))
        if seen.clone:
            if not intent:
                yield Step("has nothing new", world, IDLE)
            return
        if intent and self.rules.refusals:
            refused = write(Event.CLONE_REFUSED, intent=intent, fence=True)
            yield Step("its clone is refused", world, self.hold(runner, refused))
        if self.rules.losses and new_intent:
            part = write(Note.PART_PREPARED, intent=new_intent)
            yield Step("has the intent, its clone is lost", world, self.hold(runner, part), fault=True)
        elif self.rules.losses:
            yield Step("its clone is lost", world, IDLE, fault=True)

    # --- confirm ----------------------------------------------------------------------------------------------------

    def confirm(self, world: World, runner: Runner) -> Iterator[Step]:
        """``_send_confirm``: it may not have left yet; it arrives, or its sender waits no longer."""
        seen = runner.seen
        lost = self.hold(runner, LOST)
        for stripe, answer in confirmed(world.stripe, seen.intent, seen.clone, self.rules):
            after = world._replace(stripe=stripe)
            says = f"its confirm (intent {seen.intent}, clone {seen.clone}) arrives: {' '.join(answer)}"
            for then in self._after_confirm(runner, meaning("confirm", answer, seen.intent, seen.clone, seen.attempt)):
                yield Step(says, after, then)
            if self.rules.losses:
                yield Step(f"{says}, the answer is lost", after, lost, fault=True)
        if self.rules.losses:
            yield Step("its confirm is lost", world, lost, fault=True)
            yield Step(
                "a limiter says no to its confirm", world, self.hold(runner, write(Event.CHARGE_UNSENT)), fault=True
            )
        for net in self._left_behind(world, runner):
            yield Step("waits for its confirm no longer", world._replace(net=net), lost, fault=True)

    def _after_confirm(self, runner: Runner, means: str) -> Iterator[Runner]:
        if means in ("refused", "dead_clone"):
            yield runner._replace(at="refused", then=means)
        else:
            yield from self._certain(runner, means) or [self.hold(runner, LOST)]

    def _certain(self, runner: Runner, means: str) -> list[Runner]:
        """``sighting``: what is written when an answer says for certain what happened; empty if it does not."""
        if means in SIGHTINGS:
            return [self.hold(runner, SIGHTINGS[means])]
        if means == "declined":  # dunning decides whether it rests
            return [self.hold(runner, write(Event.CHARGE_DECLINED, fence=fence or None)) for fence in (False, True)]
        return []

    def read(self, world: World, runner: Runner) -> Iterator[Step]:
        """``look``, ``_refused`` and ``cancel._look``: what a read shows, perhaps of an earlier moment."""
        seen = runner.seen
        for status, stale in shown(world.stripe, seen.intent):
            means = meaning("read", ("200", status), seen.intent, seen.clone, seen.attempt)
            says = f"reads intent {seen.intent}: {status}{' (no longer true)' * stale}"
            for then in self._after_read(runner, means):
                yield Step(says, world, then, fault=stale)
        if not self.rules.losses:
            return
        if runner.at == "refused":
            yield Step("cannot read the intent", world, self.hold(runner, LOST), fault=True)
        elif runner.at == "look" and seen.state == State.UNKNOWN:
            parked = self.hold(runner, write(Event.RESOLVE_EXHAUSTED))
            yield Step("cannot read the intent, and has tried enough", world, parked, fault=True)
        else:
            yield Step("cannot read the intent", world, IDLE, fault=True)

    def _after_read(self, runner: Runner, means: str) -> Iterator[Runner]:
        if runner.at == "fence":
            yield self.hold(runner, SIGHTINGS[means]) if means in SIGHTINGS else IDLE
        elif runner.at == "refused":
            dead = True if runner.then == "dead_clone" else None
            no_trace = write(Event.CHARGE_REFUSED, fence=True, dead_clone=dead)
            unsure = self.hold(runner, no_trace if means == "open" else LOST)
            yield from self._certain(runner, means) or [unsure]
        else:
            yield from self._after_look(runner, means)

    def _after_look(self, runner: Runner, means: str) -> Iterator[Runner]:
        state = runner.seen.state
        if means == "open" and state == State.UNSETTLED:
            yield from self._open_again(runner)
        elif means == "open":
            yield self.hold(runner, write(Event.INTENT_UNCONFIRMED))
            yield self._exhausted(runner)
        elif means == "processing" and state == State.UNSETTLED:
            yield IDLE
        else:
            yield from self._certain(runner, means) or [self._exhausted(runner)]

    def _open_again(self, runner: Runner) -> Iterator[Runner]:
        """``_open_again``: believed at once, or not yet. Which read proves what, and how many agree, is left open."""
        yield from self._certain(runner, "declined")
        yield IDLE

    def _exhausted(self, runner: Runner) -> Runner:
        """``_exhausted``: the trip has sent and read enough."""
        return self.hold(runner, write(Event.RESOLVE_EXHAUSTED)) if runner.seen.state == State.UNKNOWN else IDLE

    # --- cancel -----------------------------------------------------------------------------------------------------

    def cancel(self, world: World, runner: Runner) -> Iterator[Step]:
        """``cancel`` and ``_concluded``: anything but a certain answer is followed by a read."""
        seen = runner.seen
        look = runner._replace(at="fence")
        for stripe, answer in cancelled(world.stripe, seen.intent, self.rules):
            after = world._replace(stripe=stripe)
            says = f"its cancel arrives: {' '.join(answer)}"
            means = meaning("cancel", answer, seen.intent, seen.clone, seen.attempt)
            yield Step(says, after, self.hold(runner, SIGHTINGS[means]) if means in SIGHTINGS else look)
            if self.rules.losses:
                yield Step(f"{says}, the answer is lost", after, look, fault=True)
        if self.rules.losses:
            yield Step("its cancel is lost", world, look, fault=True)
        for net in self._left_behind(world, runner):
            yield Step("waits for its cancel no longer", world._replace(net=net), look, fault=True)

    # --- the ledger -------------------------------------------------------------------------------------------------

    def hold(self, runner: Runner, *moves: Write, then: str = "idle") -> Runner:
        """Return the runner with an outcome in hand; one that is lost already (the row moved) counts as idle."""
        holding = Runner("write", runner.fresh, runner.seen, moves, then)
        return holding if runner.fresh else self.outdated(holding)

    def now(self, world: World, *moves: Write, then: str = "idle") -> Step:
        """Return the write of a runner that decides on the row of this moment."""
        return self.written(world, Runner("write", True, world.book, moves, then))

    def written(self, world: World, runner: Runner) -> Step:
        """``Ledger.record``: one commit, or a lost race, after which the runner starts again from what it finds."""
        names = " + ".join(str(move[0]) for move in runner.hold)
        after = self.record(world.book, runner)
        if after is None:
            return Step(f"would write {names}, but the item has moved", world, IDLE)
        then = Runner("confirm", seen=after) if runner.then == "confirm" else IDLE
        return Step(f"writes {names}: {after.state}", world._replace(book=after), then, wrote=True)

    def record(self, book: Book, runner: Runner) -> Book | None:
        """Return the row after what the runner holds is written, or None."""
        after = ledger.record(book, runner.fresh, *runner.hold)
        if after is not None and after.state != ledger.CRASHED:
            self.rows |= ledger.rows(book, *runner.hold)
        return after

    def _left_behind(self, world: World, runner: Runner) -> Iterator[Net]:
        """Yield the network with the runner's request still on its way, if there is room and one may be under way."""
        seen = runner.seen
        match runner.at:
            case "prepare" if not seen.intent and runner.then == "idle":
                request, room = ("open", 0, 0), 1
            case "confirm":
                request, room = ("confirm", seen.intent, seen.clone), self.rules.delayed
            case "cancel":
                request, room = ("cancel", seen.intent, 0), 1
            case _:
                return
        if self.rules.delays and sum(other[0] == request[0] for other in world.net) < room:
            yield tuple(sorted((*world.net, request)))
