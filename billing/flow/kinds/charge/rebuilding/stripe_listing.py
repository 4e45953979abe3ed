"""What Stripe holds of a run file: its accounts listed once, every intent laid to its reference and generation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from billing.core.entries import ItemRecord
from billing.core.errors import CredentialsError, RunStopped
from billing.core.items import Kind, Run
from billing.core.keys import item_id
from billing.flow.engine.gather import gather
from billing.flow.engine.progress import Snapshot, Watch
from billing.flow.kinds.charge.rebuilding.intents import Intent, Shown, trimmed
from billing.flow.planning.planned import Source
from billing.flow.services import Services

AT_ONCE = 16
# Accounts listed side by side; the throttle paces the pages further.
BARRED_SHOWN = 20
# Accounts named in the message when more than that refuse.
MOST_GENERATIONS = 64
# How many generations of a reference are known by their item ids: each is a correction that a person made.


@dataclass(slots=True)
class StripeListing:
    """The intents that belong to a run file, by reference.

    Attributes:
        by_reference: reference -> its intents, by generation.
        strangers: intents that carry the run's name and no item id of their reference.
        accounts: how many accounts were listed.
        listed: how many intents the lists showed in all, other people's included.
    """

    by_reference: dict[str, Shown] = field(default_factory=dict)
    strangers: list[Intent] = field(default_factory=list)
    accounts: int = 0
    listed: int = 0

    def all(self) -> Iterator[Intent]:
        """Yield every intent that belongs to this run."""
        yield from self.strangers
        for shown in self.by_reference.values():
            for intents in shown.values():
                yield from intents

    def of(self, item: ItemRecord) -> Sequence[Intent]:
        """Return the intents of one item, the recorded one first."""
        return self.by_reference.get(item.reference, Shown()).get(item.generation, ())

    @property
    def intents(self) -> int:
        """How many of them belong to this run."""
        return sum(1 for _ in self.all())

    @property
    def earliest(self) -> int | None:
        """When the first of them was opened, epoch seconds; None without any."""
        return min((intent.created for intent in self.all()), default=None)

    def put(self, intent: Intent, generation: int | None) -> None:
        """Lay an intent to its generation; None for one whose item id is of none."""
        if generation is None:
            self.strangers.append(intent)
        else:
            self.by_reference.setdefault(intent.reference, Shown()).setdefault(generation, []).append(intent)

    def sort(self) -> None:
        """Bring the intents of each generation in their order."""
        for shown in self.by_reference.values():
            for intents in shown.values():
                intents.sort(key=Intent.rank)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be looked for.

    Attributes:
        run: an intent that carries its id belongs to the run, whatever its item.
        platform: the platform account.
        references: of every line of the file.
        accounts: every connected account of the file.
    """

    run: Run
    platform: str
    references: frozenset[str]
    accounts: tuple[str, ...]

    def has(self, intent: Intent) -> tuple[bool, int | None]:
        """Return whether an intent belongs to the file or its run, and of which generation of its reference it is."""
        of_run = intent.mark("billing_run") == self.run.run_id
        if not of_run and intent.reference not in self.references:
            return False, None
        generation = self._generation(intent)
        return of_run or generation is not None, generation

    def _generation(self, intent: Intent) -> int | None:
        item, run = intent.mark("billing_item"), self.run
        numbers = range(MOST_GENERATIONS) if item else ()
        of = (run.mode, self.platform, run.period, intent.reference)
        ids = (item_id(*of, number, Kind.CHARGE) for number in numbers)
        return next((number for number, named in enumerate(ids) if named == item), None)


def wanted(source: Source, platform: str, without: frozenset[str]) -> Wanted:
    """Return what to look for, leaving out the accounts in ``without``."""
    references: set[str] = set()
    accounts: set[str] = set()
    for line in source.lines():
        if line.item is not None:
            references.add(line.item.reference)
            accounts.add(line.item.account)
    return Wanted(source.run, platform, frozenset(references), tuple(sorted(accounts - without)))


async def take_inventory(services: Services, want: Wanted, since: int, watch: Watch) -> StripeListing:
    """List every account from an epoch second on; ceil(n/100) reads for n intents of an account.

    Raises:
        CredentialsError: the key is refused or lacks a permission, or accounts do not let it in; all are named.
        ProviderUnreachable: a page could not be read; a part of a list proves nothing.
    """
    stock, barred, seen = StripeListing(), dict[str, str](), set[str]()
    limiter = anyio.CapacityLimiter(AT_ONCE)
    snapshot = Snapshot(total=len(want.accounts))
    began = anyio.current_time()

    async def one(account: str) -> None:
        async with limiter:
            try:
                async for shown in services.gateway.list_intents(account, since):
                    stock.listed += 1
                    _sort_in(stock, want, trimmed(account, shown), seen)
            except RunStopped as refused:
                barred[account] = str(refused)
            snapshot.done += 1
            snapshot.sent, snapshot.elapsed = services.gateway.counters.sent, anyio.current_time() - began
            watch(snapshot)

    await gather(*(partial(one, account) for account in want.accounts))
    if barred:
        raise _barred(barred)
    stock.accounts = len(want.accounts)
    stock.sort()
    return stock


def _sort_in(stock: StripeListing, want: Wanted, intent: Intent, seen: set[str]) -> None:
    """Keep an intent if it belongs to the file or its run, once: pages may show one twice."""
    ours, generation = want.has(intent)
    if ours and intent.id not in seen:
        seen.add(intent.id)
        stock.put(intent, generation)


def _barred(barred: Mapping[str, str]) -> CredentialsError:
    named = "; ".join(f"{account}: {why}" for account, why in sorted(barred.items())[:BARRED_SHOWN])
    more = f"; and {len(barred) - BARRED_SHOWN} more" if len(barred) > BARRED_SHOWN else ""
    return CredentialsError(
        f"what was paid on these accounts cannot be seen: {named}{more}. The run stays closed. Have the platform "
        "let in again and repeat the command, or give such an account up (--skip-account): its items are never charged"
    )
