"""What Stripe tells of items: gathered, looked up in the ledger by reading, and followed as `billing settle` follows.

The ledger has one writer at a time. So it is opened to write for seconds, when something told is about an item that is
not at its end, and never waited for: while a run holds it, what is told comes together here, one entry an item. All of
this may be lost at any moment; it costs time, because `billing settle` finds the same by asking.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from billing.core.entries import ItemRecord
from billing.core.errors import BillingError, LedgerError, LedgerHeld
from billing.core.items import Mode
from billing.core.kinds import LIVES
from billing.core.kinds.payer import object_of
from billing.core.listed import GENERATIONS
from billing.edge.hooks.envelope import Notice
from billing.edge.hooks.site import Taken
from billing.edge.ledger import Ledger
from billing.edge.logs import Log
from billing.edge.settings.load import Settings
from billing.flow.looking_after import Came, Turn, is_open
from billing.flow.services import Services

T = TypeVar("T")
Books = Callable[[], AbstractAsyncContextManager[Ledger]]
# Opens the ledger to read.
Desk = Callable[[], AbstractAsyncContextManager[Services]]
# Opens everything to write, and refuses at once while another runner holds the ledger.

MOST_WAITING = 20_000
# Items told of that wait here; more are answered with 503, and Stripe sends them again for three days.
MOST_EVENTS = 32
# Ids kept of the events about one of them.
MOST_KNOWN = 50_000
# Ids of events kept in memory.
GATHER_SECONDS = 1.0
# What is told within a moment is looked at together: one change is told by several events.
PAGE = 500
# Objects looked up at once in the ledger, and followed before it is let go of, as far as there is time.
AT_ONCE = 8
HOLD_SECONDS = 15.0
# How long the ledger is held at most, then others have a turn.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
# How long to leave a ledger, or Stripe, alone that has refused; it doubles.
STRANGER_SECONDS, MOST_STRANGERS = 60.0, 10_000
# How long an account is taken for one on which nothing is ours, and of how many that is kept in mind.
EVERY_STATE = frozenset(state for life in LIVES.values() for state in life.states)
MOST_TRIES = 10
# Visits to an item that a limiter turns away before `billing settle` is left to find out.
REMEMBERED = "webhook"
# The kind of look-up in which events are remembered that were followed.
SLOTS = 1 << 16
# Of that memory: an event stands in the slot of its hash, and a later one may take its place.
REMEMBERED_FOR = timedelta(days=30)
# As long as a person may have Stripe send an event again (docs.stripe.com/webhooks).


@dataclass(slots=True)
class Told:
    """An object that something was told of.

    Attributes:
        notice: the latest event about it.
        events: ids of the events about it, the first ones.
        rows: of the items that have it on record.
        tries: visits that a limiter turned away.
    """

    notice: Notice
    events: list[str] = field(default_factory=list)
    rows: tuple[int, ...] = ()
    tries: int = 0


class Listening:
    """Takes notices (`billing.edge.hooks.site.Taker`) and follows what they are about."""

    def __init__(self, books: Books, desk: Desk, settings: Settings, mode: Mode, log: Log) -> None:
        """Listen for the items of one mode."""
        self._books, self._desk, self._settings, self._mode, self._log = books, desk, settings, mode, log
        self._waiting: OrderedDict[tuple[str, str, str], Told] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._strangers: OrderedDict[str, float] = OrderedDict()
        self._wake, self._end = asyncio.Event(), asyncio.Event()
        self._no_disk = False
        self._platform = ""

    def take(self, notice: Notice) -> Taken:
        """Take a notice; one about what waits already costs nothing more."""
        if notice.event in self._known:
            return Taken.KNOWN
        if time.monotonic() < self._strangers.get(notice.account, 0.0):
            return Taken.UNKNOWN_ACCOUNT
        key = (notice.account, notice.named, notice.dispute)
        if self._no_disk or self._end.is_set() or (key not in self._waiting and len(self._waiting) >= MOST_WAITING):
            return Taken.FULL
        self._put(Told(notice, [notice.event]))
        self._known[notice.event] = None
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return Taken.QUEUED

    @property
    def waiting(self) -> int:
        """How many objects that something was told of are still to be looked after."""
        return len(self._waiting)

    def stop(self) -> None:
        """Begin nothing more; what is being read comes home."""
        self._end.set()
        self._wake.set()

    async def work(self) -> None:
        """Follow what is told, until stopped."""
        pause = FIRST_PAUSE
        while not self._end.is_set():
            await self._wake.wait()
            await self._leave_alone(GATHER_SECONDS)
            if await self.turn():
                pause = FIRST_PAUSE
                continue
            await self._leave_alone(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        if self._waiting:
            self._log("hook_left", level="warning", waiting=len(self._waiting), do="billing settle finds it")

    async def turn(self) -> bool:
        """Look after a page of what waits; False if that has to be tried again later, and all of it waits again."""
        page = [self._waiting.popitem(last=False)[1] for _ in range(min(PAGE, len(self._waiting)))]
        looked_after = await self._looked_after(page)
        if not looked_after:
            self._put(*page)
        if not self._waiting:
            self._wake.clear()
        return looked_after

    async def _leave_alone(self, seconds: float) -> None:
        """Pause, unless stopped."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._end.wait(), seconds)

    def _put(self, *told: Told) -> None:
        """Have something looked at; what waits for the same object already stands for both."""
        for each in told:
            notice = each.notice
            waits = self._waiting.setdefault((notice.account, notice.named, notice.dispute), each)
            if waits is not each:
                waits.events = (waits.events + each.events)[:MOST_EVENTS]
        self._wake.set()

    async def _looked_after(self, page: Sequence[Told]) -> bool:
        """Look after a page of what was told; False if it has to be tried again later."""
        try:
            async with self._books() as ledger:
                wanted = list(self._ours(ledger, page))
            if wanted:
                await self._follow(wanted)
        except LedgerHeld:
            self._log("hook_waits", level="info", waiting=len(self._waiting) + len(page), why="a run holds the ledger")
            return False
        except LedgerError as broken:  # a full disk, perhaps: nothing more is taken until it can be written again
            self._no_disk = True
            self._log("hook_waits", level="error", waiting=len(self._waiting) + len(page), why=str(broken))
            return False
        except BillingError as error:
            self._log("hook_waits", level="warning", waiting=len(self._waiting) + len(page), why=str(error))
            return False
        self._no_disk = False
        return True

    def _ours(self, ledger: Ledger, page: Sequence[Told]) -> Iterable[Told]:
        """Yield what is about items of ours that are not at their end, and was not followed before."""
        found: dict[str, ItemRecord] = {}
        for names in _by(PAGE, [name for told in page for name in names_of(told.notice)]):
            found |= ledger.by_object(names)
        known = _remembered(ledger, [event for told in page for event in told.events])
        self._note_strangers(ledger, {told.notice.account for told in page} - {item.account for item in found.values()})
        for told in page:
            items = [found[name] for name in names_of(told.notice) if name in found]
            told.rows = tuple(item.id for item in items if self._is_wanted(ledger, told.notice, item))
            if told.rows and not known.issuperset(told.events):
                yield told
            else:
                self._log("hook_needs_nothing", level="debug", object=told.notice.named, account=told.notice.account)

    def _is_wanted(self, ledger: Ledger, notice: Notice, item: ItemRecord) -> bool:
        run = ledger.run(item.run_id)
        own = run is not None and run.mode is self._mode and notice.account in ("", item.account)
        return own and is_open(item, notice)

    def _note_strangers(self, ledger: Ledger, accounts: set[str]) -> None:
        """Keep in mind on which accounts there is nothing of ours: what happens there is not looked up every time."""
        strangers = accounts - {""} - ledger.accounts_begun(sorted(accounts), EVERY_STATE)
        for account in strangers:
            self._strangers[account] = time.monotonic() + STRANGER_SECONDS
        while len(self._strangers) > MOST_STRANGERS:
            self._strangers.popitem(last=False)

    async def _follow(self, wanted: Sequence[Told]) -> None:
        """Hold the ledger and follow; what there was no time for waits for the next turn.

        Raises:
            LedgerHeld: another runner holds the ledger.
            LedgerError: it cannot be written.
            BillingError: Stripe cannot be asked.
        """
        async with self._desk() as services:
            if self._platform:  # a key has one account, and it was asked for already
                services.platform = services.gateway.platform = self._platform
            await services.identify()
            self._platform, ends = services.platform, time.monotonic() + HOLD_SECONDS
            turn = Turn(services, self._settings, frozenset(row for told in wanted for row in told.rows))
            for few in _by(AT_ONCE, wanted):
                if self._end.is_set() or time.monotonic() > ends:
                    self._put(*few)
                    continue
                came = await asyncio.gather(*(self._visit(turn, told) for told in few), return_exceptions=True)
                faults = [fault for fault in came if isinstance(fault, BaseException)]
                if faults:
                    services.gateway.shut(str(faults[0]))  # it may be a commit that failed: nothing more is sent
                    raise faults[0]
            done = [event for told in wanted for event in told.events if event not in self._still_waiting()]
            await _remember(services.ledger, done)

    def _still_waiting(self) -> set[str]:
        return {event for told in self._waiting.values() for event in told.events}

    async def _visit(self, turn: Turn, told: Told) -> None:
        """Follow the items of one object."""
        for row in told.rows:
            came = await turn.follow(row, told.notice)
            if came is Came.TURNED_AWAY and told.tries < MOST_TRIES:
                told.tries += 1
                self._put(told)
                return


def names_of(notice: Notice) -> list[str]:
    """Return under which names an item may have the object on record: a payer asked anew is marked by generation."""
    if not notice.named.startswith("cus_"):
        return [notice.named]
    return [object_of(notice.named, generation) for generation in range(GENERATIONS)]


def _by(few: int, of: Sequence[T]) -> Iterator[Sequence[T]]:
    return (of[start : start + few] for start in range(0, len(of), few))


def _slot(event: str) -> str:
    return f"{int.from_bytes(sha256(event.encode()).digest()[:4]) % SLOTS:05d}"


def _remembered(ledger: Ledger, events: Sequence[str]) -> set[str]:
    """Return those of some events that were followed, as far as that is still known."""
    since = (datetime.now(UTC) - REMEMBERED_FOR).isoformat(timespec="seconds")
    slots = sorted({_slot(event) for event in events})
    found: set[str] = set()
    for some in _by(500, slots):
        found |= {str(facts["event"]) for facts in ledger.lookups(REMEMBERED, some, since).values()}
    return found.intersection(events)


async def _remember(ledger: Ledger, events: Sequence[str]) -> None:
    for some in _by(500, events):
        await ledger.keep_lookups(REMEMBERED, {_slot(event): {"event": event} for event in some})
