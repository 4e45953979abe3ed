"""Whoever charges can append and nothing else: the documented role works a whole ledger, and no law is its own."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from ledger_tools import Clock, brought, planned

from billing.core.errors import LedgerError
from billing.core.kinds.charge import State
from billing.edge.ledger.opening import open_ledger
from billing.edge.ledger.postgres.examining import examine
from billing.edge.ledger.postgres.roles import WRITTEN, grants
from billing.edge.ledger.postgres.schema import TABLES
from billing.edge.ledger.upgrading import upgrade_ledger


@pytest.fixture
def roles(postgres_url, postgres_server_url) -> Iterator[tuple[str, str, str]]:
    """A database that belongs to an owner, and a runner beside it: both URLs, and the name of the runner's role."""
    mark = uuid4().hex[:12]
    owner, runner = f"owner_{mark}", f"Runner-{mark}"
    with psycopg.connect(postgres_server_url, autocommit=True) as conn:
        for role in (owner, runner):
            conn.execute(f'CREATE ROLE "{role}" LOGIN')
        conn.execute(f'ALTER DATABASE {postgres_url.rpartition("/")[2]} OWNER TO "{owner}"')
    yield (*(postgres_url.replace("postgres@", f"{role}@") for role in (owner, runner)), runner)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        for role in (owner, runner):
            conn.execute(f'DROP OWNED BY "{role}" CASCADE')
        conn.execute(f"ALTER DATABASE {postgres_url.rpartition('/')[2]} OWNER TO postgres")
        for role in (owner, runner):
            conn.execute(f'DROP ROLE "{role}"')


@pytest.fixture
async def ready(roles, tmp_path):
    """The ledger that an owner has made, and a runner with its rights."""
    owner, _, name = roles
    await upgrade_ledger(owner, key_file=tmp_path / "ledger.key", clock=Clock(), make=True)
    with psycopg.connect(owner, autocommit=True) as conn:
        for _ in range(2):  # they may be given again, as after an upgrade
            for statement in grants(name):
                conn.execute(statement)
    return roles


async def test_the_runner_makes_none_and_is_told_who_does(roles, tmp_path):
    _, runner, _ = roles
    with pytest.raises(LedgerError, match=r"let the owner .* make .* the ledger, .*billing ledger roles"):
        await open_ledger(runner, key_file=tmp_path / "ledger.key", clock=Clock())


async def test_the_runner_plans_charges_and_checks(ready, tmp_path):
    _, runner, _ = ready
    ledger = await open_ledger(runner, key_file=tmp_path / "ledger.key", clock=Clock(), worker="w1")
    items = await planned(ledger, 2)
    await brought(ledger, items[0], State.SUCCEEDED)
    await ledger.keep_lookups("account", {"acct_1": {"x": "y"}})
    await ledger.keep_lookups("account", {"acct_1": {"x": "z"}})
    assert ledger.holder() is not None
    assert ledger.verify().faults == ()
    await ledger.aclose()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE billing.{table} DISABLE TRIGGER ALL",
        "TRUNCATE billing.{table}",
        "DROP TABLE billing.{table} CASCADE",
        "ALTER TABLE billing.{table} ADD COLUMN theirs int",
        "CREATE TRIGGER theirs BEFORE INSERT ON billing.{table} EXECUTE FUNCTION billing.refuse()",
        "DELETE FROM billing.{table}",
        "UPDATE billing.{table} SET {column} = {column}",
    ],
)
async def test_the_runner_can_do_nothing_to_the_evidence_but_append(ready, statement):
    _, runner, _ = ready
    refused = []
    with psycopg.connect(runner, autocommit=True) as conn:
        for table, columns in TABLES.items():
            right = statement.partition(" ")[0]
            if right in WRITTEN.get(table, ()):
                continue
            column = columns[0].partition(" ")[0]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.format(table=table, column=column))
            refused.append(table)
    assert {"entries", "lines", "meta", "kinds"} <= set(refused)


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "DROP SCHEMA billing CASCADE",
        "COMMENT ON SCHEMA billing IS 'mine'",
        "CREATE FUNCTION billing.theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION billing.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "SELECT setval('billing.entry_numbers', 1)",
        "ALTER SEQUENCE billing.entry_numbers RESTART",
    ],
)
async def test_the_runner_cannot_change_a_law(ready, statement):
    _, runner, _ = ready
    with psycopg.connect(runner, autocommit=True) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


async def test_the_runner_makes_the_tables_of_the_engine(ready):
    _, runner, _ = ready
    with psycopg.connect(runner, autocommit=True) as conn:
        conn.execute("CREATE TABLE dbos.queue (id int)")
        found = conn.execute("SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'dbos'").fetchone()
    assert found == (1,)


def of_role(url: str):
    (found,) = [seen for seen in examine(url) if seen.about == "role"]
    return found


async def test_an_examination_tells_a_runner_from_an_owner_and_from_one_who_lacks_something(ready, roles):
    owner, runner, name = roles
    assert of_role(runner).good is True
    assert of_role(owner).good is None
    assert "owns the ledger" in of_role(owner).found
    with psycopg.connect(owner, autocommit=True) as conn:
        conn.execute(f'GRANT TRUNCATE ON billing.entries TO "{name}"')
        assert "TRUNCATE on entries" in of_role(runner).found
        conn.execute(f'REVOKE INSERT, TRUNCATE ON billing.entries FROM "{name}"')
        assert (of_role(runner).good, "lacks INSERT on entries" in of_role(runner).found) == (False, True)
        conn.execute(f'REVOKE USAGE ON SCHEMA billing FROM "{name}"')
        assert "lacks USAGE on schema billing" in of_role(runner).found


async def test_an_examination_writes_nothing_and_holds_nothing(ready, tmp_path):
    _, runner, _ = ready
    ledger = await open_ledger(runner, key_file=tmp_path / "ledger.key", clock=Clock())
    before = ledger.head
    assert {seen.about for seen in examine(runner)} == {"ledger server", "server's clock", "connection", "role"}
    assert ledger.head == before
    await ledger.aclose()
