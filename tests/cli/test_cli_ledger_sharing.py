"""Who may have a ledger alone beside workers: anybody beside idle ones, nobody beside busy ones."""

import json
import signal
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import psycopg
import pytest
from cli_tools import ID, KEY, RUN, wait_until
from test_cli_worker_lives import Worker, slow

from billing.core.exits import Exit
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.opening import open_ledger
from billing.edge.ledger.postgres.locks import ALONE_CLASS


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


LOSE = """SELECT count(pg_terminate_backend(pid)) FROM (SELECT DISTINCT pid FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint = %s AND mode = 'ShareLock' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS sharing"""
# Ends the sessions of those who share the ledger.


def asked(billing, sql):
    with psycopg.connect(billing.environ["BILLING_LEDGER"]) as conn:
        return conn.execute(sql, [ALONE_CLASS] if "%s" in sql else None).fetchone()[0]


def state(billing):
    return asked(billing, "SELECT status FROM billing.runs")


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
    assert asked(shared, LOSE) >= 1
    wait_until(lambda: any(worker.told("worker_recovered") for worker in workers))
    wait_until(lambda: state(shared) == "finished")
    for verb in ("settle", "resolve"):
        done = shared(verb, ID, "--wait", "5")
        assert done.code != Exit.HELD, done.err
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


def test_a_shard_waits_for_whoever_has_the_ledger_alone_and_hears_signals_and_pauses_meanwhile(shared, rehearsal):
    hand_out(shared)
    with held_alone(shared, f"settle {ID}"):
        first = Worker(shared, "w0")
        wait_until(lambda: bool(first.told("waiting_for_ledger")))
        assert first.told("waiting_for_ledger")[0]["holder"].startswith(f"settle {ID} (pid")
        first.process.send_signal(signal.SIGTERM)
        assert first.ended() == Exit.TERMINATED
        assert first.told("shard_put_back")
        assert not first.told("shard_done")
        second = Worker(shared, "w1", "--until-done", ID)
        wait_until(lambda: bool(second.told("waiting_for_ledger")))
        found = json.loads(shared("status", ID, "--output", "json").out)
        assert [each["worker"] for each in found["workers"]] == ["w1"]
        assert shared("pause", ID).code == 0
        wait_until(lambda: state(shared) == "stopped" and bool(second.told("shard_done")))
        assert shared("resume", ID).code == Exit.HELD
        assert paid(rehearsal) == 0
    assert shared("resume", ID).code == 0
    assert second.ended() == Exit.OK
    assert len(second.told("waiting_for_ledger")) == 1
    assert state(shared) == "finished"
    assert rehearsal.ask("books")["doubles"] == []
    assert shared("ledger", "verify").code == 0


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
    assert state(shared) == "finished"
    before = paid(rehearsal)
    assert before
    assert Worker(shared, "w0", "--until-done", ID).ended() == Exit.OK
    assert (state(shared), paid(rehearsal)) == ("finished", before)
    assert rehearsal.ask("books")["doubles"] == []
    assert shared("ledger", "verify").code == 0
