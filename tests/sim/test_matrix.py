"""Each request of the protocol x each fault x each position, and pairs of faults: the outcome the ledger must show."""

import itertools

import pytest

from billing.core.states import State
from billing.sandbox.faults import FaultKind
from tests.flow.world import World
from tests.virtual import run_virtually

OPEN, CLONE, CONFIRM, CANCEL, READ = (
    "payment_intents.create",
    "payment_methods.create",
    "payment_intents.confirm",
    "payment_intents.cancel",
    "payment_intents.retrieve",
)
REASONS = ("global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific")
HARMLESS = frozenset({FaultKind.PATCHED, FaultKind.CANNED})  # they say nothing by themselves
FAULTS = [{"kind": kind, "seconds": 0.5} for kind in FaultKind if kind not in HARMLESS | {FaultKind.RATE_LIMITED}]
FAULTS += [{"kind": FaultKind.RATE_LIMITED, "reason": reason} for reason in REASONS]
ENDS = {"succeeds": State.SUCCEEDED, "insufficient_funds": State.UNPAID, "stolen_card": State.FAILED}
REACHED = {
    # which requests an item of each outcome sends; a read only follows a confirm whose answer was lost
    "succeeds": (OPEN, CLONE, CONFIRM, READ),
    "insufficient_funds": (OPEN, CLONE, CONFIRM, READ),
    "stolen_card": (OPEN, CLONE, CONFIRM, CANCEL, READ),
}
Case = tuple[str, tuple[tuple[str, dict, int], ...]]


def _singles() -> list[Case]:
    found: list[Case] = []
    for outcome, operations in REACHED.items():
        for operation, fault, nth, times in itertools.product(operations, FAULTS, (1, 2), (1, 2)):
            if nth == 2 and times == 2:
                continue
            lost = ((CONFIRM, {"kind": FaultKind.LOST_AFTER}, 1),) if operation == READ else ()
            found.append((outcome, (*lost, *((operation, fault, nth + n) for n in range(times)))))
    return found


def _pairs() -> list[Case]:
    pairs = [(OPEN, CLONE), (CONFIRM, READ), (OPEN, CONFIRM), (CONFIRM, CANCEL)]
    sharp = [fault for fault in FAULTS if fault["kind"] in SHARP]
    return [
        ("stolen_card" if CANCEL in pair else "succeeds", ((pair[0], first, 1), (pair[1], second, 1)))
        for pair in pairs
        for first, second in itertools.product(sharp, sharp)
    ]


SHARP = frozenset(
    {
        FaultKind.LOST_BEFORE,
        FaultKind.LOST_AFTER,
        FaultKind.LATE,
        FaultKind.STORED_500_DONE,
        FaultKind.STORED_500_UNDONE,
    }
)
CASES = [*_singles(), *_pairs()]


def _name(case: Case) -> str:
    outcome, faults = case
    return outcome + "".join(
        f"-{operation.split('.')[1]}{nth}:{fault.get('reason', fault['kind'])}" for operation, fault, nth in faults
    )


async def _resolved(world: World) -> None:
    """Charge, and resolve once if the faults left anything open."""
    await world.charge_all()
    async with world.desk() as desk:
        await world.resolve(desk)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_the_ledger_shows_the_truth(tmp_path, case):
    outcome, faults = case
    world = World.make(tmp_path, items=1, accounts=1, mix={outcome: 1})
    for operation, fault, nth in faults:
        world.script(fault["kind"], operation, nth=nth, **{name: fault[name] for name in fault if name != "kind"})
    run_virtually(_resolved, world)
    run_virtually(world.assert_true)
    (item,) = run_virtually(world.known)
    assert item.state is ENDS[outcome]


def test_the_matrix_is_as_large_as_it_says():
    assert len(CASES) > 1000
    assert len(FAULTS) == 25
