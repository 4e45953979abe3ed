"""One HTTP exchange with the provider, as values: what is asked, what comes back, and two ways nothing does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as it goes on the wire.

    Attributes:
        method: upper case, ``GET`` or ``POST``.
        url: absolute, with the query of a ``GET``.
        headers: names as the caller spelt them; compare them without case.
        body: form-encoded bytes of a ``POST``, empty otherwise.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class WireResponse:
    """One complete answer. Header names are lower case, so a plain lookup finds them."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class WireError(Exception):
    """No complete answer came. The message names the kind of failure, never a header or a body."""


class NeverSent(WireError):
    """The request certainly did not reach the provider (DNS, refused, connect time-out, TLS): it is free to repeat."""


class AnswerLost(WireError):
    """The request may have been executed (time-out, reset, cut body): only looking tells."""


class Wire(Protocol):
    """Whatever carries requests: the network, or the sandbox in the same process."""

    async def send(self, request: WireRequest) -> WireResponse:
        """Carry one request and return its whole answer.

        Raises:
            NeverSent: the provider certainly did not see the request.
            AnswerLost: the provider may have executed the request.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections."""
        ...
