"""One run over a disk that fails: plan, charge, the disk breaks, the run ends, it is well again, the run goes on."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from billing.core.errors import LedgerError
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.life import Group
from billing.flow.planning.preflight import Preflight
from billing.sandbox.inprocess import InProcess
from tests.flow.world import RUN, Recording, World
from tests.storage.syscalls import Disk

MIX = {"succeeds": 0.6, "insufficient_funds": 0.2, "debit_succeeds": 0.2}
OPEN_GROUPS = (Group.UNKNOWN, Group.PENDING, Group.PARKED)
MOST_CONTINUATIONS = 4


def small_world(folder: Path, seed: int = 1, items: int = 3) -> World:
    """Return a platform with a few items of every ending; the folder is made."""
    folder.mkdir()
    return World.make(folder, seed=seed, items=items, accounts=2, mix=MIX)


def ledger_of(world: World) -> Path:
    return world.folder / "ledger.db"


@dataclass(slots=True)
class Life:
    """How a run on a failing disk went.

    Attributes:
        error: what ended it, None when it came to its end.
        posts_before, posts: POSTs sent until the first call failed, and in all.
        head: the last entry whose commit was acknowledged (0: none).
        mac: its mac.
        closing: the ledger was being closed when the first call failed: nothing was left to be written.
    """

    error: Exception | None = None
    posts_before: int = 0
    posts: int = 0
    head: int = 0
    mac: bytes = b""
    closing: bool = False


async def lived(world: World, disk: Disk) -> Life:
    """Plan and run on ``disk`` until it is done or broken."""
    life, wire = Life(), Recording(InProcess(world.sandbox))
    working = True

    def posts() -> int:
        return sum(request.method == "POST" for request in wire.requests)

    def broke() -> None:
        life.posts_before, life.closing = posts(), not working

    disk.on_fault = broke
    try:
        async with world.services(wire=wire) as services:
            try:
                await world.plan(services, Preflight.ALL)
                await world.run(services)
            finally:
                working = False
                committer = services.ledger._committer
                life.head, life.mac = committer.head.seq, committer.head.mac
    except Exception as error:  # noqa: BLE001 - what it is, the test judges
        life.error = innermost(error)
    life.posts = posts()
    return life


def innermost(error: Exception) -> Exception:
    """Return the one error inside groups of tasks."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def fault_of(life: Life, disk: Disk, ledger: Path) -> str:
    """Return what is wrong with how a run met the failing disk, or an empty text."""
    if life.posts != life.posts_before and disk.failed:
        return f"{life.posts - life.posts_before} POSTs after the disk failed"
    if life.error is None:
        return "" if life.closing or not disk.failed else "the run went on after the disk failed"
    if not isinstance(life.error, LedgerError) or life.error.exit_code != Exit.STOPPED:
        return f"ended with {life.error!r}, not with a LedgerError of exit 6"
    return "" if str(ledger) in str(life.error) else f"the message does not name the ledger: {life.error}"


async def continued(world: World) -> Counter[Group]:
    """Run again on a disk that is well, as an operator would, until nothing is open; everything must be true then."""
    for _ in range(MOST_CONTINUATIONS):
        async with world.services() as services:
            if services.ledger.run(RUN) is None:
                await world.plan(services)
            await world.run(services)
            groups = Counter(group_of(item) for item in world.items(services))
        await world.assert_true()
        if not any(groups[group] for group in OPEN_GROUPS):
            return groups
    raise AssertionError(f"still open: {groups}")
