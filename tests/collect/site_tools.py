"""A page over payers that live in memory: enough of `Invitations` to try the server, and no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.links import Link, sign_link
from billing.edge.collect.invitations import Answer, Asked, Asks, Opened
from billing.edge.collect.options import CollectOptions
from billing.edge.collect.server import serve
from billing.edge.collect.site import Site
from billing.edge.collect.stripejs import STRIPE

KEY = b"k" * 32
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
END = datetime(2026, 12, 15, 22, 59, 59, tzinfo=UTC)
SECRET = "seti_1MEM_secret_ofNobodyElse"
ITEM = item_id(Mode.TEST, "acct_P", "", "MEM-20417", 0, Kind.PAYER)
OPTIONS = CollectOptions(
    public_url="http://127.0.0.1:8484",
    listen=("127.0.0.1", 0),
    proxies=(),
    business="Northwind Coaching",
    legal="Northwind Coaching GmbH, Lindenstr. 4, Berlin",
    support="billing@northwind.example",
    terms_url="https://northwind.example/terms",
    privacy_url="https://northwind.example/privacy",
    own_words=None,
    opens_per_payer=20,
    opens_per_address=600,
    publishable_key="pk_test_collect",
    stripe=STRIPE,
    mode=Mode.TEST,
)


@dataclass
class Memory:
    """Payers in memory. ``after`` is what is read at Stripe, ``opens`` counts the openings that arrived."""

    asked: dict[str, Asked] = field(default_factory=lambda: {ITEM: Asked("MEM-20417", "Coaching, billed monthly")})
    opened: Opened | Answer = field(default_factory=lambda: Opened(Asks.SETUP, SECRET))
    after: Answer = Answer.SAVED
    opens: int = 0
    reads: int = 0
    fails: Exception | None = None

    async def look(self, item: str) -> Asked | None:
        if self.fails:
            raise self.fails
        return self.asked.get(item)

    async def open(self, item: str) -> Opened | Answer:
        self.opens += 1
        return self.opened

    async def outcome(self, item: str) -> Answer:
        self.reads += 1
        return self.after

    def change(self, **changes: Any) -> None:
        """Ask the payer of the tests for something else."""
        self.asked[ITEM] = replace(self.asked[ITEM], **changes)


class Lines(list[dict[str, Any]]):
    """A log whose lines are kept."""

    def __call__(self, event: str, **facts: object) -> None:
        self.append({"event": event, **facts})


def token(item: str = ITEM, end: float = END.timestamp(), key: bytes = KEY) -> str:
    """Return the link of a payer."""
    return sign_link(key, Link(item, int(end)))


@dataclass
class Served:
    """A served page, and a browser without a brain."""

    site: Site
    memory: Memory
    log: Lines
    url: str
    client: aiohttp.ClientSession
    ticks: list[float]

    async def get(self, path: str, **headers: str) -> "Got":
        return await self.ask("GET", path, **headers)

    async def open(self, token: str, body: bytes = b"{}", **headers: str) -> "Got":
        """Ask for the secret as the form's script does, some headers replaced; an empty one is left out."""
        own = {"Content-Type": "application/json", "X-Collect": "1", "Origin": self.site.options.public_url}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in (own | named).items() if value}
        return await self.ask("POST", f"/s/{token}/open", body, **sent)

    async def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> "Got":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.request(
            method, self.url + path, data=body, headers=named, allow_redirects=False, skip_auto_headers=["Content-Type"]
        ) as found:
            return Got(found.status, found.headers, (await found.read()).decode())


@dataclass
class Got:
    """An answer."""

    status: int
    headers: Any
    text: str


@asynccontextmanager
async def served(
    options: CollectOptions = OPTIONS, memory: Memory | None = None, *, closes: bool = True
) -> AsyncIterator[Served]:
    """Serve a page on a free port; its clocks stand still unless a test moves them.

    ``closes`` is whether the browser leaves before the server ends.
    """
    memory, log, ticks = memory or Memory(), Lines(), [0.0]
    site = Site(options, memory, KEY, now=lambda: NOW, ticks=lambda: ticks[0])
    async with serve(site, log, "127.0.0.1", 0) as port:
        client = aiohttp.ClientSession()
        try:
            yield Served(site, memory, log, f"http://127.0.0.1:{port}", client, ticks)
        finally:
            if closes:
                await client.close()
