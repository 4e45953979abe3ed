"""One seed, one life of a run: what goes wrong is drawn once, then runners come and go until nothing is left to do.

A seed decides latencies, faults, 429s, declines, pruning, clock jumps, drains, kills at any await, failing commits and
whether two runners share the ledger without a lock. The same seed gives the same life.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from billing.core.errors import LedgerError
from billing.core.groups import group_of
from billing.core.states import Group
from billing.edge.ledger.sqlite import SqliteLedger
from billing.flow.desk import Desk
from billing.sandbox.config import Behaviour, Chances, CloneSpentOn, Latency, Limits, SandboxConfig
from tests.flow.world import World
from tests.virtual import run_virtually

FAULTS = (
    "refused", "lost_before", "lost_after", "late", "stored_500_done", "stored_500_undone", "bad_gateway_done",
    "bad_gateway_undone", "cut_body", "rate_limited", "lock_timeout", "throttled_400", "key_in_use", "unavailable_503",
    "dependency_424", "wrong_object", "empty_200", "html_200", "redirect", "hang",
)  # fmt: skip
MIX = {
    "succeeds": 0.6, "insufficient_funds": 0.12, "stolen_card": 0.08, "authentication_required": 0.06,
    "debit_succeeds": 0.08, "not_clonable": 0.06,
}  # fmt: skip
OPEN = (Group.UNKNOWN, Group.PENDING, Group.PARKED)
HOUR = 3600.0
CONTINUATIONS = 8
# An operator continues and resolves at most this often once the weather has cleared; more would hide a livelock.


@dataclass(frozen=True, slots=True)
class Fate:
    """What a seed holds in store.

    Attributes:
        items: of the run.
        faults: probability per request of each fault.
        latency: median seconds of an answer.
        spent_on: which attempts use up a clone; Stripe does not say.
        deaths: seconds after which each doomed runner dies.
        jumps: seconds the provider's clock moves after each death; more than a day forgets every key.
        pairs: whether doomed runners come in twos.
        cut_at: the commit of a doomed runner that fails, or None.
        gentle: whether a doomed runner is asked to drain before it dies.
    """

    items: int
    faults: dict[str, float]
    latency: float
    spent_on: CloneSpentOn
    deaths: tuple[float, ...]
    jumps: tuple[float, ...]
    pairs: bool
    cut_at: int | None
    gentle: bool


def fate_of(seed: int, items: int) -> Fate:
    """Draw a fate; small seeds and large ones are equally wild."""
    chance = random.Random(f"fate-{seed}")
    kinds = chance.sample(FAULTS, chance.randint(0, len(FAULTS)))
    share = chance.choice([0.005, 0.01, 0.02, 0.04])
    deaths = tuple(chance.choice([0.02, 0.3, 2.0, 8.0]) * chance.random() for _ in range(chance.randint(0, 4)))
    return Fate(
        items=items,
        faults=dict.fromkeys(kinds, share),
        latency=chance.choice([0.0, 0.1, 0.6]),
        spent_on=chance.choice(list(CloneSpentOn)),
        deaths=deaths,
        jumps=tuple(chance.choice([0.0, 60.0, 10 * HOUR, 25 * HOUR, 70 * HOUR]) for _ in deaths),
        pairs=chance.random() < 0.4,
        cut_at=chance.randint(1, 3 * items) if chance.random() < 0.15 else None,
        gentle=chance.random() < 0.25,
    )


def world_of(seed: int, fate: Fate, folder: Path) -> World:
    """Build the platform of a seed."""
    config = SandboxConfig(
        seed=seed,
        limits=Limits.off(),
        latency=Latency(median_seconds=fate.latency),
        behaviour=Behaviour(clone_spent_on=fate.spent_on),
        chances=Chances(kinds=fate.faults, late_seconds=5.0, hang_seconds=3.0),
    )
    return World.make(folder, config, seed=seed, items=fate.items, accounts=3, items_per_customer=2, mix=MIX)


class _CutLedger:
    """A ledger whose n-th commit fails, as on a full disk; everything else is the real one."""

    def __init__(self, ledger: SqliteLedger, commit: int) -> None:
        self._ledger, self._left = ledger, commit

    async def record(self, *args, **kwargs):
        self._left -= 1
        if self._left <= 0:
            raise LedgerError("no space left on the disk")
        return await self._ledger.record(*args, **kwargs)

    def __getattr__(self, name: str):
        return getattr(self._ledger, name)


async def _doomed(world: World, fate: Fate, seconds: float) -> None:
    """One runner that dies: killed at whatever await it is in, cut off from its disk, or drained first."""
    with anyio.move_on_after(seconds):
        async with world.desk(lock=False) as desk:
            if fate.cut_at is not None:
                desk.ledger = _CutLedger(desk.ledger, fate.cut_at)
            try:
                async with anyio.create_task_group() as group:
                    if fate.gentle:
                        group.start_soon(_ask_to_drain, desk, seconds / 2)
                    await world.run(desk)
                    group.cancel_scope.cancel()
            except* LedgerError:
                pass


async def _ask_to_drain(desk: Desk, seconds: float) -> None:
    await anyio.sleep(seconds)
    desk.draining = True


async def live(world: World, fate: Fate) -> None:
    """Plan, let every doomed runner have its turn, then continue until nothing is open."""
    async with world.desk(lock=False) as desk:
        await world.plan(desk)
    for seconds, jump in zip(fate.deaths, fate.jumps, strict=True):
        async with anyio.create_task_group() as group:
            for _ in range(2 if fate.pairs else 1):
                group.start_soon(_doomed, world, fate, seconds)
        world.sandbox.advance(jump)
    await _finish(world)


async def _finish(world: World) -> None:
    for turn in range(CONTINUATIONS):
        if turn == CONTINUATIONS // 2:
            world.sandbox.faults.clear()  # finitely many faults: from here on the weather is fine
        async with world.desk(lock=False) as desk:
            await world.run(desk)
            await world.resolve(desk)
        groups = await world.groups()
        if not any(groups[group] for group in OPEN):
            return
    raise AssertionError(f"still open: {dict(groups)}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a life came to: ``violation`` is empty when every invariant held."""

    seed: int
    items: int
    violation: str
    groups: Counter[Group]
    requests: int

    @property
    def replay(self) -> str:
        """The command that lives this life again, alone."""
        return f"python -m tests.sim --first {self.seed} --seeds 1 --items {self.items}"


def simulate(seed: int, items: int = 8) -> Verdict:
    """Live one seed and hold it to I1-I6."""
    fate = fate_of(seed, items)
    random.seed(seed)  # the jitter of resends draws from the process's own generator
    with _folder() as folder:
        world = world_of(seed, fate, folder)
        try:
            run_virtually(live, world, fate)
            run_virtually(world.assert_true)
            run_virtually(_assert_as_expected, world, fate)
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        groups = run_virtually(world.groups) if not violation else Counter()
        return Verdict(seed, items, violation, groups, world.sandbox.requests.total())


ENDS: dict[str, frozenset[Group]] = {
    "succeeds": frozenset({Group.SUCCEEDED}),
    "insufficient_funds": frozenset({Group.DECLINED}),
    "stolen_card": frozenset({Group.DECLINED}),
    "authentication_required": frozenset({Group.NEEDS_CUSTOMER}),
    "debit_succeeds": frozenset({Group.PROCESSING, Group.SUCCEEDED}),
    "not_clonable": frozenset({Group.FAILED}),
}
# How an item must end whatever went wrong on the way; a debit may have settled while the clock jumped.


async def _assert_as_expected(world: World, fate: Fate) -> None:
    """Every item ends as its payment method says, and no more intents are opened for it than keys allow."""
    intents = world.sandbox.books().by_item()
    ends = {row.reference: ENDS[row.outcome] for row in world.scenario.rows}
    for known in await world.known():
        blocked = known.facts.get("reason_code") == "card_blocked"
        group = group_of(known)
        assert blocked or group in ends[known.reference], f"{known.reference} ended {group}"
        opened = len(intents.get(known.item, ()))
        # Two runners may each open one under an old and a new key; one runner never does.
        assert fate.pairs or opened <= 1 + known.facts.get("open_n", 0), f"{known.reference}: {opened} intents"


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder in memory where there is one: the disk's speed is none of the invariants."""
    memory = Path("/dev/shm")  # noqa: S108  a file system, not a file name
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="billing-sim-") as folder:
        yield Path(folder)
