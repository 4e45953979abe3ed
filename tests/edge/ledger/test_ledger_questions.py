"""The questions of a ledger, each by its text: all are there, and none reads a table that it need not."""

import re

import pytest
from ledger_tools import planned

from billing.edge.ledger.questions import Question
from billing.edge.ledger.sqlite import questions as in_sqlite

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
# What reads, or may read, all of a table.


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


def test_there_is_a_text_for_every_question():
    assert set(in_sqlite.QUESTIONS) == set(Question)


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
