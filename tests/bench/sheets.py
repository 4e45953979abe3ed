"""What reading a sheet costs: ``python -m tests.bench.sheets [--lines 100000] [--json FILE]``.

The same lines as CSV, as a workbook of shared texts, and a workbook of one line with formats down to the last row there
is. Each is read in a process of its own: seconds of its processor, and the most memory that it ever had.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import xlsxwriter

COLUMNS = ("reference", "customer", "payment_method", "account", "amount", "currency", "application_fee", "description",
           "metadata.month", "metadata.due")  # fmt: skip
DUE = 46356
LAST_ROW = 1_048_576
READ = """
import re, sys, time
from pathlib import Path
from billing.edge.runfiles import open_run
with open_run(Path(sys.argv[1]), run_id="bench-2026-11") as run_file:
    count = run_file.count
# Of this program alone: what getrusage says may be that of who started it.
most = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(count, time.process_time(), int(most) // 1024)
"""


def _line(number: int) -> tuple[str | float, ...]:
    account, cents = f"acct_A{number % 200:04}", number % 9000 * 4
    ids = (f"INV-{number:07}", f"cus_A{number:08}", f"pm_A{number:08}", account)
    return (*ids, (10_000 + cents) / 100, "USD", 0.5, "Coaching November", "2026-11", DUE)


def _workbook(path: Path, lines: int, last: int = 0) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": bool(last)}) as book:
        sheet, money = book.add_worksheet("November"), book.add_format({"num_format": "#,##0.00"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        formats = {4: money, 6: money, 9: day}
        sheet.write_row(0, 0, COLUMNS)
        for row in range(1, lines + 1):
            for column, value in enumerate(_line(row)):
                sheet.write(row, column, value, formats.get(column))
        for row in range(lines + 1, last):
            sheet.set_row(row, 20, money)
            sheet.write_blank(row, 4, None, money)


def _csv(path: Path, lines: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((*_line(number)[:-1], "2026-11-30") for number in range(1, lines + 1))


def main() -> int:
    """Write the sheets, read each, print what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sheets", description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        sheets = {
            "a CSV": Path(folder, "a.csv"),
            "a workbook": Path(folder, "a.xlsx"),
            "formats": Path(folder, "f.xlsx"),
        }
        _csv(sheets["a CSV"], asked.lines)
        _workbook(sheets["a workbook"], asked.lines)
        _workbook(sheets["formats"], 1, LAST_ROW)
        for name, path in sheets.items():
            done = subprocess.run([sys.executable, "-c", READ, path], check=True, capture_output=True, text=True)
            lines, seconds, memory = done.stdout.split()
            figures.append({"sheet": name, "lines": int(lines), "seconds": float(seconds), "mebibytes": int(memory)})
            size = path.stat().st_size / 1e6
            told = f"{int(lines):>9,} lines  {size:6.1f} MB  {float(seconds):6.1f} s of one core  {memory:>4} MiB"
            sys.stdout.write(f"{name:<10} {told}\n")
            sys.stdout.flush()
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
