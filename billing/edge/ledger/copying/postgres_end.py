"""A database in PostgreSQL as one end of a copy. While it is made its schema says so, and nothing opens it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from billing.core.errors import LedgerError
from billing.edge.ledger import Verification
from billing.edge.ledger.copying.ends import EACH, ORDERED, TABLES, unkept
from billing.edge.ledger.moving import Chains
from billing.edge.ledger.postgres.checking import checked
from billing.edge.ledger.postgres.connecting import connect, first_line
from billing.edge.ledger.postgres.ledger import PostgresLedger
from billing.edge.ledger.postgres.names import COMMENT, COPYING, NUMBERS, SCHEMA
from billing.edge.ledger.postgres.tables import said_of_schema, statements, triggers
from billing.edge.ledger.reader import Row

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

# ruff: noqa: S608 - the only texts put into these statements are constant names of tables and columns
_MOVE_ON = f"UPDATE {SCHEMA}.chains SET seq = %s, mac = %s WHERE chain = %s"


class PostgresSource:
    """A database that is copied; it is held, so nothing is written meanwhile."""

    def __init__(self, ledger: PostgresLedger, url: str) -> None:
        """Copy from a ledger that was opened to write."""
        self.ledger, self.place, self._url = ledger, ledger.named, url

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table."""
        order = f" ORDER BY {ORDERED[table]}" if table in ORDERED else ""
        text = f"SELECT {', '.join(TABLES[table])} FROM {SCHEMA}.{table}{order}"
        with (
            closing(connect(self._url, write=False, purpose="ledger copy")) as conn,
            heard(self.place),
            conn.transaction(),
            conn.cursor(name="copied") as cursor,
        ):
            cursor.itersize = EACH
            yield from cursor.execute(text)

    def workers(self) -> Mapping[int, str]:
        """Return whose each chain is."""
        with closing(connect(self._url, write=False)) as conn, heard(self.place):
            return dict(conn.execute(f"SELECT chain, worker FROM {SCHEMA}.chains").fetchall())

    def last(self) -> Row | None:
        """Return the last entry."""
        with closing(connect(self._url, write=False)) as conn, heard(self.place):
            return conn.execute(
                f"SELECT {', '.join(TABLES['entries'])} FROM {SCHEMA}.entries ORDER BY seq DESC LIMIT 1"
            ).fetchone()

    def forget(self) -> None:
        """Nothing makes opening it quicker."""


class PostgresTarget:
    """A database that becomes a ledger, by one connection that holds the locks."""

    def __init__(self, conn: "Connection", url: str, place: str) -> None:
        """Make it in the database of a connection, in which there is no ledger."""
        self._conn, self._url, self.place = conn, url, place

    def begin(self) -> None:
        """Make the empty tables in a schema that says it is being copied to."""
        with heard(self.place), self._conn.transaction():
            if said_of_schema(self._conn) == COPYING:
                self._conn.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
            for sql in statements():
                self._conn.execute(sql)
            self._conn.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{COPYING}'")

    def write(self, table: str, rows: Iterable[Row]) -> None:
        """Put rows into a table."""
        import psycopg

        text = f"COPY {SCHEMA}.{table} ({', '.join(TABLES[table])}) FROM STDIN"
        with heard(self.place):
            try:
                with self._conn.transaction(), self._conn.cursor() as cursor, cursor.copy(text) as copy:
                    for row in rows:
                        copy.write_row(row)
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                raise unkept(self.place, table, ValueError(first_line(error))) from error

    def loaded(self, chains: Chains) -> None:
        """Put down where the chains end, and the laws in force."""
        rows = [(number, each.worker, each.head.seq, each.head.mac) for number, each in sorted(chains.items())]
        with heard(self.place):
            with self._conn.transaction(), self._conn.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {SCHEMA}.chains VALUES (%s, %s, %s, %s)", rows)
                for sql in triggers():
                    cursor.execute(sql)
            for table in TABLES:
                self._conn.execute(f"ANALYZE {SCHEMA}.{table}")

    def verify(self, key: bytes) -> Verification:
        """Check everything."""
        with closing(connect(self._url, write=False, purpose="ledger copy")) as conn:
            return checked(conn, key, [])

    def complete(self, entries: Iterable[Row]) -> None:
        """Append the last entries, and let the schema say that it is a ledger, in one transaction."""
        columns = TABLES["entries"]
        text = f"INSERT INTO {SCHEMA}.entries ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
        with heard(self.place), self._conn.transaction():
            for row in entries:
                self._conn.execute(text, row)
                self._conn.execute(_MOVE_ON, (row[0], row[-1], row[6]))
            self._conn.execute(f"SELECT setval('{SCHEMA}.{NUMBERS}', max(seq)) FROM {SCHEMA}.entries")
            self._conn.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{COMMENT}'")

    def discard(self) -> None:
        """Leave nothing behind, if the server still answers."""
        import psycopg

        try:
            if said_of_schema(self._conn) == COPYING:
                self._conn.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        except psycopg.Error:
            return  # the same command removes it when it is typed again


@contextmanager
def heard(place: str) -> Iterator[None]:
    """Say in words what the server says.

    Raises:
        LedgerError: it does not answer, or refuses.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise LedgerError(f"{place}: {first_line(error)}; see to the server, then type the same again") from error
