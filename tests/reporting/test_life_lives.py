"""A story of any simulated life: lost answers, kills, declines, debits that come back, people who pay by themselves.

Whenever a simulation lets go of a ledger, all of its lines are told, and each story is held against what it has.
"""

import os
from collections import Counter
from collections.abc import Callable

import pytest

from tests.flow import world
from tests.reporting.life_laws import explained
from tests.sim import returns_life
from tests.sim.cancel_life import simulate_cancellations
from tests.sim.dunning_life import DunningLife, simulate_dunning
from tests.sim.lifecycle import simulate
from tests.sim.payer_life import simulate_payers
from tests.sim.refund_life import simulate_refunds
from tests.sim.subscribe_life import simulate_subscriptions
from tests.sim.sync_life import simulate_syncs
from tests.virtual import run_virtually

SEEDS = int(os.environ.get("BILLING_SIM_SEEDS", "2000"))
LIVES: dict[str, tuple[Callable[[int], str], int]] = {
    # kind of life: (lives one seed and returns what did not hold, how many seeds of 2,000)
    "charges": (lambda seed: simulate(seed, 5).violation, 4),
    "tried again for a month": (lambda seed: simulate_dunning(seed, 1).violation, 1),
    "refunds": (lambda seed: simulate_refunds(seed, 4), 4),
    "refunds of two ledgers": (lambda seed: simulate_refunds(seed, 3, ledgers=2), 3),
    "payers": (lambda seed: simulate_payers(seed, 3), 4),
    "subscriptions": (lambda seed: simulate_subscriptions(seed, 3), 4),
    "cancellations": (lambda seed: simulate_cancellations(seed), 4),
    "syncs": (lambda seed: simulate_syncs(seed, 3), 3),
    "debits that come back": (lambda seed: str(returns_life.lived(seed) and ""), 1),
}


@pytest.mark.parametrize("kind", LIVES)
def test_the_story_of_any_life_has_no_hole_and_says_what_the_ledger_says(kind, monkeypatch, record_property):
    live, share = LIVES[kind]
    seeds = max(SEEDS * share // 2000, 1)
    rows: Counter[str] = Counter()

    def told(ledger) -> None:
        rows.update(story.head.row for _, story in explained(ledger))

    async def tell_all(life: DunningLife) -> None:
        async with life.world.read() as ledger:
            told(ledger)

    # Where simulations hold a ledger against the tables; the one of months does not, and is asked at its end.
    monkeypatch.setattr(world, "assert_told", told)
    monkeypatch.setattr(DunningLife, "verdict", lambda life: run_virtually(lambda: tell_all(life)))
    broken = {seed: violation for seed in range(seeds) if (violation := live(seed))}
    assert broken == {}
    assert rows.total() >= seeds, "a ledger was let go of without being told"
    record_property("evidence", f"stories told of simulated lives: {rows.total():,}, every one as the ledger has it")
