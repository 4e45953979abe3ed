"""Writers on a real PostgreSQL, a wire to it that can be cut at any message, and a look at their chains."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import psycopg
from ledger_tools import RUN, Clock, a_run, lines, move_for

from billing.core.entries import ItemRecord, Move
from billing.core.items import Kind, Mode
from billing.core.kinds.charge import Event, State
from billing.edge.ledger import drafts, planning
from billing.edge.ledger.chain import Head, entry_mac, key_check, meta_seal
from billing.edge.ledger.committer import Committer, Failed, Work
from billing.edge.ledger.postgres import tables
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.postgres.store import PostgresStore
from billing.edge.ledger.rows import ITEM_COLUMNS, RunNames, item_of_row, millis

KEY = b"k" * 32


def meta() -> dict[str, str]:
    """Return what a ledger says about itself."""
    told = {"ledger": "1" * 32, "created_at": "2026-11-01T08:00:00.000Z", "scheme": "1", "key_check": key_check(KEY)}
    return {**told, "seal": meta_seal(KEY, told).hex()}


class OneRun:
    """What names the only run of these ledgers."""

    def __getitem__(self, row: int) -> RunNames:
        return RunNames(RUN, Kind.CHARGE, Mode.TEST, "acct_P", "2026-11")

    def row(self, run_id: str) -> int:
        return 1


RUNS = OneRun()


class Written:
    """One writer with its chain: what a process has of the ledger when it writes."""

    def __init__(self, url: str, worker: str = "") -> None:
        self.conn = connect(url, write=True, purpose="a test")
        tables.create_if_missing(self.conn, meta)
        self.store = PostgresStore(self.conn, tables.own_chain(self.conn, worker))
        clock = Clock()
        self.committer = Committer(self.store, KEY, lambda: millis(clock()), "the ledger")

    def __enter__(self) -> "Written":
        return self

    def __exit__(self, *_: object) -> None:
        self.conn.close()

    def commit(self, *writes: Callable[..., object], alone: bool = False) -> list:
        """Write in one commit; what fails alone is returned as it is told."""
        done = self.committer.commit([Work(write, alone=alone) for write in writes])
        return [one.error if isinstance(one, Failed) else one for one in done]

    def plan(self, count: int) -> list[ItemRecord]:
        """Plan one run."""
        (planned,) = self.commit(lambda tx: planning.plan_run(tx, a_run(), lines(*range(count))), alone=True)
        assert planned.revision == 1, planned
        return self.items()

    def record(self, *moved: tuple[ItemRecord, Move]) -> list:
        """Move items, each a work of its own, in one commit."""
        hopes = [drafts.hope(item, RUNS, [move]) for item, move in moved]
        return self.commit(*(lambda tx, hope=hope: drafts.record_all(tx, RUNS, [hope], {})[0] for hope in hopes))

    def move(self, items: list[ItemRecord], event: Event) -> list:
        """Move all of these by one event, in one commit."""
        return self.record(*((item, move_for(item, event)) for item in items))

    def items(self) -> list[ItemRecord]:
        """Return all items as they stand there."""
        rows = self.conn.execute(f"SELECT {ITEM_COLUMNS} FROM items ORDER BY id")  # noqa: S608 - constant columns
        return [item_of_row(row, RUNS) for row in rows]


def broken(conn: psycopg.Connection) -> list[str]:
    """Return what does not fit in the chains of a ledger: each begins at the seal, and ends where its row says."""
    faults = []
    for chain, seq, mac in conn.execute("SELECT chain, seq, mac FROM billing.chains ORDER BY chain").fetchall():
        at = Head(0, meta_seal(KEY, dict(conn.execute("SELECT name, value FROM billing.meta"))))
        for row in conn.execute("SELECT * FROM billing.entries WHERE chain = %s ORDER BY seq", (chain,)):
            if row[0] <= at.seq or row[-1] != entry_mac(KEY, at.mac, *row[:-1]):
                faults.append(f"entry {row[0]} of chain {chain}")
            at = Head(row[0], row[-1])
        if at != Head(seq, mac):
            faults.append(f"the end of chain {chain}")
    versions = conn.execute(
        """SELECT items.id, items.ver, count(entries.seq), count(DISTINCT entries.ver),
            array_agg(entries.ver ORDER BY entries.seq) = array_agg(entries.ver ORDER BY entries.ver)
        FROM billing.items LEFT JOIN billing.entries ON entries.item = items.id GROUP BY items.id"""
    )
    faults += [f"item {row[0]}" for row in versions if row[1:] != (row[2] - 1, row[1] + 1, row[1] + 1, True)]
    return faults


class Wire:
    """A relay between a client and the server; what the client sends is counted, and one message can be its last.

    Attributes:
        sent: how many messages of the client have come.
        cut_at: the number of the message at which the wire is cut, if any.
        before: what happens right before that message.
        deliver: whether the server still gets it; its answer never comes back.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{parts.port}", f":{self._listener.getsockname()[1]}") + "?sslmode=disable"
        self.sent, self.cut_at, self.deliver = 0, 0, False
        self.before: Callable[[], object] = lambda: None
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more clients."""
        self._listener.close()

    def _serve(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        server = socket.create_connection(self._server)
        Thread(target=self._back, args=(server, client), daemon=True).start()
        with client, server, suppress(OSError):
            while message := _received(client):
                self.sent += 1
                if self.sent == self.cut_at:
                    self._cut(message, client, server)
                    return
                server.sendall(message)

    def _cut(self, message: bytes, client: socket.socket, server: socket.socket) -> None:
        self.before()
        client.shutdown(socket.SHUT_RDWR)
        if self.deliver:
            server.sendall(message)
            server.shutdown(socket.SHUT_WR)
            while _received(server):
                pass

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        while self.sent < self.cut_at or not self.cut_at:
            message = _received(server)
            if not message:
                return
            with suppress(OSError):
                client.sendall(message)


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(1 << 20)
    except OSError:
        return b""


@contextmanager
def wire(url: str) -> Iterator[Wire]:
    """Run a wire to a server."""
    relay = Wire(url)
    try:
        yield relay
    finally:
        relay.close()


def in_state(items: list[ItemRecord], state: State) -> list[ItemRecord]:
    """Return those in a state."""
    return [item for item in items if item.state is state]


def here() -> str:
    """Return the folder of these tools."""
    return str(Path(__file__).parent)
