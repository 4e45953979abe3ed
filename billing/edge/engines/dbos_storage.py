"""Where DBOS keeps what it was told: a schema of its own beside a ledger in PostgreSQL, or a file beside one in SQLite.

Nothing of it is evidence. What was charged stands in the ledger; this may be lost, and the run submitted again.
"""

import os
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing.core.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine as Pool

MISSING = "workers need what is not installed here: pip install 'connect-billing[workers]'"
SCHEMA = "dbos"
CONNECTIONS = 7
# Three queues, their keeper, the sweeper of delays, and two for outcomes.
SESSION: Mapping[str, Any] = {
    # what every connection is opened with; a server that has vanished is noticed within about ten seconds
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=60000",
}


def is_installed() -> bool:
    """Tell whether DBOS is there."""
    return find_spec("dbos") is not None


class Shut(Exception):
    """No connection is opened any more: DBOS, which repeats what a lost connection stopped, has to leave off."""


class Storage:
    """The connections of DBOS to one place.

    Attributes:
        pool: what DBOS draws connections from.
    """

    def __init__(self, url: str, named: str) -> None:
        """Take the place without opening it.

        Args:
            url: ``postgresql://...`` of the ledger, or ``sqlite:///...`` of the file beside it.
            named: what the sessions are called in PostgreSQL, such as ``billing worker w0``.

        Raises:
            UsageError: DBOS is not installed.
        """
        if not is_installed():
            raise UsageError(MISSING)
        self._url, self._named, self._shut = url, named, False
        self.pool = self._embedded() if self.file is not None else self._server()

    @property
    def file(self) -> Path | None:
        """The file, or None on a server."""
        return Path(self._url.removeprefix("sqlite:///")) if self._url.startswith("sqlite:") else None

    def prepare(self) -> None:
        """Make or bring up to date what DBOS needs there; once it is, this only looks.

        On PostgreSQL the first who comes needs the right to make a schema in the database; everybody after that needs
        no more than to use it.

        Raises:
            UsageError: it is not there, and this role may not make it.
            LedgerError: nobody answers.
        """
        from dbos import DBOS
        from psycopg import Error
        from sqlalchemy.exc import DBAPIError, ProgrammingError

        try:
            DBOS.migrate(self._for_migration(), schema=SCHEMA)
        except ProgrammingError as error:
            raise UsageError(
                f"the tables of workers are missing or old, and this role may not make them ({_short(error)}): let the "
                "owner of the database start one worker once"
            ) from None
        except (DBAPIError, Error) as error:
            raise LedgerError(f"the database of the workers does not answer ({_short(error)})") from None

    def refuse(self) -> None:
        """Let no connection be opened again: DBOS would try for as long as the server is away, and hold up the end."""
        self._shut = True

    def close(self) -> None:
        """End every connection, and let none be opened again."""
        self.refuse()
        self.pool.dispose()

    def _embedded(self) -> "Pool":
        from sqlalchemy import create_engine, event

        if self.file is not None:
            os.close(os.open(self.file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        pool = create_engine(self._url)
        event.listen(pool, "connect", _immediately)
        event.listen(pool, "do_connect", self._refuse_when_shut)
        return pool

    def _server(self) -> "Pool":
        from sqlalchemy import create_engine

        return create_engine(
            "postgresql+psycopg://",
            creator=self._connected,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=30,
            pool_pre_ping=True,
        )

    def _connected(self) -> Any:  # noqa: ANN401  a connection of the driver
        import psycopg

        self._refuse_when_shut()
        return psycopg.connect(self._url, application_name=self._named, **SESSION)

    def _refuse_when_shut(self, *_: object) -> None:
        if self._shut:
            raise Shut

    def _for_migration(self) -> str:
        """Return the place as SQLAlchemy writes it: every parameter that libpq found, wherever it found it."""
        if self.file is not None:
            return self._url
        from sqlalchemy import URL

        with self._connected() as connection:
            found: Callable[[str], str] = connection.info.get_parameters().get
            beside = {name: text for name in BESIDE if (text := found(name))}
            url = URL.create(
                "postgresql+psycopg",
                username=connection.info.user,
                password=connection.info.password or None,
                database=connection.info.dbname,
                query={"host": connection.info.host, "port": str(connection.info.port), **beside},
            )
        return url.render_as_string(hide_password=False)


BESIDE = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding", "gssencmode", "hostaddr")
# What else of libpq's parameters decides who is at the other end.


def _immediately(connection: Any, _record: object) -> None:  # noqa: ANN401
    """Let a writer of the file take its turn when it begins, and wait for it."""
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA foreign_keys=ON")


def _short(error: Exception) -> str:
    """Return the first line of what a driver says, which names host and port and no password."""
    said = str(getattr(error, "orig", None) or error)
    return re.sub(r"\s+", " ", said.splitlines()[0] if said else type(error).__name__)
