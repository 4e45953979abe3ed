"""Finding out about many names: by the page where that takes fewer requests, singly where it does not."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any, Generic, TypeVar, cast

import anyio

from billing.core.entries import Facts
from billing.core.listing import Search
from billing.edge.stripe.found import Account, Customer, LookupFailed, Method, Trouble
from billing.edge.stripe.lookups import Lookups
from billing.flow.engine.gather import gather
from billing.flow.engine.progress import Pace, Snapshot, Watch, unwatched
from billing.flow.planning.sought import Methods, Names, mark_of, short_hash
from billing.flow.services import Services

T = TypeVar("T", Account, Customer, Method)
AT_ONCE = 16
# Single look-ups in flight; the throttle paces them further.
LENGTH, LENGTH_DAYS = "list", 62
# The kind of look-up that remembers how long a list was, and for how long: two months' ends.
CHARGING = {"card": "card_payments", "us_bank_account": "us_bank_account_ach_payments"}
# The capability that an account needs for each type of payment method.


class Sought(ABC, Generic[T]):
    """One kind of object that is looked up: what is wanted, how it is asked for, and what is kept of it.

    Attributes:
        name: as the ledger and messages call it.
        unanswered: names that got no answer.
    """

    name = ""

    def __init__(self) -> None:
        self.unanswered: set[str] = set()

    @property
    @abstractmethod
    def open(self) -> int:
        """How many names nothing is known of."""

    @abstractmethod
    def names(self) -> Iterator[str]:
        """Yield those names, each once."""

    @abstractmethod
    def pages(self) -> AsyncIterator[list[T] | LookupFailed]:
        """Ask for the whole list."""

    @abstractmethod
    def look(self, name: str) -> Awaitable[T | LookupFailed]:
        """Ask for one."""

    @abstractmethod
    def take(self, found: T) -> Facts | None:
        """Take note of what was found and return what is worth keeping for a day; None when it was not wanted."""

    @abstractmethod
    def lose(self, name: str) -> None:
        """Take note that there is no such object."""

    def groups(self) -> dict[str, int]:
        """Return the customers by whose own lists several open names are found at once, with how many; mostly none."""
        return {}


class Accounts(Sought[Account]):
    """Connected accounts."""

    name = "account"

    def __init__(self, door: Lookups, names: Names[Facts]) -> None:
        super().__init__()
        self._door, self._names = door, names

    @property
    def open(self) -> int:
        """How many names nothing is known of."""
        return self._names.open

    def names(self) -> Iterator[str]:
        """Yield those names."""
        return self._names.still_open()

    def pages(self) -> AsyncIterator[list[Account] | LookupFailed]:
        """Ask for the whole list."""
        return self._door.account_pages()

    def look(self, name: str) -> Awaitable[Account | LookupFailed]:
        """Ask for one."""
        return self._door.account(name)

    def take(self, found: Account) -> Facts | None:
        """Take note of what decides whether it can charge."""
        able = {name: found.capabilities[name] for name in CHARGING.values() if name in found.capabilities}
        facts = {"charges": found.charges_enabled, "capabilities": able, "prefix_length": found.prefix_length}
        return facts if self._names.take(found.id, facts) else None

    def lose(self, name: str) -> None:
        """Take note that it is not connected."""
        self._names.take(name, {"missing": True})


class Payers(Sought[Customer]):
    """Platform customers with their default payment methods, of which nothing is kept: they are read for the charge.

    Attributes:
        gone: customers that are missing or deleted.
        marks: default payment methods that came with their customers -> their mark.
    """

    name = "customer"

    def __init__(self, services: Services, names: Names[str], marks: dict[str, str]) -> None:
        super().__init__()
        self._desk, self._names = services, names
        self.gone: set[str] = set()
        self.marks = marks

    @property
    def open(self) -> int:
        """How many names nothing is known of."""
        return self._names.open

    def names(self) -> Iterator[str]:
        """Yield those names."""
        return self._names.still_open()

    def pages(self) -> AsyncIterator[list[Customer] | LookupFailed]:
        """Ask for the whole list."""
        return self._desk.gateway.customer_pages()

    def look(self, name: str) -> Awaitable[Customer | LookupFailed]:
        """Ask for one."""
        return self._desk.gateway.customer(name)

    def take(self, found: Customer) -> Facts | None:
        """Take note of the default."""
        if not self._names.take(found.id, found.default_method or ""):
            return None
        if found.deleted:
            self.gone.add(found.id)
        if found.default is not None:
            self.marks[found.default.id] = mark_of(kept_of(found.default), self._desk.clock.now())
        return {}

    def lose(self, name: str) -> None:
        """Take note that there is no such customer."""
        self._names.take(name, "")
        self.gone.add(name)


class PaymentMethods(Sought[Method]):
    """Payment methods of the platform, by name and by the customer who is to pay with each."""

    name = "method"

    def __init__(self, services: Services, methods: Methods, pairs: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """``pairs`` streams (method, customer) again whenever the names themselves are needed."""
        super().__init__()
        self._desk, self._methods, self._pairs = services, methods, pairs
        self._asked: set[int] = set()

    @property
    def open(self) -> int:
        """How many names nothing is known of."""
        return self._methods.open

    def names(self) -> Iterator[str]:
        """Yield those names; what is answered meanwhile is passed over."""
        for method, _ in self._pairs():
            name = short_hash(method)
            if name not in self._asked and self._methods.is_open(method):
                self._asked.add(name)
                yield method

    def groups(self) -> dict[str, int]:
        """Return customers with several open methods."""
        open_ones = {(method, payer) for method, payer in self._pairs() if self._methods.is_open(method)}
        return {payer: count for payer, count in Counter(payer for _, payer in open_ones).items() if count > 1}

    def pages(self) -> AsyncIterator[list[Method] | LookupFailed]:
        """Ask for the whole list."""
        return self._desk.gateway.method_pages()

    def look(self, name: str) -> Awaitable[Method | LookupFailed]:
        """Ask for one."""
        return self._desk.gateway.payment_method(name)

    def take(self, found: Method) -> Facts | None:
        """Take note of what it is and whose."""
        facts = kept_of(found)
        wanted = self._methods.take(found.id, mark_of(facts, self._desk.clock.now()), found.customer or "")
        return facts if wanted else None

    def lose(self, name: str) -> None:
        """Take note that there is no such method."""
        self._methods.lose(name)


def kept_of(method: Method) -> Facts:
    """Return what is kept of a payment method."""
    kept = {
        "type": method.type,
        "customer": method.customer,
        "exp_year": method.exp_year,
        "exp_month": method.exp_month,
    }
    return {name: value for name, value in kept.items() if value is not None}


class LookUps:
    """Looks up kinds of names, keeps what is good for a day, and tells how far it is."""

    def __init__(self, services: Services, watch: Watch = unwatched) -> None:
        """Begin; ``watch`` is told after each answer."""
        self._desk, self._watch = services, watch
        self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self._began, self._sent = anyio.current_time(), services.gateway.counters.sent
        self._pace = Pace()
        self._limited = services.gateway.counters.rate_limited
        self._snapshot = Snapshot(0, doing="looked up", most=services.rates.key_rps)

    @property
    def reads(self) -> int:
        """Requests sent so far."""
        return self._desk.gateway.counters.sent - self._sent

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return anyio.current_time() - self._began

    def expect(self, sought: Sought[Any]) -> Search:
        """Return what is wanted of a kind, and how long its list was lately."""
        since = self._desk.clock.days_ago(LENGTH_DAYS)
        kept = self._desk.ledger.lookups(LENGTH, [self._length(sought)], since).get(self._length(sought), {})
        return Search(sought.open, kept.get("objects"))

    async def find(self, sought: Sought[T]) -> None:
        """Find out about every open name of a kind; one without an answer stays open.

        Raises:
            CredentialsError: the key is refused or lacks a permission.
            ProviderUnreachable: the outage outlasted all patience.
        """
        self._snapshot.total += sought.open
        search = self.expect(sought)
        if search.begins:
            await self._list(sought, search)
        if sought.open:
            await gather(*(partial(self._list_of, sought, payer) for payer in sought.groups()))
            names = sought.names()
            await gather(*[partial(self._singly, sought, names)] * AT_ONCE)

    async def _list(self, sought: Sought[T], search: Search) -> None:
        """Read the whole list, or as much of it as pays; whatever it does not tell is asked for singly."""
        pages = found = objects = 0
        async with aclosing(cast("AsyncGenerator[list[T] | LookupFailed]", sought.pages())) as listed:
            async for page in listed:
                if isinstance(page, LookupFailed):
                    return
                pages, objects = pages + 1, objects + len(page)
                found += await self._take(sought, page)
                if not sought.open:
                    break
                if not search.goes_on(pages, found):
                    return
        await self._desk.ledger.keep_lookups(LENGTH, {self._length(sought): {"objects": objects}})

    async def _list_of(self, sought: Sought[T], payer: str) -> None:
        """Read the list of one customer."""
        async with self._limiter:
            listed = await self._desk.gateway.customer_methods(payer)
        if not isinstance(listed, LookupFailed):
            await self._take(sought, cast("list[T]", listed))

    async def _singly(self, sought: Sought[T], names: Iterator[str]) -> None:
        """Look names up, one after another, beside others who draw from the same names."""
        for name in names:
            async with self._limiter:
                found = await sought.look(name)
            match found:
                case LookupFailed(trouble=Trouble.CREDENTIALS):
                    raise found.as_error()
                case LookupFailed(trouble=Trouble.MISSING | Trouble.BARRED):
                    sought.lose(name)
                    self._tell(1)
                case LookupFailed():
                    sought.unanswered.add(name)
                    self._tell(1)
                case _:
                    await self._take(sought, [found])

    async def _take(self, sought: Sought[T], page: Iterable[T]) -> int:
        """Take what was wanted of a page, keep it, and return how many that was."""
        taken = {one.id: facts for one in page if (facts := sought.take(one)) is not None}
        if kept := {name: facts for name, facts in taken.items() if facts}:
            await self._desk.ledger.keep_lookups(sought.name, kept)
        self._tell(len(taken))
        return len(taken)

    def tell(self) -> None:
        """Show how far the look-ups are."""
        self._tell(0)

    def _tell(self, done: int) -> None:
        snapshot, gateway = self._snapshot, self._desk.gateway
        snapshot.done += done
        snapshot.away = gateway.breaker.away
        snapshot.sent, snapshot.elapsed = self.reads, self.seconds
        snapshot.rate_limited = gateway.counters.rate_limited - self._limited
        snapshot.rate, snapshot.pace = gateway.throttle.key.rate, self._pace.at(snapshot.elapsed, snapshot.sent)
        self._watch(snapshot)

    def _length(self, sought: Sought[Any]) -> str:
        return f"{self._desk.mode} {sought.name}"
