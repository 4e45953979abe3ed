"""Undo a run: write the run file of refunds, and say what it comes to and how it is carried out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from billing.cli.books import open_books
from billing.cli.session import Session
from billing.cli.source import guarded
from billing.cli.tables import amounts, plural
from billing.cli.terminal import write_err, write_json, write_out
from billing.cli.typed import following
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import FeeBack, Mode
from billing.core.periods import is_of_month
from billing.edge.ledger import Ledger
from billing.edge.logs import visible
from billing.edge.outputs import REFUNDS, Target
from billing.edge.runfiles.inline import MOST_ITEMS
from billing.edge.runfiles.refund_file import Head, as_csv, as_yaml
from billing.flow.options import Selection
from billing.flow.report import known_run
from billing.flow.reversing import Reversal, look_through, reversed_items, run_name

SUFFIXES = (".yaml", ".yml", ".csv")


@dataclass(frozen=True, slots=True)
class Reverse:
    """What was typed: see the options of `billing reverse`."""

    run: str
    fee: str
    selection: Selection
    out: Path | None
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before anything is opened.

        Raises:
            UsageError: an option has no such value.
        """
        if self.fee not in set(FeeBack):
            raise UsageError(f"--fee {visible(self.fee)} is none of {', '.join(FeeBack)}")
        if self.out is not None and self.out.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{visible(str(self.out))}: the suffix is none of {', '.join(SUFFIXES)}")

    @property
    def as_sheet(self) -> bool:
        """Whether a CSV is written."""
        return self.out is not None and self.out.suffix.lower() == ".csv"


async def write_reversal(session: Session, asked: Reverse) -> int:
    """Look, write, say what comes next; return the exit code.

    Raises:
        UsageError: the ledger has no such run, nothing matches, nothing was paid, or the file must not be replaced.
    """
    target = None if asked.out is None else Target(asked.out, REFUNDS, guarded(session), force=asked.force)
    if target is not None:
        target.check()
    async with open_books(session) as ledger:
        found = look_through(ledger, known_run(ledger, asked.run), asked.selection)
        _require_worth(asked, found)
        name = run_name(ledger, found.record)
        chunks = _chunks(ledger, found, asked, name)
        if target is None:
            write_out(chunks)
            return Exit.OK
        target.write(chunks)
    _told(session, asked, found, name)
    return Exit.OK


def _require_worth(asked: Reverse, found: Reversal) -> None:
    if not found.items:
        why = "; ".join(_left_out(found)) or "nothing of that was paid"
        raise UsageError(f"there is nothing to give back: {why}")
    if not asked.as_sheet and found.items > MOST_ITEMS:
        raise UsageError(f"{found.items:,} refunds are more than a YAML file may hold; name a .csv")


def _left_out(found: Reversal) -> Iterator[str]:
    """Yield a sentence for the lines that were paid, or may be, and are not in the file."""
    if found.undone:
        yield f"{plural(found.undone, 'line')} given back already"
    for run, lines in sorted(found.asked_for.items()):
        yield f"{plural(lines, 'line')} asked for by {run}, which is not over: see billing status {run}"
    if found.on_their_way:
        yield f"{plural(found.on_their_way, 'line')} may still be paid: reverse again later"


def _chunks(ledger: Ledger, found: Reversal, asked: Reverse, name: str) -> Iterator[str]:
    refunds = reversed_items(ledger, found.record, asked.selection, FeeBack(asked.fee))
    return as_csv(refunds) if asked.as_sheet else as_yaml(_head(found, name), refunds)


def _head(found: Reversal, name: str) -> Head:
    record = found.record
    zone = str(record.header.get("timezone") or "UTC")
    return Head(record.run_id, name, record.period, zone, record.mode, found.items, found.totals)


def _told(session: Session, asked: Reverse, found: Reversal, name: str) -> None:
    """Say what was written and what to type next."""
    if session.json:
        write_json({
            "run": f"{name}-{found.record.period}",
            "of_run": asked.run,
            "file": str(asked.out),
            "fee": asked.fee,
            "items": found.items,
            "totals": dict(sorted(found.totals.items())),
            "on_their_way": found.on_their_way,
            "given_back": found.undone,
            "asked_for": dict(sorted(found.asked_for.items())),
        })  # fmt: skip
        return
    accounts = plural(len(found.accounts), "account")
    write_err(visible(f"{asked.out}: {plural(found.items, 'refund')} from {accounts}, {amounts(found.totals)}"))
    for line in _left_out(found):
        write_err(f"left out: {line}")
    write_err("Nothing was sent. Next:")
    write_err(f"  {_next(asked, found, name)}")


def _next(asked: Reverse, found: Reversal, name: str) -> str:
    """Return the plan of the file: a sheet needs its run, and a run of another month has to be asked for."""
    record = found.record
    today = datetime.now(ZoneInfo(str(record.header.get("timezone") or "UTC"))).date()
    run = f"{name}-{record.period}" if asked.as_sheet else None
    late = not is_of_month(record.period, today)
    selected = frozenset({"only", "exclude"})
    live = record.mode is Mode.LIVE or None
    return following("plan", str(asked.out), without=selected, run=run, late=late or None, live=live)
