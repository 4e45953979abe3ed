"""Debits that come back at any time, two ledgers that charge them, and processes that are killed: ``python -m
tests.sim.returns_life [SEEDS]``.

Each life is drawn from its number: when the bank takes what back and why, when which ledger looks, how its process dies
(at a request or a commit, before it or behind it), which lines are asked for anew with another amount.
After every step at most one payment of each line stands at Stripe; in the end both ledgers say of each of their items
what Stripe shows of it, and a further look finds nothing.
"""

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from billing.core.kinds.charge import State
from billing.core.returns import REASONS
from billing.flow.services import Services
from billing.sandbox import levers
from billing.sandbox.inprocess import InProcess
from tests.flow.test_amend import Dying, Killed
from tests.flow.test_amend import Services as Office
from tests.flow.world import World
from tests.virtual import run_virtually

DAY = 86_400
STEPS = 14


class Falling:
    """A ledger that takes the process with it at the nth write, before or behind it."""

    def __init__(self, ledger: Any, left: int, after: bool) -> None:
        self._ledger, self._left, self._after = ledger, left, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def record(self, *args: Any, **named: Any) -> Any:
        return await self._write(self._ledger.record, *args, **named)

    async def keep_lookups(self, *args: Any) -> Any:
        return await self._write(self._ledger.keep_lookups, *args)

    async def _write(self, write: Any, *args: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        written = await write(*args, **named)
        if self._left == 0:
            raise Killed
        return written


class Life:
    """One life.

    Attributes:
        offices: of the two ledgers, each with a sheet of its own.
        kills: processes that died.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        for name in ("a", "b"):
            (folder / name).mkdir()
        first = World.make(folder / "a", seed=seed, items=5, accounts=8, mix={"debit_succeeds": 1.0})
        second = World(folder / "b", first.sandbox, first.scenario)
        second.file.write_text(first.file.read_text())
        self.sandbox, self.offices, self.kills = first.sandbox, (Office(first), Office(second)), 0

    async def lived(self) -> Counter[State]:
        """Live it; return in which states the items of both ledgers end."""
        await self.offices[0].run()
        for _ in range(STEPS):
            await self.chance.choice([self._later, self._back, self._look, self._look, self._run, self._anew])()
            self._hold()
        for _ in range(2):
            self.sandbox.advance(8 * DAY)
            for office in self.offices:
                await self._settle(office.world, lambda services: services)
        return await self._ended()

    async def _later(self) -> None:
        self.sandbox.advance(self.chance.choice([3_600, DAY, 5 * DAY, 9 * DAY]))

    async def _back(self) -> None:
        standing = self._standing()
        if standing:
            account, charge = self.chance.choice(standing)
            levers.return_debit(
                self.sandbox, account, charge, self.chance.choice(sorted(levers.RETURNS & REASONS.keys()))
            )

    async def _look(self) -> None:
        left, after, at_disk = self.chance.randrange(1, 5), self.chance.random() < 0.5, self.chance.random() < 0.5

        def dying(services: Services) -> Services:
            if at_disk:
                services.ledger = Falling(services.ledger, left, after)
            return services

        wire = InProcess(self.sandbox) if at_disk else Dying(InProcess(self.sandbox), left, after)
        await self._settle(self.chance.choice(self.offices).world, dying, wire)

    async def _settle(self, world: World, changed: Any, wire: Any = None) -> None:
        try:
            async with world.services(wire=wire) as services:
                ledger = services.ledger
                try:
                    await world.settle(changed(services))
                finally:
                    services.ledger = ledger
        except Killed:
            self.kills += 1
        except BaseExceptionGroup as several:
            if several.subgroup(Killed) is None:
                raise
            self.kills += 1

    async def _run(self) -> None:
        await self.chance.choice(self.offices).run(amend=False)

    async def _anew(self) -> None:
        """The first ledger asks anew for a line that came back, with another amount."""
        back = [item for item in await self.offices[0].world.item() if item.state is State.RETURNED]
        if back:
            row = self.offices[0].row(self.chance.choice(back).reference)
            row |= {"amount": f"{self.chance.randrange(10, 90)}.00", "application_fee": ""}
            await self.offices[0].run()

    def _charges(self) -> list[dict[str, Any]]:
        return [row for account in self.sandbox.world.accounts.values() for row in account["ch"]]

    def _standing(self) -> list[tuple[str, str]]:
        return [
            (account.id, row["id"])
            for account in self.sandbox.world.accounts.values()
            for row in account["ch"]
            if row["paid"] and row["status"] == "succeeded" and not row["disputed"]
        ]

    def _hold(self) -> None:
        stands = Counter(
            row["metadata"]["billing_reference"]
            for row in self._charges()
            if row["paid"] and row["status"] in ("succeeded", "pending") and not row["disputed"]
        )
        assert max(stands.values(), default=0) <= 1, stands

    async def _ended(self) -> Counter[State]:
        shown = {row["payment_intent"]: row for row in self._charges()}
        ends: Counter[State] = Counter()
        for office in self.offices:
            items = await office.world.item()
            ends.update(item.state for item in items)
            for item in items:
                if item.state in (State.SUCCEEDED, State.RETURNED):
                    assert (item.state is State.RETURNED) == shown[item.object_id]["disputed"], item.reference
            async with office.world.read() as ledger:
                assert ledger.verify().faults == ()
        return ends


def lived(seed: int) -> tuple[Counter[State], int]:
    """Live one life; return how its items ended, and how often a process died."""
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder), seed)
        return run_virtually(life.lived), life.kills


def main(seeds: int) -> int:
    """Live so many lives, and print what they came to."""
    ends: Counter[State] = Counter()
    kills = 0
    for seed in range(seeds):
        found, died = lived(seed)
        ends += found
        kills += died
    print(f"{seeds} lives of returns: {dict(ends)}, {kills} kills")  # noqa: T201 - the answer of a command
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
