"""Plan a file and keep the plan in a fresh ledger, as `billing run` does before its first request."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from billing.edge.ledger.opening import open_ledger
from billing.edge.runfiles import open_run
from billing.flow.plan import keep, plan_offline


async def main(file: Path, run_id: str, folder: Path) -> None:
    """Read, plan, keep; the ledger and its key go where the environment of the benchmark looks for them."""
    url = f"sqlite:///{folder / 'ledger.db'}"
    ledger = await open_ledger(url, key_file=None, clock=lambda: datetime.now(UTC), environ={"HOME": str(folder)})
    with open_run(file, run_id=run_id) as source:
        await keep(plan_offline(source, ledger, "acct_bench"), source, ledger)
    await ledger.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
