"""The sandbox as a wire in the same process: no socket, the same answers, delays slept with a sleep of your choice."""

from collections.abc import Awaitable, Callable

import anyio

from billing.core.wire import AnswerLost, NeverSent, WireRequest, WireResponse
from billing.sandbox.faults import Ending
from billing.sandbox.model import Reaction, Sandbox

Sleep = Callable[[float], Awaitable[None]]


class InProcess:
    """A ``Wire`` to one sandbox. A sender that is cancelled while it waits leaves its request carried out."""

    def __init__(self, sandbox: Sandbox, sleep: Sleep = anyio.sleep) -> None:
        """``sleep`` takes seconds; a virtual clock may pass its own."""
        self._sandbox = sandbox
        self._sleep = sleep

    async def send(self, request: WireRequest) -> WireResponse:
        """Carry one request; see ``billing.core.wire.Wire``.

        Raises:
            NeverSent: a ``refused`` fault.
            AnswerLost: the request or its answer was lost, or the body was cut.
        """
        pending = self._sandbox.begin(request)
        try:
            if pending.reaction.delay:
                await self._sleep(pending.reaction.delay)
        finally:
            reaction = self._sandbox.finish(pending)
        return _received(reaction)

    async def aclose(self) -> None:
        """Nothing is open."""


def _received(reaction: Reaction) -> WireResponse:
    if reaction.ending is Ending.REFUSED:
        raise NeverSent("connection refused")
    if reaction.ending is not Ending.ANSWERED or reaction.response is None:
        raise AnswerLost(f"connection {reaction.ending.value}")
    return reaction.response
