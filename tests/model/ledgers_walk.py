"""Walk two ledgers breadth first, and what the walks must come to: ``python -m tests.model.ledgers_walk``."""

import argparse
import sys
import time
from collections.abc import Iterator

from tests.model.explorer import Found, Names
from tests.model.ledgers import Ledger, Runner, aged, broken
from tests.model.ledgers_stripe import Setting, Stripe, alone, older

BITS = 20
MASK = (1 << BITS) - 1


class Walk:
    """One setting, explored. A state is one integer: Stripe, the lower ledger, the higher one.

    The two run one program, so their order means nothing and is sorted away. A ledger's step depends on Stripe and on
    itself alone: it is worked out once for each such pair.
    """

    def __init__(self, setting: Setting, *, stop: bool = False, most: int | None = None) -> None:
        """Prepare a walk that ends at the first violation (``stop``), or is given up after ``most`` states."""
        self._setting, self._stop, self._most = setting, stop, most
        self._runner = Runner(setting)
        self._stripes, self._ledgers = Names(), Names()
        self._steps: dict[int, tuple[tuple[int, int], ...]] = {}
        self._alone: dict[int, tuple[int, ...]] = {}
        self._laws: dict[int, str | None] = {}
        self._aged: dict[int, int] = {}
        self._older: dict[int, int] = {}

    def explore(self) -> Found:
        """Walk until nothing new is left."""
        began = time.process_time()
        start = self._pack(self._stripes.number(Stripe()), *[self._ledgers.number(Ledger())] * 2)
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
        steps = self._steps.get(key)
        if steps is None:
            found = self._runner.steps(self._stripes.values[stripe], self._ledgers.values[ledger])
            named = [(self._stripes.number(then), self._ledgers.number(moved)) for _, then, moved in found]
            steps = self._steps[key] = tuple(dict.fromkeys(named))
        return steps

    def _of_nobody(self, stripe: int) -> tuple[int, ...]:
        steps = self._alone.get(stripe)
        if steps is None:
            found = alone(self._stripes.values[stripe], self._setting)
            steps = self._alone[stripe] = tuple(dict.fromkeys(self._stripes.number(then) for _, then in found))
        return steps

    def _later(self, stripe: int) -> int:
        if stripe not in self._older:
            self._older[stripe] = self._stripes.number(older(self._stripes.values[stripe], self._setting))
        return self._older[stripe]

    def _grown(self, ledger: int) -> int:
        if ledger not in self._aged:
            self._aged[ledger] = self._ledgers.number(aged(self._ledgers.values[ledger], self._setting))
        return self._aged[ledger]

    def _law(self, state: int) -> str | None:
        stripe = state >> 2 * BITS
        for ledger in (state >> BITS & MASK, state & MASK):
            key = stripe << BITS | ledger
            if key not in self._laws:
                self._laws[key] = broken(self._stripes.values[stripe], self._ledgers.values[ledger])
            if self._laws[key] is not None:
                return self._laws[key]
        return None

    def _trace(self, parents: dict[int, int], state: int) -> list[str]:
        """Return the way to a state in sentences; A and B keep their names although states forget them."""
        way = [state]
        while parents[way[-1]] != way[-1]:
            way.append(parents[way[-1]])
        stripe, pair = Stripe(), (Ledger(), Ledger())
        lines = []
        for there in way[-2::-1]:
            says, stripe, pair = next(step for step in self._named(stripe, pair) if self._number(*step[1:]) == there)
            lines.append(says)
        return lines

    def _number(self, stripe: Stripe, pair: tuple[Ledger, Ledger]) -> int:
        return self._pack(self._stripes.number(stripe), *map(self._ledgers.number, pair))

    def _named(
        self, stripe: Stripe, pair: tuple[Ledger, Ledger]
    ) -> Iterator[tuple[str, Stripe, tuple[Ledger, Ledger]]]:
        a, b = pair
        for says, then in alone(stripe, self._setting):
            yield says, then, pair
        for says, then, moved in self._runner.steps(stripe, a):
            yield f"A {says}", then, (moved, b)
        for says, then, moved in self._runner.steps(stripe, b):
            yield f"B {says}", then, (a, moved)
        yield "hours pass", older(stripe, self._setting), (aged(a, self._setting), aged(b, self._setting))


KEPT_SECONDS = 24 * 3600.0
# How long Stripe keeps a key at least. (docs.stripe.com/api/idempotent_requests)

CHANGE = (Setting(), Setting(late=0, cancels=True), Setting(restores=False), Setting(late=0, list=2, key=3))
# The shipped design, on every change: each in seconds.

DEEP = (Setting(cancels=True, restores=False), Setting(late=0, declines=True), Setting(late=2, restores=False))
# The same with --deep: minutes.

QUICK = Setting(late=0, restores=False)
REJECTED: tuple[tuple[str, Setting, str], ...] = (
    ("no list", QUICK._replace(lists=False, licence=False), "double"),
    ("a list older than the keys", QUICK._replace(list=2), "double"),
    ("the next key after a new error", QUICK._replace(grows="new"), "double"),
    ("the next key after any replayed error", QUICK._replace(grows="replayed"), "double"),
    ("the next key after a replayed error that seems new", QUICK._replace(grows="young", timely=True), "double"),
    ("the same, every 5xx Stripe's own, but late", QUICK._replace(grows="young", late=1, proxies=False), "double"),
    ("the answer of an open is believed whatever the list's age", QUICK._replace(late=1, looks_again=False), "double"),
    ("a confirm whose key was used is failed", QUICK._replace(late=1, used="fails"), "hidden"),
    ("another intent for a confirm whose key was used", QUICK._replace(used="opens"), "double"),
    ("whatever carries the name is taken over", QUICK._replace(plants=True, compares=False), "false"),
)
SOUND: tuple[tuple[str, Setting], ...] = (
    ("no licence for the confirm", QUICK._replace(licence=False)),
    ("the next key while the error is young, no proxies, nothing late", QUICK._replace(
        grows="young", timely=True, proxies=False
    )),
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Print what each walk came to; exit 1 when one is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.ledgers_walk", description="Two ledgers, one Stripe.")
    parser.add_argument("--deep", action="store_true", help="the large settings too: minutes, some GB")
    parser.add_argument("--traces", action="store_true", help="the shortest way to each violation, step by step")
    chosen = parser.parse_args(arguments)
    ours = [("the shipped design", setting, "") for setting in CHANGE + (DEEP if chosen.deep else ())]
    wrong = 0
    for name, setting, law in (*ours, *REJECTED, *((name, setting, "") for name, setting in SOUND)):
        found = Walk(setting, stop=bool(law)).explore()
        expected = law in found.violations if law else found.complete and not found.violations
        wrong += not expected
        says = ", ".join(f"{kind} after {len(trace)} steps" for kind, trace in found.violations.items()) or "holds"
        print(f"{' ' if expected else '!'} {name:<64} {found.states:>10,} {found.seconds:>6.1f} s  {says}", flush=True)  # noqa: T201
        for kind, trace in found.violations.items() if chosen.traces or not expected else ():
            lines = [f"      {number:>2}  {text}" for number, text in enumerate(trace, 1)]
            print("\n".join([f"    {kind}:", *lines]), flush=True)  # noqa: T201
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
