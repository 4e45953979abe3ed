"""The fault matrix of cancellations: each request, each fault, for an end at once that leaves an invoice, and a later.

Whatever a request meets, what is called cancelled is over or ends with its period, with nothing left to collect; what a
refusal ends runs on, and is told. The faults are those of the matrix of charges (`tests.sim.matrix`).

Every case: ``python -m tests.sim.test_cancel_matrix --deep``.
"""

import sys
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from billing.core.items import When
from billing.core.kinds.cancellation import State
from billing.sandbox.faults import Scripted
from tests.flow.cancel_world import DAY, END, LIST, READ, UPDATE, VOID, CancelWorld
from tests.sim.lifecycle import memory_folder
from tests.sim.matrix import FAULTS, SHARP, Sort
from tests.virtual import run_virtually

Case = tuple[When, tuple[tuple[str, str, int], ...]]
AT_ONCE, LATER = (READ, END, LIST, VOID), (READ, UPDATE)
NOW, THEN = When.NOW, When.PERIOD_END
ALONE: list[Case] = [
    *((NOW, ((END, fault, 1),)) for fault in FAULTS),
    *((NOW, ((VOID, fault, 1),)) for fault in SHARP),
    *((THEN, ((UPDATE, fault, 1),)) for fault in SHARP),
    *((NOW, ((op, fault, nth),)) for op, fault, nth in ((READ, "lost_after", 1), (LIST, "lost_before", 1))),
]
DEEP: list[Case] = [
    *((NOW, ((op, fault, nth),)) for op, fault, nth in product(AT_ONCE, FAULTS, (1, 2, 3))),
    *((THEN, ((op, fault, nth),)) for op, fault, nth in product(LATER, FAULTS, (1, 2, 3))),
    *(
        (NOW, ((first, sharp, 1), (op, other, nth)))
        for first, sharp, op, other, nth in product((END, VOID), SHARP, AT_ONCE, (*SHARP, "400_undone"), (1, 2))
        if (op, nth) != (first, 1)
    ),
]
SENDS = 12
# What the worst case may send of one request; more would be a loop.


def owing(folder: Path) -> CancelWorld:
    """Return a subscription whose month has begun without a card that works: its invoice is open."""
    world = CancelWorld.make(folder)
    world.spoil()
    world.renew()
    return world


def lived(case: Case, folder: Path) -> tuple[CancelWorld, State, bool]:
    """Run into the faults, go on when they are over; return where the item ended, and whether in doubt."""
    when, steps = case
    world = owing(folder) if when is NOW else CancelWorld.make(folder, when=THEN, clear_fee=True)
    for operation, fault, nth in steps:
        world.sandbox.faults.add(Scripted(FAULTS[fault].fault, operation, nth=nth))
    run_virtually(world.cancel_all)
    run_virtually(world.assert_true)
    world.sandbox.advance(2 * DAY)
    world.sandbox.faults.clear()
    for verb in ("resolve", "run"):
        run_virtually(partial(world.go_on, verb))
    run_virtually(world.assert_true)
    (item,) = run_virtually(world.items)
    return world, State(item.state), bool(item.facts.get("loose"))


def wrong(case: Case) -> str:
    """Return what is wrong with how a case ended, or an empty text."""
    with memory_folder() as folder:
        world, state, _ = lived(case, folder)
    when, steps = case
    refused = any(FAULTS[fault].sort is Sort.REFUSED for _, fault, _ in steps)
    allowed = {State.SUCCEEDED} | ({State.FAILED, State.SKIPPED} if refused else set())
    most = max(world.sent(op) for op in (*AT_ONCE, *LATER))
    return "" if state in allowed and most <= SENDS else f"{when} {steps}: {state} after {most} sends"


@pytest.mark.parametrize("block", range(4))
def test_whatever_a_request_of_a_cancellation_meets_it_ends_once_and_for_all(block: int, record_property) -> None:
    cases = ALONE[block::4]
    assert [text for case in cases if (text := wrong(case))] == []
    record_property("evidence", f"fault matrix of cancellations: {len(cases):,} cases, 0 wrong ends")


def test_the_matrix_covers_every_fault_of_the_end_and_the_sharp_ones_of_what_else_is_asked_for() -> None:
    steps = {(operation, fault) for _, (step, *_) in ALONE for operation, fault, _ in [step]}
    assert steps >= set(product((END,), FAULTS)) | set(product((VOID, UPDATE), SHARP))


def main(arguments: list[str]) -> int:
    """Run every case; print what is wrong."""
    cases = [*ALONE, *(DEEP if "--deep" in arguments else ())]
    found = [text for case in cases if (text := wrong(case))]
    print("\n".join([*found, f"{len(cases):,} cases, {len(found)} wrong ends"]))  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
