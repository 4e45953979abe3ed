"""Print what was explored: ``python -m tests.model [--deep] [--traces]``; exit 1 when a verdict is not as expected."""

import argparse
import sys

from tests.model.exploration import as_expected, explore, totals
from tests.model.explorer import Found
from tests.model.settings import CHANGE, DEEP, REJECTED, Case, shipped

WIDTH = 60


def row(case: Case, found: Found) -> str:
    """Return what one walk came to."""
    verdict = ", ".join(f"{kind} after {len(trace)} steps" for kind, trace in found.violations.items()) or "holds"
    mark = " " if as_expected(case, found) else "!"
    states = f"{found.states:>12,}"
    return f"{mark} {case.design.name:<{WIDTH}} {states} {found.seconds:>7.1f} s  {verdict}\n    {case.design.rules}"


def steps(kind: str, trace: list[str]) -> str:
    """Return the way to a violation, a line for each step."""
    return "\n".join([f"    {kind}:", *(f"      {number:>2}  {text}" for number, text in enumerate(trace, 1))])


def main(arguments: list[str]) -> int:
    """Walk everything and print what each walk came to, with the traces of what was not expected, or of all."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="Explore the charge protocol.")
    parser.add_argument("--deep", action="store_true", help="the large settings too: half an hour, some GB")
    parser.add_argument("--traces", action="store_true", help="the shortest way to each violation, step by step")
    chosen = parser.parse_args(arguments)
    walked = []
    for case in (*shipped(CHANGE + DEEP if chosen.deep else CHANGE), *REJECTED):
        found = explore(case)
        walked.append((case, found))
        print(row(case, found), flush=True)  # noqa: T201 - the answer of a command
        for kind, trace in found.violations.items():
            if chosen.traces or not as_expected(case, found):
                print(steps(kind, trace), flush=True)  # noqa: T201 - the same
    print(totals(walked))  # noqa: T201 - the same
    return 0 if all(as_expected(case, found) for case, found in walked) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
