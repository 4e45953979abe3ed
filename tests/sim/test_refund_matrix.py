"""The fault matrix of refunds: each request, each fault, first or second, alone or in pairs, for each way to end.

Whatever a request meets, the charge is given back once and the item ends as its bank says; what a refusal ends is said.
The faults are those of the matrix of charges, with what an answer tells its sender (`tests.sim.matrix.Sort`).
"""

from functools import partial
from itertools import product
from pathlib import Path

import pytest

from billing.core.kinds.refund import State
from billing.sandbox.faults import Scripted
from tests.flow.refund_world import CREATE, DAY, DISPUTES, LIST, READ, RefundWorld
from tests.sim.lifecycle import memory_folder
from tests.sim.matrix import FAULTS, SHARP, Sort
from tests.virtual import run_virtually

ENDS = {"pm_card_visa": State.SETTLED, "pm_card_pendingRefund": State.SETTLED, "pm_card_refundFail": State.FAILED}
OPERATIONS = (READ, DISPUTES, CREATE, LIST)
ALONE = [("pm_card_visa", ((op, fault, nth),)) for op, fault, nth in product(OPERATIONS, FAULTS, (1, 2))]
SLOWLY = [(method, ((CREATE, fault, 1),)) for method, fault in product(ENDS, FAULTS) if method != "pm_card_visa"]
SECOND = (*SHARP, "400_undone", "400_done", "429_lock_timeout", "409_key_in_use")
PAIRS = [
    ("pm_card_visa", ((CREATE, first, 1), (op, second, nth)))
    for first, op, second, nth in product(SHARP, (CREATE, LIST, READ), SECOND, (1, 2))
    if (op, nth) != (CREATE, 1)
]
SENDS = 8
# What the worst case may send of one request; more would be a loop.


def lived(method: str, steps: tuple[tuple[str, str, int], ...], folder: Path) -> tuple[RefundWorld, State, bool]:
    """Run into the faults, go on when they are over, and follow the banks; return where the item ended."""
    world = RefundWorld.make(folder, (method,))
    for operation, fault, nth in steps:
        world.sandbox.faults.add(Scripted(FAULTS[fault].fault, operation, nth=nth))
    run_virtually(world.refund_all)
    run_virtually(world.unhidden)
    world.sandbox.advance(2 * DAY)
    world.sandbox.faults.clear()
    for verb in ("resolve", "run"):
        run_virtually(partial(world.go_on, verb))
    run_virtually(world.unhidden)
    for days in (9, 36):
        world.sandbox.advance(days * DAY)
        for verb in ("resolve", "settle"):
            run_virtually(partial(world.go_on, verb))
    run_virtually(world.assert_true)
    (item,) = run_virtually(world.items)
    return world, State(item.state), bool(item.facts.get("loose"))


def wrong(method: str, steps: tuple[tuple[str, str, int], ...]) -> str:
    """Return what is wrong with how a case ended, or an empty text."""
    with memory_folder() as folder:
        world, state, loose = lived(method, steps, folder)
    refused = any(FAULTS[fault].sort is Sort.REFUSED for _, fault, _ in steps)
    allowed = {ENDS[method]} | ({State.PARKED} if loose else set())
    allowed |= {State.FAILED, State.SKIPPED} if refused else set()
    if state in allowed and world.sent(CREATE) <= SENDS:
        return ""
    return f"{method} {steps}: {state} after {world.sent(CREATE)} sends"


@pytest.mark.parametrize("block", range(8))
def test_whatever_a_request_of_a_refund_meets_it_is_given_back_once(block: int, record_property) -> None:
    cases = (ALONE + SLOWLY + PAIRS)[block::8]
    assert [text for case in cases if (text := wrong(*case))] == []
    record_property("evidence", f"fault matrix of refunds: {len(cases):,} cases, 0 wrong ends")


def test_the_matrix_covers_every_request_and_every_fault() -> None:
    steps = [step for _, steps in ALONE for step in steps]
    assert {operation for operation, _, _ in steps} == set(OPERATIONS)
    assert {fault for _, fault, _ in steps} == set(FAULTS)
