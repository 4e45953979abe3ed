"""Designs that open and charge in one request (``confirm=true`` on creation), as most integrations do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tests.model.rules import Rules

Clone = Literal["recorded", "fresh"]
MAX_CLONES = 3


class World(NamedTuple):
    """What everybody shares.

    Attributes:
        state: ``planned``, ``started``, ``succeeded`` or ``failed``.
        clone: on record, 0 for none.
        clones: how many were made.
        paid: successful charges, at most 2 are counted.
        declined: some create was declined.
        spent: clones that take no further charge.
        key: the answer kept under the item's key, empty for none.
        sending: creates of living runners.
        net: clones of the creates whose sender is gone.
    """

    state: str = "planned"
    clone: int = 0
    clones: int = 0
    paid: int = 0
    declined: bool = False
    spent: tuple[int, ...] = ()
    key: str = ""
    sending: int = 0
    net: tuple[int, ...] = ()


class Runner(NamedTuple):
    """One runner: ``idle``, ``send`` (its create may be under way, with this clone), ``write`` (a result in hand)."""

    at: str = "idle"
    clone: int = 0
    result: str = ""


class Step(NamedTuple):
    """One step, as ``parts.Step``. What is written is compared with the row, so nobody's view goes out of date."""

    says: str
    world: World
    runner: Runner = Runner()
    wrote: bool = False
    fault: bool = False


IDLE = Runner()


@dataclass(frozen=True, slots=True)
class OneCall:
    """One design of the family.

    Attributes:
        name: for the table.
        rules: the setting; ``keys`` none means a key per call.
        noted: an entry is durable before the request leaves.
        look: what is asked before sending again: nothing, ``search`` (may lag behind) or ``list``.
        clone: how the payment method is copied; ``recorded`` is one clone, durable before its first use.
    """

    name: str
    rules: Rules
    noted: bool = True
    look: Literal["", "search", "list"] = ""
    clone: Clone | None = None

    def start(self) -> tuple[World, Runner]:
        """Return the beginning."""
        return World(), IDLE

    def verdict(self, world: World) -> str | None:
        """Return the law that is broken, or None."""
        if world.paid > 1:
            return "double"
        if world.state == "failed" and world.paid:
            return "hidden"
        return "false" if world.state == "succeeded" and not world.paid else None

    def ended(self, world: World) -> bool:
        """Tell whether the item is final."""
        return world.state in ("succeeded", "failed")

    def outdated(self, runner: Runner) -> Runner:
        """Return the runner: its next write is compared with the row anyway."""
        return runner

    def alone(self, world: World) -> Iterator[Step]:
        """Yield late arrivals, and the forgetting of keys."""
        for place, clone in enumerate(world.net):
            net = (*world.net[:place], *world.net[place + 1 :])
            for after, answer in self._arrives(world._replace(net=net), clone):
                yield Step(f"a create sent earlier arrives: {answer}", after, fault=True)
        quiet = not world.net and not world.sending
        if world.key and (self.rules.keys == "pruned" or (self.rules.keys == "quiet" and quiet)):
            yield Step("24 hours pass, the keys are forgotten", world._replace(key=""))

    def _arrives(self, world: World, clone: int) -> Iterator[tuple[World, str]]:
        if world.key:
            yield world, world.key
            return
        if clone in world.spent:
            yield world, "spent"
            return
        keyed = self.rules.keys != "none"
        spent = tuple(sorted({*world.spent, clone}))
        after = world._replace(paid=min(world.paid + 1, 2), key="succeeded" if keyed else "")
        yield after._replace(spent=spent) if clone and self.rules.spent != "never" else after, "succeeded"
        if self.rules.declines:
            after = world._replace(declined=True, key="failed" if keyed else "")
            yield after._replace(spent=spent) if clone and self.rules.spent == "always" else after, "failed"

    def steps(self, world: World, runner: Runner) -> Iterator[Step]:
        """Yield what a runner may do next, its death included."""
        match runner.at:
            case "idle":
                yield from self._idle(world)
            case "write":
                open_still = not self.ended(world)
                says = f"writes {runner.result}" if open_still else "would write, but the item has moved"
                yield Step(says, world._replace(state=runner.result) if open_still else world, wrote=open_still)
            case _:
                yield from self._send(world, runner)
        if self.rules.kills and runner.at == "write":
            yield Step("is killed", world, fault=True)

    def _idle(self, world: World) -> Iterator[Step]:
        if self.ended(world):
            return
        again = world.state == "started" or not self.noted
        if again and self.look:
            if world.paid or world.declined:
                result = "succeeded" if world.paid else "failed"
                yield Step(f"looks: {result}", world, Runner("write", result=result))
            if not (world.paid or world.declined):
                yield from self._start(world, "looks: nothing; ")
            elif self.look == "search":
                yield from self._start(world, "searches: nothing yet; ", fault=True)
            return
        yield from self._start(world, "")

    def _start(self, world: World, says: str, *, fault: bool = False) -> Iterator[Step]:
        clone, clones = world.clone, world.clones
        if self.clone and (self.clone == "fresh" or not clone):
            clone = clones = min(clones + 1, MAX_CLONES)
        state = "started" if self.noted else world.state
        kept = clone if self.clone == "recorded" else 0
        after = world._replace(state=state, clone=kept, clones=clones, sending=world.sending + 1)
        does = f"writes started{f' with clone {clone}' if clone else ''}, sends" if self.noted else "sends"
        yield Step(says + does, after, Runner("send", clone), self.noted, fault)

    def _send(self, world: World, runner: Runner) -> Iterator[Step]:
        done = world._replace(sending=world.sending - 1)
        for after, answer in self._arrives(done, runner.clone):
            then = IDLE if answer == "spent" else Runner("write", result=answer)
            yield Step(f"its create arrives: {answer}", after, then)
            if self.rules.losses:
                yield Step(f"its create arrives: {answer}, the answer is lost", after, fault=True)
        if self.rules.losses:
            yield Step("its create is lost", done, fault=True)
        if self.rules.delays and len(world.net) < self.rules.delayed:
            late = done._replace(net=tuple(sorted((*world.net, runner.clone))))
            yield Step("dies or gives up, its create still on its way", late, fault=True)
