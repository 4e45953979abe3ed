"""A served ledger for tests: the server in this process with the real desk behind it, and whoever asks it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from billing.edge.serve.access import Access
from billing.edge.serve.site import listen, serve
from billing.flow.serving.desk import LedgerDesk
from tests.reporting.ledgers import Made

RUN = "id=coaching-2026-11"


@dataclass
class Lines:
    """A log that keeps what it is told."""

    told: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, event: str, **facts: object) -> None:
        self.told.append({"event": event, **facts})


@dataclass(frozen=True)
class Served:
    """A server, and a client that has its cookie."""

    access: Access
    desk: LedgerDesk
    log: Lines
    client: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.access.port}"

    @property
    def first(self) -> str:
        return f"{self.url}/?token={self.access.token}"

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"{self.access.cookie}={self.access.passing}"}

    async def get(self, path: str) -> tuple[int, str]:
        async with self.client.get(self.url + path, headers=self.cookie) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def served(made: Made, now=lambda: datetime.now(UTC)) -> AsyncIterator[Served]:
    """Serve a ledger."""
    reader, onlooker = await made.open(), await made.open()
    desk, log = LedgerDesk(reader, onlooker, now), Lines()
    try:
        async with serve(desk, Access, log, listen(0)) as access, aiohttp.ClientSession() as client:
            yield Served(access, desk, log, client)
    finally:
        desk.close()
        await reader.aclose()
        await onlooker.aclose()
