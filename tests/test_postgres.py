"""The PostgreSQL that tests are given: real, safe as in production, each test in a database of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.conftest import clean_environment
from tests.postgres import GIVEN, private_server

OWNER = """
from tests.postgres import private_server
with private_server() as server:
    print(server.folder, server.url(), flush=True)
    input()
"""


def test_what_is_durable_in_production_is_durable_in_tests(postgres_url):
    with psycopg.connect(postgres_url) as conn:
        told = [
            conn.execute(f"SHOW {name}").fetchone()[0] for name in ("fsync", "full_page_writes", "synchronous_commit")
        ]
    assert told == ["on", "on", "on"]


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_finds_an_empty_database(time, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        assert conn.execute("SELECT to_regclass('mine')").fetchone() == (None,)
        conn.execute("CREATE TABLE mine (n integer)")


def test_a_server_of_ones_own_comes_back_with_what_was_committed():
    with private_server() as server:
        with psycopg.connect(server.url(by_socket=True), autocommit=True) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
        server.stop("immediate")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url())
        server.start()
        with psycopg.connect(server.url()) as conn:
            assert conn.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_server_ends_with_the_process_that_asked_for_it_however_that_ends():
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment()
    )
    with owner:
        folder, url = owner.stdout.readline().split()
        owner.kill()
    while Path(folder).exists():  # its end is noticed within a second; the limit of the whole test is the session's
        time.sleep(0.05)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_named_server_is_used_as_it_is(postgres_server_url):
    named = os.environ.get(GIVEN)
    assert postgres_server_url == named if named else postgres_server_url.startswith("postgresql://postgres@127.0.0.1")
