"""One random world after the other: a run, some meddling, a comparison held to the minor unit, and another one."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.reconcile.laws import found_in, hold
from tests.reconcile.meddling import DAY, fail_a_payout, meddle, world
from tests.virtual import run

LEAST_PAGES = 3
# An account's look takes a page of intents, one of rows and one of payouts, however little is new.


@dataclass(slots=True)
class Tried:
    """What a world came to."""

    worlds: int = 0
    deeds: int = 0
    named: int = 0
    pages: int = 0
    again: int = 0

    def add(self, other: "Tried") -> None:
        self.worlds += other.worlds
        self.deeds += other.deeds
        self.named += other.named
        self.pages += other.pages
        self.again += other.again

    def says(self) -> str:
        return (
            f"{self.worlds:,} random worlds of meddling reconciled: {self.deeds:,} deeds, {self.named:,} differences "
            f"named, 0 made up, sums exact to the minor unit"
        )


def try_world(seed: int, *, items: int = 14, accounts: int = 3) -> Tried:
    """Build and hold one world.

    Raises:
        AssertionError: a law does not hold in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        tried: Tried = run(_tried(Path(folder), seed, items, accounts))
        return tried


async def _tried(folder: Path, seed: int, items: int, accounts: int) -> Tried:
    one = await world(folder, seed, items=items, accounts=accounts)
    if seed % 4 == 1:  # what was fine when it was read first may differ later
        assert not (await one.reconcile()).findings
    meddle(one, one.chance.randint(0, 8))
    one.sandbox.advance(one.chance.choice((0, DAY, 4 * DAY)))
    if seed % 3 == 0:
        fail_a_payout(one)
    one.sandbox.advance(one.chance.choice((0, DAY, 5 * DAY)))
    done = await one.reconcile(full=seed % 4 == 1)
    await hold(one, done)
    again = await one.reconcile()
    await hold(one, again)
    assert found_in(again) == found_in(done)
    return Tried(1, len(one.deeds), len(done.findings), done.pages, again.pages)
