"""The fault matrix of payers: each request meets each fault, with and without a first payment.

Whatever a request meets, the payer has one customer on record and one default, and pays at most once; what a refusal
ends is said. The faults are those of the matrix of charges (`tests.sim.matrix`).
"""

from itertools import product
from pathlib import Path

import pytest

from billing.core.errors import BillingError
from billing.core.kinds.payer import State
from billing.flow.kinds.payer.invite import Invitation
from billing.sandbox.faults import Scripted
from tests.flow.payer_world import CUSTOMERS, DAY, SETUPS, PayerWorld, Person
from tests.sim.lifecycle import memory_folder
from tests.sim.matrix import FAULTS, SHARP, Sort
from tests.sim.mutations import planted
from tests.sim.payer_mutations import an_answer_is_the_default
from tests.virtual import run_virtually

PAYMENTS = "payment_intents.create"
MAKES = {False: (CUSTOMERS, SETUPS, "customers.update"), True: (PAYMENTS,)}
READS = {
    False: ("customers.list", "setup_intents.retrieve", "setup_intents.list", "customers.retrieve"),
    True: ("payment_intents.retrieve", "payment_intents.list"),
}
WHOLE = (CUSTOMERS,)
# What meets every fault; the other requests meet what leaves most open, or tells least.
SOME = ("lost_before", "lost_after", "stored_500_done", "wrong_object", "400_undone")
CASES = [
    (pays, operation, fault, 1)
    for pays in (False, True)
    for operation in (*MAKES[pays], *READS[pays])
    for fault in (FAULTS if operation in WHOLE else SOME)
] + [(pays, operation, fault, 2) for pays in (False, True) for operation, fault in product(MAKES[pays], SHARP[:2])]
SENDS = 8
# What the worst case may send of one request; more would be a loop.


def lived(pays: bool, operation: str, fault: str, nth: int, folder: Path) -> tuple[PayerWorld, State]:
    """Run into a fault, go on when it is over; return where the payer ended."""
    person = Person(0, first_payment="12.50", currency="USD") if pays else Person(0)
    world = PayerWorld.make(folder, [person])
    world.sandbox.faults.add(Scripted(FAULTS[fault].fault, operation, nth=nth))
    _visit(world)
    world.sandbox.advance(2 * DAY)
    world.sandbox.faults.clear()
    _visit(world)
    _visit(world)
    run_virtually(world.assert_true)
    (item,) = run_virtually(world.items)
    return world, State(item.state)


def _visit(world: PayerWorld) -> None:
    """Run, let the payer click and complete what is shown, and follow it; a key that is refused ends each of them."""
    for step in (world.run, world.click, world.come_back, world.settle):
        try:
            shown = run_virtually(step)
        except BillingError:
            continue
        if isinstance(shown, Invitation):
            run_virtually(world.completes)


def wrong(pays: bool, operation: str, fault: str, nth: int) -> str:
    """Return what is wrong with how a case ended, or an empty text."""
    with memory_folder() as folder:
        world, state = lived(pays, operation, fault, nth, folder)
        makes = MAKES[False] + MAKES[True]
        refused = FAULTS[fault].sort is Sort.REFUSED and operation in makes
        allowed = {State.SUCCEEDED} | ({State.FAILED} if refused else set())
        sends = max(world.sent(each) for each in makes)
        if state in allowed and sends <= SENDS:
            return ""
        return f"{operation} {nth}: {fault}, {'a first payment, ' * pays}{state} after {sends} sends"


@pytest.mark.parametrize("block", range(4))
def test_whatever_a_request_of_a_payer_meets_it_ends_saved_once(block: int, record_property) -> None:
    cases = CASES[block::4]
    assert [text for case in cases if (text := wrong(*case))] == []
    record_property("evidence", f"fault matrix of payers: {len(cases):,} cases, 0 wrong ends")


def test_the_matrix_of_payers_covers_every_request_that_makes_something_and_every_fault() -> None:
    assert {fault for _, operation, fault, _ in CASES if operation == CUSTOMERS} == set(FAULTS)
    assert {operation for _, operation, _, _ in CASES} == {
        *MAKES[False], *MAKES[True], *READS[False], *READS[True],
    }  # fmt: skip


def test_a_default_that_is_believed_without_a_read_is_noticed() -> None:
    assert wrong(False, "customers.update", "stored_500_undone", 1) == ""
    with planted(an_answer_is_the_default()), pytest.raises(AssertionError, match="default of PAY-0"):
        wrong(False, "customers.update", "stored_500_undone", 1)
