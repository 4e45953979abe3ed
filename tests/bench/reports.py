"""Measure the reports that people open: ``python -m tests.bench.reports [LINES] [--formats xlsx html] [--json FILE]``.

Each is written by the command itself, a process of its own, from a made ledger of a finished and reconciled run
(`tests.reporting.ledgers`, which takes longer than the reports; ``--made`` takes one that is there). The CSV report is
measured beside them: what reading and telling every line takes at least.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.scale import Figure, measured
from tests.reporting.ledgers import RUN, Made

PER_ACCOUNT = 8
# Lines of an account, on the average.
BASE = "csv"


@dataclass(frozen=True, slots=True)
class Written:
    """One report: what it took, processor seconds among it, and how large it is.

    Attributes:
        figure: wall-clock seconds and peak memory.
        busy: processor seconds, which a busy machine changes less.
        size: bytes of everything that was written.
    """

    figure: Figure
    busy: float
    size: int


def measure(done: Made, formats: list[str], folder: Path) -> list[Written]:
    """Write the report in each format."""
    keys = {"BILLING_LEDGER": f"sqlite:///{done.path}", "BILLING_LEDGER_KEY_FILE": str(done.key_file)}
    environ, bare = {**os.environ, "HOME": str(folder), **keys}, 0.0
    found: list[Written] = []
    for name in [BASE, *formats]:
        place = folder / name
        place.mkdir()
        argv = [sys.executable, "-m", "billing.cli.main", "report", done.run_id, "-o", str(place / f"report.{name}")]
        before = processor_seconds()
        figure = measured(done.lines, f"billing report -o report.{name}", argv, environ, bare)
        bare, busy = bare or figure.seconds, processor_seconds() - before
        found.append(Written(figure, busy, sum(each.stat().st_size for each in place.rglob("*") if each.is_file())))
    return found


def processor_seconds() -> float:
    """Return the processor seconds of all processes that were begun here and are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
    heads = ("seconds", "processor", "peak MiB", "MiB", "x csv")
    sys.stdout.write(f"{asked.lines:,} lines\n{'step':32}{''.join(f'{head:>11}' for head in heads)}\n")
    for each in found:
        figures = (each.figure.seconds, each.busy, each.figure.peak_mib, each.size / 2**20, each.figure.times_bare_csv)
        sys.stdout.write(f"{each.figure.step:32}{''.join(f'{figure:11.1f}' for figure in figures)}\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
