"""The fault matrix of subscriptions, each request and each fault: ``python -m tests.sim.subscribe_matrix``.

Whatever a request meets, the line is subscribed once, or not at all where the bank says no, and by the end it says so;
what a refusal ends is said. The faults are those of the matrix of charges, with what an answer tells its sender
(`tests.sim.matrix.Sort`). A test takes a part of it; the command takes all.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path

from billing.core.errors import CredentialsError
from billing.core.kinds.subscription import State
from billing.sandbox.faults import Scripted
from tests.flow.subscribe_world import (
    ATTACH,
    CLONE,
    CUSTOMER,
    DAY,
    DEFAULT,
    END,
    LIST,
    OPEN,
    PAY,
    START,
    SubscribeWorld,
)
from tests.sim.lifecycle import memory_folder
from tests.sim.matrix import FAULTS, Sort
from tests.virtual import run_virtually

Case = tuple[str, str, str, int]
# A way to end, a request, a fault, and which of the requests meets it.
READS = ("subscriptions.retrieve", "invoices.list", "invoices.retrieve")
LINK = (LIST, "customers.list", "customers.retrieve", CUSTOMER, CLONE, ATTACH, DEFAULT, "products.list",
        "products.create")  # fmt: skip
WAYS: dict[str, tuple[str, State, tuple[str, ...]]] = {
    # way -> (how it is paid, where it ends, the requests that it takes)
    "paid": ("pm_card_visa", State.SUCCEEDED, (*LINK, OPEN, PAY)),
    "started": ("pm_card_visa", State.SUCCEEDED, (OPEN, START)),
    "declined": ("pm_card_chargeCustomerFail", State.FAILED, (PAY, END, "invoices.void", *READS)),
    "debited": ("pm_usBankAccount_success", State.SUCCEEDED, (PAY, *READS)),
}
CASES: tuple[Case, ...] = tuple(
    (way, operation, fault, nth)
    for way, (_, _, operations) in WAYS.items()
    for operation, fault, nth in product(operations, FAULTS, (1, 2))
)


def lived(way: str, operation: str, fault: str, nth: int, folder: Path) -> tuple[SubscribeWorld, State]:
    """Run into the fault, go on when it is over, and follow the banks; return where the item ended."""
    method, _, _ = WAYS[way]
    bench = SubscribeWorld.make(folder, (method,))
    if way == "started":
        bench.rows[0]["trial_end"] = bench.date(20)
        bench.write()
    bench.sandbox.faults.add(Scripted(FAULTS[fault].fault, operation, nth=nth))
    with suppress(CredentialsError):  # the key was refused before anything was planned
        run_virtually(bench.subscribe_all)
    run_virtually(bench.assert_once)
    bench.sandbox.advance(1.1 * DAY)
    bench.sandbox.faults.clear()
    for _ in range(2):  # what waited so long that it expired is ended by the first, and subscribed by the second
        run_virtually(bench.subscribe_all)
    run_virtually(bench.assert_once)
    bench.sandbox.advance(6 * DAY)
    for verb in ("resolve", "settle"):
        run_virtually(partial(bench.go_on, verb))
    run_virtually(bench.assert_true)
    item = max(run_virtually(bench.items), key=lambda one: one.generation)
    return bench, State(item.state)


def wrong(case: Case) -> str:
    """Return what is wrong with how a case ended, or an empty text."""
    way, operation, fault, nth = case
    with memory_folder() as folder:
        try:
            _, state = lived(way, operation, fault, nth, folder)
        except AssertionError as violation:
            return f"{case}: {violation}"
    allowed = {WAYS[way][1]}
    if FAULTS[fault].sort is Sort.REFUSED:
        allowed |= {State.FAILED, State.SKIPPED, State.PLANNED}
    return "" if state in allowed else f"{case}: {state}"


def main(arguments: Sequence[str]) -> int:
    """Go through the matrix, or every so many-th case of it; print what ended wrong."""
    cases = CASES[:: int(arguments[0]) if arguments else 1]
    found = [text for case in cases if (text := wrong(case))]
    print("\n".join([*found, f"{len(cases):,} cases, {len(found)} wrong ends"]))  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
