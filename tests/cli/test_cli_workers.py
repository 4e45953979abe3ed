"""Runs over shards by the command: in one process, by many, paused and resumed, and refused where they cannot be."""

import json
import signal
import sys

import psycopg
import pytest
from cli_tools import ID, KEY, RUN, wait_until

from billing.cli.options import Common, EngineName
from billing.cli.over_workers import Crewing
from billing.cli.session import begin
from billing.core.errors import UsageError
from billing.core.items import Kind
from billing.core.kinds.rules import RULES
from billing.flow.request import RunRequest


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
    assert "nothing left to do" in again.out
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


@pytest.mark.parametrize(
    "typed", [("run", "rehearsal.csv", *RUN, "--yes", "--workers", "2"), ("worker",), ("pause", ID)]
)
def test_an_address_that_is_none_of_a_ledger_is_refused_as_that(ready, typed):
    ended = ready(*typed, "--ledger", "postgresq://billing@db.internal/billing")
    assert ended.code == 2
    assert "is no ledger URL" in ended.err


@pytest.mark.parametrize("kind", [kind for kind in Kind if RULES[kind].personal is not None])
@pytest.mark.parametrize("crewing", [Crewing(workers=2), Crewing(engine=EngineName.DBOS), Crewing(detach=True)])
def test_runs_of_kinds_that_know_somebody_are_not_handed_out(kind, crewing, monkeypatch):
    monkeypatch.setenv("BILLING_LEDGER", "postgresql://billing@db.internal/billing")
    with pytest.raises(UsageError, match="names and addresses"):
        crewing.require(begin(Common()), kind, RunRequest())


@pytest.mark.parametrize("crewing", [Crewing(workers=2), Crewing(engine=EngineName.DBOS), Crewing(detach=True)])
def test_a_run_over_workers_is_refused_before_it_is_planned_where_their_engine_is_not_installed(crewing, monkeypatch):
    monkeypatch.setitem(sys.modules, "dbos", None)  # as an import finds it where there is no such package
    monkeypatch.setenv("BILLING_LEDGER", "postgresql://billing@db.internal/billing" if crewing.shares else "ledger.db")
    with pytest.raises(UsageError, match=r"connect-billing\[workers\]'.*nothing was sent"):
        crewing.require(begin(Common()), Kind.CHARGE, RunRequest())
    monkeypatch.setenv("BILLING_LEDGER", "ledger.db")
    Crewing(engine=EngineName.INPROCESS).require(begin(Common()), Kind.CHARGE, RunRequest())


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_run_in_a_file_is_neither_paused_nor_resumed_and_it_is_said_what_helps(ready, verb):
    ended = ready(verb, ID)
    assert ended.code == 2
    assert "one process alone" in ended.err


@pytest.fixture
def shared(ready, postgres_url):
    """The command with a ledger that many may write."""
    ready.environ |= {"BILLING_LEDGER": postgres_url}
    return ready


SLOW = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.3}\n"


@pytest.mark.parametrize("rehearsal", [SLOW], indirect=True)
def test_a_run_that_was_handed_out_is_worked_paused_seen_and_resumed_by_commands(shared, rehearsal):
    ended = shared("run", "rehearsal.csv", *RUN, "--yes", "--detach", "--output", "json")
    found = json.loads(ended.out)
    assert (ended.code, found["detached"]) == (0, True), ended.err
    assert found["shards"] > 1
    shown = shared("status", ID)
    assert f"{found['shards']} shards, {found['shards']} left" in shown.out
    assert "no worker is there" in shown.out
    assert f"Run {ID}: waiting for workers," in shown.out
    worker = shared.start("worker", "--id", "w0", "--shards", "1", "--concurrency", "4", "--until-done", ID)
    wait_until(lambda: paid(rehearsal) >= 2)
    seen = json.loads(shared("status", ID, "--output", "json").out)
    assert seen["state"] == "running"
    assert [each["worker"] for each in seen["workers"]] == ["w0"]
    assert f"Run {ID}: running," in shared("report", ID).out
    assert 0 < seen["shards_left"] <= seen["shards"]
    ended = shared("pause", ID, "--reason", "the bank asks us to wait")
    assert ended.code == 0, ended.err
    assert "the bank asks us to wait" in ended.out
    wait_until(lambda: status_of(shared) == "stopped")
    before = paid(rehearsal)
    assert before < 25
    shown = shared("status", ID)
    assert "the bank asks us to wait" in shown.out
    assert f"billing resume {ID}" in shown.out
    assert "the bank asks us to wait" in json.loads(shared("status", ID, "--output", "json").out)["stop_reason"]
    assert worker.poll() is None
    ended = shared("resume", ID)
    assert ended.code == 0, ended.err
    worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert status_of(shared) == "finished"
    assert rehearsal.ask("books")["doubles"] == []
    assert shared("resume", ID).code == 2


def status_of(shared) -> str:
    with psycopg.connect(shared.environ["BILLING_LEDGER"]) as conn:
        (status,) = conn.execute("SELECT status FROM billing.runs WHERE run_id = %s", (ID,)).fetchone()
    return status


def paid(rehearsal) -> int:
    return sum(intent["paid"] for intent in rehearsal.ask("books")["intents"])


@pytest.mark.parametrize("rehearsal", [SLOW], indirect=True)
def test_processes_that_share_a_run_drain_when_it_is_told_to_end_and_go_on_with_it(shared, rehearsal):
    typed = ("run", "rehearsal.csv", *RUN, "--yes", "--workers", "2", "--concurrency", "4")
    process = shared.start(*typed)
    wait_until(lambda: paid(rehearsal) >= 2, 60)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "stopped" in out
    assert status_of(shared) == "stopped"
    before = paid(rehearsal)
    assert before < 25
    ended = shared(*typed, "--output", "json")
    found = json.loads(ended.out)
    assert ended.code == found["exit_code"], ended.err
    assert sum(found["counts"].values()) == 30
    assert found["counts"]["pending"] == found["counts"]["unknown"] == 0
    assert found["requests"]["sent"] >= 30
    assert rehearsal.ask("books")["doubles"] == []
    assert paid(rehearsal) == found["counts"]["succeeded"]
    assert "nothing left to do" in shared(*typed).out


@pytest.mark.parametrize("rehearsal", [SLOW], indirect=True)
def test_two_runs_have_processes_of_their_own_at_once(shared, rehearsal):
    typed = ("--yes", "--workers", "2", "--concurrency", "4", "--output", "json")
    first = shared.start("run", "rehearsal.csv", *RUN, *typed)
    wait_until(lambda: paid(rehearsal) >= 1, 60)
    sheet = shared.folder / "rehearsal.csv"
    (shared.folder / "other.csv").write_text(sheet.read_text().replace("INV-", "OTHER-"))
    second = shared("run", "other.csv", "--run", ID.replace("rehearsal", "other"), *typed)
    out, err = first.communicate(timeout=60)
    for code, said, heard in ((first.returncode, out, err), (second.code, second.out, second.err)):
        found = json.loads(said)
        assert code == found["exit_code"], heard
        assert (found["counts"]["pending"], found["counts"]["unknown"]) == (0, 0)
        assert "held by" not in heard
    assert rehearsal.ask("books")["doubles"] == []
