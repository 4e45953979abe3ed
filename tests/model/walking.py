"""What all tables of walks share: a walk, its verdict, and the command that prints what each came to."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.model.explorer import Explorer, Found


def step_by_step(walk: "Walk") -> Found:
    """Walk all there is, or up to the violation that must show; to see that it is stuck, all must be seen."""
    return Explorer(walk.design, stop_at=frozenset({walk.caught} - {"", "stuck"})).explore()


@dataclass(frozen=True, slots=True)
class Walk:
    """A design, and the law it must be caught at; empty for one that holds.

    Attributes:
        design: with its name and its setting, ``rules``.
        how: it is walked.
    """

    design: Any
    caught: str = ""
    how: "Callable[[Walk], Found]" = step_by_step

    def __str__(self) -> str:
        """Return the design and its setting."""
        return f"{self.design.name} ({self.design.rules})"


@cache
def explore(walk: Walk) -> Found:
    """Walk to the end, or to the violation it must show."""
    return walk.how(walk)


def as_expected(walk: Walk) -> bool:
    """Tell whether the verdict is the expected one."""
    found = explore(walk)
    return walk.caught in found.violations if walk.caught else found.complete and not found.violations


def unexpected(walks: Iterable[Walk]) -> list[str]:
    """Return each walk whose verdict is not the expected one, with the shortest way to what it showed instead.

    The walks of a table are one test: each explores up to millions of states, which two processes would do twice.
    """
    return [f"{walk}: {explore(walk).violations or 'not caught'}" for walk in walks if not as_expected(walk)]


def main(module: str, about: str, walks: Sequence[Walk], deep: Sequence[Walk], arguments: list[str]) -> int:
    """Print what each walk came to; return 1 when one is not as expected.

    Args:
        module: whose command this is.
        about: it, in a sentence.
        walks: those of every change.
        deep: those that are walked with ``--deep`` alone.
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog=f"python -m tests.model.{module}", description=about)
    parser.add_argument("--deep", action="store_true", help="the large settings too: minutes, some GB")
    parser.add_argument("--traces", action="store_true", help="the shortest way to each violation, step by step")
    chosen = parser.parse_args(arguments)
    asked = (*walks, *(deep if chosen.deep else ()))
    for walk in asked:
        _print(walk, traces=chosen.traces)
    return int(not all(map(as_expected, asked)))


def _print(walk: Walk, *, traces: bool) -> None:
    found, expected = explore(walk), as_expected(walk)
    says = ", ".join(f"{kind} after {len(trace)} steps" for kind, trace in found.violations.items()) or "holds"
    mark = " " if expected else "!"
    print(f"{mark} {walk!s:<110} {found.states:>10,} {found.seconds:>6.1f} s  {says}", flush=True)  # noqa: T201
    for kind, trace in found.violations.items() if traces or not expected else ():
        lines = [f"      {number:>2}  {text}" for number, text in enumerate(trace, 1)]
        print("\n".join([f"    {kind}:", *lines]), flush=True)  # noqa: T201
