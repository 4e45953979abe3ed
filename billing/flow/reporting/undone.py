"""What other runs have undone of a run, as each report of the whole of it says."""

from collections.abc import Callable, Mapping

from billing.core.records import RunRecord
from billing.core.wording import counted, several
from billing.edge.ledger import Ledger
from billing.flow.reversing import given_back


def undone(ledger: Ledger, record: RunRecord, amounts: Callable[[Mapping[str, int]], str] = several) -> str:
    """Return a sentence, or nothing where nothing was undone; what is paid in a report includes it.

    Args:
        ledger: read.
        record: of the run.
        amounts: how money of some currencies is written.
    """
    back = given_back(ledger, record)
    if back is None or not (back.items or back.on_their_way):
        return ""
    later = f", {back.on_their_way:,} more on the way" if back.on_their_way else ""
    return f"Of that {back.done}: {counted(back.items, 'line')}, {amounts(back.totals)}{later}."
