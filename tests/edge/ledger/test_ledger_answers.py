"""One ledger in a file and in a server's database: every question has the same answer, and both are sound."""

from collections.abc import Iterator
from typing import Any

import pytest
from postgres_tools import meta as fresh_meta
from psycopg import sql

from billing.edge.ledger.custody.keyfile import read_key
from billing.edge.ledger.postgres import tables
from billing.edge.ledger.postgres.checking import checked as checked_in_postgres
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.postgres.reader import PostgresReader
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader, as_list
from billing.edge.ledger.sqlite.connection import connect as connect_to_file
from billing.edge.ledger.sqlite.layout import checked as checked_in_sqlite
from billing.edge.ledger.sqlite.reader import SqliteReader
from tests.postgres import fresh_database
from tests.reporting.ledgers import Made, made

COPIED = ("meta", "runs", "items", "lines", "entries", "lookups")
UNORDERED = {
    Question.META, Question.OBLIGATIONS, Question.ON_RECORD, Question.BY_OBJECT, Question.LOOKUPS, Question.ARRIVED,
    Question.SETTLING, Question.ACCOUNTS_BEGUN, Question.ACCOUNTS, Question.ACCOUNT_SUMS, Question.EVERY_LOOKUP,
    Question.PAYERS, Question.STRAY_LINES,
}  # fmt: skip
# Questions whose answers are in no order.
SPECIAL = {
    Question.UPGRADES: {"name": "ledger_upgraded"},
    Question.ENTRIES_BETWEEN: {"last": 60},
    Question.ABOUT: {"kind": "compared", "name": "look", "value": "made 1", "first": "acct"},
    Question.LOOKUPS: {"kind": "movement"},
    Question.KEPT: {"kind": "movement", "first": "acct"},
    Question.ACCOUNTS: {"first": "acct", "last": "acct\U0010ffff"},
    Question.NOTE: {"names": as_list(["run_started", "run_finished"])},
    Question.UNDOING: {"name": "customer", "object": "cus_00000000000000"},
}
# What some are asked otherwise.
NEVER = {Question.STRAY_LINES, Question.UPGRADES}
# What is found in ledgers that were damaged, or upgraded.


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A ledger of hostile texts, amended, with look-ups, and with a fact that no text of PostgreSQL holds."""
    return made(tmp_path_factory.mktemp("kept"), 120, hostile=True, dropped=(3, 17, 40))


@pytest.fixture(scope="module")
def both(kept: Made, postgres_server_url: str) -> Iterator[tuple[SqliteReader, PostgresReader]]:
    file = connect_to_file(kept.path, write=False)
    with fresh_database(postgres_server_url) as url:
        copy(file, url)
        conn = connect(url, write=False)
        yield SqliteReader(file), PostgresReader(conn)
        conn.close()
    file.close()


def copy(file, url: str) -> None:
    """Copy every row of a ledger's file into an empty database, past the laws."""
    conn = connect(url, write=True)
    tables.create_if_missing(conn, fresh_meta)
    conn.execute("SET session_replication_role = replica")
    conn.execute("DELETE FROM meta")
    for table in COPIED:
        rows = file.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - constants above
        into = sql.SQL("INSERT INTO {} VALUES ({})").format(
            sql.Identifier(table), sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
        )
        with conn.cursor() as cursor:
            cursor.executemany(into, rows)
    conn.execute(
        "UPDATE chains SET (seq, mac) = (SELECT seq, mac FROM entries ORDER BY seq DESC LIMIT 1) WHERE chain = 0"
    )
    conn.execute("SELECT setval('entry_numbers', seq) FROM chains WHERE chain = 0")
    conn.execute("ANALYZE")
    conn.close()


def several(reader: Reader) -> list[dict[str, Any]]:
    """Return values for every question: of each run, of a run that is none, and of texts that are hard to hold."""
    life = ["planned", "succeeded", "failed", "unpaid", "unsettled", "returned", "skipped"]
    lines = reader.all(Question.EVERY_RUN)
    found = []
    for row, scope, run_id, platform, _, period, mode, kind, _, _, _, revision, *_ in lines:
        items = [one for one in reader.all(Question.ITEMS_BEHIND, {"after": 0, "most": 10_000}) if one[1] == row]
        objects = [one[13] for one in items if one[13]]
        names = [name for _, name, *_ in reader.all(Question.EVERY_LOOKUP)]
        first = items[len(items) // 3]
        found.append({
            "run_id": run_id, "run": row, "revision": revision, "scope": scope, "platform": platform, "mode": mode,
            "kind": kind, "period": period, "always": True, "state": "succeeded", "states": as_list(life),
            "account": first[4], "accounts": as_list({one[4] for one in items} | {"\ud83d", "nobody\0"}),
            "after": len(items) // 3, "most": 500, "event": "charge_succeeded", "unless": "charge_unsettled",
            "since": 0, "begins": as_list(["charge_unsettled"]), "back": as_list(["payment_returned"]),
            "ends": as_list(["charge_succeeded", "charge_declined"]), "item": first[0], "reference": first[2],
            "references": as_list([one[2] for one in items][:500]), "objects": as_list(objects[:500]),
            "object": objects[0] if objects else "none", "payer": first[5], "names": as_list([*names[:400], "RUN"]),
            "name": "run_started", "value": "x", "first": first[2][:2], "last": first[2][:2] + "\U0010ffff",
            "minors": as_list([one[6] for one in items[:20]]), "items": as_list([one[0] for one in items]),
            "before": 10**9, "number": 3,
        })  # fmt: skip
    nothing: dict[str, Any] = {"run_id": "none", "run": 0, "revision": 0, "always": False, "account": "none"}
    hard: dict[str, Any] = {"reference": "a\0b", "first": "", "last": "\U0010ffff", "run": None, "after": 0}
    return [*found, {**found[0], **nothing}, {**found[0], **hard}]


@pytest.mark.parametrize("question", sorted(set(Question) - {Question.VERSION}))
def test_a_question_has_the_same_answer_in_both(both, question):
    file, server = both
    asked = [{**each, **SPECIAL.get(question, {})} for each in several(file)]
    told = [[told_by(question, each) for each in asked] for told_by in (file.all, server.all, server.stream)]
    told = [[sorted(rows, key=repr) if question in UNORDERED else list(rows) for rows in each] for each in told]
    assert told[0] == told[1] == told[2]
    assert any(told[0]) or question in NEVER, "nothing was compared"


def test_both_are_sound_and_end_alike(both, kept):
    key, _ = read_key(kept.key_file, live=False)
    found = [checked_in_sqlite(both[0]._conn, key, []), checked_in_postgres(both[1]._conn, key, [])]
    assert found[0] == found[1]
    assert found[0].faults == ()
