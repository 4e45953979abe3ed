"""Runs over shards by the command: in one process, by many, paused and resumed, and refused where they cannot be."""

import json

import pytest
from cli_tools import ID, KEY, RUN


@pytest.fixture
def ready(billing, rehearsal):
    """The command with a key, beside a sandbox."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    return billing


def charge(ready, *more):
    return ready("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200", *more)


@pytest.mark.parametrize("engine", ["inprocess", "dbos"])
def test_a_run_over_shards_of_one_process_says_what_every_run_says(ready, rehearsal, engine):
    ended = charge(ready, "--engine", engine, "--output", "json")
    found = json.loads(ended.out)
    assert ended.code == found["exit_code"], ended.err
    assert sum(found["counts"].values()) == 30
    assert found["counts"]["pending"] == found["counts"]["unknown"] == 0
    assert found["requests"]["sent"] >= 30
    books = rehearsal.ask("books")
    assert books["doubles"] == []
    assert sum(intent["paid"] for intent in books["intents"]) == found["counts"]["succeeded"]
    again = charge(ready, "--engine", engine)
    assert "nothing is left" in again.out.lower()
    assert rehearsal.ask("books")["intents"] == books["intents"]
    assert ready("ledger", "verify").code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--workers", "2"), "--workers: sqlite:///"),
        (("--detach",), "billing ledger copy"),
        (("--workers", "2", "--detach"), "leave out one of them"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_what_helps(ready, rehearsal, options, says):
    ended = charge(ready, *options)
    assert ended.code == 2
    assert says in ended.err
    assert "nothing was sent" in ended.err
    assert rehearsal.ask("books")["intents"] == []


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_run_in_a_file_is_neither_paused_nor_resumed_and_it_is_said_what_helps(ready, verb):
    ended = ready(verb, ID)
    assert ended.code == 2
    assert "one process alone" in ended.err
