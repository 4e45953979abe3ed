"""Who may have a ledger alone beside workers: anybody beside idle ones, nobody beside busy ones."""

import json
import signal
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from cli_tools import ID, KEY, RUN, wait_until
from test_cli_worker_lives import Worker, slow

from billing.core.exits import Exit
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.opening import open_ledger


@pytest.fixture
def shared(billing, rehearsal, postgres_url):
    """The command with a ledger that many may write, beside a sandbox."""
    del rehearsal
    billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_LEDGER": postgres_url}
    return billing


@contextmanager
def held_alone(billing, purpose):
    """Have the ledger alone, as a verb does that takes its time."""
    key_file = default_key_file(billing.environ)

    async def opened():
        return await open_ledger(
            billing.environ["BILLING_LEDGER"],
            key_file=Path(key_file),
            clock=lambda: datetime.now(UTC),
            purpose=purpose,
            inline=True,
        )

    async def closed():
        await ledger.aclose()

    ledger = anyio.run(opened)
    try:
        yield
    finally:
        anyio.run(closed)


def hand_out(billing):
    done = billing("run", "rehearsal.csv", *RUN, "--yes", "--detach")
    assert done.code == 0, done.err


def status(billing):
    return json.loads(billing("status", ID, "--output", "json").out)


def paid(rehearsal):
    return sum(intent["paid"] for intent in rehearsal.ask("books")["intents"])


@slow
def test_a_verb_that_runs_alone_is_refused_beside_busy_workers_and_works_beside_idle_ones(shared, rehearsal):
    hand_out(shared)
    workers = [Worker(shared, name) for name in ("w0", "w1")]
    wait_until(lambda: all(worker.told("shard_taken") for worker in workers))
    refused = shared("settle", ID)
    assert refused.code == Exit.HELD
    assert "held by worker" in refused.err
    wait_until(lambda: status(shared)["state"] == "finished")
    for verb in ("settle", "resolve"):
        done = shared(verb, ID, "--wait", "5")
        assert done.code != Exit.HELD, done.err
    assert {each["worker"] for each in status(shared).get("workers", [])} <= {"w0", "w1"}
    assert all(worker.process.poll() is None for worker in workers)
    for worker in workers:
        worker.process.send_signal(signal.SIGTERM)
        assert worker.ended() == Exit.TERMINATED
        assert not worker.told("waiting_for_ledger")
    assert rehearsal.ask("books")["doubles"] == []


@slow
def test_a_run_with_workers_of_its_own_has_the_ledger_until_it_is_over_and_is_named(shared, rehearsal):
    run = shared.start("run", "rehearsal.csv", *RUN, "--yes", "--workers", "1", "--rate", "200")
    wait_until(lambda: paid(rehearsal) >= 1)
    refused = shared("settle", ID)
    assert refused.code == Exit.HELD
    assert f"held by run {ID} (pid {run.pid} on " in refused.err
    assert "), by worker w0; wait" in refused.err
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=60)
    assert run.returncode == Exit.TERMINATED
    assert shared("settle", ID, "--wait", "5").code != Exit.HELD


def test_a_shard_waits_for_whoever_has_the_ledger_alone_and_then_goes_on(shared, rehearsal):
    hand_out(shared)
    with held_alone(shared, f"settle {ID}"):
        worker = Worker(shared, "w0", "--until-done", ID)
        wait_until(lambda: bool(worker.told("waiting_for_ledger")))
        (waiting,) = worker.told("waiting_for_ledger")
        assert waiting["holder"].startswith(f"settle {ID} (pid")
        assert [each["worker"] for each in status(shared)["workers"]] == ["w0"]
        assert paid(rehearsal) == 0
    assert worker.ended() == Exit.OK
    assert len(worker.told("waiting_for_ledger")) == 1
    assert status(shared)["state"] == "finished"
    assert rehearsal.ask("books")["doubles"] == []
    assert shared("ledger", "verify").code == 0


def test_a_shard_that_waits_is_put_back_by_a_signal_and_let_go_of_by_a_pause(shared, rehearsal):
    hand_out(shared)
    with held_alone(shared, "settle"):
        first = Worker(shared, "w0")
        wait_until(lambda: bool(first.told("waiting_for_ledger")))
        first.process.send_signal(signal.SIGTERM)
        assert first.ended() == Exit.TERMINATED
        assert first.told("shard_put_back")
        assert not first.told("shard_done")
        second = Worker(shared, "w1")
        wait_until(lambda: bool(second.told("waiting_for_ledger")))
        done = shared("pause", ID)
        assert done.code == 0, done.err
        wait_until(lambda: status(shared)["state"] == "stopped")
    second.process.send_signal(signal.SIGTERM)
    assert second.ended() == Exit.TERMINATED
    assert paid(rehearsal) == 0


def test_a_run_that_goes_on_at_workers_is_worked_by_nobody_else_until_it_is_paused(shared, rehearsal):
    hand_out(shared)
    for refused in (shared("run", "rehearsal.csv", *RUN, "--yes"), shared("retry", ID, "--yes")):
        assert refused.code == Exit.HELD
        assert f"billing pause {ID}" in refused.err
    assert "--workers N" in shared("run", "rehearsal.csv", *RUN, "--yes", "--engine", "dbos").err
    assert paid(rehearsal) == 0
    assert shared("pause", ID).code == 0
    alone = shared("run", "rehearsal.csv", *RUN, "--yes")
    assert alone.code != Exit.HELD, alone.err
    assert status(shared)["state"] == "finished"
    before = paid(rehearsal)
    assert before
    assert Worker(shared, "w0", "--until-done", ID).ended() == Exit.OK
    assert (status(shared)["state"], paid(rehearsal)) == ("finished", before)
    assert rehearsal.ask("books")["doubles"] == []
    assert shared("ledger", "verify").code == 0
