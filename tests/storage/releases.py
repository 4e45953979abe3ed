"""A ledger as one release leaves it, kept under ``tests/data/ledgers/``: later releases upgrade it and go on with it.

``python -m tests.storage.releases tests/data/ledgers/v2`` makes the one of this release: ledger, key and witness.
"""

import csv
import io
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from billing.core.kinds import ended_empty
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.carry_out import carry_out_run
from billing.flow.options import RunOptions, Selection
from billing.flow.planning.preflight import Preflight
from billing.flow.request import RunRequest
from billing.sandbox.faults import FaultKind
from tests.conftest import clean_environment
from tests.flow.world import RUN, UNGUARDED, World
from tests.virtual import run_virtually

RELEASES = Path(__file__).parent.parent / "data" / "ledgers"
SPEC = {
    "seed": 11,
    "items": 24,
    "accounts": 3,
    "mix": {
        "succeeds": 0.4, "insufficient_funds": 0.15, "stolen_card": 0.15, "debit_succeeds": 0.15, "not_clonable": 0.15
    },
}  # fmt: skip
LATER = ("INV-00014", "INV-00016", "INV-00022", "INV-00023")
# Planned and left for a later command.


def world_in(folder: Path) -> World:
    """Return the platform that the kept ledgers charge, the same at every call; its ids come from the seed."""
    return World.make(folder, **SPEC)


async def _run(world: World, *, amend: bool, left: tuple[str, ...]) -> None:
    options = RunRequest(RunOptions(selection=Selection(exclude=left)), amend, preflight=Preflight.ALL)
    with open_run(world.file, run_id=RUN, defaults=RunDefaults(policies=UNGUARDED)) as source:
        async with world.services() as services:
            await carry_out_run(services, source, options, agree=lambda _plan: None)


async def lived(world: World) -> Counter[str]:
    """Charge most lines once, one answer being lost for good, then correct, withdraw and go on; leave two for later."""
    world.script(FaultKind.LOST_AFTER, "payment_intents.confirm")
    world.script(FaultKind.UNAVAILABLE_503, "payment_intents.retrieve", times=100)
    await _run(world, amend=False, left=LATER)
    rows = list(csv.DictReader(io.StringIO(world.file.read_text())))
    broken = next(item for item in await world.item() if ended_empty(item.state))
    rows = [row for row in rows if row["reference"] != LATER[0]]
    good = next(row for row in rows if row["reference"] == LATER[2])
    for row in rows:
        if row["reference"] == LATER[1]:
            row["amount"] = "77.00"
        if row["reference"] == broken.reference:
            row |= {name: good[name] for name in ("customer", "payment_method") if name in row}
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    world.file.write_text(out.getvalue())
    await _run(world, amend=True, left=LATER[2:])
    return Counter(f"{item.state} {item.generation}" for item in await world.item())


def looks(folder: Path) -> dict[str, str]:
    """Return what the commands that only look show of the ledger in a folder, by the name of the file it is kept in."""
    environ = clean_environment(
        HOME=str(folder), BILLING_LEDGER=f"sqlite:///{folder}/ledger.db", BILLING_LEDGER_KEY_FILE=f"{folder}/ledger.key"
    )
    commands = {
        "status.json": ("status", RUN, "--output", "json"),
        "report.csv": ("report", RUN, "--format", "csv"),
        "accounts.txt": ("report", RUN, "--by-account"),
    }
    shown = {}
    for name, command in commands.items():
        line = [sys.executable, "-m", "billing.cli.main", *command]
        done = subprocess.run(line, env=environ, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
        shown[name] = done.stdout or done.stderr
    return shown


def main(target: Path) -> None:
    """Make the ledger of this release in a new folder, its key and witness beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "world"
        folder.mkdir()
        world = world_in(folder)
        run_virtually(lived, world)
        target.mkdir(parents=True)
        for file in ("ledger.db", "ledger.key", world.file.name):
            shutil.copy(folder / file, target / file)
        (target / "heads").mkdir()
        for witness in (folder / "heads").glob("[!.]*"):
            (target / "heads" / witness.name).write_bytes(witness.read_bytes().replace(str(folder).encode(), b"/kept"))
        for name, shown in looks(folder).items():
            (target / name).write_text(shown)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
