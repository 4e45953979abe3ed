"""An upgrade is killed or cut off at every write, sync and rename: no harm is done, and the same command finishes it.

(edge/ledger/README.md, "Versions")
"""

import asyncio
import os
import random
import shutil
import sqlite3
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from billing.core.errors import LedgerError
from billing.edge.ledger.sqlite.upgrade.replacing import COMPANIONS
from tests.storage import syscalls
from tests.storage.cuts import cut
from tests.storage.earlier import dump, lay, without_upgrade
from tests.storage.syscalls import Change, Disk, Fault, files_of
from tests.storage.test_upgrade import opened, upgraded

BLOCKS, DEAD = 4, 5
STEPS = frozenset({"os.rename", "os.link", "os.remove", "open"})
CUTS = 60


def all_files(folder: Path) -> frozenset[str]:
    """Return what SQLite writes in an upgrade: the ledger and the draft, each with its companions."""
    return files_of(folder / "ledger.db") | files_of(folder / "ledger.db.upgrading")


@dataclass(slots=True)
class Counting(Disk):
    """A disk that ends this very process at the n-th thing that happens to a file, as a kill would."""

    left: int = 0

    def refuses(self, kind: str) -> bool:
        self.step()
        return False

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(9)

    def heard(self, event: str, told: tuple) -> None:
        """Count what Python itself does to a file of the ledger's folder."""
        if event in STEPS and isinstance(told[0], str | Path) and "ledger" in str(told[0]):
            self.step()


def killed(folder: Path, nth: int) -> bool:
    """Upgrade in a process that dies just before the ``nth`` step; tell whether it came to die."""
    child = os.fork()
    if child == 0:
        disk = Counting(all_files(folder), left=nth)
        try:
            syscalls._seam().install(disk)
            sys.addaudithook(disk.heard)
            upgraded(folder)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), "it failed by itself"
    return code == 9


def require_harmless(folder: Path, before: dict, *, tried: bool) -> None:
    """Whatever was left is the ledger: the same command finishes it, and no draft stays.

    Args:
        folder: of the ledger.
        before: what the ledger said.
        tried: another command comes first: it is refused with the command to type, or goes on.
    """
    path = folder / "ledger.db"
    if tried:
        with suppress(UpgradeAsked):
            assert opened_or_asked(folder) == ()
    upgraded(folder)
    assert without_upgrade(dump(path)) == before
    assert opened(folder) == ()
    assert dump(folder / "ledger.db.v1") == before
    assert not list(folder.glob("ledger.db.upgrading*"))


class UpgradeAsked(Exception):
    """A command was refused with the one to type."""


def opened_or_asked(folder: Path) -> tuple[str, ...]:
    try:
        return opened(folder)
    except LedgerError as refused:
        raise (UpgradeAsked if "Type: billing ledger upgrade" in str(refused) else AssertionError)(refused) from refused


def test_killed_at_every_step_an_upgrade_does_no_harm_and_is_finished_by_the_same_command(scratch, record_property):
    folder, nth = scratch / "world", 0
    while True:
        folder.mkdir()
        before = dump(lay("v1", folder))
        nth += 1
        died = killed(folder, nth)
        require_harmless(folder, before, tried=nth % 2 == 0)
        shutil.rmtree(folder)
        if not died:
            break
    assert nth > 100
    record_property("evidence", f"upgrades killed: {nth - 1} steps, 0 ledgers harmed")


def torn(folder: Path, on: str, nth: int) -> tuple[list[Change], bool]:
    """Upgrade on a machine that dies at the ``nth`` write or sync; return what reached its disk, whether it died."""
    path = folder / "ledger.db"
    disk = Disk(all_files(folder), Fault(DEAD, on=on), nth, changes=[])
    disk.changes += [Change(str(path), "write", 0, path.read_bytes()), Change(str(path), "sync")]
    syscalls._seam().install(disk)
    try:
        with suppress(LedgerError):
            upgraded(folder)
    finally:
        syscalls.remove()
    return disk.changes, disk.failed > 0


@pytest.mark.parametrize("seed", range(2))
def test_a_power_cut_in_an_upgrade_leaves_the_ledger_and_the_same_command_finishes_it(scratch, seed, record_property):
    dice, folder, deaths = random.Random(seed), scratch / "world", 0
    for number in range(CUTS):
        folder.mkdir()
        path = lay("v1", folder)
        before, on = dump(path), dice.choice(("write", "sync"))
        for companion in COMPANIONS:
            Path(f"{path}{companion}").unlink(missing_ok=True)
        changes, died = torn(folder, on, dice.randint(1, 100 if on == "write" else 8))
        deaths += died
        if died:
            found = cut(changes, dice).files
            for file in map(Path, all_files(folder)):
                file.unlink(missing_ok=True)
                if str(file) in found and not file.name.endswith("-shm"):
                    file.write_bytes(found[str(file)])
                    file.chmod(0o600)
        try:
            require_harmless(folder, before, tried=number % 2 == 0)
        except Exception as error:
            raise AssertionError(f"seed {seed}, cut {number} at a {on}") from error
        shutil.rmtree(folder)
    assert deaths > CUTS / 2, "most cuts fall before the end of the upgrade"
    record_property("evidence", f"power cuts in upgrades: {CUTS}, 0 ledgers harmed")


def test_both_files_are_on_the_disk_before_one_takes_the_others_place(scratch):
    path = lay("v1", scratch)
    for companion in COMPANIONS:
        Path(f"{path}{companion}").unlink(missing_ok=True)
    changes, died = torn(scratch, "write", 10**9)
    assert not died
    for seed in range(20):
        found = cut(changes, random.Random(seed)).files
        assert found[f"{path}.upgrading"] == path.read_bytes()
        assert found[str(path)] == (scratch / "ledger.db.v1").read_bytes()
        assert not found.get(f"{path}-wal")


def test_an_upgrade_that_fails_leaves_no_draft(scratch):
    lay("v1", scratch)
    _, died = torn(scratch, "write", 30)
    assert died
    assert not list(scratch.glob("ledger.db.upgrading*"))
    assert asyncio.run(_version_of(scratch)) == 1


async def _version_of(folder: Path) -> int:
    conn = sqlite3.connect(folder / "ledger.db")
    try:
        return int(conn.execute("PRAGMA user_version").fetchone()[0])
    finally:
        conn.close()
