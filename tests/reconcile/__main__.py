"""Hold reconcile against random worlds: ``python -m tests.reconcile [--worlds N] [--first SEED]``; exit 1 on a fault.

A world is repeated by its seed: ``python -m tests.reconcile --worlds 1 --first SEED``.
"""

import argparse
import sys

from tests.reconcile.worlds import Tried, try_world


def main(arguments: list[str]) -> int:
    """Try worlds and print what they came to."""
    parser = argparse.ArgumentParser(prog="python -m tests.reconcile", description="Meddle, reconcile, compare.")
    parser.add_argument("--worlds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first")
    parser.add_argument("--items", type=int, default=14, help="lines of each")
    chosen = parser.parse_args(arguments)
    total, faults = Tried(), 0
    for seed in range(chosen.first, chosen.first + chosen.worlds):
        try:
            total.add(try_world(seed, items=chosen.items))
        except AssertionError as error:
            faults += 1
            print(f"! seed {seed}: {error}", flush=True)  # noqa: T201 - the answer of a command
    print(f"{total.says()}; {faults} faults")  # noqa: T201 - the same
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
