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
from tests.warm import billing_process

KEY = "sk_test_realkills12345678"
RATE = ("--rate", "500")
PATIENCE = 60.0
# Seconds after which a runner that was neither struck nor ended is a finding.
ENDS = frozenset({Exit.OK, Exit.DECLINES, Exit.UNFINISHED})
SETTINGS = {"BILLING_STOP_ON_DECLINE_RATE": "1", "BILLING_STOP_ON_SAME_ERROR": "100000"}
# A share of declines like the one of these worlds stops a run by design; here every run shall go on.
COLD = 8
# In one of so many worlds every command is the installed script, which starts an interpreter: a second each.


def is_cold(seed: int) -> bool:
    """Tell whether the commands of a world are started as a person starts them."""
    return seed % COLD == 0


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
        installed: whether the installed script is started, rather than a process that has imported it already.
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

    def process(self, args: Sequence[str], door: Door, **streams: Any) -> subprocess.Popen[Any]:
        """Start a command: cold where its start is shown or a bug is planted in it, else warm, which takes a tenth."""
        cold, environ = self._cold(), self.environ(door)
        streams |= {"cwd": self.folder, "stdin": subprocess.DEVNULL}
        if not cold:
            return billing_process(args, environ, clean_environment(), **streams)
        # Compiled modules are kept beside the worlds: starts are faster.
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.folder.parent / "compiled")}
        return subprocess.Popen([*cold, *args], env=environ | kept, **streams)

    def _cold(self) -> list[str]:
        """How a command line begins that has an interpreter of its own started."""
        if self.bug:
            return [sys.executable, "-m", "tests.kills.planted", self.bug]
        return [str(Path(sys.executable).with_name("billing"))] if self.installed else []

    def environ(self, door: Door) -> dict[str, str]:
        """An environment in which only these decide."""
        provider = {"BILLING_API_BASE": door.url, "STRIPE_API_KEY": KEY}
        return clean_environment(HOME=str(self.folder / "home"), **provider, **SETTINGS)

    def ask(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; every ending but the usual ones is a problem."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with self.process(args, self.provider.door(), **pipes) as process:
            out, err = process.communicate(timeout=2 * PATIENCE)
        asked = subprocess.CompletedProcess(args, process.returncode, out, err)
        self.require_usual(args[0], asked.returncode, asked.stderr)
        return asked

    def start(self, verb: Sequence[str], trip: Trip | None, *, closed: bool = False) -> Runner:
        """Start a runner and lay its trip; ``closed`` holds its answers back until the provider admits it."""
        door = self.provider.door(trip if isinstance(trip, WireTrip) else None, closed=closed)
        errors = self.folder / f"runner-{len(self.started)}.err"
        with errors.open("wb") as file:
            process = self.process((*verb, *RATE), door, stdout=subprocess.DEVNULL, stderr=file)
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
