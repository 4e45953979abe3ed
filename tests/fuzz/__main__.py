"""Many examples of the readers' laws: ``python -m tests.fuzz --examples 1000000``. A failure prints its example."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.fuzz.laws import LAWS
from tests.fuzz.rounds import ROUND, tried


def main() -> int:
    """Try the laws in turn until the examples are used up; print failures as they come and the sums at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    asked = parser.parse_args()
    rounds = max(1, -(-asked.examples // ROUND))
    began, bad = time.monotonic(), 0
    # A process for each round: a law takes its settings once.
    with ProcessPoolExecutor(asked.jobs, max_tasks_per_child=1) as pool:
        for failure in pool.map(partial(tried, first=asked.first), range(rounds)):
            if failure:
                bad += 1
                sys.stdout.write(failure + "\n")
                sys.stdout.flush()
    seconds = time.monotonic() - began
    sys.stdout.write(f"{rounds * ROUND:,} examples of {len(LAWS)} laws, {bad} failures, {seconds:.0f} s\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
