"""Which event goes to which endpoint, when, and how often; nothing here opens a connection.

Whoever serves the sandbox takes what is due (``take``), sends it and says how that went (``ended``). The pauses between
the attempts are the sandbox's own time, so that days of an endpoint's silence pass in a moment.
"""

import hashlib
import hmac
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache

import orjson

from billing.sandbox.ids import Ids
from billing.sandbox.refusals import Obj
from billing.sandbox.webhook_habits import Webhooks

SECRET_LENGTH = 32
LIVE, TEST = '"livemode":true', '"livemode":false'
Later = Callable[[float, Callable[[], None]], None]


@dataclass(slots=True)
class Endpoint:
    """Where events are sent.

    Attributes:
        row: the object as the API shows it.
        account: the id of the account whose endpoint it is.
        connect: whether it takes the events of connected accounts instead of the account's own.
        secrets: what signs, each with the time it ends (seconds since 1970); none of the newest.
    """

    row: Obj
    account: str
    connect: bool
    secrets: list[tuple[str, float | None]]

    def wants(self, event: Obj) -> bool:
        """Whether an event is for it."""
        if self.row["status"] != "enabled" or event["livemode"] != self.row["livemode"]:
            return False
        return _covers(tuple(self.row["enabled_events"]), event["type"])


@lru_cache(maxsize=4096)
def _covers(patterns: tuple[str, ...], kind: str) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt at an endpoint.

    Attributes:
        attempt: 1 is the first.
        counted: whether the event waits for it; a duplicate, a resend and an event of the other mode are not counted.
        stale: its signature carries an old time.
    """

    endpoint: Endpoint
    event: Obj
    attempt: int = 1
    counted: bool = True
    stale: bool = False


@dataclass(slots=True)
class Deliveries:
    """Every endpoint, and what is on its way to them.

    Attributes:
        habits: what may happen to a delivery.
        later: has something done at a time of the sandbox's clock.
        now: the sandbox's clock.
        endpoints: by id.
        counts: attempts by how they ended: ``delivered``, ``failed``, ``given_up``.
        down: no endpoint answers, whoever is there.
        due: called when there is something to take.
    """

    habits: Webhooks
    later: Later
    now: Callable[[], float]
    seed: int
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    down: bool = False
    due: Callable[[], None] = lambda: None
    _outbox: deque[Delivery] = field(default_factory=deque)
    _ids: Ids = field(init=False)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Draw from streams of its own, so that an endpoint changes no other id and no other fault."""
        self._ids = Ids(f"webhooks-{self.seed}")
        self._chance = random.Random(f"webhooks-{self.seed}")  # noqa: S311  repeatable by design, guards nothing

    def open(self, row: Obj, account: str, *, connect: bool, secret: str = "") -> str:
        """Take a new endpoint; the secret it signs with."""
        made = secret or self._new_secret()
        self.endpoints[row["id"]] = Endpoint(row, account, connect, [(made, None)])
        return made

    def close(self, endpoint: str) -> None:
        """Send nothing more to an endpoint, what has failed before included."""
        self.endpoints.pop(endpoint, None)

    def roll(self, endpoint: str) -> str:
        """Give an endpoint a new secret; the one before goes on signing for a while."""
        found = self.endpoints[endpoint]
        ends = self.now() + self.habits.roll_seconds
        found.secrets = [(secret, until or ends) for secret, until in found.secrets] + [(self._new_secret(), None)]
        return found.secrets[-1][0]

    def told(self, account: str, event: Obj) -> None:
        """An event has happened on an account; send it to every endpoint that wants it."""
        for endpoint in self.endpoints.values():
            if endpoint.connect == (endpoint.account != account) and endpoint.wants(event):
                event["pending_webhooks"] += 1
                self._send(Delivery(endpoint, event))

    def resend(self, event: Obj) -> int:
        """Send an event once more, as a person asks for it; to how many endpoints."""
        wanted = [endpoint for endpoint in self.endpoints.values() if endpoint.wants(event)]
        for endpoint in wanted:
            self._put(Delivery(endpoint, event, counted=False))
        return len(wanted)

    def take(self) -> list[Delivery]:
        """What is to be sent now, in order; each is to be followed by ``ended``."""
        taken = [each for each in self._outbox if each.endpoint.row["id"] in self.endpoints]
        for each in self._outbox:
            if each.counted and each.endpoint.row["id"] not in self.endpoints:
                each.event["pending_webhooks"] -= 1
        self._outbox.clear()
        return taken

    def ended(self, delivery: Delivery, *, answered: bool) -> None:
        """An attempt is over: it was answered with 2xx, or it is made again later, as long as there is a pause left."""
        self.counts["delivered" if answered else "failed"] += 1
        if not delivery.counted:
            return
        if answered:
            delivery.event["pending_webhooks"] -= 1
            return
        pauses = self.habits.retry_seconds
        if delivery.attempt > len(pauses):
            self.counts["given_up"] += 1
            return
        again = replace(delivery, attempt=delivery.attempt + 1, stale=False)
        self.later(self.now() + pauses[delivery.attempt - 1], lambda: self._put(again))

    def signed(self, delivery: Delivery, clock: float) -> tuple[dict[str, str], bytes]:
        """The headers and the body of a delivery that leaves at ``clock``, the machine's (seconds since 1970)."""
        body = body_of(delivery.event)
        at = int(clock - (self.habits.stale_seconds if delivery.stale else 0))
        now = self.now()
        secrets = [secret for secret, until in delivery.endpoint.secrets if until is None or until > now]
        return {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": signature(body, secrets, at),
        }, body

    def _send(self, delivery: Delivery) -> None:
        """Put a first attempt on its way, with what chance makes of it."""
        habits, drawn = self.habits, self._chance.random
        sent = replace(delivery, stale=bool(habits.stale) and drawn() < habits.stale)
        if habits.late and drawn() < habits.late:
            self.later(self.now() + drawn() * habits.late_seconds, lambda: self._put(sent))
        else:
            self._put(sent)
        if habits.duplicate and drawn() < habits.duplicate:
            self._put(replace(delivery, counted=False))
        if habits.foreign and drawn() < habits.foreign:
            self._put(Delivery(delivery.endpoint, self._of_other_mode(delivery.event), counted=False))

    def _of_other_mode(self, event: Obj) -> Obj:
        mine, theirs = (LIVE, TEST) if event["livemode"] else (TEST, LIVE)
        changed = {"id": self._ids.new("evt_1"), "livemode": not event["livemode"]}
        return event | changed | {"data": event["data"].replace(mine, theirs)}

    def _put(self, delivery: Delivery) -> None:
        self._outbox.append(delivery)
        self.due()

    def _new_secret(self) -> str:
        return self._ids.new(self._ids.new("whsec_", SECRET_LENGTH // 2), SECRET_LENGTH // 2)


def body_of(event: Obj) -> bytes:
    """The bytes of an event; its object stands in them as it was encoded when it happened."""
    head = orjson.dumps({name: value for name, value in event.items() if name != "data"})
    return b'%s,"data":%s}' % (head[:-1], event["data"].encode())


def signature(body: bytes, secrets: list[str], at: int) -> str:
    """The ``Stripe-Signature`` of a body: its time, a ``v1`` for each secret, and the ``v0`` that test events carry."""
    signs = [hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest() for secret in secrets]
    unused = hashlib.sha256(body).hexdigest()
    return ",".join([f"t={at}", *(f"v1={sign}" for sign in signs), f"v0={unused}"])
