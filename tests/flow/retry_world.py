"""A bench on which what was declined is tried again, and what the books of the provider say of each card."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

from billing.core.card_limits import MARGIN
from billing.core.entries import ItemRecord
from billing.edge.settings.load import load_settings
from billing.flow.engine.progress import unwatched
from billing.flow.options import RunOptions
from billing.flow.retrying.carry_out import Retried, Retrying, retry
from billing.flow.retrying.methods import Named
from billing.flow.services import Services
from tests.flow.world import RUN, World

HOUR, DAY = 3_600, 86_400
AGAIN = DAY + MARGIN.total_seconds() + 60
# Seconds after which a card has room again, and the first gap of the schedule is over.


@contextmanager
def quietly(_title: str):
    yield unwatched


async def try_again(
    world: World, services: Services, run_id: str | None = RUN, *, agree: Callable[..., None] = lambda _rounds: None,
    methods: Mapping[str, str] | None = None, options: RunOptions | None = None, **asked: Any,
) -> Retried:  # fmt: skip
    named = tuple(
        Named(reference, method, "ask.csv", n) for n, (reference, method) in enumerate((methods or {}).items(), 2)
    )
    wanted = Retrying(run_id, load_settings({}), {}, options or RunOptions(), named, **asked)
    return await retry(services, wanted, agree=agree, watching=quietly)


async def tried(world: World, **asked: Any) -> Retried:
    """One process that tries again, and goes home."""
    async with world.services() as services:
        return await try_again(world, services, **asked)


async def by_reference(world: World) -> dict[str, ItemRecord]:
    """The newest generation of each line."""
    return {item.reference: item for item in sorted(await world.item(), key=lambda item: item.generation)}


def attempts(world: World) -> Counter[str]:
    """Charges of the provider, by intent."""
    return Counter(
        charge["payment_intent"] for account in world.sandbox.world.accounts.values() for charge in account["ch"]
    )


def charges_of(world: World) -> dict[tuple[str, str], list[tuple[float, str]]]:
    """(Card, account) -> when it was charged, and for which intent, by the provider's books."""
    found: defaultdict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    for account in world.sandbox.world.accounts.values():
        for charge in account["ch"]:
            details = charge["payment_method_details"]
            card = details[details["type"]]["fingerprint"]
            found[card, account.id].append((charge["created"], charge["payment_intent"]))
    return {pair: sorted(each) for pair, each in found.items()}


def excesses(world: World) -> list[str]:
    """Each later attempt that a card had not room for: one in 24 hours and four in 30 days, by the provider's books."""
    wrong = []
    for (card, account), charges in charges_of(world).items():
        seen: set[str] = set()
        for place, (at, intent) in enumerate(charges):
            first, _ = intent not in seen, seen.add(intent)
            if first:
                continue
            day = sum(at - DAY < other < at or other == at for other, _ in charges[:place])
            month = sum(other > at - 30 * DAY for other, _ in charges[:place])
            if day >= 1 or month >= 4:
                wrong.append(f"{card} on {account} at {at}: {day} within a day, {month} within 30 days before")
    return wrong
