"""Connecting to the database of a ledger: one that does not keep what it answers is refused, and no secret is said."""

import subprocess
import sys

import psycopg
import pytest

from billing.core.errors import LedgerError, UsageError
from billing.edge.ledger.postgres.connecting import connect, named
from tests.conftest import clean_environment
from tests.postgres import private_server

SECRET = "hunter2"


@pytest.fixture(scope="module")
def server():
    with private_server() as server:
        yield server


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://ann:{SECRET}@db.example:5433/money?sslmode=require", "postgresql://db.example:5433/money"),
        (f"postgres://ann:{SECRET}@db.example/money", "postgresql://db.example:5432/money"),
        (f"postgresql://db.example/money?user=ann&password={SECRET}", "postgresql://db.example:5432/money"),
        ("postgresql://ann@/money?host=/run/postgresql", "postgresql:///money?host=/run/postgresql&port=5432"),
        ("postgresql://?service=books", "postgresql://?service=books"),
        (f"postgresql://ann:{SECRET}%zz@db/money", "the ledger's database"),
    ],
)
def test_a_ledger_is_named_without_a_password(url, said, monkeypatch):
    for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    assert named(url) == said


def test_what_the_environment_says_is_named(monkeypatch):
    for name, value in {"PGHOST": "db.example", "PGPORT": "6543", "PGDATABASE": "money"}.items():
        monkeypatch.setenv(name, value)
    assert named("postgresql://") == "postgresql://db.example:6543/money"


def test_a_url_that_cannot_be_read_is_refused_without_quoting_it():
    with pytest.raises(UsageError, match="cannot be read") as told:
        connect(f"postgresql://ann:{SECRET}%zz@db/money", write=True)
    assert SECRET not in str(told.value)
    assert told.value.__cause__ is None


def test_a_server_that_is_not_there_is_said_with_what_helps():
    with pytest.raises(LedgerError, match=r"127\.0\.0\.1:1/money: cannot be reached .*see to the server") as told:
        connect(f"postgresql://annette:{SECRET}@127.0.0.1:1/money", write=True)
    assert SECRET not in str(told.value)
    assert "annette" not in str(told.value)


def test_a_database_that_is_not_there_is_said_with_what_helps(postgres_server_url):
    missing = postgres_server_url.removesuffix("postgres") + "missing"
    with pytest.raises(LedgerError, match=r'database "missing" does not exist.*createdb --encoding=UTF8'):
        connect(missing, write=True)


def test_a_wrong_password_is_said_with_where_the_right_one_goes(server):
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute("CREATE ROLE ann LOGIN PASSWORD 'right'")
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("host all ann all scram-sha-256\n" + before)
    server.reload()
    url = server.url().replace("postgres@", f"ann:{SECRET}@")
    with pytest.raises(LedgerError, match=r"PGPASSWORD, ~/\.pgpass") as told:
        connect(url, write=True)
    assert SECRET not in str(told.value)
    connect(url.replace(SECRET, "right"), write=True).close()
    rules.write_text(before)
    server.reload()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_a_power_cut_makes_forget_is_refused_to_write_and_read(setting, server):
    server.settings(**{setting: "off"})
    server.reload()
    _until(server, setting, "off")
    with pytest.raises(LedgerError, match=f"has {setting} off"):
        connect(server.url(), write=True)
    connect(server.url(), write=False).close()
    server.settings(**{setting: "on"})
    server.reload()
    _until(server, setting, "on")
    connect(server.url(), write=True).close()


@pytest.mark.parametrize("found", ["off", "local", "remote_write", "on", "remote_apply"])
def test_our_commits_are_on_the_disk_whatever_the_server_prefers(found, server):
    server.settings(synchronous_commit=found)
    server.reload()
    _until(server, "synchronous_commit", found)
    with connect(server.url(), write=True) as conn:
        (ours,) = conn.execute("SHOW synchronous_commit").fetchone()
    assert ours == ("remote_apply" if found == "remote_apply" else "on")
    server.settings(synchronous_commit="on")
    server.reload()


def _until(server, setting: str, value: str) -> None:
    while True:
        with psycopg.connect(server.url()) as conn:
            if conn.execute(f"SHOW {setting}").fetchone() == (value,):
                return


def test_a_standby_is_refused_to_write(server):
    server.stop("fast")
    (server.data / "standby.signal").touch()
    server.start()
    try:
        with pytest.raises(LedgerError, match="is a standby"):
            connect(server.url(), write=True)
        connect(server.url(), write=False).close()
    finally:
        server.stop("fast")
        (server.data / "standby.signal").unlink()
        server.start()


def test_a_database_of_another_encoding_is_refused(server):
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(LedgerError, match="its encoding is LATIN1"):
        connect(server.url("latin"), write=True)


def test_our_sessions_give_up_in_time_and_say_what_they_are_for(postgres_url):
    asked = {
        "lock_timeout": "60000",
        "idle_in_transaction_session_timeout": "60000",
        "search_path": "billing, pg_catalog",
        "TimeZone": "UTC",
        "default_transaction_isolation": "read committed",
    }
    with connect(postgres_url, write=True, purpose="billing run " + "x" * 99) as conn:
        told = conn.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(asked),)).fetchall()
        assert dict(told) == asked
        assert conn.execute("SHOW application_name").fetchone()[0].startswith("billing billing run xxx")
    with connect(postgres_url, write=False) as conn, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        conn.execute("CREATE TABLE mine (n integer)")


WITHOUT = """
import sys
sys.modules["psycopg"] = None
from billing.core.errors import UsageError
from billing.edge.ledger.postgres.connecting import connect
try:
    connect("postgresql://db/money", write=True)
except UsageError as error:
    print(error, int(error.exit_code))
"""


def test_who_lacks_the_driver_is_told_what_to_install():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, env=clean_environment())
    assert "pip install 'connect-billing[postgres]'" in done.stdout
    assert done.stdout.endswith(" 2\n")
