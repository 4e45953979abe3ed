"""The ledger in PostgreSQL: one writing connection, which holds the locks, and connections to read beside it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from billing.core.entries import ItemRecord
from billing.core.errors import LedgerError
from billing.edge.ledger import Verification
from billing.edge.ledger import drafts as writes
from billing.edge.ledger.committer import Committer, Work, Writer
from billing.edge.ledger.custody.attendance import NOBODY, Attendance
from billing.edge.ledger.custody.lock import Holder
from billing.edge.ledger.custody.witness import WITNESS_ENTRIES, Witness, witnesses_of
from billing.edge.ledger.database import DatabaseLedger, Made
from billing.edge.ledger.moving import Moved
from billing.edge.ledger.planned import AsPlanned
from billing.edge.ledger.postgres import locks
from billing.edge.ledger.postgres.checking import checked
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.postgres.controls import attended, taken_over
from billing.edge.ledger.postgres.locks import Claim
from billing.edge.ledger.postgres.reader import PostgresReader
from billing.edge.ledger.postgres.store import PostgresStore
from billing.edge.ledger.postgres.tables import Chain, add_missing_kinds
from billing.edge.ledger.queries import Queries
from billing.edge.ledger.reader import Reader
from billing.edge.ledger.runs import Runs
from billing.edge.ledger.transaction import Transaction

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a ledger has established: everything `PostgresLedger` needs.

    Attributes:
        url: of its database; it may hold a password.
        named: what messages call it.
        key: of its chains.
        writer: the writing connection, None for a ledger opened to read.
        chain: the own one, None for a ledger opened to read.
        claim: what is done with it, and by whom.
        witness: of the own chain.
        warnings: what the operator should know.
        made: whether there was none before.
        moved: where it goes on, if it was copied elsewhere.
    """

    url: str
    named: str
    key: bytes
    writer: "Connection | None"
    chain: Chain | None
    claim: Claim
    witness: Witness
    warnings: tuple[str, ...]
    made: Made | None = None
    moved: Moved | None = None


class PostgresLedger(DatabaseLedger):
    """A `Ledger` in a database of a PostgreSQL server."""

    def __init__(self, opened: Opened, now: Callable[[], int], *, inline: bool) -> None:
        self._opened = opened
        self._reader = PostgresReader(self._connected(), self._connected)
        self._looking: Connection | None = None
        self._committer: Committer | None = None
        self._witnessed = 0
        writer = write_runs = None
        if opened.writer and opened.chain:
            write_runs = Runs(PostgresReader(opened.writer))
            self._store = PostgresStore(opened.writer, opened.chain)
            self._committer = Committer(self._store, opened.key, now, opened.named)
            self._witnessed = self._committer.head.seq
            writer = Writer(self._committer, self._between, inline=inline)
        queries = Queries(self._reader, self._snapshot, opened.key)
        super().__init__(opened.named, opened.key, queries, writer, write_runs)
        self._planned = AsPlanned(self._reader, opened.key, opened.named)
        self.warnings, self.made, self.moved = opened.warnings, opened.made, opened.moved

    def holder(self) -> Holder | None:
        """Return who holds the locks of the ledger now; where the server does not answer, nobody can be named."""
        return self._looked(self._holder, None)

    def attendance(self) -> Attendance:
        """Return who is at which run now; where the server does not answer, nobody can be named.

        The holder is asked for first: whoever hands a run out leaves it once its round is handed out.
        """
        return self._looked(lambda conn: Attendance(self._holder(conn), attended(conn, self._opened.named)), NOBODY)

    def _holder(self, conn: "Connection") -> Holder | None:
        return locks.holder(conn, self._opened.named, self._opened.claim.platform)

    def _looked(self, look: "Callable[[Connection], T]", otherwise: T) -> T:
        try:
            self._looking = self._looking or self._connected()
            return look(self._looking)
        except LedgerError:  # it is asked anew, over another connection
            if self._looking:
                self._looking.close()
            self._looking = None
            return otherwise

    def work(
        self, run_id: str | None, states: Iterable[StrEnum], account: str, after: int, limit: int
    ) -> list[ItemRecord]:
        """Return items of an account in these states, ascending, each as it was planned.

        An opening does not check every item, as it does of a file. So whoever owns the database could change an amount
        between plan and charge.

        Raises:
            LedgerDamaged: one is not as planned.
        """
        items = super().work(run_id, states, account, after, limit)
        self._planned.require(items)
        return items

    async def take_over(self, run_id: str) -> bool:
        """Have a run to oneself, where nobody shares the ledger; tell whether it is not at workers any more."""
        if self._opened.claim.worker:
            return True
        own: bool = await self._do(Work(lambda _: taken_over(self._store.conn, run_id), alone=True))
        return own

    async def add_missing_kinds(self) -> tuple[str, ...]:
        """Write the rows of the kinds that the ledger does not know yet, each noted in an entry; return their names."""

        def add(tx: Transaction) -> tuple[str, ...]:
            kinds = add_missing_kinds(self._store.conn)
            writes.note_kinds(tx, kinds)
            return kinds

        added: tuple[str, ...] = await self._do(Work(add, alone=True, milestone=True))
        return added

    def _connected(self) -> "Connection":
        return connect(self._opened.url, write=False, purpose=self._opened.claim.purpose)

    def _checked(self) -> Verification:
        conn = self._connected()
        try:
            # What was seen of one that was copied elsewhere was seen there since.
            return checked(conn, self._opened.key, [] if self.moved else witnesses_of(self._opened.witness))
        finally:
            conn.close()

    def _close(self) -> None:
        opened, committer = self._opened, self._committer
        if opened.writer and committer:
            if not committer.broken:
                opened.witness.keep(committer.head)
                locks.leave(opened.writer, opened.claim)
            opened.writer.close()
        if self._looking:
            self._looking.close()
        self._reader.close()

    @contextmanager
    def _snapshot(self) -> Iterator[Reader]:
        """Open a reader that sees one moment of the ledger until it is closed."""
        reader = PostgresReader(self._connected())
        try:
            with reader.at_one_moment():
                yield reader
        finally:
            reader.close()

    def _between(self, milestone: bool) -> None:
        """Tell the witness, when it is time; nobody waits for it."""
        committer = self._committer
        if committer is None or committer.broken:
            return
        durable = milestone or committer.head.seq - self._witnessed >= WITNESS_ENTRIES
        self._opened.witness.keep(committer.head, durable=durable)
        self._witnessed = committer.head.seq if durable else self._witnessed
