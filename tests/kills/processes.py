"""Processes of ours: the installed command in a folder of its own, started, asked, and let in beside another one."""

import csv
import io
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from billing.core.exits import Exit
from tests.conftest import clean_environment
from tests.kills.provider import Door, Provider
from tests.kills.signals import Trip, WireTrip, strike

KEY = "sk_test_realkills12345678"
RATE = ("--rate", "500")
PATIENCE = 60.0
# Seconds after which a runner that was neither struck nor ended is a finding.
ENDS = frozenset({Exit.OK, Exit.DECLINES, Exit.UNFINISHED})
SETTINGS = {"BILLING_STOP_ON_DECLINE_RATE": "1", "BILLING_STOP_ON_SAME_ERROR": "100000"}
# A share of declines like the one of these worlds stops a run by design; here every run shall go on.


@dataclass(slots=True)
class Runner:
    """A process of ours.

    Attributes:
        door: its address at the provider.
        errors: where its stderr goes.
        trip: what waits for it.
        crew: who started it.
    """

    process: subprocess.Popen[bytes]
    door: Door
    errors: Path
    trip: Trip | None
    crew: "Crew"

    def lay(self, trip: Trip | None) -> None:
        """Let a trip wait for this runner from now on."""
        self.trip = trip
        if trip is not None:
            trip.heard = self.door.heard
            trip.process = self.process

    def require_end(self) -> None:
        """Wait until it has come to its own end, which must be a usual one."""
        self.crew.require_usual("run", self.process.wait(PATIENCE), self.errors.read_text())

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.process.poll() is not None

    @property
    def done(self) -> bool:
        """Whether it was struck, or is gone."""
        return self.ended or (self.trip is not None and self.trip.over.is_set())


@dataclass(slots=True)
class Crew:
    """Starts the command against a provider.

    Attributes:
        folder: where run file, ledger and home lie.
        bug: planted in every process; empty for the shipped code.
        installed: whether the installed script is started rather than its module.
        problems: endings that nobody ordered, in words.
        ends: exit codes that are usual.
    """

    folder: Path
    provider: Provider
    bug: str
    installed: bool
    problems: list[str]
    ends: frozenset[Exit] = ENDS
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """The ledger's write-ahead log."""
        return self.folder / "billing.db-wal"

    def command(self, *args: str) -> list[str]:
        """The command line of one command."""
        if self.bug:
            return [sys.executable, "-m", "tests.kills.planted", self.bug, *args]
        if self.installed:
            return [str(Path(sys.executable).with_name("billing")), *args]
        return [sys.executable, "-m", "billing.cli.main", *args]

    def environ(self, door: Door) -> dict[str, str]:
        """An environment in which only these decide. Compiled modules are kept beside the worlds: starts are faster."""
        provider = {"BILLING_API_BASE": door.url, "STRIPE_API_KEY": KEY}
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.folder.parent / "compiled")}
        return clean_environment(HOME=str(self.folder / "home"), **provider, **kept, **SETTINGS)

    def ask(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; every ending but the usual ones is a problem."""
        asked = subprocess.run(
            self.command(*args), cwd=self.folder, env=self.environ(self.provider.door()), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=2 * PATIENCE, check=False,
        )  # fmt: skip
        self.require_usual(args[0], asked.returncode, asked.stderr)
        return asked

    def start(self, verb: Sequence[str], trip: Trip | None, *, closed: bool = False) -> Runner:
        """Start a runner and lay its trip; ``closed`` holds its answers back until the provider admits it."""
        door = self.provider.door(trip if isinstance(trip, WireTrip) else None, closed=closed)
        errors = self.folder / f"runner-{len(self.started)}.err"
        with errors.open("wb") as file:
            process = subprocess.Popen(
                self.command(*verb, *RATE), cwd=self.folder, env=self.environ(door),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file,
            )  # fmt: skip
        self.started.append(process)
        runner = Runner(process, door, errors, None, self)
        runner.lay(trip)
        return runner

    def report(self, run_id: str) -> list[dict[str, str]]:
        """What it tells of each line of a run."""
        return list(csv.DictReader(io.StringIO(self.ask("report", run_id, "--format", "csv").stdout)))

    def events(self) -> list[dict[str, Any]]:
        """The entries of its ledger."""
        return [json.loads(line) for line in self.ask("ledger", "events", "--output", "json").stdout.splitlines()]

    def unlock(self) -> None:
        """Let a second process in beside the first, as an operator in a hurry does: by removing the lock file.

        The lock belongs to the file behind the name. The first process keeps the one it holds; the next one makes and
        locks a new file of the same name, and both believe they are alone. What keeps money safe is the protocol.
        """
        self.log.with_name("billing.db.lock").unlink(missing_ok=True)

    def out_of_commit(self, runner: Runner) -> None:
        """Let a stopped runner finish the commit it is in: SQLite makes everybody else wait for it, by design."""
        while self._being_written():
            runner.process.send_signal(signal.SIGCONT)
            time.sleep(0.001)
            strike(runner.process, signal.SIGSTOP)

    def _being_written(self) -> bool:
        ledger = f"file:{self.folder / 'billing.db'}?mode=rw"
        with closing(sqlite3.connect(ledger, uri=True, timeout=0, isolation_level=None)) as conn:
            try:
                conn.execute("BEGIN IMMEDIATE")
                conn.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                return True
        return False

    def require_usual(self, verb: str, code: int, said: str) -> None:
        """Write down an ending that is not one of the usual ones."""
        if code not in self.ends:
            self.problems.append(f"billing {verb} ended with {code}: {said[-600:]}")

    def dismiss(self) -> None:
        """Leave no process behind, whatever happened."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
