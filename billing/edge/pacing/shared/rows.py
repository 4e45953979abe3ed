"""The rows of the shared budget: one transaction an ask, on a connection of its own that never blocks the event loop.

What stands there is no evidence. It may be lost, so a commit does not wait for the disk: when the server comes back
after a crash, every token that it had promised is too old to be used.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from billing.edge.ledger.postgres.names import SCHEMA
from billing.edge.pacing.shared.asking import Answer, Ask, of_account
from billing.edge.pacing.shared.clock import DatabaseClock
from billing.edge.pacing.shared.granting import State, answered, needed

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[Any, ...]]

ANSWER_SECONDS = 10.0
# For one transaction, the wait for others included. After that the connection is given up.
FIRST_LOOKS = 8
# At the database's clock, when a connection begins: the quickest of them says how far the clocks are apart.
_CONNECTING: Mapping[str, Any] = {
    "connect_timeout": 5, "keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 5000, "application_name": "billing, rate budget",
}  # fmt: skip
_SETTINGS: Mapping[str, str] = {
    "search_path": f"{SCHEMA}, pg_catalog",
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
    "jit": "off",
    "synchronous_commit": "off",
    # All workers wait for the row of the key: one that was stopped while it held it holds the others up for this long.
    "idle_in_transaction_session_timeout": "1s",
    "lock_timeout": "5s",
    "statement_timeout": "8s",
}
_TIME = "SELECT extract(epoch FROM clock_timestamp())::float8"
_MAKE = """
INSERT INTO limits (name, state, at) SELECT name, '{}', now() FROM unnest(%s::text[]) AS made (name)
ON CONFLICT DO NOTHING
"""
# The time is taken of what the inner query gives, hence after the rows were locked, and not when the wait for them
# began.
_LOCK = """
WITH locked AS MATERIALIZED (SELECT name, state FROM limits WHERE name = ANY(%s) ORDER BY name FOR UPDATE)
SELECT name, state::text, extract(epoch FROM clock_timestamp())::float8 FROM locked
"""
_KNOWN = "SELECT name, state::text FROM limits WHERE name = ANY(%s) AND at > now() - interval '7 days'"
_KEEP = """
INSERT INTO limits (name, state, at)
SELECT name, state::jsonb, clock_timestamp() FROM unnest(%s::text[], %s::text[]) AS told (name, state) ORDER BY name
ON CONFLICT (name) DO UPDATE SET state = excluded.state, at = excluded.at
"""
RATE = "requests_per_second"
# What the row of an account says.


class LimitRows:
    """The rows of one platform in one mode.

    Attributes:
        clock: the database's, as far as its answers show it.
        transactions: how many were carried out.
    """

    def __init__(self, url: str, owner: str) -> None:
        """Connect nowhere yet.

        Args:
            url: of the ledger's database.
            owner: mode and platform; every name of a row begins with it, so that no two budgets touch.
        """
        self._url, self._owner = url, f"{owner} "
        self._conn: Connection | None = None
        self._made: set[str] = set()
        self.clock = DatabaseClock()
        self.transactions = 0

    async def ask(self, ask: Ask) -> Answer:
        """Answer an ask, in one transaction.

        Raises:
            OSError: the database gave no answer. What it was told may be lost, what it has promised is.
        """
        import psycopg

        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                conn = self._conn or await self._connect()
                return await self._transact(conn, ask)
        except (psycopg.Error, OSError, LookupError) as error:
            await self.aclose()
            raise ConnectionError(f"no answer from the ledger's database ({type(error).__name__})") from None
        except asyncio.CancelledError:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Close the connection; the next ask opens another one."""
        conn, self._conn = self._conn, None
        self._made.clear()
        if conn is not None:
            with suppress(Exception):
                await conn.close()

    async def _connect(self) -> "Connection":
        import psycopg

        conn: Connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **_CONNECTING)
        self._conn = conn
        sql = ", ".join(["set_config(%s, %s, false)"] * len(_SETTINGS))
        await conn.execute(f"SELECT {sql}", [text for pair in _SETTINGS.items() for text in pair])
        for _ in range(FIRST_LOOKS):
            asked = asyncio.get_running_loop().time()
            told = await (await conn.execute(_TIME)).fetchone()
            self.clock.learn(asked, told[0] if told else 0.0, asyncio.get_running_loop().time())
        return conn

    async def _transact(self, conn: "Connection", ask: Ask) -> Answer:
        names = [self._owner + name for name in needed(ask)]
        if not self._made.issuperset(names):
            await conn.execute(_MAKE, [sorted(names)])
            self._made.update(names)
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with conn.pipeline():
            await conn.execute("BEGIN")
            found = await conn.execute(_LOCK, [names])
            known = await conn.execute(_KNOWN, [self._of_accounts(ask.unknown)]) if ask.unknown else None
            locked = await found.fetchall()
            self.clock.learn(asked, locked[-1][2], loop.time())
            answer, rows = answered(ask, self._states(locked), locked[-1][2])
            if known is not None:
                answer.known = self._rates(await known.fetchall())
            rows.update((of_account(account), {RATE: rate}) for account, rate in ask.learned.items())
            told = {self._owner + name: json.dumps(state, separators=(",", ":")) for name, state in rows.items()}
            await conn.execute(_KEEP, [list(told), list(told.values())])
            await conn.execute("COMMIT")
        self.transactions += 1
        self.clock.answered(answer.now, loop.time())
        return answer

    def _states(self, locked: Sequence[tuple[Any, ...]]) -> dict[str, State]:
        return {name.removeprefix(self._owner): json.loads(state) for name, state, _ in locked}

    def _of_accounts(self, accounts: Sequence[str]) -> list[str]:
        return [self._owner + of_account(account) for account in accounts]

    def _rates(self, known: Sequence[tuple[Any, ...]]) -> dict[str, float]:
        before = len(self._owner + of_account(""))
        return {name[before:]: json.loads(state)[RATE] for name, state in known}
