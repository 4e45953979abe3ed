"""What the folder of a key remembers of ledgers: one that was here, one that has moved away, others elsewhere.

A ledger that is made knows nothing of what another one has charged. So before one is made, every ledger that the key
has ever been used with is looked at, and named.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from billing.core.errors import LedgerDamaged, UsageError
from billing.edge.ledger.custody.witness import Trace, traces, traces_at
from billing.edge.ledger_url import is_postgres

NAMED = 5
# Other ledgers a person is told of, and runs of each; the newest first.
BUSY_SECONDS = 0.2


class Making(StrEnum):
    """Whether a ledger may be made where there is none.

    ``never``: a command that has nothing to do without one. ``first``: the ordinary case; in live mode only the first
    one of a key is made without being asked for. ``new``: it was asked for (`--new-ledger`). ``anew``: for a rebuild,
    even where one was seen and is gone.
    """

    NEVER = "never"
    FIRST = "first"
    NEW = "new"
    ANEW = "anew"


def require_not_gone(folder: Path, place: str | Path) -> None:
    """Refuse to go on where there is no ledger any more: what it charged would be charged again.

    Args:
        folder: of the witnesses.
        place: where a ledger is wanted, and none lies.

    Raises:
        LedgerDamaged: one was seen here, and is gone or lies elsewhere now.
    """
    found = traces_at(folder, place)
    if moved := next((trace for trace in found if lives(trace) and trace.place != str(place)), None):
        raise LedgerDamaged(
            f"{place}: the ledger with {moved.entries} entries that was here lies at {moved.place} now. "
            f"Name that one (--ledger {url_of(moved.place)}), or another place for a new one"
        )
    if found:
        raise LedgerDamaged(
            f"{place}: a ledger with {found[0].entries} entries was here and is gone. Restore it, or rebuild each of "
            f"its runs (billing ledger rebuild FILE). If nothing it knew matters, delete {named(found)} to begin anew"
        )


def gone(folder: Path, place: str | Path) -> list[str]:
    """Return a warning, for a rebuild, when there is no ledger where one was seen before."""
    return [
        f"{place}: a ledger with {trace.entries} entries was here and is gone; rebuild each of its runs before it is "
        "run again"
        for trace in traces_at(folder, place)[:1]
    ]


def predecessors(folder: Path, place: str | Path, own: str) -> list[str]:
    """Return a warning when another ledger lay here before this one: what it knew and this one does not may be paid.

    Args:
        folder: of the witnesses.
        place: of the ledger.
        own: its id.
    """
    found = [trace for trace in traces_at(folder, place) if trace.ledger != own and trace.place == str(place)]
    if not found:
        return []
    return [
        f"{place}: another ledger with {found[0].entries} entries was here before this one; a run that only it "
        f"knew must be rebuilt before it is run (billing ledger rebuild FILE). Then delete {named(found)}"
    ]


def others(folder: Path, place: str | Path, making: Making, *, live: bool) -> tuple[str, ...]:
    """Return the other ledgers of the same key, each with the runs it knows, when one is made at a place.

    Raises:
        UsageError: in live mode, when there are others and a new one was not asked for.
    """
    found = [trace for trace in traces(folder) if trace.place != str(place)]
    shown = tuple(_described(trace) for trace in found[:NAMED])
    if len(found) > NAMED:
        shown += (f"{len(found) - NAMED} more",)
    if live and found and making is Making.FIRST:
        raise UsageError(
            f"{place}: there is no ledger here, and a new one would know nothing of what was charged. The same key "
            f"also keeps {'; '.join(shown)}. Name one of them (--ledger), or say that a new one "
            "is meant (--new-ledger); nothing was sent"
        )
    return shown


def named(found: Sequence[Trace]) -> str:
    """Return the files that remember, as a person would delete them."""
    return " and ".join(str(file) for trace in found for file in trace.files)


def url_of(place: str) -> str:
    """Return the URL of a ledger that was seen at a place."""
    return place if is_postgres(place) else f"sqlite:///{place}"


def lives(trace: Trace) -> bool:
    """Tell whether the ledger still lies where it was last seen; one on a server is believed to."""
    if is_postgres(trace.place):
        return True
    with suppress(sqlite3.Error, OSError), closing(_opened(trace.place)) as conn:
        return bool(conn.execute("SELECT value FROM meta WHERE name = 'ledger'").fetchone() == (trace.ledger,))
    return False


def _described(trace: Trace) -> str:
    """Return a ledger with its newest runs; they are shown, not trusted. A server is not asked."""
    if is_postgres(trace.place):
        return f"{trace.place} ({trace.entries} entries)"
    try:
        with closing(_opened(trace.place)) as conn:
            rows = conn.execute("SELECT run_id FROM runs ORDER BY id DESC LIMIT ?", (NAMED + 1,)).fetchall()
    except (sqlite3.Error, OSError):
        return f"{trace.place} ({trace.entries} entries; not there any more, or not readable)"
    runs = [str(run_id) for (run_id,) in rows]
    more = ", ..." if len(runs) > NAMED else ""
    return f"{trace.place} ({', '.join(runs[:NAMED])}{more})" if runs else f"{trace.place} ({trace.entries} entries)"


def _opened(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=BUSY_SECONDS)
