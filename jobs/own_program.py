"""An example: a program of the platform's own plans a run, decides for itself whether to go on, and carries it out.

    python -m jobs.own_program coaching.csv coaching-2026-11 5000

The last word is the most that may be charged, in the smallest unit of each currency. Copy it and change what decides.
"""

import asyncio
import sys
from typing import Any

from billing import BillingError, Exit, RunRequest, RunResult, carry_out_run, open_run, open_services, plan_run


class TooMuch(BillingError):
    """The sheet asks for more than anybody expected: a person looks."""

    exit_code = Exit.STOPPED


async def bill(sheet: str, run_id: str, most: int) -> RunResult:
    """Charge the sheet, unless it asks for more than ``most`` in any currency.

    Raises:
        BillingError: nothing was charged, or the run cannot go on; ``exit_code`` says what to do.
    """

    def agree(plan: Any) -> None:  # noqa: ANN401  of the package's own
        if any(minor > most for minor in plan.totals.values()):
            raise TooMuch(f"the sheet asks for more than {most}; nothing was charged")

    with open_run(RunRequest.of(sheet, run_id=run_id)) as run:
        async with open_services(run) as services:
            agree(await plan_run(services, run))  # what would be charged; here it may be shown to somebody
            return await carry_out_run(services, run, agree=agree)  # what is charged is asked about once more


def main() -> int:
    """Run it with what was typed, and say how it ended."""
    sheet, run_id, most = sys.argv[1:]
    try:
        result = asyncio.run(bill(sheet, run_id, int(most)))
    except BillingError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{result.summary['counts']['succeeded']} paid, exit {int(result.exit)}\n")
    return result.exit


if __name__ == "__main__":
    sys.exit(main())
