"""Rounds of runs over workers, kept beside the ledger in its database: what `billing.edge.engines.controls` describes.

One connection of its own, used in a thread: who waits here holds up no item. What breaks it is told, and the next call
opens another one.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from billing.core.errors import LedgerError
from billing.edge.engines.controls import COUNTED, Note, Present, Round, Said, Word
from billing.edge.ledger.custody.attendance import SILENT_SECONDS
from billing.edge.ledger.postgres.connecting import connect, first_line, named

if TYPE_CHECKING:
    from billing.edge.ledger.postgres.connecting import Connection

T = TypeVar("T")
Row = tuple[Any, ...]

OPEN = """INSERT INTO run_controls (run_id, revision, number, shards, asked, handed_out, closed, said, at)
    VALUES (%(run)s, %(revision)s, %(number)s, %(shards)s, %(asked)s, false, false, NULL, clock_timestamp())
    ON CONFLICT (run_id) DO UPDATE SET revision = excluded.revision, number = excluded.number,
        shards = excluded.shards, asked = excluded.asked, handed_out = false, closed = false, said = NULL,
        at = excluded.at
    WHERE run_controls.number = %(after)s RETURNING 1"""
FORGET = "DELETE FROM run_shards WHERE run_id = %(run)s AND number < %(number)s"
HANDED_OUT = "UPDATE run_controls SET handed_out = true WHERE run_id = %(run)s AND number = %(number)s"
CLOSE = "UPDATE run_controls SET closed = true, at = clock_timestamp() WHERE run_id = %(run)s AND number = %(number)s"
LOCK = "SELECT number FROM run_controls WHERE run_id = %(run)s FOR UPDATE"
SAY = """UPDATE run_controls SET said = coalesce(said, %(said)s::text) WHERE run_id = %(run)s AND NOT closed
    RETURNING said"""
TELL = """INSERT INTO run_shards (run_id, number, shard, worker, ended, unpaid, sent, rate_limited, resent)
    SELECT %(run)s, %(number)s, %(shard)s, %(worker)s, %(ended)s, %(unpaid)s, %(sent)s, %(rate_limited)s, %(resent)s
    WHERE EXISTS (SELECT FROM run_controls WHERE run_id = %(run)s AND number = %(number)s)
    ON CONFLICT (run_id, number, shard) DO UPDATE SET worker = excluded.worker,
        ended = run_shards.ended OR excluded.ended, unpaid = run_shards.unpaid + excluded.unpaid,
        sent = run_shards.sent + excluded.sent, rate_limited = run_shards.rate_limited + excluded.rate_limited,
        resent = run_shards.resent + excluded.resent"""
ROUNDS = """SELECT run_controls.run_id, revision, run_controls.number, shards, asked, handed_out, closed, said,
        count(shard)::bigint, count(*) FILTER (WHERE ended)::bigint, coalesce(sum(unpaid), 0)::bigint,
        coalesce(sum(sent), 0)::bigint, coalesce(sum(rate_limited), 0)::bigint, coalesce(sum(resent), 0)::bigint
    FROM run_controls LEFT JOIN run_shards
        ON run_shards.run_id = run_controls.run_id AND run_shards.number = run_controls.number
    WHERE {} GROUP BY run_controls.run_id ORDER BY run_controls.run_id"""
ROUND, OPEN_ROUNDS = ROUNDS.format("run_controls.run_id = %(run)s"), ROUNDS.format("NOT closed")
TAKE_OVER = """UPDATE run_controls SET closed = true, said = NULL, at = clock_timestamp()
    WHERE run_id = %(run)s AND NOT closed AND (said IS NOT NULL OR NOT handed_out)"""
GOES_ON = "SELECT FROM run_controls WHERE run_id = %(run)s AND NOT closed"
AT_WORK = """SELECT run_shards.worker, count(*) FROM run_controls JOIN run_shards USING (run_id, number)
    WHERE run_id = %(run)s AND NOT ended GROUP BY run_shards.worker ORDER BY run_shards.worker"""
ATTENDED = """WITH here AS (SELECT worker FROM workers WHERE purpose LIKE 'worker %%'
        AND seen > clock_timestamp() - make_interval(secs => %(silent)s::float8)),
    open AS (SELECT run_id, handed_out AND said IS NULL AS goes_on, EXISTS (SELECT FROM run_shards JOIN here
        USING (worker) WHERE run_shards.run_id = run_controls.run_id AND run_shards.number = run_controls.number
        AND NOT ended) AS in_hand FROM run_controls WHERE NOT closed)
    SELECT run_id, in_hand OR EXISTS (SELECT FROM here) FROM open WHERE goes_on OR in_hand ORDER BY run_id"""
# Between two shards nobody has one in hand: while a round goes on, a worker that is there will take the next. After a
# word to stop, and where handing it out was cut short, only what is in hand is worked.

WORKERS = """SELECT worker, host, since, seen, extract(epoch FROM clock_timestamp() - seen)::float8 FROM workers
    WHERE purpose LIKE 'worker %%' ORDER BY worker"""


class PostgresControls:
    """`Controls` of all who share a ledger in PostgreSQL."""

    def __init__(self, url: str, purpose: str, *, write: bool = True) -> None:
        """Connect when something is asked; ``purpose`` is shown to whoever looks at the sessions of the server."""
        self._url, self._purpose, self._write = url, purpose, write
        self._conn: Connection | None = None
        self._turn = asyncio.Lock()

    async def open_round(self, begins: Round, after: int) -> bool:
        """Make this the run's round, if ``after`` was its last one."""
        values = {
            "run": begins.run_id,
            "revision": begins.revision,
            "number": begins.number,
            "shards": begins.shards,
            "asked": json.dumps(dict(begins.asked)),
            "after": after,
        }
        opened = await self._all(OPEN, values)
        await self._all(FORGET, values)
        return bool(opened)

    async def handed_out(self, run_id: str, number: int) -> None:
        """Note that every shard was submitted."""
        await self._all(HANDED_OUT, {"run": run_id, "number": number})

    async def round(self, run_id: str) -> Round | None:
        """Return the last round of a run."""
        found = await self._all(ROUND, {"run": run_id})
        return _round(found[0]) if found else None

    async def rounds(self) -> list[Round]:
        """Return the last rounds whose end is not on record."""
        return [_round(row) for row in await self._all(OPEN_ROUNDS, {})]

    async def say(self, run_id: str, said: Said) -> Said | None:
        """Say a word; the first one stands."""
        found = await self._all(SAY, {"run": run_id, "said": json.dumps(asdict(said))})
        return _said(found[0][0]) if found else None

    async def tell(
        self, run_id: str, number: int, shard: int, worker: str, counts: Mapping[str, int], *, ended: bool = False
    ) -> Round | None:
        """Note how far a shard has come, and return how the run stands by now."""
        told = dict.fromkeys(COUNTED, 0) | dict(counts)
        values = {"run": run_id, "number": number, "shard": shard, "worker": worker, "ended": ended, **told}
        await self._all(TELL, values)
        return await self.round(run_id)

    async def end(self, run_id: str, number: int, note: Note) -> bool:
        """Have ``note`` put the end of a round on record if it is done and not over, one caller at a time."""
        values = {"run": run_id, "number": number}
        async with self._turn:
            await self._run(_begun(values))
            try:
                found = await self._run(_asking(ROUND, values))
                last = _round(found[0]) if found else None
                mine = last is not None and last.number == number and last.done and not last.over
                if mine and last is not None:
                    await note(last)
                    await self._run(_asking(CLOSE, values))
            except BaseException:
                await self._run(_rolled_back)
                raise
            await self._run(lambda conn: conn.execute("COMMIT"))
            return mine

    async def at_work(self, run_id: str) -> Mapping[str, int]:
        """Return worker -> shards at work."""
        return dict(await self._all(AT_WORK, {"run": run_id}))

    async def workers(self) -> list[Present]:
        """Return the workers that have said that they are there."""
        found = await self._all(WORKERS, {})
        return [Present(who, host, _iso(since), _iso(seen), ago) for who, host, since, seen, ago in found]

    async def aclose(self) -> None:
        """Close the connection."""
        async with self._turn:
            conn, self._conn = self._conn, None
            if conn is not None:
                await asyncio.to_thread(conn.close)

    async def _all(self, sql: str, values: Mapping[str, object]) -> list[Row]:
        async with self._turn:
            return await self._run(_asking(sql, values))

    async def _run(self, ask: "Callable[[Connection], T]") -> T:
        """Ask in a thread.

        Raises:
            LedgerError: the database does not answer; the next call connects anew.
        """
        asked = asyncio.ensure_future(asyncio.to_thread(self._asked, ask))
        asked.add_done_callback(_heard)
        return await asyncio.shield(asked)

    def _asked(self, ask: "Callable[[Connection], T]") -> T:
        from psycopg import Error

        if self._conn is None:
            self._conn = connect(self._url, write=self._write, purpose=self._purpose)
        try:
            return ask(self._conn)
        except Error as error:
            conn, self._conn = self._conn, None
            conn.close()
            raise LedgerError(f"{named(self._url)}: {first_line(error)}") from error


def _heard(asked: "asyncio.Future[Any]") -> None:
    """Take note of an error that whoever asked is not there to hear: they were cancelled meanwhile."""
    if not asked.cancelled():
        asked.exception()


def taken_over(conn: "Connection", run_id: str) -> bool:
    """End what was handed out of a run, for whoever works it alone; False if that goes on: nobody said a word to it."""
    conn.execute(TAKE_OVER, {"run": run_id})
    return conn.execute(GOES_ON, {"run": run_id}).fetchone() is None


def attended(conn: "Connection", ledger: str) -> Mapping[str, bool]:
    """Return the runs that are at workers or wait for them: whether a worker is there.

    Raises:
        LedgerError: the database does not answer; messages call it ``ledger``.
    """
    from psycopg import Error

    try:
        return dict(conn.execute(ATTENDED, {"silent": SILENT_SECONDS}).fetchall())
    except Error as error:
        raise LedgerError(f"{ledger}: {first_line(error)}") from error


def _asking(sql: str, values: Mapping[str, object]) -> "Callable[[Connection], list[Row]]":
    def ask(conn: "Connection") -> list[Row]:
        cursor = conn.execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    return ask


def _begun(values: Mapping[str, object]) -> "Callable[[Connection], None]":
    def begin(conn: "Connection") -> None:
        conn.execute("BEGIN")
        conn.execute(LOCK, values)

    return begin


def _rolled_back(conn: "Connection") -> None:
    if not conn.autocommit or conn.info.transaction_status:
        conn.execute("ROLLBACK")


def _round(row: Row) -> Round:
    run_id, revision, number, shards, asked, handed_out, closed, said, begun, ended, *counts = row
    word = None if said is None else _said(said)
    told = dict(zip(COUNTED, counts, strict=True))
    return Round(run_id, revision, number, shards, json.loads(asked), handed_out, closed, word, begun, ended, told)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _said(text: str) -> Said:
    told = json.loads(text)
    return Said(**{**told, "word": Word(told["word"]), "same_error": tuple(told["same_error"])})
