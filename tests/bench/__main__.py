"""Measure everything that is promised of speed: ``python -m tests.bench [--quick] [--json FOLDER]``.

Five benchmarks, each a command of its own with more to choose: what a charge costs (``tests.bench.cost``), how the pace
settles (``tests.bench.pace``), what the order is worth (``tests.bench.order``), large runs (``tests.bench.scale``), and
what looking before costs (``tests.bench.lookups``).
"""

import argparse
import subprocess
import sys
from pathlib import Path

BENCHES = {
    # its arguments in full, and where that takes minutes, smaller ones
    "pace": ([], []),
    "order": ([], ["--items", "2000", "--accounts", "40"]),
    "cost": ([], ["--items", "1000"]),
    "scale": ([], ["--lines", "20000", "100000"]),
    "lookups": ([], ["--lines", "10000", "--accounts", "200"]),
}


def main() -> int:
    """Run each benchmark in turn; the first that fails ends it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a few minutes in all")
    parser.add_argument("--json", type=Path, help="a folder for each benchmark's figures")
    asked = parser.parse_args()
    if asked.json is not None:
        asked.json.mkdir(parents=True, exist_ok=True)
    for name, (full, quick) in BENCHES.items():
        sys.stdout.write(f"\n== python -m tests.bench.{name}\n")
        sys.stdout.flush()
        arguments = [*(quick if asked.quick else full)]
        if asked.json is not None:
            arguments += ["--json", str(asked.json / f"{name}.json")]
        done = subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *arguments], check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
