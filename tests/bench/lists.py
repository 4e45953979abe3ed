"""Count what one list per account costs in requests: ``python -m tests.bench.lists [--items 200] [--accounts 20 100]``.

The installed command makes a first run on a sandbox without faults. Nothing but those lists asks for
``payment_intents.list`` there, so a run without them is what is left when they are taken off.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from billing.sandbox.config import Limits, SandboxConfig
from billing.sandbox.scenario import ScenarioSpec, build
from billing.sandbox.server import ticking
from tests.kills.processes import RATE, Crew
from tests.kills.provider import Provider

LIST = "payment_intents.list"


def count(items: int, accounts: int, folder: Path) -> Counter[str]:
    """Return the requests of a first run, by operation.

    Raises:
        RuntimeError: the run did not end well.
    """
    sandbox = ticking(SandboxConfig(limits=Limits.off()))
    spec = ScenarioSpec(accounts=accounts, items=items, mix={"succeeds": 1.0})
    (folder / "run.csv").write_text(build(sandbox, spec).as_csv())
    (folder / "home").mkdir()
    seen: Counter[str] = Counter()
    sandbox.observe(lambda logged: seen.update([logged.operation]))
    problems: list[str] = []
    with Provider(sandbox) as provider:
        Crew(folder, provider, "", True, problems).ask("run", "run.csv", "--run", "lists-2026-11", "--yes", *RATE)
    if problems:
        raise RuntimeError(problems[0])
    return seen


def main() -> None:
    """Print a line for each number of accounts."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lists", description=__doc__)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--accounts", type=int, nargs="+", default=[20, 100])
    asked = parser.parse_args()
    for accounts in asked.accounts:
        with tempfile.TemporaryDirectory() as folder:
            seen = count(asked.items, accounts, Path(folder))
        whole, lists = seen.total(), seen[LIST]
        rest = whole - lists
        sys.stdout.write(f"{asked.items:,} items on {accounts:,} accounts: {rest:,} requests, {whole:,} with the lists")
        sys.stdout.write(f" (+{lists / rest:.1%}); {dict(seen.most_common())}\n")


if __name__ == "__main__":
    main()
