"""Breadth first over two ledgers that share nothing but Stripe; time is ages, which grow in all three at once."""

import time
from collections.abc import Iterator
from typing import Any, Protocol

from tests.model.explorer import Found, Names

BITS = 20
MASK = (1 << BITS) - 1


class Pair(Protocol):
    """What is explored: one program that two ledgers run. What is shared and what is a ledger's are hashable values."""

    def start(self) -> tuple[Any, Any]:
        """Return what is shared, and a ledger, before the first step."""
        ...

    def steps(self, shared: Any, ledger: Any) -> Iterator[tuple[str, Any, Any]]:
        """Yield what may happen to a ledger next: in words, what is shared then, and the ledger then."""
        ...

    def alone(self, shared: Any) -> Iterator[tuple[str, Any]]:
        """Yield what happens by itself."""
        ...

    def later(self, shared: Any) -> Any:
        """Return what is shared one tick later."""
        ...

    def aged(self, ledger: Any) -> Any:
        """Return a ledger one tick later."""
        ...

    def broken(self, shared: Any, ledger: Any) -> str | None:
        """Return the law that what is shared and one ledger break together."""
        ...


class PairWalk:
    """One design, explored. A state is one integer: what is shared, the lower ledger, the higher one.

    The two run one program, so their order means nothing and is sorted away. A ledger's step depends on what is shared
    and on itself alone: it is worked out once for each such pair.
    """

    def __init__(self, design: Pair, *, stop: bool = False, most: int | None = None) -> None:
        """Prepare a walk that ends at the first violation (``stop``), or is given up after ``most`` states."""
        self._design, self._stop, self._most = design, stop, most
        self._shared, self._ledgers = Names(), Names()
        self._local: dict[int, tuple[tuple[int, int], ...]] = {}
        self._alone: dict[int, tuple[int, ...]] = {}
        self._laws: dict[int, str | None] = {}
        self._aged: dict[int, int] = {}
        self._older: dict[int, int] = {}

    def explore(self) -> Found:
        """Walk until nothing new is left."""
        began = time.process_time()
        shared, ledger = self._design.start()
        start = self._pack(self._shared.number(shared), *[self._ledgers.number(ledger)] * 2)
        parents = {start: start}
        found = Found()
        layer = [start]
        while layer and not (self._stop and found.violations):
            ahead: list[int] = []
            for state in layer:
                law = self._law(state)
                if law is not None:
                    if law not in found.violations:
                        found.violations[law] = self._trace(parents, state)
                    continue
                for after in self._after(state):
                    if after not in parents:
                        parents[after] = state
                        ahead.append(after)
            layer = ahead
            if self._most is not None and len(parents) > self._most:
                break
        found.states, found.complete = len(parents), not layer
        found.seconds = time.process_time() - began
        return found

    def _pack(self, stripe: int, one: int, other: int) -> int:
        low, high = (one, other) if one <= other else (other, one)
        return (stripe << BITS | low) << BITS | high

    def _after(self, state: int) -> Iterator[int]:
        stripe, one, other = state >> 2 * BITS, state >> BITS & MASK, state & MASK
        pair = state & ((1 << 2 * BITS) - 1)
        for then in self._of_nobody(stripe):
            yield then << 2 * BITS | pair
        for mover, waits in ((one, other), (other, one)) if one != other else ((one, other),):
            for then, moved in self._of(stripe, mover):
                yield self._pack(then, moved, waits)
        yield self._pack(self._later(stripe), self._grown(one), self._grown(other))

    def _of(self, stripe: int, ledger: int) -> tuple[tuple[int, int], ...]:
        key = stripe << BITS | ledger
        steps = self._local.get(key)
        if steps is None:
            found = self._design.steps(self._shared.values[stripe], self._ledgers.values[ledger])
            named = [(self._shared.number(then), self._ledgers.number(moved)) for _, then, moved in found]
            steps = self._local[key] = tuple(dict.fromkeys(named))
        return steps

    def _of_nobody(self, stripe: int) -> tuple[int, ...]:
        steps = self._alone.get(stripe)
        if steps is None:
            found = self._design.alone(self._shared.values[stripe])
            steps = self._alone[stripe] = tuple(dict.fromkeys(self._shared.number(then) for _, then in found))
        return steps

    def _later(self, stripe: int) -> int:
        if stripe not in self._older:
            self._older[stripe] = self._shared.number(self._design.later(self._shared.values[stripe]))
        return self._older[stripe]

    def _grown(self, ledger: int) -> int:
        if ledger not in self._aged:
            self._aged[ledger] = self._ledgers.number(self._design.aged(self._ledgers.values[ledger]))
        return self._aged[ledger]

    def _law(self, state: int) -> str | None:
        stripe = state >> 2 * BITS
        for ledger in (state >> BITS & MASK, state & MASK):
            key = stripe << BITS | ledger
            if key not in self._laws:
                self._laws[key] = self._design.broken(self._shared.values[stripe], self._ledgers.values[ledger])
            if self._laws[key] is not None:
                return self._laws[key]
        return None

    def _trace(self, parents: dict[int, int], state: int) -> list[str]:
        """Return the way to a state in sentences; A and B keep their names although states forget them."""
        way = [state]
        while parents[way[-1]] != way[-1]:
            way.append(parents[way[-1]])
        stripe, ledger = self._design.start()
        pair = (ledger, ledger)
        lines = []
        for there in way[-2::-1]:
            says, stripe, pair = next(step for step in self._named(stripe, pair) if self._number(*step[1:]) == there)
            lines.append(says)
        return lines

    def _number(self, stripe: Any, pair: tuple[Any, Any]) -> int:
        return self._pack(self._shared.number(stripe), *map(self._ledgers.number, pair))

    def _named(self, stripe: Any, pair: tuple[Any, Any]) -> Iterator[tuple[str, Any, tuple[Any, Any]]]:
        a, b = pair
        for says, then in self._design.alone(stripe):
            yield says, then, pair
        for says, then, moved in self._design.steps(stripe, a):
            yield f"A {says}", then, (moved, b)
        for says, then, moved in self._design.steps(stripe, b):
            yield f"B {says}", then, (a, moved)
        yield "hours pass", self._design.later(stripe), (self._design.aged(a), self._design.aged(b))
