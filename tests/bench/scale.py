"""Measure large runs: ``python -m tests.bench.scale [--lines 100000 1000000] [--json FILE]``.

Each step is a process of its own, so that its peak memory is its own; where memory is flat, the figures of both sizes
are the same. Time is compared with the bare work that nobody could avoid, reading the same file with the standard
library's csv module, because machines differ and ratios less so. The run charges a few thousand items of the large
sheet against a provider that answers at once; then all but ten of the others are written down as paid, and the ledger
of the finished run is opened to find these ten.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from billing.core.exits import Exit

RUN = "bench-2026-11"
AFTER = "bench-2026-12"
# The month after: the same payers, amounts and accounts under other references.
KEY = "sk_test_benchbenchbench"
CHARGED = 3_000
# Items that the measured run charges: enough to reach its full pace.
HEADER = (
    "reference,customer,payment_method,account,amount,currency,application_fee,description,statement_suffix,"
    "metadata.contract\n"
)
BARE = "import csv, sys; sum(1 for _ in csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured step: wall-clock seconds, and peak resident memory in MiB."""

    lines: int
    step: str
    seconds: float
    peak_mib: float
    times_bare_csv: float


def write_run(path: Path, lines: int, period: str = "2026-11") -> None:
    """Write a run file: 400 accounts, two customers in three with one item, amounts of 5.00 to 400.00."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        out.write(HEADER)
        for n in range(lines):
            payer, minor = n % max(lines * 2 // 3, 1), chance.randint(500, 40_000)
            out.write(
                f"INV-{period}-{n:07d},cus_{payer:014d}A,pm_{payer:014d}B,acct_1{chance.randint(0, 399):012d}X,"
                f"{minor // 100}.{minor % 100:02d},USD,0.55,November coaching,NOV26,C-{n}\n"
            )


def measured(lines: int, step: str, argv: list[str], environ: dict[str, str], bare: float) -> Figure:
    """Run one process to its end and return what it took.

    Raises:
        RuntimeError: it failed; a figure of a failed step would be no figure.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        if process.returncode not in (Exit.OK, Exit.UNFINISHED):  # a limit leaves lines for later
            said.seek(max(said.tell() - 1000, 0))
            raise RuntimeError(f"{step} ended with {process.returncode}: {said.read().decode()}")
    return Figure(lines, step, seconds, usage.ru_maxrss / 1024, seconds / bare if bare else 1.0)


@contextmanager
def provider() -> Iterator[str]:
    """Serve answers at once while the context lasts; yields the address."""
    command = [sys.executable, "-m", "tests.bench.instant"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.stdin.close()


def measure(lines: int, folder: Path) -> tuple[list[Figure], float]:
    """Measure every step over one file of ``lines`` lines; also return the ledger's bytes for each item in the end."""
    file, after, ledger = folder / "run.csv", folder / "after.csv", folder / "ledger.db"
    write_run(file, lines)
    write_run(after, lines, "2026-12")
    environ = {**os.environ, "HOME": str(folder), "BILLING_LEDGER": f"sqlite:///{ledger}", "STRIPE_API_KEY": KEY}
    billing, ours = [sys.executable, "-m", "billing.cli.main"], [sys.executable, "-m", "tests.bench.finished"]
    run = [str(file), "--run", RUN]
    with provider() as address:
        pace = ["--api-base", address, "--rate", "100000", "--concurrency", "200", "--limit", str(CHARGED), "--yes"]
        looks = ["--preflight", "accounts"]  # what look-ups of methods take is measured by `tests.bench.lookups`
        steps = {
            "billing check": [*billing, "check", *run],
            "billing plan --offline": [*billing, "plan", *run, "--offline"],
            f"billing run, {CHARGED:,} of them": [*billing, "run", *run, *pace, *looks],
            "(all but ten written down)": [*ours, "write", str(folder), str(ledger)],
            "opened, ten open items found": [*ours, "find", str(folder), str(ledger)],
            "billing report --format csv": [*billing, "report", RUN, "--format", "csv"],
            "billing ledger verify": [*billing, "ledger", "verify"],
            "billing plan, the month after": [*billing, "plan", str(after), "--run", AFTER, *pace[:4], *looks],
        }
        bare = measured(lines, "bare csv module", [sys.executable, "-c", BARE, str(file)], environ, 0.0)
        figures = [bare]
        for step, argv in steps.items():
            figures.append(measured(lines, step, argv, environ, bare.seconds))
            sys.stderr.write(f"{figures[-1]}\n")
    return figures, ledger.stat().st_size / lines


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    found: list[Figure] = []
    for lines in asked.lines:
        with tempfile.TemporaryDirectory() as folder:
            figures, size = measure(lines, Path(folder))
        found += figures
        sys.stdout.write(f"{lines:,} lines, {size:,.0f} bytes of ledger an item\n")
        sys.stdout.write(f"{'step':32}{'seconds':>10}{'peak MiB':>10}{'x bare csv':>12}\n")
        for figure in figures:
            row = f"{figure.step:32}{figure.seconds:10.1f}{figure.peak_mib:10.0f}{figure.times_bare_csv:12.1f}\n"
            sys.stdout.write(row)
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(figure) for figure in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
