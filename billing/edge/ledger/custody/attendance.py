"""Who is at the runs of a ledger now: whoever holds it, and the workers that its runs are handed out to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from billing.edge.ledger.custody.lock import Holder

SILENT_SECONDS = 8.0
# A worker that has said nothing for so long is taken for one that may be gone.


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who is at which run; asked before a run is read: one that ends in between has its end on record then.

    Attributes:
        holder: who holds the ledger, or None. The purpose of workers names no run.
        rounds: of each run that is handed out and has no end on record, whether workers are at it now; False where it
            waits for one.
    """

    holder: Holder | None = None
    rounds: Mapping[str, bool] = field(default_factory=dict)

    def held(self, run_id: str) -> bool:
        """Tell whether whoever holds the ledger is at this run."""
        return self.holder is not None and run_id in self.holder.purpose.split()

    def at(self, run_id: str) -> bool:
        """Tell whether anybody is at this run."""
        return self.held(run_id) or self.rounds.get(run_id, False)

    def awaits_workers(self, run_id: str) -> bool:
        """Tell whether this run is handed out, and nobody is at it."""
        return run_id in self.rounds and not self.at(run_id)


NOBODY = Attendance()
