"""Undo a run: write the run file that does, and say what it comes to and how it is carried out."""

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
from billing.core.items import Mode
from billing.core.kinds import LIVES
from billing.core.periods import is_of_month
from billing.edge.ledger import Ledger
from billing.edge.logs import visible
from billing.edge.outputs import REVERSAL, Target
from billing.edge.runfiles.inline import MOST_ITEMS
from billing.edge.runfiles.reversal_file import SHEETS, Head, as_csv, as_yaml
from billing.flow.kinds.inverses import INVERSES, YES, Said, option
from billing.flow.options import Selection
from billing.flow.report import known_run
from billing.flow.reversing import Reversal, look_through, reversed_items, run_name

SUFFIXES = (".yaml", ".yml", ".csv")
WORDS = {inverse.asks: tuple(map(str, inverse.values)) for inverse in INVERSES.values()}
# What the options may be that say how something is undone.


@dataclass(frozen=True, slots=True)
class Reverse:
    """What was typed: see the options of `billing reverse`."""

    run: str
    fee: str | None
    when: str | None
    selection: Selection
    out: Path | None
    clear_fee: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before anything is opened.

        Raises:
            UsageError: an option has no such value.
        """
        for name, words in WORDS.items():
            if name in self.said and self.said[name] not in words:
                raise UsageError(f"{option(name)} {visible(self.said[name])} is none of {', '.join(words)}")
        if self.out is not None and self.out.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{visible(str(self.out))}: the suffix is none of {', '.join(SUFFIXES)}")

    @property
    def said(self) -> Said:
        """How the items are to be undone: what was typed, and nothing else."""
        typed = {"fee": self.fee, "when": self.when, "clear_fee": YES if self.clear_fee else None}
        return {name: word for name, word in typed.items() if word is not None}

    @property
    def as_sheet(self) -> bool:
        """Whether a CSV is written."""
        return self.out is not None and self.out.suffix.lower() == ".csv"


async def write_reversal(session: Session, asked: Reverse) -> int:
    """Look, write, say what comes next; return the exit code.

    Raises:
        UsageError: the ledger has no such run, it is not said how, nothing is left to undo, or the file must stay.
    """
    target = None if asked.out is None else Target(asked.out, REVERSAL, guarded(session), force=asked.force)
    if target is not None:
        target.check()
    async with open_books(session) as ledger:
        found = look_through(ledger, known_run(ledger, asked.run), asked.selection, asked.said)
        _require_worth(asked, found)
        name = run_name(ledger, found)
        chunks = _chunks(ledger, found, asked, name)
        if target is None:
            write_out(chunks)
            return Exit.OK
        target.write(chunks)
    _told(session, asked, found, name)
    return Exit.OK


def _require_worth(asked: Reverse, found: Reversal) -> None:
    if not found.items:
        why = "; ".join(_left_out(found)) or f"nothing of that was {found.inverse.before}"
        raise UsageError(f"there is nothing to {found.inverse.verb}: {why}")
    if not asked.as_sheet and found.items > MOST_ITEMS:
        raise UsageError(
            f"{found.items:,} {LIVES[found.inverse.kind].noun} are more than a YAML file may hold; name a .csv"
        )


def _left_out(found: Reversal) -> Iterator[str]:
    """Yield a sentence for the lines that could be undone, or may be one day, and are not in the file."""
    if found.undone:
        yield f"{plural(found.undone, 'line')} {found.inverse.done} already"
    for run, lines in sorted(found.asked_for.items()):
        yield f"{plural(lines, 'line')} asked for by {run}, which is not over: see billing status {run}"
    if found.on_their_way:
        yield f"{plural(found.on_their_way, 'line')} may still be {found.inverse.before}: reverse again later"


def _chunks(ledger: Ledger, found: Reversal, asked: Reverse, name: str) -> Iterator[str]:
    items = reversed_items(ledger, found, asked.selection, asked.said)
    sheet = SHEETS[found.inverse.kind]
    return as_csv(sheet, items) if asked.as_sheet else as_yaml(sheet, _head(found, name), items)


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
            **asked.said,
            "items": found.items,
            "totals": dict(sorted(found.totals.items())),
            "on_their_way": found.on_their_way,
            found.inverse.done.replace(" ", "_"): found.undone,
            "asked_for": dict(sorted(found.asked_for.items())),
        })  # fmt: skip
        return
    accounts = plural(len(found.accounts), "account")
    noun, money = str(found.inverse.kind), f", {amounts(found.totals)}" if found.totals else ""
    write_err(visible(f"{asked.out}: {plural(found.items, noun)} on {accounts}{money}"))
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
