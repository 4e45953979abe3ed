"""A stateful Stripe as a pure model: a request goes in, a reaction comes out; only its clock and its seed decide."""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from billing.core.wire import WireRequest, WireResponse
from billing.sandbox import public
from billing.sandbox.accounts import account_body
from billing.sandbox.answers import answer, faulty, refused, server_error, usual_headers
from billing.sandbox.arrivals import ItemResult, arrival_of
from billing.sandbox.banks import next_midnight
from billing.sandbox.books import Books, Counters, Logged, books_of
from billing.sandbox.config import KeyScope, SandboxConfig
from billing.sandbox.expand import expanded
from billing.sandbox.faults import ENDINGS, PASSING, Ending, Fault, FaultKind, FaultPlan, Work, work_of
from billing.sandbox.gate import PUBLISHABLE, Gate
from billing.sandbox.ids import Ids
from billing.sandbox.keystore import Entry, KeyStore, Stored
from billing.sandbox.limiters import Limiters
from billing.sandbox.parameters import read
from billing.sandbox.payouts import pay_out
from billing.sandbox.refusals import Refusal, limited, locked, unknown_route
from billing.sandbox.world import Account, Call, World

FIRST_REJECTIONS = frozenset({401, 403, 429})  # given before any work is done
Observer = Callable[[Logged], None]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the sender of a request experiences.

    Attributes:
        response: the whole answer; none where the connection broke. With ``Ending.CUT`` only a part of it arrives.
        delay: seconds from arrival until the answer, or the break, is seen.
    """

    response: WireResponse | None
    delay: float
    ending: Ending


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that has arrived and whose answer is on its way. What it holds is given back by ``Sandbox.finish``."""

    reaction: Reaction
    release: tuple[Callable[[], None], ...] = ()


class Sandbox:
    """One platform at a provider of our own.

    A request is carried out the moment it arrives (``begin``); until ``finish`` it counts as in flight, keeps its
    idempotency key in use and its object locked.

    Attributes:
        world: every object there is; tests read it, nobody but the handlers changes it.
        faults: what goes wrong; add to it or replace it at any time.
        gate: API keys; revoke one in mid-run.
        limiters: rates and concurrency; set others at any time.
        keys: the idempotency keys.
        requests: what was counted, by operation.
        log: the last requests, without keys or bodies.
    """

    def __init__(
        self, config: SandboxConfig | None = None, *, clock: Callable[[], float] | None = None,
        faults: FaultPlan | None = None,
    ) -> None:  # fmt: skip
        """A platform without customers or connected accounts.

        ``clock`` gives seconds since 1970. Without one the sandbox has its own, which stands still until ``advance``:
        then no rate bucket refills either, so give a clock or switch the limits off.
        """
        self.config = config or SandboxConfig()
        start = float(self.config.start)
        self._clock = clock or (lambda: start)
        self._moved = 0.0
        ids = Ids(self.config.seed)
        now = self._clock()
        platform = account_body(ids.new("acct_1", 15), created=int(now), name="Platform")
        self.world = World(self.config, Account(platform["id"], platform), now, ids)
        self.faults = faults or FaultPlan(self.config.seed, self.config.chances)
        self.gate = Gate(self.config.keys, self.config.behaviour)
        self.limiters = Limiters(self.config.limits, self.config.limit_changes, now)
        self.keys = KeyStore(self.config.key_age_seconds)
        self.requests = Counters()
        self.log: deque[Logged] = deque(maxlen=self.config.log_size)
        self._observers: list[Observer] = []
        self._latency = random.Random(f"latency-{self.config.seed}")  # noqa: S311  repeatable by design, guards nothing
        self._locked: set[str] = set()
        if self.config.behaviour.payouts:
            self.world.agenda.add(next_midnight(now), self._pay_out)

    # -- the clock

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.tick()

    def tick(self) -> float:
        """Bring the sandbox up to its clock: whatever has fallen due happens now, in order."""
        until = self._clock() + self._moved
        while (due := self.world.agenda.next_due(until)) is not None:
            self.world.now = max(self.world.now, due[0])
            due[1]()
        self.world.now = max(self.world.now, until)
        return self.world.now

    def advance(self, seconds: float) -> float:
        """Move the clock forward; bank debits settle, funds become available, payouts leave. Returns the new time."""
        self._moved += max(seconds, 0.0)
        return self.tick()

    def _pay_out(self) -> None:
        for account in self.world.everyone():
            pay_out(self.world, account)
        self.world.agenda.add(next_midnight(self.world.now), self._pay_out)

    # -- requests

    def handle(self, request: WireRequest) -> Reaction:
        """One request from arrival to end, alone in the world."""
        return self.finish(self.begin(request))

    def begin(self, request: WireRequest) -> Pending:
        """A request arrives: it is carried out, refused, or lost. Follow with ``finish``, whatever happens."""
        self.tick()
        arrival = arrival_of(request)
        fault = self.faults.pick(arrival.operation, arrival.account)
        pending, status = self._receive(arrival, fault)
        self.requests.count(arrival.operation, pending.reaction, fault, status)
        self._note(arrival, fault, status)
        return pending

    def finish(self, pending: Pending) -> Reaction:
        """The request is over for the sandbox: its slot, its locks and its idempotency key are free. Call it once."""
        for release in pending.release:
            release()
        return pending.reaction

    def _receive(self, arrival: ItemResult, fault: Fault | None) -> tuple[Pending, int]:
        headers = usual_headers(self.world.ids.new("req_", 14), self.world.seconds)
        held: list[Callable[[], None]] = []
        work = work_of(fault)
        kept = fault is None or fault.kind not in PASSING
        true = None if work is Work.NOTHING else self._serve(arrival, work, headers, held, kept=kept)
        delay = self._delay(arrival, true)
        if fault is None:
            assert true is not None  # noqa: S101  Work.ALL always answers
            return Pending(Reaction(true, delay, Ending.ANSWERED), tuple(held)), true.status
        response = faulty(fault, true, headers)
        if fault.kind is FaultKind.LATE:
            request, seconds = arrival.request, fault.seconds
            self.world.agenda.add(self.world.now + seconds, lambda: self._carry_out_late(request))
        if fault.kind in (FaultKind.HANG, FaultKind.SLOW):
            delay += fault.seconds
        ending = ENDINGS.get(fault.kind, Ending.ANSWERED)
        if fault.kind is not FaultKind.SLOW:  # the provider is done; only the sender still waits
            self.finish(Pending(Reaction(None, 0.0, ending), tuple(held)))
            held = []
        reaction = Reaction(response, delay, ending)
        return Pending(reaction, tuple(held)), true.status if true else 0

    def _carry_out_late(self, request: WireRequest) -> None:
        """The network delivers at last; nobody waits for the answer."""
        arrival = arrival_of(request)
        pending, status = self._receive(arrival, None)
        self.finish(pending)
        self.requests.late(arrival.operation)
        self._note(arrival, None, status)

    def _serve(
        self, arrival: ItemResult, work: Work, headers: dict[str, str], held: list[Callable[[], None]], *, kept: bool
    ) -> WireResponse:
        """The provider's own answer. ``held`` receives what must be released at the end."""
        entry: Entry | None = None
        space = ""
        try:
            call, space = self._admit(arrival, headers, held)
            if arrival.idempotency_key:
                entry = self.keys.open(space, arrival.idempotency_key, arrival.path, arrival.pairs, self.world.now)
                if entry.answer is not None:
                    return self._replay(entry.answer, headers)
            self._lock(arrival, call, held)
            response = self._work(arrival, call, work, headers)
        except Refusal as said:
            kept = kept and said.stored
            response = refused(said, headers)
        if entry is not None and kept:
            self._keep(entry, response, held)
        elif entry is not None:
            self.keys.forget(space, arrival.idempotency_key or "")
        return response

    def _admit(self, arrival: ItemResult, headers: dict[str, str], held: list[Callable[[], None]]) -> tuple[Call, str]:
        """Key, endpoint, permission, account, limits: everything that is decided before the request is read."""
        api_key, live = self.gate.identify(arrival.headers)
        route = arrival.route
        if route is None:
            raise unknown_route(arrival.method, arrival.path)
        account, connected = self.gate.permit(api_key, route, self.world, arrival.account)
        if arrival.account is not None:
            headers["stripe-account"] = arrival.account
        apart = account.id if account is not self.world.platform else None
        reason = self.limiters.admit(self.world.now, route.operation, apart)
        if reason is not None:
            raise limited(reason)
        self.limiters.enter(route.operation)
        held.append(lambda: self.limiters.leave(route.operation))
        if arrival.idempotency_key:
            headers |= {"idempotency-key": arrival.idempotency_key, "original-request": headers["request-id"]}
        space = account.id if self.config.key_scope is KeyScope.ACCOUNT else self.world.platform.id
        call = Call(
            self.world, account, connected, live, arrival.ids, {}, api_key, api_key.startswith(PUBLISHABLE),
            headers["request-id"], arrival.idempotency_key,
        )  # fmt: skip
        return call, f"{space} {live}"

    def _replay(self, stored: Stored, headers: dict[str, str]) -> WireResponse:
        more = {"idempotent-replayed": "true", "original-request": stored.request_id}
        return WireResponse(stored.status, headers | more, stored.body)

    def _keep(self, entry: Entry, response: WireResponse, held: list[Callable[[], None]]) -> None:
        entry.answer = Stored(response.status, response.body, response.headers["request-id"])

        def free() -> None:
            entry.running = False

        held.append(free)

    def _lock(self, arrival: ItemResult, call: Call, held: list[Callable[[], None]]) -> None:
        """Writes to one object collide while the first is in flight."""
        name = self._lock_name(arrival, call)
        if name is None:
            return
        if name in self._locked:
            raise locked()
        self._locked.add(name)
        held.append(lambda: self._locked.discard(name))

    def _lock_name(self, arrival: ItemResult, call: Call) -> str | None:
        behaviour = self.config.behaviour
        if arrival.route is not None and arrival.route.locks and behaviour.lock_intents:
            return arrival.ids[0]
        if behaviour.lock_customers and arrival.operation == "payment_methods.create" and call.connected:
            return dict(arrival.pairs).get("customer")
        return None

    def _work(self, arrival: ItemResult, call: Call, work: Work, headers: dict[str, str]) -> WireResponse:
        """Validate, carry out, and answer; or fail on the way, as a fault says."""
        route = arrival.route
        assert route is not None  # noqa: S101  an unknown route was refused at the gate
        call.params = read(arrival, route)
        if work is Work.ONLY_500:
            return server_error(headers)
        try:
            body = expanded(call, route.handler(call), call.params.get("expand", []))
        except Refusal as said:
            if work is Work.ALL_THEN_500:
                return server_error(headers)
            if call.publishable:
                raise public.told(said) from said
            raise
        if call.publishable:
            body = public.shown(body)
        return server_error(headers) if work is Work.ALL_THEN_500 else answer(200, body, headers)

    def _delay(self, arrival: ItemResult, response: WireResponse | None) -> float:
        latency = self.config.latency
        if response is not None and response.status in FIRST_REJECTIONS:
            return latency.rejection_seconds
        median = latency.accounts.get(arrival.account or "", latency.median_seconds)
        return median * math.exp(self._latency.gauss(0.0, latency.sigma)) if median else 0.0

    # -- what tests and people read

    def books(self) -> Books:
        """The truth: every intent with what was really taken, and what each account holds."""
        self.tick()
        return books_of(self.world)

    def observe(self, observer: Observer) -> None:
        """Have every request told to ``observer``, after it was carried out."""
        self._observers.append(observer)

    def _note(self, arrival: ItemResult, fault: Fault | None, status: int) -> None:
        if not self.log.maxlen and not self._observers:
            return
        line = Logged(
            self.world.now, arrival.operation, arrival.account, arrival.ids, arrival.idempotency_key, status,
            fault.kind if fault else None,
        )  # fmt: skip
        self.log.append(line)
        for observer in self._observers:
            observer(line)
