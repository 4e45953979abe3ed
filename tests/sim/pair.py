"""Two ledgers over one Stripe, under the same fates: another machine, or a backup that was restored on one.

Each has its own folder, key and network, and knows only itself; what they share is the provider. The runners of a fate
work on the one and on the other in turn, or on both at once, and days pass between them as the seed says.
"""

import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from tests.sim.lifecycle import Life, memory_folder
from tests.sim.network import Network
from tests.sim.schedule import DAY, HOUR, Doom, How, fate_of

PAUSES = (0.0, 60.0, 5 * HOUR, 21 * HOUR, 23 * HOUR, 25 * HOUR, 70 * HOUR)
# Between two runners: on either side of the age of a list, and of a key.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What two ledgers came to: ``violation`` is empty when every invariant held over both."""

    seed: int
    violation: str
    restored: bool


def both(seed: int, items: int = 6) -> Outcome:
    """Live one seed with two ledgers and hold both to I1-I6."""
    random.seed(seed)
    chance = random.Random(f"pair-{seed}")
    fate = replace(fate_of(seed, items), ledgers=2)
    restored = chance.random() < 0.5
    with memory_folder() as folder:
        (folder / "first").mkdir()
        one = Life.begin(seed, fate, folder / "first")
        other = _elsewhere(one, folder / "second")
        try:
            _live(one, other, chance, restored=restored)
            for life in (one, other):
                life.verdict()
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the seed is what the reader needs
            violation = f"{type(failure).__name__}: {failure}"
        one.machine.bury()
    return Outcome(seed, violation, restored)


def _elsewhere(life: Life, folder: Path) -> Life:
    """Another machine with the same file: on the same provider, with a ledger and a network of its own."""
    folder.mkdir()
    (folder / life.world.file.name).write_bytes(life.world.file.read_bytes())
    world = replace(life.world, folder=folder, events=[])
    return replace(life, world=world, network=Network(life.machine, world.sandbox, life.fate.travel))


def _live(one: Life, other: Life, chance: random.Random, *, restored: bool) -> None:
    """Let each doomed runner work on either ledger, alone or beside one on the other; then finish both."""
    stopped = []
    for doom in _dooms(one, chance):
        life, beside = (one, other) if chance.random() < 0.5 or restored else (other, one)
        company = beside.runner() if doom.company and not restored else None
        runner = life.doomed(replace(doom, company=False))
        if doom.how is How.STOP and runner.alive:
            stopped.append((life, runner))
        if company is not None:
            one.machine.finish(company)
        one.machine.pass_time(chance.choice(PAUSES))
        if restored and chance.random() < 0.5 and (one.world.folder / "ledger.db").exists():
            _put_back(one, other)
    for life in chance.sample((one, other), 2):
        one.machine.pass_time(chance.choice(PAUSES))
        life.finish()
    if stopped:
        one.machine.pass_time(DAY)
        for _, runner in stopped:
            runner.resume(noticed=one.fate.noticed)
        one.machine.finish(*(runner for _, runner in stopped))
        for life in (one, other):
            life.finish()


def _dooms(life: Life, chance: random.Random) -> tuple[Doom, ...]:
    """Return the dooms of a fate; one that has none gets a first runner that is stopped somewhere."""
    return life.fate.dooms or fate_of(chance.randrange(10**6), life.fate.items).dooms


def _put_back(one: Life, other: Life) -> None:
    """Restore on the second machine what the first has now."""
    shutil.rmtree(other.world.folder)
    shutil.copytree(one.world.folder, other.world.folder)
