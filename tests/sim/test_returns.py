"""Debits come back at any time, processes die: one payment of a line stands at most, and both ledgers know in the end.

More lives: ``python -m tests.sim.returns_life 200``.
"""

from collections import Counter

from billing.core.kinds.charge import State
from tests.sim.returns_life import lived

LIVES = range(4)


def test_whatever_comes_back_and_whoever_dies_both_ledgers_come_to_say_what_stripe_shows(record_property):
    ends: Counter[State] = Counter()
    kills = 0
    for seed in LIVES:
        found, died = lived(seed)
        ends += found
        kills += died
    record_property(
        "evidence", f"lives of returns: {len(LIVES)}, {ends[State.RETURNED]} debits came back, {kills} kills"
    )
    assert ends[State.RETURNED] > 0
    assert kills > 0
