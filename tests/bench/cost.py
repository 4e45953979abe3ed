"""Measure what a charge costs this process: ``python -m tests.bench.cost [--items N] [--in-flight 200 32]``.

Three clients charge against one server that answers at once on a core of its own: a bare loop over the SDK as it comes
(two requests a charge, nothing written down), the HTTP client alone (the protocol's three requests), and the shipped
flow with its ledger on the disk, its pacing at no practical limit and its JSON log in a file. In flight are charges;
each client has at most 100 connections. Rounds alternate and the best of each counts, because machines are busy; ratios
of one run travel better than milliseconds.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import stripe
import uvloop
from stripe._http_client import new_http_client_async_fallback

from billing.core.items import Mode
from billing.core.kinds.charge import State
from billing.core.policies import Policies, StopOn
from billing.core.wire import WireRequest
from billing.edge.eventloop import spare_collections
from billing.edge.logs import open_log
from billing.edge.pacing.throttle import Throttle
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.settings.load import load_settings
from billing.edge.stripe.gateway import API_VERSION
from billing.edge.stripe.transport import NetworkWire
from billing.flow.execute import execute
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.options import RunOptions
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.planning.preflight import Preflight
from tests.bench.scale import RUN, write_run

KEY = "sk_test_benchbenchbench"
ACCOUNT = "acct_1Bench"
NO_LIMIT = 1e6  # requests a second: more than any machine sends
MEMORY_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs", "devtmpfs"})
CHARGE = "amount=1099&currency=usd&metadata[billing_item]=item&allowed_payment_method_types[0]=card"


@dataclass(frozen=True, slots=True)
class Figure:
    """One client at one number of charges in flight; ``server_busy`` is the server's share of its core meanwhile."""

    client: str
    in_flight: int
    cpu_ms: float
    items_per_second: float
    server_busy: float

    @property
    def bound(self) -> float:
        """Charges a second that one core could make at this cost."""
        return 1000 / self.cpu_ms


class Server:
    """The server in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.pid, self.base = process.pid, f"http://127.0.0.1:{int(process.stdout.readline())}"

    def cpu(self) -> float:
        """Return the seconds of processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving() -> Iterator[Server]:
    """Serve until left."""
    command = [sys.executable, "-m", "tests.bench.instant"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.terminate()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measured(
    client: str, work: Callable[[], Awaitable[None]], items: int, in_flight: int, server: Server
) -> Figure:
    """Return what ``work`` took for each of its ``items``; for all the collector is as sparing as in a command."""
    spare_collections()
    server_began, cpu_began, began = server.cpu(), _cpu(), time.monotonic()
    await work()
    seconds, cpu, server_cpu = time.monotonic() - began, _cpu() - cpu_began, server.cpu() - server_began
    return Figure(client, in_flight, cpu / items * 1000, items / seconds, server_cpu / seconds)


async def side_by_side(charge: Callable[[int], Awaitable[None]], items: int, in_flight: int) -> None:
    """Make ``items`` charges with so many workers."""
    numbers = iter(range(items))

    async def worker() -> None:
        for number in numbers:
            await charge(number)

    await asyncio.gather(*(worker() for _ in range(in_flight)))


def sdk_client() -> str:
    """Return the name of the HTTP client that the SDK chooses by itself from those installed here."""
    return str(new_http_client_async_fallback().name)


async def bare_sdk(items: int, in_flight: int, server: Server) -> Figure:
    """Two requests a charge over the SDK's default async client."""
    stripe.default_http_client = None  # a client of this event loop's own
    client = stripe.StripeClient(KEY, base_addresses={"api": server.base}, stripe_version=API_VERSION)

    async def charge(number: int) -> None:
        def options(op: str) -> stripe.RequestOptions:
            return {"stripe_account": ACCOUNT, "idempotency_key": f"{op}-{os.getpid()}-{number}"}

        clone = await client.v1.payment_methods.create_async(
            {"customer": f"cus_{number}", "payment_method": f"pm_{number}"}, options("clone")
        )
        paid = await client.v1.payment_intents.create_async(
            {"amount": 1099, "currency": "usd", "payment_method": clone.id, "confirm": True, "off_session": True,
             "application_fee_amount": 55, "metadata": {"item": str(number)}},
            options("charge"),
        )  # fmt: skip
        if paid.status != "succeeded":
            raise RuntimeError(f"the charge is {paid.status}")

    return await measured("bare SDK", lambda: side_by_side(charge, items, in_flight), items, in_flight, server)


async def bare_http(items: int, in_flight: int, server: Server) -> Figure:
    """The protocol's three requests over the HTTP client as the transport sets it up, and nothing else."""
    wire = NetworkWire(in_flight)
    headers = {
        "Authorization": f"Bearer {KEY}", "Stripe-Version": API_VERSION, "Stripe-Account": ACCOUNT,
        "Content-Type": "application/x-www-form-urlencoded", "User-Agent": "bench", "Idempotency-Key": "k" * 60,
    }  # fmt: skip

    async def post(path: str, body: str) -> bytes:
        response = await wire.send(WireRequest("POST", server.base + path, headers, body.encode()))
        if response.status != 200:
            raise RuntimeError(f"{path} answers {response.status}")
        return response.body

    async def charge(number: int) -> None:
        opened = await post("/v1/payment_intents", CHARGE)
        await post("/v1/payment_methods", f"customer=cus_{number}&payment_method=pm_{number}")
        intent = opened[8 : opened.index(b'"', 8)].decode()
        await post(f"/v1/payment_intents/{intent}/confirm", "payment_method=pm_1&off_session=true")

    try:
        work = lambda: side_by_side(charge, items, in_flight)  # noqa: E731  a thunk
        return await measured("HTTP client alone", work, items, in_flight, server)
    finally:
        await wire.aclose()


async def shipped(
    items: int, in_flight: int, server: Server, folder: Path, ledger: str = "", client: str = "shipped flow"
) -> Figure:
    """The flow as `billing run` wires it; planning and keeping are not counted. The ledger is a file unless named."""
    write_run(folder / "run.csv", items)
    environ = {"STRIPE_API_KEY": KEY, "HOME": str(folder)}
    flags = {"ledger": ledger or f"sqlite:///{folder / 'ledger.db'}", "api_base": server.base}
    policies = Policies(stop_on=StopOn(decline_rate=1.0, same_error=10**9))
    opening = ServiceOptions(Mode.TEST, "bench", rate=NO_LIMIT, concurrency=in_flight)
    with (folder / "log").open("w") as out:
        log = open_log("info", "json", out)
        async with open_services(load_settings(environ, flags), environ, opening, log) as services:
            services.gateway.throttle = Throttle(
                services.rates
            )  # at full rate at once: the start of a pace is another bench
            await services.identify()
            with open_run(folder / "run.csv", run_id=RUN, defaults=RunDefaults(policies=policies)) as source:
                await keep(await make_plan(services, source, PlanOptions(Preflight.NONE)), source, services.ledger)

            async def work() -> None:
                await execute(services, RUN, RunOptions(concurrency=in_flight), policies)

            figure = await measured(client, work, items, in_flight, server)
            paid = sum(found.items for found in services.ledger.tally(RUN) if found.state is State.SUCCEEDED)
    if paid != items:
        raise RuntimeError(f"{paid} of {items} items were paid")
    return figure


def file_system(folder: Path) -> str:
    """Return the type of the file system a folder is on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    path = folder.resolve()
    found = [(len(place), kind) for place, kind in mounts if path.is_relative_to(place)]
    return max(found)[1]


def measure(items: int, in_flight: int, rounds: int, where: Path | None) -> list[Figure]:
    """Return the best figure of each client; each round is an event loop of its own.

    Raises:
        RuntimeError: the ledger would lie in memory, or a charge was not made.
    """
    best: dict[str, Figure] = {}
    with serving() as server:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=where) as folder:
                if file_system(Path(folder)) in MEMORY_FILE_SYSTEMS:
                    raise RuntimeError(f"{folder} is in memory: a ledger there is not durable (--folder)")
                found = [
                    uvloop.run(bare_sdk(items, in_flight, server)),
                    uvloop.run(bare_http(items, in_flight, server)),
                    uvloop.run(shipped(items, in_flight, server, Path(folder))),
                ]
            for figure in found:
                kept = best.setdefault(figure.client, figure)
                best[figure.client] = min(kept, figure, key=lambda one: one.cpu_ms)
    return list(best.values())


def table(figures: list[Figure]) -> str:
    """Return the figures of one number in flight, each beside its ratio to the two bare clients."""
    sdk, http, _ = figures
    heads = ("in flight", "ms CPU", "x SDK", "x HTTP", "items/s", "bound/s", "server")
    lines = [f"{'client':20}" + "".join(f"{head:>11}" for head in heads)]
    for one in figures:
        ratios = f"{one.cpu_ms / sdk.cpu_ms:11.3f}{one.cpu_ms / http.cpu_ms:11.2f}"
        speeds = f"{one.items_per_second:11.0f}{one.bound:11.0f}{one.server_busy:11.0%}"
        lines.append(f"{one.client:20}{one.in_flight:11}{one.cpu_ms:11.3f}{ratios}{speeds}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print a table for each number in flight, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cost", description=__doc__)
    parser.add_argument("--items", type=int, default=3_000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[200, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk that shall be measured; a new folder is made there")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    sys.stdout.write(f"{asked.items:,} charges, best of {asked.rounds}; the SDK's own client is {sdk_client()}\n")
    figures: list[Figure] = []
    for in_flight in asked.in_flight:
        found = measure(asked.items, in_flight, asked.rounds, asked.folder)
        sys.stdout.write("\n" + table(found))
        figures += found
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
