"""Measure look-ups: ``python -m tests.bench.lookups [--lines 100000] [--accounts 2000] [--foreign 3] [--json FILE]``.

A file whose every line has a payment method of its own is looked up against a platform that also has methods nobody
asks for, so many for each that is. Requests are counted; seconds are those of the provider's usual latency at the
default share of the documented limits, on a clock that jumps; memory and computing time are real. The same is asked
again at once, when everything good is known, and once more with the lists refused.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio

from billing.core.estimates import MEDIAN_SECONDS, Reads
from billing.core.items import Mode
from billing.core.wire import WireRequest, WireResponse
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.pacing.throttle import Throttle, documented
from billing.edge.runfiles import open_run
from billing.edge.secrets import ApiKey
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.gateway import Gateway
from billing.flow.kinds.charge.preflight import look_up
from billing.flow.planning.preflight import Lookout, Preflight
from billing.flow.services import Services
from tests.virtual import run_virtually

RUN = "bench-2026-11"
PAGE = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured look: requests, seconds at the provider's pace, seconds of computing, peak memory in MiB so far."""

    what: str
    lines: int
    requests: int
    expected_requests: int
    seconds: float
    expected_seconds: float
    computing_seconds: float
    peak_mib: float


class Platform:
    """A wire to a platform whose objects are numbers: nothing is kept of them."""

    def __init__(self, methods: int, accounts: int, *, lists: bool = True) -> None:
        self._counts = {"payment_methods": methods, "accounts": accounts}
        self._lists = lists

    async def send(self, request: WireRequest) -> WireResponse:
        """Answer one read after the usual time."""
        await anyio.sleep(MEDIAN_SECONDS)
        url = urlsplit(request.url)
        kind, *name = url.path.removeprefix("/v1/").split("/")
        if not name and not self._lists:
            return _answer(403, {"error": {"code": "more_permissions_required", "message": "Permission denied."}})
        return _answer(200, _one(kind, name[0]) if name else self._page(kind, parse_qs(url.query)))

    def _page(self, kind: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
        after = query.get("starting_after")
        start = _number(after[0]) if after else self._counts[kind]
        data = [_one(kind, _name(kind, n)) for n in range(start - 1, max(start - 1 - PAGE, -1), -1)]
        return {"object": "list", "data": data, "has_more": start > PAGE}

    async def aclose(self) -> None:
        """Nothing is open."""


def _answer(status: int, body: object) -> WireResponse:
    return WireResponse(status, {"request-id": "req_bench"}, json.dumps(body).encode())


def _name(kind: str, number: int) -> str:
    return f"{'pm' if kind == 'payment_methods' else 'acct'}_1{number:012d}"


def _number(name: str) -> int:
    return int(name.rpartition("_1")[2])


def _one(kind: str, name: str) -> dict[str, Any]:
    if kind == "accounts":
        active = {"card_payments": "active"}
        return {"id": name, "object": "account", "charges_enabled": True, "capabilities": active}
    card = {"exp_month": 12, "exp_year": 2034}
    customer = f"cus_1{_number(name):012d}"
    return {"id": name, "object": "payment_method", "type": "card", "card": card, "customer": customer}


def write_run(path: Path, lines: int, accounts: int, foreign: int) -> None:
    """Write a run file that wants every so many-th of the platform's methods."""
    with path.open("w", encoding="utf-8") as out:
        out.write("reference,customer,payment_method,account,amount,currency\n")
        for n in range(lines):
            number = n * (1 + foreign)
            method, account = _name("payment_methods", number), _name("accounts", n % accounts)
            out.write(f"INV-{n},cus_1{number:012d},{method},{account},19.00,USD\n")


async def look(folder: Path, what: str, wire: Platform) -> Figure:
    """Look up everything the file needs, once."""
    clock, rates = ProviderClock(), documented(Mode.LIVE)
    place = f"sqlite:///{folder / 'ledger.db'}"
    ledger = await open_ledger(place, key_file=folder / "key", clock=clock.now, inline=True, purpose="bench")
    try:
        gateway = Gateway(
            wire, ApiKey("sk_test_benchbenchbench"), mode=Mode.TEST, platform="acct_bench", throttle=Throttle(rates),
            clock=clock, api_base="http://127.0.0.1",
        )  # fmt: skip
        services = Services(ledger, gateway, clock, Mode.TEST, "acct_bench", rates)
        began = time.process_time()
        with open_run(folder / "run.csv", run_id=RUN) as source:
            told: list[Reads] = []
            found = await look_up(services, source, Preflight.ALL, Lookout(told.append))
            lines = sum(1 for _ in source.lines())
    finally:
        await ledger.aclose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    computing = time.process_time() - began
    reads, foretold = found.reads, told[0]
    return Figure(
        what, lines, reads.requests, foretold.requests, reads.seconds, foretold.seconds, computing, round(peak)
    )


def measure(lines: int, accounts: int, foreign: int, folder: Path) -> list[Figure]:
    """Look up by the page, then with everything known, then singly with a tenth of the lines."""
    write_run(folder / "run.csv", lines, accounts, foreign)
    by_page = Platform(lines * (1 + foreign), accounts)
    found = [run_virtually(look, folder, what, by_page) for what in ("by the page", "everything known")]
    with tempfile.TemporaryDirectory() as other:
        write_run(Path(other) / "run.csv", lines // 10, accounts // 10 or 1, foreign)
        wire = Platform(lines * (1 + foreign), accounts, lists=False)
        found.append(run_virtually(look, Path(other), "no list allowed", wire))
    return found


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lookups", description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--foreign", type=int, default=0, help="methods of the platform beside each that is wanted")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked.lines, asked.accounts, asked.foreign, Path(folder))
    heads = ("what", "lines", "requests", "expected", "minutes", "expected", "computing s", "peak MiB")
    sys.stdout.write("  ".join(f"{head:>16}" for head in heads) + "\n")
    for one in found:
        cells = (
            one.what, f"{one.lines:,}", f"{one.requests:,}", f"{one.expected_requests:,}", f"{one.seconds / 60:.1f}",
            f"{one.expected_seconds / 60:.1f}", f"{one.computing_seconds:.1f}", f"{one.peak_mib:.0f}",
        )  # fmt: skip
        sys.stdout.write("  ".join(f"{cell:>16}" for cell in cells) + "\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(figure) for figure in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
