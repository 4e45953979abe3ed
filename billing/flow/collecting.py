"""The payers of a ledger for the page that asks them: looked up by reading, opened and followed by the flow of payers.

The ledger has one writer at a time. So it is opened to write for as long as somebody is being served, a second or two,
and let go of at once: a run, or `billing settle`, finds it free. Where another runner holds it, the payer is asked to
come back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from billing.core.entries import ItemRecord
from billing.core.errors import BillingError, LedgerHeld
from billing.core.groups import group_of
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.core.money import Money
from billing.core.records import RunRecord
from billing.edge.collect.invitations import Answer, Asked, Asks, Opened
from billing.edge.ledger import Ledger
from billing.flow.kinds.payer.invite import Invitation, follow, invitation
from billing.flow.retrying import asking
from billing.flow.services import Services

Books = Callable[[], AbstractAsyncContextManager[Ledger]]
# Opens the ledger to read.
Desk = Callable[[], AbstractAsyncContextManager[Services]]
# Opens everything to write, and waits a little for another runner.

ON_RECORD: dict[Group, Answer] = {
    Group.SUCCEEDED: Answer.SAVED,
    Group.FAILED: Answer.CLOSED,
    Group.SKIPPED: Answer.CLOSED,
    Group.PARKED: Answer.STUCK,
}
# Where a payer stands by the ledger alone; in every other group there is something to ask for, or to read.


class Payers:
    """Answers the page (`billing.edge.collect.invitations.Invitations`)."""

    def __init__(self, books: Books, desk: Desk, mode: Mode, log: Callable[..., None]) -> None:
        """Serve the payers of one mode."""
        self._books, self._desk, self._mode, self._log = books, _Shared(desk), mode, log
        self._rows: dict[str, int] = {}
        self._latest = 0
        self._busy: dict[str, asyncio.Lock] = {}

    async def prepare(self) -> bytes:
        """Read which payers there are, and return the key that their links are signed with.

        Raises:
            LedgerError: there is no ledger, or it cannot be read.
        """
        async with self._books() as ledger:
            self._index(ledger)
            return ledger.link_key

    async def look(self, item: str) -> Asked | None:
        """Return what a payer is asked for, by the ledger."""
        async with self._books() as ledger:
            found = self._find(ledger, item)
            run = ledger.run(found.run_id) if found else None
        return _asked(found, run) if found and run else None

    async def open(self, item: str) -> Opened | Answer:
        """Return the open invitation of a payer, made if there is none."""
        found = await self._with(item, {Kind.PAYER: invitation, Kind.CHARGE: asking.invitation})
        if isinstance(found, Invitation):
            return Opened(Asks(found.asks), found.client_secret)
        return Answer(found)

    async def outcome(self, item: str) -> Answer:
        """Read what became of it, and record it."""
        return Answer(await self._with(item, {Kind.PAYER: follow, Kind.CHARGE: asking.follow}))

    async def _with(self, item: str, verbs: Mapping[Kind, Callable[[Services, ItemRecord], Any]]) -> Any:  # noqa: ANN401
        """Carry out a verb on a payer. Whatever is in the way, a payer can do no more about it than come back."""
        try:
            async with self._alone(item), self._desk.open() as services:
                found = self._find(services.ledger, item)
                if found is None:
                    return Answer.CLOSED
                await services.identify()
                run = services.ledger.run(found.run_id)
                if run is not None:
                    services.require_own(run)
                return await verbs[found.kind](services, found)
        except BillingError as error:
            self._log("collect_unavailable", level="warning", reason=type(error).__name__)
            return Answer.LATER

    @asynccontextmanager
    async def _alone(self, item: str) -> AsyncIterator[None]:
        """Serve one payer's requests one after another: a second tab gets what the first has made."""
        lock = self._busy.setdefault(item, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._busy.get(item) is lock:
                del self._busy[item]

    def _find(self, ledger: Ledger, item: str) -> ItemRecord | None:
        """Return an item of this mode as the ledger has it now."""
        if item not in self._rows:
            self._index(ledger)
        if item not in self._rows:
            # A link may name a charge whose customer is asked for another card. Charges are many: they are not kept.
            self._rows.update((name, row) for row, name in ledger.ids(Kind.CHARGE) if name == item)
        row = self._rows.get(item)
        if row is None:
            return None
        found = ledger.item(row)
        run = ledger.run(found.run_id)
        return found if found.item_id == item and run is not None and run.mode is self._mode else None

    def _index(self, ledger: Ledger) -> None:
        """Read the ids of the payers that were planned since the last time."""
        for row, item in ledger.ids(Kind.PAYER, self._latest):
            self._rows[item] = row
            self._latest = row


class _Shared:
    """Services that all who are served at the same time use, opened for the first and closed after the last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._services: Services | None = None
        self._users = 0
        self._platform = ""
        self._refusals = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Services]:
        """Give the services.

        Raises:
            LedgerHeld: another runner holds the ledger; whoever has waited meanwhile is told so, too.
        """
        refusals = self._refusals
        async with self._lock:
            if self._refusals != refusals:
                raise LedgerHeld("another runner holds the ledger")
            services = self._services or await self._opened()
            self._users += 1
        try:
            yield services
        finally:
            self._platform = services.platform
            async with self._lock:
                self._users -= 1
                if not self._users:
                    self._services = None
                    await self._stack.aclose()

    async def _opened(self) -> Services:
        try:
            services = await self._stack.enter_async_context(self._desk())
        except LedgerHeld:
            self._refusals += 1
            raise
        if self._platform:  # a key has one account, and it was asked for already
            services.platform = services.gateway.platform = self._platform
        self._services = services
        return services


def _asked(item: ItemRecord, run: RunRecord) -> Asked:
    if item.kind is Kind.CHARGE:
        return _asked_of_a_charge(item, run)
    content = item.content
    return Asked(
        reference=item.reference,
        about=content.get("description") or "",
        locale=content.get("locale") or "",
        types=tuple(content.get("types") or ("card",)),
        timezone=run.header.get("timezone") or "UTC",
        return_url=content.get("return_url") or "",
        payment=Money(item.amount, item.currency) if item.amount else None,
        answer=ON_RECORD.get(LIVES[item.kind].meanings[item.state].group, Answer.OPEN),
    )


def _asked_of_a_charge(item: ItemRecord, run: RunRecord) -> Asked:
    """Return what the customer of a charge is asked for: another card for it. Nothing is charged on the page.

    Whoever comes back after the charge was tried again is told what has been paid, or still will be.
    """
    group = group_of(item)
    answer = asking.STANDS.get(group)
    return Asked(
        reference=item.reference,
        about=str(item.content.get("description") or ""),
        types=asking.TYPES,
        timezone=run.header.get("timezone") or "UTC",
        payment=Money(item.amount, item.currency) if group is Group.SUCCEEDED else None,
        owed=answer is None or group is Group.PROCESSING,
        answer=Answer.OPEN if answer is None else Answer(answer),
    )
