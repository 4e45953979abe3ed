"""Sweep worlds: ``python -m tests.kills --worlds 200 --first 1000``. A failing world prints how to repeat it."""

import argparse
import sys
import time
from dataclasses import asdict, replace

from tests.kills.planted import BUGS
from tests.kills.points import MONEY_PATH, RECURRING_PATH
from tests.kills.suite import LIVE, figures_of, sum_up, verdicts
from tests.kills.verdict import Asked, Sizes


def main() -> int:
    """Live the worlds, print failures as they come and the sums at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--worlds", "--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed of the first world")
    parser.add_argument("--jobs", type=int, default=3, help="worlds at one time")
    parser.add_argument("--bug", choices=sorted(BUGS), default="", help="plant this bug in every runner")
    parser.add_argument("--at", choices=[*MONEY_PATH, *RECURRING_PATH], default="", help="strike at this request only")
    parser.add_argument("--lives", type=int, help="play only the first few lives of each world")
    parser.add_argument("--machines", type=int, choices=sorted(LIVE), default=1, help="each with a ledger of its own")
    parser.add_argument("--edits", action="store_true", help="the file is edited and lines are cancelled")
    parser.add_argument("--refunds", action="store_true", help="the run is given back, on two machines")
    parser.add_argument("--recurring", action="store_true", help="payers are saved, subscribed, changed and renewed")
    parser.add_argument("--workers", type=int, default=0, help="so many, on one ledger in PostgreSQL")
    parser.add_argument("--items", type=int, default=120, help="with --workers: of the run")
    parser.add_argument("--calm", action="store_true", help="with --workers: nothing befalls them")
    for name, size in asdict(Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=size, help=f"with --recurring: how many {name}")
    given = parser.parse_args()
    began, found = time.monotonic(), []
    seeds = range(given.first, given.first + given.worlds)
    sizes = Sizes(given.payers, given.lines, given.accounts, given.strikes) if given.recurring else None
    asked = Asked(
        0,
        given.bug,
        given.at,
        given.lives,
        given.machines,
        given.edits,
        given.refunds,
        given.workers,
        given.items,
        given.calm,
        sizes,
    )
    worlds = [replace(asked, seed=seed) for seed in seeds]
    for verdict in verdicts(worlds, given.jobs):
        found.append(verdict)
        if not verdict.sound:
            sys.stdout.write(f"{verdict}\n")
            sys.stdout.flush()
    waits = sorted(wait for verdict in found for wait in verdict.waits)
    if waits:
        sys.stdout.write(f"taken up after a kill: {', '.join(f'{wait:.1f}' for wait in waits)} s\n")
    bad = sum(not verdict.sound for verdict in found)
    sys.stdout.write(
        f"{sum_up(found)}\n{figures_of(found)}{len(found)} worlds, {bad} failed, {time.monotonic() - began:.0f} s\n"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
