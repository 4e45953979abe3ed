"""The questions of a ledger, each by its text: all are there, and none reads a table that it need not."""

import re

import pytest
from ledger_tools import planned

from billing.edge.ledger.postgres import questions as in_postgres
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import as_list
from billing.edge.ledger.sqlite import questions as in_sqlite
from tests.bench.questions import fill, scanned, values
from tests.bench.questions import steps as steps_in_postgres
from tests.postgres import fresh_database

LARGE = "items|entries|lines|lookups"
# The tables that grow with what is charged; runs are few.
WHOLE = {
    Question.HEADS,  # its last row
    Question.TALLY,  # sums over a run, which may be most of the ledger: pages in their order are read faster
    Question.IDS,
    Question.ENTRIES,
    Question.RUN_ENTRIES,
    Question.ENTRY_COUNTS,
    Question.LATEST_STOP,  # from the end, where it stands
    Question.UPGRADES,
    Question.EVERY_ENTRY,
    Question.EVERY_LOOKUP,
    Question.STRAY_LINES,
}
# What SQLite reads, or may read, a whole table for.
WHOLE_IN_POSTGRES = {Question.SIZES, Question.IDS, Question.STRAY_LINES, Question.EVERY_LOOKUP}
ITEMS = 3_000
ENDS = {
    Question.ENTRIES_BETWEEN: {"last": ITEMS // 2 + 20},
    Question.AMOUNTS: {"after": ITEMS - 50},
    Question.ENTRIES: {"after": 3 * ITEMS},
}
# Where those begin or end that read from one row to another.
LISTS = ("references", "objects", "names", "accounts")


@pytest.fixture
async def steps(ledger):
    """Return what tells how SQLite would answer a question."""
    await planned(ledger)
    conn = ledger._reader._conn

    def of(question: Question) -> list[str]:
        text = in_sqlite.QUESTIONS[question]
        asked = {name: "[]" if name.endswith("s") else 1 for name in re.findall(r":(\w+)", text)}
        return [step[3] for step in conn.execute(f"EXPLAIN QUERY PLAN {text}", asked)]

    return of


@pytest.fixture(scope="module")
def filled(postgres_server_url):
    """A ledger of one large run and many small ones, most of it over, and what the planner knows of it."""
    with fresh_database(postgres_server_url) as url:
        fill(url, ITEMS)
        conn = connect(url, write=False)
        yield conn
        conn.close()


def test_there_is_a_text_for_every_question_in_each_database():
    assert set(in_sqlite.QUESTIONS) == set(in_postgres.QUESTIONS) == set(Question)


@pytest.mark.parametrize("question", sorted(set(Question) - WHOLE_IN_POSTGRES))
def test_postgres_goes_by_an_index_even_for_all_of_a_small_run(filled, question):
    small = {"run": 2, "run_id": "coaching-2000-01", "scope": 2, "account": "acct_1"}
    lists = {name: as_list([f"{name} {n}" for n in range(5)]) for name in LISTS}
    ends = ENDS.get(question, {})
    found = steps_in_postgres(filled, question, values(question, ITEMS, 4 * ITEMS) | small | lists | ends)
    assert not {"items", "entries", "lines", "lookups"} & set(scanned(found)), found


@pytest.mark.parametrize("question", sorted(set(Question) - WHOLE - {Question.VERSION}))
def test_a_question_goes_by_an_index_where_its_table_is_large(steps, question):
    plan = steps(question)
    scans = [step for step in plan if re.match(rf"SCAN ({LARGE}|one|later|came|before|way|ended|back)\b", step)]
    assert not scans, plan


async def test_ways_of_days_are_read_by_indexes_alone(steps):
    plan = steps(Question.SETTLING)
    tables = [step for step in plan if step.startswith(("SCAN", "SEARCH")) and "json_each" not in step]
    assert all(step.startswith("SEARCH") for step in tables), plan
    assert sum("entries_item" in step for step in tables) == 5
    assert not any("TEMP B-TREE" in step for step in plan)


async def test_work_is_read_from_where_the_last_of_it_ended(steps):
    plan = steps(Question.WORK)
    assert any(step.endswith("items_work (run=? AND state=? AND account=? AND rowid>?)") for step in plan), plan
