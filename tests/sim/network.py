"""What lies between runners and provider: a request that has left arrives, whether or not its sender still lives."""

import asyncio
from itertools import count

from billing.core.wire import AnswerLost, NeverSent, WireRequest, WireResponse
from billing.sandbox.faults import Ending
from billing.sandbox.model import Pending, Reaction, Sandbox
from tests.sim.machine import Machine, Process

LOST_WITH_ITS_SENDER = 0.3
# How often a request that is still on its way is lost when its sender is killed: its last packets were never handed on.


class Network:
    """The way to one sandbox, for every runner on a machine; it also holds I5: one key, one request."""

    def __init__(self, machine: Machine, sandbox: Sandbox, travel: float = 0.0) -> None:
        """``travel``: the longest a request takes to arrive, in seconds."""
        self._machine, self._sandbox, self._travel = machine, sandbox, travel
        self._under_way: set[_Sent] = set()
        self._number = count()
        self._under_key: dict[str, tuple[str, bytes]] = {}
        self.conflicts: list[str] = []

    def wire(self, process: Process) -> "Line":
        """Return what one runner sends through."""
        return Line(self, process)

    def cut_off(self, process: Process) -> None:
        """The sender was killed: some of what it has sent is not under way after all."""
        mine = sorted((sent for sent in self._under_way if sent.process is process), key=lambda sent: sent.number)
        self._under_way -= {sent for sent in mine if self._machine.chance.random() < LOST_WITH_ITS_SENDER}

    def leave(self, process: Process, request: WireRequest) -> "asyncio.Future[Reaction]":
        """Take a request from its sender."""
        self._hold_to_its_key(request)
        sent = _Sent(process, request, next(self._number))
        self._under_way.add(sent)
        self._machine.after(self._machine.chance.random() * self._travel, lambda: self._arrive(sent))
        return sent.answer

    def _arrive(self, sent: "_Sent") -> None:
        if sent in self._under_way:
            self._under_way.remove(sent)
            pending = self._sandbox.begin(sent.request)
            self._machine.after(pending.reaction.delay, lambda: self._answer(sent, pending))

    def _answer(self, sent: "_Sent", pending: Pending) -> None:
        reaction = self._sandbox.finish(pending)
        if sent.process.alive:
            sent.process.loop.call_soon(_deliver, sent.answer, reaction)

    def _hold_to_its_key(self, request: WireRequest) -> None:
        key = {name.lower(): value for name, value in request.headers.items()}.get("idempotency-key")
        if request.method != "POST":
            return
        if key is None:
            self.conflicts.append(f"{request.method} {request.url} without a key")
        elif self._under_key.setdefault(key, (request.url, request.body)) != (request.url, request.body):
            self.conflicts.append(f"{key} was sent with two contents")


class _Sent:
    """One request on its way, and where its answer is awaited."""

    __slots__ = ("answer", "number", "process", "request")

    def __init__(self, process: Process, request: WireRequest, number: int) -> None:
        self.process, self.request, self.number = process, request, number
        self.answer: asyncio.Future[Reaction] = process.loop.create_future()


def _deliver(answer: "asyncio.Future[Reaction]", reaction: Reaction) -> None:
    if not answer.done():
        answer.set_result(reaction)


class Line:
    """A ``Wire`` of one runner; every request passes an await before it leaves and one before its answer is seen."""

    def __init__(self, network: Network, process: Process) -> None:
        self._network, self._process = network, process

    async def send(self, request: WireRequest) -> WireResponse:
        """Carry one request; see ``billing.core.wire.Wire``."""
        await asyncio.sleep(0)
        reaction = await self._network.leave(self._process, request)
        if reaction.ending is Ending.REFUSED:
            raise NeverSent("connection refused")
        if reaction.ending is not Ending.ANSWERED or reaction.response is None:
            raise AnswerLost(f"connection {reaction.ending.value}")
        return reaction.response

    async def aclose(self) -> None:
        """Nothing is open."""
