"""Who works a run, and how much of it is handed out and not done: beside where the run stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.cli.session import Session
from billing.cli.tables import lined_up, plural
from billing.edge.engines.controls import Present, Round, Word
from billing.edge.engines.opening import controls_of
from billing.edge.ledger.custody.attendance import SILENT_SECONDS
from billing.edge.ledger_url import is_postgres


@dataclass(frozen=True, slots=True)
class CrewView:
    """What is known of the workers of a ledger.

    Attributes:
        workers: who has said that it is there.
        rounds: of each run that is handed out and has no end on record, its round.
        at_work: of one run, worker -> shards in hand.
        paused: whether one run stands still because somebody has paused it.
    """

    workers: tuple[Present, ...] = ()
    rounds: Mapping[str, Round] = field(default_factory=dict)
    at_work: Mapping[str, int] = field(default_factory=dict)
    paused: bool = False

    def facts(self, run_id: str) -> dict[str, Any]:
        """Return what a program wants to know of one run's workers; nothing for a run that is not handed out."""
        found = self.rounds.get(run_id)
        if found is None:
            return {}
        workers = [
            {
                "worker": each.worker,
                "host": each.host,
                "since": each.since,
                "seen": each.seen,
                "shards_at_work": self.at_work.get(each.worker, 0),
            }
            for each in self.workers
        ]
        said = None if found.said is None else {"word": str(found.said.word), "reason": found.said.reason}
        return {"workers": workers, "shards": found.shards, "shards_left": found.shards - found.ended, "said": said}

    def text(self, run_id: str) -> Iterator[str]:
        """Write the same for a person."""
        found = self.rounds.get(run_id)
        if found is None:
            return
        yield ""
        yield f"  {plural(found.shards, 'shard')}, {found.shards - found.ended:,} left"
        if found.said is not None:
            yield f"  {found.said.reason}"
        if not self.workers:
            yield "  no worker is there: billing worker works it"
            return
        table = [["worker", "host", "since", "last seen", "shards"]]
        for each in self.workers:
            seen = f"{each.silent_seconds:.0f} s ago" + (" !" if each.silent_seconds >= SILENT_SECONDS else "")
            since = each.since[:19].replace("T", " ")
            table.append([each.worker, each.host, since, seen, f"{self.at_work.get(each.worker, 0):,}"])
        yield from (f"  {line}" for line in lined_up(table, right=(4,)))


async def crew_of(session: Session, run_id: str) -> CrewView:
    """Ask who works a run; a ledger in a file has nobody but the process that holds it.

    Raises:
        LedgerError: the database does not answer.
    """
    if not is_postgres(session.settings.ledger):
        return CrewView()
    controls = controls_of(session.settings.ledger, "status", write=False)
    try:
        rounds = {each.run_id: each for each in await controls.rounds()}
        workers = tuple(await controls.workers())
        last = await controls.round(run_id)
        paused = last is not None and last.said is not None and last.said.word is Word.PAUSE
        return CrewView(workers, rounds, await controls.at_work(run_id), paused)
    finally:
        await controls.aclose()
