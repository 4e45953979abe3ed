"""What a worker asks of the shared budget and what it is answered. Times are seconds of the database's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from billing.edge.pacing.limit_owner import Doubt
from billing.edge.pacing.pacer import Pacer

KEY = "key"
ENDPOINT = "endpoint"
ACCOUNT = "account"


class Begin(NamedTuple):
    """How a limiter begins that nobody has used for a while: its cap, and the rate that it begins at; None: the cap."""

    cap: float
    start: float | None


class Token(NamedTuple):
    """A permit of one request of an endpoint, good at ``at``: of the endpoint's limiter and of the key's."""

    at: float
    endpoint: str


class Refusal(NamedTuple):
    """A request sent at ``sent_at`` was refused for the rate of a limiter; ``retry_after`` is a lower bound."""

    limiter: str
    sent_at: float
    retry_after: float | None


@dataclass(slots=True)
class Ask:
    """What one worker wants and has seen.

    Attributes:
        worker: who asks.
        wanted: the endpoint of each request that waits, in the order in which they would go.
        lead: seconds that the answer will take: no token is good earlier.
        limiters: how each limiter that is named here begins, by its name.
        refusals: what was refused since the last time.
        doubts: refusals whose limiter is not certain, with their `Retry-After`.
        unsent: tokens that were thrown away.
        accounts: how many connected accounts this worker sends to.
        learned: requests a second that an account was found to allow.
        unknown: accounts of which this worker knows nothing.
        down: whether the provider was found to be down, or to be back; None says nothing.
        probing: this worker takes the provider to be down, and wants to knock.
        heard: the time of the last answer.
    """

    worker: str
    wanted: Sequence[str] = ()
    lead: float = 0.0
    limiters: Mapping[str, Begin] = field(default_factory=dict)
    refusals: Sequence[Refusal] = ()
    doubts: Sequence[tuple[Doubt, float | None]] = ()
    unsent: Sequence[Token] = ()
    accounts: int = 0
    learned: Mapping[str, float] = field(default_factory=dict)
    unknown: Sequence[str] = ()
    down: bool | None = None
    probing: bool = False
    heard: float = 0.0


@dataclass(slots=True)
class Answer:
    """What a worker may do.

    Attributes:
        now: when it was decided.
        tokens: what may be sent and when, earliest first.
        pacers: what is known of each limiter, by its name.
        again: when to ask again, where more is wanted and nothing could be promised; None: when the tokens are used.
        acquitted: accounts that were slowed for the key's limit, with their rates of before.
        known: requests a second that accounts were found to allow.
    """

    now: float
    tokens: list[Token] = field(default_factory=list)
    pacers: dict[str, Pacer] = field(default_factory=dict)
    again: float | None = None
    acquitted: dict[str, float] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)


def of_endpoint(endpoint: str) -> str:
    """Return the name of the limiter of an endpoint."""
    return f"{ENDPOINT} {endpoint}"


def of_account(account: str) -> str:
    """Return the name of the limiter of a connected account."""
    return f"{ACCOUNT} {account}"
