"""Measure the reports that people open: ``python -m tests.bench.reports [LINES] [--formats xlsx html] [--json FILE]``.

Each is written by the command itself, a process of its own, from a made ledger of a finished and reconciled run
(`tests.reporting.ledgers`, which takes longer than the reports; ``--made`` takes one that is there). The CSV report is
measured beside them: what reading and telling every line takes at least.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench.scale import Figure, measured
from tests.reporting.ledgers import RUN, Made

PER_ACCOUNT = 8
# Lines of an account, on the average.
BASE = "csv"


def measure(done: Made, formats: list[str], folder: Path) -> list[tuple[Figure, int]]:
    """Write the report in each format; returns what it took, and the bytes of what was written."""
    keys = {"BILLING_LEDGER": f"sqlite:///{done.path}", "BILLING_LEDGER_KEY_FILE": str(done.key_file)}
    environ, bare, found = {**os.environ, "HOME": str(folder), **keys}, 0.0, []
    for name in [BASE, *formats]:
        place = folder / name
        place.mkdir()
        argv = [sys.executable, "-m", "billing.cli.main", "report", done.run_id, "-o", str(place / f"report.{name}")]
        figure = measured(done.lines, f"billing report -o report.{name}", argv, environ, bare)
        bare = bare or figure.seconds
        found.append((figure, sum(each.stat().st_size for each in place.rglob("*") if each.is_file())))
    return found


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reports", description=__doc__)
    parser.add_argument("lines", type=int, nargs="?", default=100_000)
    parser.add_argument("--formats", nargs="+", default=["xlsx", "html"])
    parser.add_argument("--accounts", type=int, help=f"connected accounts, unless one for {PER_ACCOUNT} lines")
    parser.add_argument("--made", type=Path, help="the folder of a ledger that tests.reporting.ledgers has made")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = asked.made or folder / "made"
        if asked.made is None:
            accounts = asked.accounts or max(1, asked.lines // PER_ACCOUNT)
            make = [sys.executable, "-m", "tests.reporting.ledgers", str(place), str(asked.lines)]
            # A process of its own: one that is begun by a large one seems to be as large.
            subprocess.run([*make, "--accounts", str(accounts)], check=True, stdout=subprocess.DEVNULL)
        done = Made(place / "billing.db", place / "ledger.key", RUN, asked.lines)
        found = measure(done, asked.formats, folder)
    sys.stdout.write(f"{asked.lines:,} lines\n{'step':32}{'seconds':>10}{'peak MiB':>10}{'MiB':>10}{'x csv':>8}\n")
    for figure, size in found:
        row = f"{figure.step:32}{figure.seconds:10.1f}{figure.peak_mib:10.0f}{size / 2**20:10.1f}"
        sys.stdout.write(f"{row}{figure.times_bare_csv:8.1f}\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(figure) for figure, _ in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
