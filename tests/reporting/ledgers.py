"""Ledgers of finished runs, as large as asked for: ``python -m tests.reporting.ledgers DIR LINES [--hostile]``.

A run of charges in four currencies (of 2, 0 and 3 decimals) is planned and carried out through the ledger's own door,
over three weeks: paid at once or at a later try, debits that arrive, wait or come back, declines, lost answers, lines
of other runs, lines set aside. Then its accounts are compared as `billing reconcile` does. What is written is what the
flows write; what Stripe would have answered is made up (`tests.reporting.stories`), so nothing is sent.

Small ledgers of the other kinds are real runs against the sandbox: ``World.make`` of `tests.flow.payer_world`,
`refund_world`, `subscribe_world`, `sync_world` and `cancel_world`, whose ``read()`` gives the ledger.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from billing.core.entries import ItemRecord, Move, Note
from billing.core.groups import exit_for
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.money import format_minor
from billing.core.records import NewItem, PlannedLine, RunRecord, RunStatus
from billing.core.run_pace import Counted, RunPace
from billing.edge.ledger import Ledger
from billing.edge.ledger.sqlite.ledger import SqliteLedger
from billing.edge.ledger.sqlite.opening import open_ledger
from tests.reporting import booking, hostile
from tests.reporting.stories import DEBITS, PLANNED_OUT, STORIES, Of, Step

PLATFORM, NAME, PERIOD = "acct_1PLATFORMmade0001", "coaching", "2026-11"
RUN, EARLIER = f"{NAME}-{PERIOD}", f"early-{PERIOD}"
PLANNED_AT = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
BEGAN = PLANNED_AT + timedelta(minutes=30)
READ_AT = BEGAN + timedelta(days=18)
PER_SECOND = 30
CURRENCIES = ("usd", "eur", "jpy", "kwd")
COLUMNS = ("reference", "customer", "account", "amount", "currency", "description")
CHUNK = 500
T = TypeVar("T")
OUT = {
    "account_cannot_charge": "the connected account cannot take charges",
    "already_paid": "",
    "held_by_another_run": "",
    "invalid": "amount: 12,5O is no amount",
}
REASON = {"already_paid": "already_paid", "held_by_another_run": "in_other_run", "invalid": "invalid"}


@dataclass(frozen=True, slots=True)
class Made:
    """A made ledger.

    Attributes:
        path: of its file.
        key_file: of the key of its chain.
        run_id: of its run.
        lines: of its sheet.
    """

    path: Path
    key_file: Path
    run_id: str
    lines: int

    async def open(self, *, write: bool = False, now: datetime = READ_AT) -> SqliteLedger:
        """Open it; ``now`` is the provider's time."""
        url = f"sqlite:///{self.path}"
        return await open_ledger(url, key_file=self.key_file, clock=lambda: now, write=write, inline=True)

    @contextmanager
    def read(self) -> Iterator[SqliteLedger]:
        """Open it to read, with a loop running or without."""
        ledger = _apart(lambda: asyncio.run(self.open()))
        try:
            yield ledger
        finally:
            _apart(lambda: asyncio.run(ledger.aclose()))


@dataclass(slots=True)
class Clock:
    """The provider's time: it stands still until it is set."""

    at: datetime = PLANNED_AT

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines that are made.

    Attributes:
        stories: of each line, its story's name.
        accounts: how many.
        attacks: whether its texts are attacks.
        mode: test or live.
    """

    stories: Sequence[str]
    accounts: int
    attacks: bool
    mode: Mode

    def account(self, n: int) -> str:
        """Return the account of a line; every seventh is an attack where the sheet is hostile."""
        nth = n * 7919 % self.accounts
        return hostile.account(nth) if self.attacks and nth % 7 == 3 else f"acct_1{nth:015d}"

    def settled_in(self, account: str) -> str:
        """Return the currency of an account's balance."""
        return CURRENCIES[int(sha256(account.encode()).hexdigest(), 16) % len(CURRENCIES)]

    def reference(self, n: int) -> str:
        """Return the reference of a line."""
        return hostile.name(n) if self.attacks else f"INV-{n:06d}"

    def item(self, n: int, run_id: str) -> NewItem:
        """Return what a line asks for."""
        reference, account = self.reference(n), self.account(n)
        currency = "usd" if self.stories[n] in DEBITS else self.settled_in(account) if n % 10 else CURRENCIES[n % 3]
        amount = (500 + n * 104_729 % 39_500) * (10 if currency == "kwd" else 1)
        skip = self.stories[n] if self.stories[n] == "account_cannot_charge" else None
        content = {
            "run_id": run_id, "customer": f"cus_{n * 2 // 3:014d}", "payment_method": f"pm_1{n:020d}",
            "asked_method": f"pm_1{n:020d}", "application_fee": amount // 20 // 10 * 10,
            "description": self.cell(n, "November coaching"), **({"skip": skip} if skip else {}),
        }  # fmt: skip
        facts = {"group": "skipped", "reason": OUT[skip]} if skip else {}
        name = item_id(self.mode, PLATFORM, PERIOD, reference, 0, Kind.CHARGE)
        return NewItem(
            name, Kind.CHARGE, reference, 0, account, str(content["customer"]), amount, currency, f"{n:064x}", content,
            skip, facts,
        )  # fmt: skip

    def cell(self, n: int, plain: str) -> str:
        """Return a text of the sheet."""
        return hostile.code(n + 11) if self.attacks else plain

    def line(self, n: int, held: dict[int, int]) -> PlannedLine:
        """Return a line as it is planned; ``held`` are rows of items that an earlier run has."""
        story, asked = self.stories[n], self.item(n, RUN)
        money = format_minor(asked.amount, asked.currency)
        cells = (asked.reference, asked.payer, asked.account, money, asked.currency, self.cell(n, "November coaching"))
        if story == "invalid":
            return PlannedLine(n + 2, cells, reason="invalid", detail=self.cell(n, OUT["invalid"]))
        if n in held:
            return PlannedLine(n + 2, cells, item=held[n], reason=REASON[story])
        return PlannedLine(n + 2, cells, new=asked)

    def elsewhere(self) -> list[int]:
        """Return the lines that an earlier run of the period deals with."""
        return [n for n, story in enumerate(self.stories) if story in ("already_paid", "held_by_another_run")]

    def header(self, numbers: Sequence[int] | None = None) -> dict[str, object]:
        """Return what a run keeps of its file."""
        totals: dict[str, int] = {}
        wanted = range(len(self.stories)) if numbers is None else numbers
        for n in wanted:
            if self.stories[n] != "invalid":
                item = self.item(n, RUN)
                totals[item.currency] = totals.get(item.currency, 0) + item.amount
        return {
            "file": self.cell(1, "november.csv"), "columns": [*COLUMNS[:-1], self.cell(2, COLUMNS[-1])],
            "timezone": "Europe/Berlin", "totals": totals, "sheet": {"lines": len(wanted), "totals": totals},
            "foreign": {}, "dunning": {"soft": [86400, 259200, 604800], "hard": []}, "notify": [],
        }  # fmt: skip


def stories_of(lines: int) -> list[str]:
    """Return the story of each line: one of each kind at least, as far as there are lines, the others by chance."""
    chance = random.Random(13)
    names = list(STORIES)
    found = names[:lines] + chance.choices(
        names, [often for often, _ in STORIES.values()], k=max(0, lines - len(names))
    )
    chance.shuffle(found)
    return found


def steps_of(sheet: Sheet, items: dict[int, ItemRecord]) -> Iterator[tuple[datetime, int, tuple[Move, ...]]]:
    """Yield what happens: when, to which line, with which entries."""
    for n, item in items.items():
        story, began = sheet.stories[n], BEGAN + timedelta(seconds=n // PER_SECOND)
        steps: Iterator[Step] = STORIES[story if story not in REASON else "paid"][1](Of(n, item, began, sheet.attacks))
        for at, moves in steps:
            yield at, n, moves


async def carry_out(
    ledger: Ledger, clock: Clock, items: dict[int, ItemRecord], steps: Sequence[tuple[datetime, int, tuple[Move, ...]]]
) -> None:
    """Write steps down in the order of time, many in one commit."""
    at_once = max(1, min(CHUNK, len(items) // 40))
    for first in range(0, len(steps), at_once):
        chunk = {n: (at, moves) for at, n, moves in steps[first : first + at_once]}
        if len(chunk) < len(steps[first : first + at_once]):  # an item twice: one after the other
            for at, n, moves in steps[first : first + at_once]:
                clock.at = max(clock.at, at)
                items[n] = await ledger.record(items[n], *moves)
            continue
        clock.at = max(clock.at, *(at for at, _ in chunk.values()))
        after = await ledger.record_all([(items[n], moves) for n, (_, moves) in chunk.items()])
        items |= dict(zip(chunk, after, strict=True))


def record_of(sheet: Sheet, run_id: str, numbers: Sequence[int] | None = None) -> RunRecord:
    """Return a run as it is planned."""
    return RunRecord(
        run_id, PLATFORM, run_id.rpartition("-")[0].rpartition("-")[0], PERIOD, sheet.mode, Kind.CHARGE,
        sheet.header(numbers), "5490318e" * 8, "2390849f" * 8,
    )  # fmt: skip


async def earlier(ledger: Ledger, clock: Clock, sheet: Sheet) -> dict[int, int]:
    """Let an earlier run of the period hold some of the lines, most of them paid; return their rows."""
    numbers = sheet.elsewhere()
    if not numbers:
        return {}
    clock.at = PLANNED_AT - timedelta(days=1)
    lines = [PlannedLine(n + 2, (sheet.reference(n),), new=sheet.item(n, EARLIER)) for n in numbers]
    await ledger.plan_run(record_of(sheet, EARLIER, numbers), lines)
    items = dict(zip(numbers, _items(ledger, EARLIER), strict=True))
    paid = {n: item for n, item in items.items() if sheet.stories[n] == "already_paid"}
    await carry_out(ledger, clock, items, sorted(steps_of(sheet, paid), key=lambda step: step[0]))
    return {n: item.id for n, item in items.items()}


def _items(ledger: Ledger, run_id: str) -> list[ItemRecord]:
    return [line.item for line in ledger.report(run_id) if line.item is not None and line.owned]


def pace_of(lines: int) -> RunPace:
    """Return how fast such a run goes: three requests a line, slower where it begins, a few turned away."""
    pace, sent, limited, second = RunPace(), 0, 0, 0
    while sent < 3 * lines:
        second += 1
        sent = min(sent + min(3 * PER_SECOND, 20 * second), 3 * lines)
        limited += second % 37 == 0
        pace.note(1000 * second, Counted(sent, limited, limited))
    return pace


async def take_out(ledger: Ledger, record: RunRecord, numbers: Collection[int]) -> RunRecord:
    """Amend the run: the same sheet without some of its lines, which count from 0."""
    gone = {n + 2 for n in numbers}
    lines = [
        PlannedLine(line.line, line.cells, item=line.item and line.item.id, reason=line.reason, detail=line.detail)
        for line in ledger.report(record.run_id)
        if line.line not in gone
    ]
    return await ledger.plan_run(replace(record, revision=record.revision + 1), lines)


async def fill(ledger: Ledger, clock: Clock, sheet: Sheet, dropped: Collection[int], *, reconciled: bool) -> None:
    """Plan the run, carry it out, take lines out of its sheet, and compare it."""
    held = await earlier(ledger, clock, sheet)
    clock.at = PLANNED_AT
    record = await ledger.plan_run(record_of(sheet, RUN), (sheet.line(n, held) for n in range(len(sheet.stories))))
    clock.at = BEGAN
    await ledger.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING, {"by": "billing@finance-1"})
    own = [n for n, story in enumerate(sheet.stories) if story not in REASON]
    items = dict(zip(own, _items(ledger, RUN), strict=True))
    begun = {n: item for n, item in items.items() if sheet.stories[n] not in PLANNED_OUT}
    steps = sorted(steps_of(sheet, begun), key=lambda step: step[0])
    over = BEGAN + timedelta(seconds=len(sheet.stories) // PER_SECOND + 900)
    await carry_out(ledger, clock, items, [step for step in steps if step[0] <= over])
    told = {"reason": "", "exit_code": int(exit_for(ledger.tally(RUN))), **pace_of(len(sheet.stories)).to_facts(40.0)}
    await ledger.note_run(RUN, Note.RUN_FINISHED, RunStatus.FINISHED, told)
    await carry_out(ledger, clock, items, [step for step in steps if step[0] > over])
    clock.at = max(clock.at, READ_AT)
    if dropped:
        record = await take_out(ledger, record, dropped)
    if reconciled:
        odd = max(7, min(200, len(items) // 12))
        why = lambda n: "" if n % 9 else hostile.code(n) if sheet.attacks else "account_closed"  # noqa: E731
        await booking.reconcile(ledger, record, sheet.settled_in, why, odd, clock.at)


def made(
    folder: Path, lines: int = 200, accounts: int = 12, *, hostile: bool = False, live: bool = False,
    reconciled: bool = True, stories: Sequence[str] | None = None, dropped: Collection[int] = (),
) -> Made:  # fmt: skip
    """Make a ledger in a folder and return where it is; the same arguments make the same lines.

    Args:
        folder: is made if it is not there; ``billing.db`` and ``ledger.key`` lie in it.
        lines: of the sheet; from 21 on every story is told once at least.
        accounts: connected accounts, each with a currency that it is settled in.
        hostile: fill every field that a sheet or Stripe controls with `tests.reporting.hostile`.
        live: let the run be one in live mode.
        reconciled: compare it at its end, as ``billing reconcile`` keeps that.
        stories: of the lines, by the names in `tests.reporting.stories`, instead of chance.
        dropped: lines, from 0 on, that an amendment takes out of the sheet after the run.
    """
    told = stories_of(lines) if stories is None else stories
    sheet = Sheet(told, accounts, hostile, Mode.LIVE if live else Mode.TEST)
    return _apart(lambda: asyncio.run(_made(folder, sheet, dropped, reconciled)))


def _apart(work: Callable[[], T]) -> T:
    """Do it on a thread of its own, so that a test with a running loop may ask for it, too."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


async def _made(folder: Path, sheet: Sheet, dropped: Collection[int], reconciled: bool) -> Made:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240  nothing else runs in this loop
    done, clock = Made(folder / "billing.db", folder / "ledger.key", RUN, len(sheet.stories)), Clock()
    opening = partial(open_ledger, f"sqlite:///{done.path}", key_file=done.key_file, clock=clock, inline=True)
    ledger = await opening()
    try:
        await fill(ledger, clock, sheet, dropped, reconciled=reconciled)
    finally:
        await ledger.aclose()
    return done


def main() -> None:
    """Make one by hand, and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.reporting.ledgers", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("lines", type=int)
    parser.add_argument("--accounts", type=int, default=40)
    parser.add_argument("--hostile", action="store_true", help="texts that attack every format")
    parser.add_argument("--live", action="store_true", help="a run in live mode")
    asked = parser.parse_args()
    done = made(asked.folder, asked.lines, asked.accounts, hostile=asked.hostile, live=asked.live)
    sys.stdout.write(f"export BILLING_LEDGER=sqlite:///{done.path.resolve()}  # key: {done.key_file}, run: {RUN}\n")


if __name__ == "__main__":
    main()
