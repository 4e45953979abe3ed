"""Measure planning and keeping a large run: ``python -m tests.bench [--lines N] [--json FILE]``.

Each step is a process of its own, so that its peak memory is its own. Time is compared with the bare work that nobody
could avoid, reading the same file with the standard library's csv module, because machines differ and ratios less so.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

RUN = "bench-2026-11"
HEADER = (
    "reference,customer,payment_method,account,amount,currency,application_fee,description,statement_suffix,"
    "metadata.contract\n"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured step: wall-clock seconds, and peak resident memory in MiB."""

    step: str
    seconds: float
    peak_mib: float
    times_bare_csv: float


def write_run(path: Path, lines: int) -> None:
    """Write a run file: 400 accounts, two customers in three with one item, amounts of 5.00 to 400.00."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        out.write(HEADER)
        for n in range(lines):
            payer, minor = n % max(lines * 2 // 3, 1), chance.randint(500, 40_000)
            out.write(
                f"INV-2026-11-{n:07d},cus_{payer:014d}A,pm_{payer:014d}B,acct_1{chance.randint(0, 399):012d}X,"
                f"{minor // 100}.{minor % 100:02d},USD,0.55,November coaching,NOV26,C-{n}\n"
            )


def measured(step: str, argv: list[str], environ: dict[str, str], bare: float) -> Figure:
    """Run one process to its end and return what it took.

    Raises:
        RuntimeError: it failed; a figure of a failed step would be no figure.
    """
    began = time.monotonic()
    process = subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    if process.returncode != 0:
        raise RuntimeError(f"{step} ended with {process.returncode}")
    return Figure(step, seconds, usage.ru_maxrss / 1024, seconds / bare if bare else 1.0)


BARE = "import csv, sys; sum(1 for _ in csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))"


def measure(lines: int, folder: Path) -> list[Figure]:
    """Measure every step over one file of ``lines`` lines."""
    file = folder / "run.csv"
    write_run(file, lines)
    environ = {**os.environ, "HOME": str(folder), "BILLING_LEDGER": f"sqlite:///{folder / 'ledger.db'}"}
    here = [sys.executable, "-m"]
    bare = measured("bare csv module", [sys.executable, "-c", BARE, str(file)], environ, 0.0)
    run = ["--run", RUN]
    steps = {
        "billing check": [*here, "billing.cli.main", "check", str(file), *run],
        "billing plan --offline": [*here, "billing.cli.main", "plan", str(file), *run, "--offline"],
        "plan kept in a ledger": [*here, "tests.bench.keeping", str(file), RUN, str(folder)],
        "billing ledger verify": [*here, "billing.cli.main", "ledger", "verify"],
        "billing report --format csv": [*here, "billing.cli.main", "report", RUN, "--format", "csv"],
    }
    return [bare, *(measured(step, argv, environ, bare.seconds) for step, argv in steps.items())]


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(asked.lines, Path(folder))
    sys.stdout.write(f"{asked.lines:,} lines\n{'step':30}{'seconds':>10}{'peak MiB':>10}{'x bare csv':>12}\n")
    for figure in figures:
        row = f"{figure.step:30}{figure.seconds:10.1f}{figure.peak_mib:10.0f}{figure.times_bare_csv:12.1f}\n"
        sys.stdout.write(row)
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
