"""A claim in a page is never more than what a run has shown."""

import pytest

from tests.evidence import MARK, README, claimed, exaggerated, summed

SHOWN = ["real kills: 214 SIGKILL, 0 double", "model: 1,711,310 states, 0 violations"]


def test_sentences_with_the_same_words_are_added_up():
    assert summed(["kills: 20, 0 double", "kills: 1,990, 0 double", "cuts: 7"]) == ["cuts: 7", "kills: 2,010, 0 double"]


@pytest.mark.parametrize("claim", [*SHOWN, "real kills: 200 SIGKILL, 0 double", "model: 600,000 states, 0 violations"])
def test_a_figure_may_have_grown(claim):
    assert exaggerated([claim], SHOWN) == []


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        ("real kills: 215 SIGKILL, 0 double", SHOWN),
        ("fuzzing: 9 examples", SHOWN),
        ("real kills: 200 SIGKILL, 0 double", ["real kills: 214 SIGKILL, 1 double"]),
        ("model: 600,000 states, 0 violations", ["model: 0 states, 0 violations"]),
    ],
)
def test_what_was_not_shown_is_named(claim, shown):
    assert exaggerated([claim], shown) == [claim]


def test_the_readme_has_claims_and_a_command_beside_each():
    claims = claimed(README.read_text(encoding="utf-8"))
    table = README.read_text(encoding="utf-8").partition(MARK)[2].partition("<!-- end -->")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ")][1:]
    assert len(rows) == len(claims) > 0
    assert all(row.split("|")[2].strip().startswith("`") for row in rows)
