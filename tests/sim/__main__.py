"""Sweep seeds: ``python -m tests.sim --seeds 100000``. A failure prints its seed and the command that repeats it."""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.sim.lifecycle import simulate


def main() -> int:
    """Live the seeds, print failures as they come and the sums at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--items", type=int, default=8, help="items of each run")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    asked = parser.parse_args()
    began, bad, groups, requests, turns, met = time.monotonic(), 0, Counter(), 0, 0, 0
    seeds = range(asked.first, asked.first + asked.seeds)
    with ProcessPoolExecutor(asked.jobs) as pool:
        for verdict in pool.map(partial(simulate, items=asked.items), seeds, chunksize=4):
            groups += verdict.groups
            requests += verdict.requests
            turns += verdict.turns
            met += verdict.met
            if verdict.violation:
                bad += 1
                sys.stdout.write(f"seed {verdict.seed}: {verdict.violation}\n  {verdict.replay}\n")
                sys.stdout.flush()
    seconds = time.monotonic() - began
    rate = asked.seeds / seconds / asked.jobs
    sums = ", ".join(f"{group} {count:,}" for group, count in sorted(groups.items()))
    lives = f"{asked.seeds:,} lives of {asked.items} items, {met:,} runners come to grief"
    sys.stdout.write(f"{lives}, {requests:,} requests, {turns:,} awaits, {bad} violations; {sums}\n")
    sys.stdout.write(f"{seconds:.0f} s, {rate:.1f} lives a second per process\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
