"""What stands in the queue where a Pacer stands: tokens that were promised to this worker, and nothing beside them."""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from billing.edge.pacing.pacer import Pacer, Phase
from billing.edge.pacing.shared.asking import KEY, Begin, Token, of_endpoint

Refused = Callable[[str, float, float | None], None]


class Promised(NamedTuple):
    """A token in hand: when it may be used by the loop's clock, until when, and what it is."""

    due: float
    late: float
    token: Token


class Released(Protocol):
    """Tells whether nothing leaves any more, so that nobody need wait."""

    @property
    def released(self) -> bool: ...


class SharedPace:
    """A limiter whose tokens are promised: of an endpoint, or of the key.

    Attributes:
        name: of the limiter in all workers.
        begin: how it begins where nobody has used it.
        seen: its pacer as the last answer showed it.
    """

    def __init__(self, name: str, begin: Begin, refused: Refused, desk: Released) -> None:
        """Begin with nothing in hand.

        Args:
            name: of the limiter.
            begin: its cap, and what is known of it.
            refused: is told of a refusal, with the loop's time of the send.
            desk: who lets everybody go in the end.
        """
        self.name, self.begin = name, begin
        self.seen = Pacer(begin.cap, begin.start)
        self._refused, self._desk = refused, desk

    @property
    def rate(self) -> float:
        """Requests a second that all workers together are allowed now."""
        return self.seen.rate

    @property
    def cap(self) -> float:
        """Requests a second that this worker would never exceed alone."""
        return self.begin.cap

    @property
    def phase(self) -> Phase:
        """What the limiter is doing."""
        return self.seen.phase

    @property
    def measuring(self) -> bool:
        """A refusal is being looked into."""
        return self.seen.measuring

    @property
    def learned(self) -> float | None:
        """Requests a second worth remembering for the next run; None while nothing was learned."""
        return self.seen.learned

    @property
    def due(self) -> float:
        """When the next token in hand may be used; never, while there is none."""
        return -math.inf if self._desk.released else self._next()

    def take(self, now: float) -> None:
        """Use the token that is there."""

    def refused(self, now: float, sent_at: float, retry_after: float | None = None) -> None:  # noqa: ARG002
        """Let all workers learn that the request sent at ``sent_at`` was refused for its rate."""
        self._refused(self.name, sent_at, retry_after)

    def _next(self) -> float:
        raise NotImplementedError


class EndpointPace(SharedPace):
    """The limiter of an endpoint; it holds the tokens, each of which is one of the key as well.

    Attributes:
        endpoint: the API operation.
        hand: the tokens, earliest first.
    """

    def __init__(
        self, endpoint: str, begin: Begin, refused: Refused, desk: Released, used: Callable[[float, Token], None]
    ) -> None:
        """Begin with nothing in hand; ``used`` is told of each token that is used, and when."""
        super().__init__(of_endpoint(endpoint), begin, refused, desk)
        self.endpoint = endpoint
        self.hand: deque[Promised] = deque()
        self._used = used

    def take(self, now: float) -> None:
        """Use the token that is there."""
        if self.hand:
            self._used(now, self.hand.popleft().token)

    def add(self, promised: list[Promised]) -> None:
        """Take more tokens in hand."""
        self.hand = deque(sorted([*self.hand, *promised]))

    def drop(self, late_at: float, before: float = -math.inf) -> list[Token]:
        """Throw away what is too late at a time, or good before another one; return it."""
        gone: list[Token] = []
        while self.hand and (self.hand[0].late < late_at or self.hand[0].due < before):
            gone.append(self.hand.popleft().token)
        return gone

    def _next(self) -> float:
        return self.hand[0].due if self.hand else math.inf


class KeyPace(SharedPace):
    """The limiter of the key: its tokens are those of the endpoints."""

    def __init__(self, begin: Begin, refused: Refused, desk: Released, endpoints: list[EndpointPace]) -> None:
        """Stand for all ``endpoints``, to which more may be added."""
        super().__init__(KEY, begin, refused, desk)
        self._endpoints = endpoints

    def _next(self) -> float:
        return min((each.hand[0].due for each in self._endpoints if each.hand), default=math.inf)
