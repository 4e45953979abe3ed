"""Measure what onlookers cost a run: ``python -m tests.bench.watchers [--items N] [--rate R] [--rounds N]``.

One sandbox, one ledger, `billing serve` beside it, and runs of the same sheet in one period after the other: without
anybody looking on, then with so many on the page of the run, by turns. Each is a process of its own. A rate of 0 leaves
the run as fast as the machine is, which is harder than any limit of Stripe's.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

import aiohttp

from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.stripe.clock import ProviderClock

SANDBOX = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.05}\n"
BILLING = (sys.executable, "-m", "billing.cli.main")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: whether anybody looked on, charges a second, events that each of them was told, seconds of the server's
    processor for each second of the run."""

    watched: bool
    per_second: float
    told: float
    processor: float


@dataclass(frozen=True, slots=True)
class World:
    """A folder with a sandbox, a ledger and a server."""

    folder: Path
    environ: dict[str, str]
    url: str
    server: int

    def command(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run([*BILLING, *args], cwd=self.folder, env=self.environ, capture_output=True, text=True,
                              check=False)  # fmt: skip

    def processor(self) -> float:
        """Return the seconds of a processor that the server has had."""
        fields = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextlib.contextmanager
def process(folder: Path, environ: dict[str, str], *args: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that serves, while the context lasts."""
    with subprocess.Popen([*BILLING, *args], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True) as found:
        try:
            yield found
        finally:
            found.terminate()


@contextlib.contextmanager
def world(items: int) -> Iterator[World]:
    """Start everything; one small run makes the ledger."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchers-")))
        (folder / "sandbox.yaml").write_text(SANDBOX)
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "STRIPE_API_KEY": "sk_test_watchers00000000",
                   "PYTHONPATH": str(Path.cwd())}  # fmt: skip
        made = ("--config", "sandbox.yaml", "--items", str(items), "--accounts", "10", "--out", "sheet.csv")
        sandbox = stack.enter_context(process(folder, environ, "sandbox", "--port", "0", *made))
        first = sandbox.stdout.readline()
        while not sandbox.stdout.readline().startswith("# then"):
            pass
        environ["BILLING_API_BASE"] = first.strip().removeprefix("export BILLING_API_BASE=")
        subprocess.run([*BILLING, "run", "sheet.csv", "--run", "warm-2025-01", "--limit", "5", "--yes"], cwd=folder,
                       env=environ, capture_output=True, check=False)  # fmt: skip
        server = stack.enter_context(process(folder, environ, "serve", "--port", "0", "--output", "json"))
        said = "".join(server.stdout.readline() for _ in range(3))
        yield World(folder, environ, json.loads(said)["url"], server.pid)


async def watch(client: aiohttp.ClientSession, base: str, run: str) -> int:
    """Look on until the run is over; return how often something was told."""
    told = 0
    while True:
        async with client.get(f"{base}/live/events?id={run}") as answer:
            if answer.status == 200:
                async for line in answer.content:
                    told += line.startswith(b"event:")
                    if line.startswith(b"event: over"):
                        return told
        await asyncio.sleep(0.2)


async def measure(found: World, run: str, rate: float, watchers: int) -> Figures:
    """Carry out a run, and return its figures."""
    base, _, token = found.url.partition("/?token=")
    flags = ("--rate", str(rate)) if rate else ()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        await client.get(f"{base}/?token={token}")
        before = found.processor()
        looking = [asyncio.create_task(watch(client, base, run)) for _ in range(watchers)]
        ended = await asyncio.to_thread(found.command, "run", "sheet.csv", "--run", run, "--yes", *flags)
        if ended.returncode not in (0, 4, 5):
            raise SystemExit(f"the run ended with {ended.returncode}\n{ended.stderr[-2000:]}")
        told = await asyncio.wait_for(asyncio.gather(*looking), 60)
        spent = found.processor() - before
    seconds, charged = await _ran(found, run)
    return Figures(bool(watchers), charged / seconds, sum(told) / max(1, watchers), spent / seconds)


async def _ran(found: World, run: str) -> tuple[float, int]:
    """Return how long a run took by its record, and how many items it had."""
    ledger = await open_ledger(f"sqlite:///{found.folder / 'billing.db'}", key_file=None, clock=ProviderClock().now,
                               write=False, environ=found.environ)  # fmt: skip
    record = ledger.run(run)
    items = sum(tally.items for tally in ledger.tally(run))
    await ledger.aclose()
    began, ended = (datetime.fromisoformat(at) for at in (record.started_at, record.finished_at))
    return (ended - began).total_seconds(), items


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.watchers", description=__doc__)
    parser.add_argument("--items", type=int, default=600)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second; 0 for no limit of ours")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--watchers", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    rows: list[Figures] = []
    with world(asked.items) as found:
        for n in range(2 * asked.rounds):
            one = asyncio.run(
                measure(found, f"bench-{2026 + n // 12}-{n % 12 + 1:02d}", asked.rate, asked.watchers * (n % 2))
            )
            rows.append(one)
            who = f"{asked.watchers} look on" if one.watched else "nobody"
            sys.stdout.write(f"{who:14}{one.per_second:8.2f} charges/s   told {one.told:5.1f} times   "
                             f"server {100 * one.processor:5.1f} % of a core\n")  # fmt: skip
            sys.stdout.flush()
    alone, seen = (median(row.per_second for row in rows if row.watched is watched) for watched in (False, True))
    sys.stdout.write(f"with {asked.watchers} watchers {100 * seen / alone:.1f} % of the charges a second without\n")
    if asked.json is not None:
        asked.json.write_text(
            json.dumps([[row.watched, row.per_second, row.told, row.processor] for row in rows]) + "\n"
        )


if __name__ == "__main__":
    main()
