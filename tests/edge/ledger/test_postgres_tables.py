"""The tables of a ledger in PostgreSQL: made once, and every difference from what this program makes is noticed."""

from threading import Thread

import psycopg
import pytest
from postgres_tools import KEY, Written, meta

from billing.core.errors import UsageError
from billing.core.kinds import LIVES
from billing.edge.ledger.chain import Head, meta_seal
from billing.edge.ledger.kind_rows import KNOWN, VERSION
from billing.edge.ledger.postgres import tables
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.postgres.functions import FUNCTIONS, LAWS
from billing.edge.ledger.postgres.schema import EVIDENCE, TRIGGERS
from billing.edge.ledger.sqlite import schema as sqlite
from tests.postgres import fresh_database

TAMPERED = {
    "a law that is gone": "DROP TRIGGER items_update ON items",
    "a law that is switched off": "ALTER TABLE items DISABLE TRIGGER items_update",
    "all laws that are switched off": "ALTER TABLE entries DISABLE TRIGGER USER",
    "foreign keys that are switched off": "ALTER TABLE lines DISABLE TRIGGER ALL",
    "a law that forbids nothing": "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN OLD; END'",
    "a law of somebody": "CREATE TRIGGER mine BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION refuse('mine')",
    "a function that was swapped": "CREATE OR REPLACE FUNCTION fact(text, text) RETURNS text LANGUAGE sql AS "
    "'SELECT $1'",
    "a function with other settings": "ALTER FUNCTION advance SET search_path = mine",
    "a function of somebody": "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "a column that is gone": "ALTER TABLE items DROP COLUMN due",
    "a column of somebody": "ALTER TABLE items ADD COLUMN mine text",
    "a column of another type": "ALTER TABLE items ALTER COLUMN amount TYPE numeric",
    "a column that may be empty": "ALTER TABLE entries ALTER COLUMN mac DROP NOT NULL",
    "a column that is filled otherwise": "ALTER TABLE items ALTER COLUMN state SET DEFAULT 'succeeded'",
    "a text in another order": 'ALTER TABLE items ALTER COLUMN payer TYPE text COLLATE "POSIX"',
    "a key that is gone": "ALTER TABLE items DROP CONSTRAINT items_obligation",
    "an index that is gone": "DROP INDEX items_object",
    "an index of somebody": "CREATE INDEX mine ON items (amount)",
    "a table of somebody": "CREATE TABLE mine (n integer)",
    "a view of somebody": "CREATE VIEW mine AS SELECT * FROM items",
    "a rule of somebody": "CREATE RULE mine AS ON DELETE TO items DO INSTEAD NOTHING",
    "rows that are hidden": "ALTER TABLE items ENABLE ROW LEVEL SECURITY",
    "a table that a crash empties": "ALTER TABLE limits SET UNLOGGED",
    "numbers that begin anew": "ALTER SEQUENCE entry_numbers CYCLE",
    "an edge that there is not": "ALTER TABLE transitions DISABLE TRIGGER USER; INSERT INTO transitions "
    "VALUES ('charge', 'failed', 'prepared', 'succeeded', 0, 'any'); ALTER TABLE transitions ENABLE TRIGGER USER",
}


@pytest.fixture(scope="module")
def made(postgres_server_url):
    with fresh_database(postgres_server_url) as url, Written(url) as written:
        yield written.conn


def test_a_ledger_that_was_just_made_is_as_this_program_makes_it(made):
    assert list(tables.differences(made)) == []
    assert tables.version(made) == VERSION
    assert tables.kinds_found(made) == tables.KindsFound((), (), ())
    assert len(made.execute("SELECT DISTINCT kind FROM kinds").fetchall()) == len(LIVES)


@pytest.mark.parametrize("what", TAMPERED)
def test_every_difference_is_noticed(what, made):
    with made.transaction(force_rollback=True):
        made.execute(TAMPERED[what])
        assert list(tables.differences(made)) != []
    assert list(tables.differences(made)) == []


def test_an_added_kind_is_noticed_as_missing_and_is_added(made):
    known = {**KNOWN, "gift": {table: [("gift", *row[1:]) for row in rows] for table, rows in KNOWN["charge"].items()}}
    with made.transaction(force_rollback=True):
        assert tables.kinds_found(made, known).missing == ("gift",)
        tables.add_kind(made, known["gift"])
        assert tables.kinds_found(made, known) == tables.KindsFound((), (), ())
        assert tables.kinds_found(made).newer == ("gift",)


def test_the_laws_are_said_in_the_words_of_the_embedded_ledger():
    said = "\n".join([*(trigger.says for trigger in TRIGGERS), *(law.body for law in LAWS)])
    other = {"entries: numbered without a gap"}  # here each writer has a chain, and its numbers ascend
    assert [law.says for law in sqlite.LAWS if law.says not in said] == sorted(other)


def test_every_table_that_is_evidence_refuses_to_be_emptied(made):
    for table in EVIDENCE.keys() - {"lookups"}:
        with pytest.raises(psycopg.Error, match=f"{table}: "):
            made.execute(f"TRUNCATE {table} CASCADE")


def test_of_many_that_make_a_ledger_at_once_one_does(postgres_url):
    told: list[bool] = []

    def make() -> None:
        with connect(postgres_url, write=True) as conn:
            told.append(tables.create_if_missing(conn, meta))

    threads = [Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False, False, False, True]


def test_of_many_that_ask_for_one_chain_all_get_the_same(postgres_url):
    Written(postgres_url).conn.close()
    told: list[tables.Chain] = []

    def ask(worker: str) -> None:
        with connect(postgres_url, write=True) as conn:
            told.append(tables.own_chain(conn, worker))

    threads = [Thread(target=ask, args=(worker,)) for worker in ("", "w-0", "w-0", "w-1", "w-1")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal = Head(0, meta_seal(KEY, meta()))
    assert {chain.head for chain in told} == {seal}
    assert sorted(chain.number for chain in told) == [0, 1, 1, 2, 2]


def test_a_schema_of_another_program_is_left_alone(postgres_url):
    with connect(postgres_url, write=True) as conn:
        assert tables.version(conn) is None
        conn.execute("CREATE SCHEMA billing")
        with pytest.raises(UsageError, match="is not a ledger's"):
            tables.create_if_missing(conn, meta)


def test_a_making_that_breaks_off_leaves_nothing(postgres_url):
    def fails() -> dict[str, str]:
        return {**meta(), "nothing": None}

    with connect(postgres_url, write=True) as conn:
        with pytest.raises(psycopg.errors.NotNullViolation):
            tables.create_if_missing(conn, fails)
        assert tables.version(conn) is None
        assert tables.create_if_missing(conn, meta)


def test_every_function_says_the_schema_of_what_it_names(made):
    with psycopg.connect(made.info.dsn, autocommit=True) as conn:
        conn.execute("SET search_path = pg_catalog")
        for sql in ("UPDATE billing.meta SET value = ''", "DELETE FROM billing.kinds"):
            with pytest.raises(psycopg.Error, match="written once"):
                conn.execute(sql)
        assert conn.execute("SELECT billing.fact('{\"a\": 1}', 'a'), cardinality(billing.numbers(3))").fetchone() == (
            "1",
            3,
        )
    assert len({function.name for function in (*FUNCTIONS, *LAWS)}) == len(FUNCTIONS) + len(LAWS)
