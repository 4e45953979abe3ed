"""Breadth first over every interleaving: each state once, the shortest way to each kind of violation."""

import gc
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.model.rules import Rules

RUNNER_BITS = 16
RUNNER_MASK = (1 << RUNNER_BITS) - 1
PAIR_MASK = (1 << 2 * RUNNER_BITS) - 1
STUCK = "stuck"


class Design(Protocol):
    """What is explored; worlds and runners are any hashable values."""

    name: str
    rules: Rules

    def start(self) -> tuple[Any, Any]:
        """Return the first world and the runner before its first step."""
        ...

    def steps(self, world: Any, runner: Any) -> Iterator[Any]:
        """Yield a runner's steps."""
        ...

    def alone(self, world: Any) -> Iterator[Any]:
        """Yield the steps of nobody."""
        ...

    def outdated(self, runner: Any) -> Any:
        """Return a runner after another one wrote."""
        ...

    def verdict(self, world: Any) -> str | None:
        """Return the law a world breaks."""
        ...

    def ended(self, world: Any) -> bool:
        """Tell whether nothing more needs to happen."""
        ...


@dataclass(slots=True)
class Found:
    """What an exploration came to.

    Attributes:
        states: how many were seen.
        complete: nothing was left out.
        violations: kind -> the shortest trace, in sentences.
        seconds: of the processor that it took.
    """

    states: int = 0
    complete: bool = True
    violations: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0


class Names:
    """Gives each value a small number, in the order of appearance."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        """Return the number of a value."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from going through millions of tuples again and again; a walk makes no cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


Local = tuple[int, int, bool, bool]
# A step in numbers: the world after it, shifted into its place; the runner after it; whether it wrote; whether it is
# a fault.


class Explorer:
    """A walk over one design. A state is one integer: world, lower runner, higher runner.

    A runner's step depends on the world and on itself alone, so it is worked out once per such pair and used in every
    state that contains it. The two runners run one program: their order carries no meaning, and is sorted away.
    """

    def __init__(self, design: Design, *, stop_at: frozenset[str] = frozenset(), most: int | None = None) -> None:
        """Prepare a walk.

        Args:
            design: what is explored.
            stop_at: stop once violations of all these kinds are found.
            most: give up after this many states.
        """
        self._design = design
        self._stop_at, self._most = stop_at, most
        self._two = design.rules.runners == 2
        self._worlds, self._runners = Names(), Names()
        self._steps: dict[int, list[Local]] = {}
        self._alone: dict[int, list[Local]] = {}
        self._old: dict[int, int] = {}
        world, runner = design.start()
        self._idle = self._runners.number(runner)
        self._order = array("Q", [self._pack(self._worlds.number(world), self._idle, self._idle)])
        self._parent = array("I", [0])
        self._offset, self._target = array("Q", [0]), array("I")
        self._verdicts: list[str | None] = []
        self._bad: dict[str, int] = {}

    def explore(self) -> Found:
        """Walk until nothing new is left."""
        began = time.process_time()
        with _uncollected():
            complete = self._walk()
            if complete and not self._bad:
                self._look_for_dead_ends()
        violations = {kind: self._trace(place) for kind, place in self._bad.items()}
        return Found(len(self._order), complete, violations, time.process_time() - began)

    def _walk(self) -> bool:
        """Visit every state once, in the order of its distance; tell whether nothing was left out."""
        order, parent, offset, target = self._order, self._parent, self._offset, self._target
        place_of = {order[0]: 0}
        at = 0
        while at < len(order):
            verdict = self._verdict(order[at] >> (2 * RUNNER_BITS))
            if verdict is not None:
                self._bad.setdefault(verdict, at)
                if self._stop_at and self._stop_at <= self._bad.keys():
                    return False
            else:
                certain, faults = self._after(order[at])
                for after in certain:
                    place = place_of.setdefault(after, len(order))
                    if place == len(order):
                        order.append(after)
                        parent.append(at)
                    target.append(place)
                for after in faults:
                    if place_of.setdefault(after, len(order)) == len(order):
                        order.append(after)
                        parent.append(at)
            offset.append(len(target))
            at += 1
            if self._most is not None and len(order) > self._most:
                return False
        return True

    def _verdict(self, world: int) -> str | None:
        verdicts = self._verdicts
        while len(verdicts) <= world:
            verdicts.append(self._design.verdict(self._worlds.values[len(verdicts)]))
        return verdicts[world]

    def _after(self, state: int) -> tuple[set[int], set[int]]:
        """Return every state one step away: by steps that may be counted on, and by faults."""
        world = state >> (2 * RUNNER_BITS)
        one, other = (state >> RUNNER_BITS) & RUNNER_MASK, state & RUNNER_MASK
        pair = state & PAIR_MASK
        after: tuple[set[int], set[int]] = set(), set()
        for shifted, _, _, fault in self._alone.get(world) or self._of_nobody(world):
            after[fault].add(shifted | pair)
        movers = ((one, other), (other, one)) if self._two and one != other else ((one, other),)
        for mover, waiting in movers:
            outdated = self._outdated(waiting)
            steps = self._steps.get(world << RUNNER_BITS | mover) or self._of(world, mover)
            for shifted, runner, wrote, fault in steps:
                left = outdated if wrote else waiting
                if self._two and left < runner:
                    after[fault].add(shifted | left << RUNNER_BITS | runner)
                else:
                    after[fault].add(shifted | runner << RUNNER_BITS | left)
        return after

    def _pack(self, world: int, one: int, other: int) -> int:
        if self._two and other < one:
            one, other = other, one
        return ((world << RUNNER_BITS | one) << RUNNER_BITS) | other

    def _of_nobody(self, world: int) -> list[Local]:
        """Return, and keep, the steps that happen by themselves in one world."""
        if world not in self._alone:
            self._alone[world] = self._numbered(self._design.alone(self._worlds.values[world]))
        return self._alone[world]

    def _of(self, world: int, runner: int) -> list[Local]:
        """Return, and keep, the steps of one runner in one world."""
        key = world << RUNNER_BITS | runner
        if key not in self._steps:
            found = self._design.steps(self._worlds.values[world], self._runners.values[runner])
            self._steps[key] = self._numbered(found)
        return self._steps[key]

    def _numbered(self, found: Iterable[Any]) -> list[Local]:
        steps = dict.fromkeys(
            (self._worlds.number(s.world) << (2 * RUNNER_BITS), self._runners.number(s.runner), s.wrote, s.fault)
            for s in found
        )
        assert len(self._runners.values) <= RUNNER_MASK
        return list(steps)

    def _outdated(self, runner: int) -> int:
        old = self._old.get(runner)
        if old is None:
            old = self._old[runner] = self._runners.number(self._design.outdated(self._runners.values[runner]))
        return old

    def _look_for_dead_ends(self) -> None:
        """Find a state from which no end can be reached without a further fault: sweep backwards until nothing changes.

        The steps that are no faults were kept in order, so a state's own are a slice.
        """
        ends = [self._design.ended(world) for world in self._worlds.values]
        good = bytearray(ends[state >> (2 * RUNNER_BITS)] for state in self._order)
        offset, target = self._offset, self._target
        open_places = [place for place in range(len(good) - 1, -1, -1) if not good[place]]
        while True:
            left = []
            for place in open_places:
                if any(good[after] for after in target[offset[place] : offset[place + 1]]):
                    good[place] = 1
                else:
                    left.append(place)
            if len(left) == len(open_places):
                break
            open_places = left
        if open_places:
            self._bad[STUCK] = min(open_places)

    def _trace(self, place: int) -> list[str]:
        """Return the way to a state in sentences; A and B keep their names although states forget them."""
        way = [place]
        while way[-1]:
            way.append(self._parent[way[-1]])
        runners = {"A": self._idle, "B": self._idle}
        lines = []
        for here, there in zip(way[::-1], way[-2::-1], strict=False):
            world = self._order[here] >> (2 * RUNNER_BITS)
            says, runners = next(
                (says, after)
                for says, number, after in self._named(world, runners)
                if self._pack(number, after["A"], after["B"]) == self._order[there]
            )
            lines.append(says)
        return lines

    def _named(self, world: int, runners: dict[str, int]) -> Iterator[tuple[str, int, dict[str, int]]]:
        shared = self._worlds.values[world]
        for step in self._design.alone(shared):
            yield step.says, self._worlds.number(step.world), runners
        for name in "AB"[: 1 + self._two]:
            other = "B" if name == "A" else "A"
            for step in self._design.steps(shared, self._runners.values[runners[name]]):
                theirs = self._outdated(runners[other]) if step.wrote else runners[other]
                after = {name: self._runners.number(step.runner), other: theirs}
                yield f"{name} {step.says}", self._worlds.number(step.world), after
