"""The links that there are, and what earlier syncs have come to: all of it from the ledger alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from billing.core.entries import ItemRecord
from billing.core.items import Kind
from billing.core.kinds import LIVES, is_final
from billing.core.kinds.sync import SYNC_LIFE, State
from billing.flow.services import Services

MOST_NAMES = 500
# As many as a ledger is asked for at once.
CONNECTED, COPY, OWN = "connected_customer", "clone", "own_default"
# Facts of a subscription's item: whose it is on the account, the copy that pays it, and whether its line named a method
# of its own.


@dataclass(frozen=True, slots=True)
class Link:
    """A customer of a connected account that belongs to a platform customer.

    Attributes:
        methods: those of the platform that its copies were made of, as far as the ledger knows.
    """

    account: str
    payer: str
    customer: str
    methods: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def name(self) -> str:
        """What the ledger remembers it by."""
        return f"{self.payer}:{self.account}"


@dataclass(slots=True)
class Past:
    """What earlier syncs have come to.

    Attributes:
        counts: link -> how many of its syncs are over.
        last: link -> its latest sync.
        unfinished: run -> its syncs that are not over, those that are parked among them.
    """

    counts: dict[str, int] = field(default_factory=dict)
    last: dict[str, ItemRecord] = field(default_factory=dict)
    unfinished: dict[str, list[ItemRecord]] = field(default_factory=dict)

    @property
    def held(self) -> frozenset[str]:
        """Return the links that an unfinished sync goes on with: a newer change is taken up by it."""
        return frozenset(_name(item) for items in self.unfinished.values() for item in items)

    def with_methods(self, link: Link) -> Link:
        """Return a link with the method that its latest sync has copied."""
        last = self.last.get(link.name)
        return link if last is None else replace(link, methods=link.methods | _copied(last))

    def is_open(self, link: Link) -> bool:
        """Tell whether the latest sync of a link has not brought it in step."""
        last = self.last.get(link.name)
        return last is not None and last.state is not State.SUCCEEDED


def links_of(services: Services) -> list[Link]:
    """Return the links of this platform and mode, each once, in the order in which they came to be.

    The item of a subscription is the record of its link. One that came to nothing has none.
    """
    life = LIVES.get(Kind.SUBSCRIPTION)
    if life is None:
        return []
    states = [state for state in life.states if state not in life.reopens]
    items = services.ledger.of_kind(services.platform, services.mode, Kind.SUBSCRIPTION, states)
    found: dict[tuple[str, str], Link] = {}
    for link in _with_customer(items):
        known = found.get((link.account, link.payer), link)
        found[link.account, link.payer] = replace(link, methods=known.methods | link.methods)
    return list(found.values())


def _with_customer(items: Iterable[ItemRecord]) -> Iterator[Link]:
    for item in items:
        customer = item.facts.get(CONNECTED)
        if item.object_id is not None and isinstance(customer, str):
            yield Link(item.account, item.payer, customer, _copied(item))


def _copied(item: ItemRecord) -> frozenset[str]:
    """Return the platform's method that an item was made with, or copied last."""
    return frozenset({str(item.facts.get("payment_method") or item.content.get("payment_method") or "")} - {""})


@dataclass(frozen=True, slots=True)
class Paying:
    """The subscriptions of a connected customer that live.

    Attributes:
        all: each of them.
        named: subscription -> the method that it names itself, of those that follow the link.
        own: the methods named by those whose line named a method of its own: a sync leaves both alone.
    """

    all: tuple[str, ...]
    named: Mapping[str, str]
    own: frozenset[str]


def paying(services: Services, found: Mapping[str, str]) -> Paying:
    """Tell apart, by the ledger, the subscriptions that follow their link from those with a method of their own."""
    items = services.ledger.by_object(tuple(found)[:MOST_NAMES]) if found else {}
    own = {name for name, item in items.items() if item.facts.get(OWN)}
    named = {name: method for name, method in found.items() if method and name not in own}
    return Paying(tuple(found), named, frozenset(found[name] for name in own) - {""})


def past_of(services: Services) -> Past:
    """Return what the syncs of this platform and mode have come to."""
    past = Past()
    for item in services.ledger.of_kind(services.platform, services.mode, Kind.SYNC, SYNC_LIFE.states):
        name = _name(item)
        past.last[name] = item
        if is_final(item.state):
            past.counts[name] = past.counts.get(name, 0) + 1
        else:
            past.unfinished.setdefault(item.run_id, []).append(item)
    return past


def _name(item: ItemRecord) -> str:
    return Link(item.account, item.payer, "").name
