"""One round of one law, in a process of its own."""

import traceback

from hypothesis import HealthCheck, Phase, seed, settings

from tests.fuzz.laws import LAWS

ROUND = 2_000
# Examples of one law in one go: Hypothesis remembers what it has tried, so a round must not be endless.


def tried(turn: int, first: int) -> str:
    """One round of one law under its own seed; the failure, or empty."""
    law, number = LAWS[turn % len(LAWS)], first + turn
    asked = settings(max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                     phases=[Phase.generate, Phase.shrink], print_blob=True)  # fmt: skip
    try:
        seed(number)(asked(law))()
    except Exception:  # noqa: BLE001  whatever it is, it is what was looked for
        return f"{law.__name__}, seed {number}:\n{traceback.format_exc()}"
    return ""
