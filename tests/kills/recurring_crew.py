"""Processes of ours in a world of payers: with the settings of the page, and all that they say kept to be searched."""

import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.kills.processes import PATIENCE, RATE, Crew, Runner
from tests.kills.provider import Door
from tests.kills.recurring_browser import PUBLISHABLE
from tests.kills.signals import Trip, WireTrip

BUSINESS = {
    "BILLING_COLLECT_BUSINESS": "Northwind Coaching",
    "BILLING_COLLECT_SUPPORT": "billing@northwind.example",
    "BILLING_COLLECT_OPENS_PER_PAYER": "100000",
    "BILLING_COLLECT_OPENS_PER_ADDRESS": "100000",
    "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE,
    "BILLING_LOG_LEVEL": "debug",
}
# In these worlds everybody comes from one address, and comes back until the page answers.


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass(slots=True)
class Office(Crew):
    """Starts commands, and keeps what they say in files of the world's folder.

    Attributes:
        page: where payers find the page.
        asked: commands that came to their end so far.
    """

    page: str = ""
    asked: int = 0

    def settle_in(self) -> None:
        """Make the folders, and choose where the page will be."""
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(parents=True)
        self.page = f"http://127.0.0.1:{free_port()}"

    def environ(self, door: Door) -> dict[str, str]:
        """The usual one, the page's settings, and temporary files where they are searched."""
        page = {"BILLING_COLLECT_PUBLIC_URL": self.page, "BILLING_COLLECT_LISTEN": self.page.removeprefix("http://")}
        return Crew.environ(self, door) | BUSINESS | page | {"TMPDIR": str(self.folder / "tmp")}

    def ask(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and keep what it said."""
        done = Crew.ask(self, *args)
        self.asked += 1
        (self.folder / f"said-{self.asked}.txt").write_text(f"{args}\n{done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, verb: Sequence[str], trip: Trip | None, *, closed: bool = False) -> Runner:
        """Start a runner with both streams kept; the page takes no rate."""
        door = self.provider.door(trip if isinstance(trip, WireTrip) else None, closed=closed)
        files = [self.folder / f"runner-{len(self.started)}.{name}" for name in ("out", "err")]
        rate = () if verb[0] == "collect" else RATE
        with files[0].open("wb") as out, files[1].open("wb") as err:
            process = self.process((*verb, *rate), door, stdout=out, stderr=err)
        self.started.append(process)
        runner = Runner(process, door, files[1], None, self)
        runner.lay(trip)
        return runner

    def close(self, runner: Runner) -> None:
        """Tell the page to end; it must do so by itself."""
        runner.process.send_signal(signal.SIGTERM)
        self.require_usual("collect", runner.process.wait(PATIENCE), runner.errors.read_text())
