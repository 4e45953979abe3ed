"""The lives of workers as processes: killed, told to stop, named twice, and left alone by the ledger's server."""

import json
import signal
import threading

import anyio
import pytest
from cli_tools import KEY, RUN, wait_until

from billing.cli.launching import Launch, worker_processes
from billing.cli.options import Common
from billing.cli.session import begin
from billing.core.errors import UsageError
from billing.core.exits import Exit
from tests.conftest import clean_environment
from tests.postgres import private_server

SLOW = """
limits: {platform_rate: 0, endpoint_rate: 0}
latency: {median_seconds: 0.3}
"""
slow = pytest.mark.parametrize("rehearsal", [SLOW], indirect=True, ids=["slow"])


class Worker:
    """A worker process and what it has told so far."""

    def __init__(self, billing, name, *more):
        self.process = billing.start("worker", "--id", name, "--rate", "200", "--log-format", "json", *more)
        self.events = []
        self.noise = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            if line.startswith("{"):
                self.events.append(json.loads(line))
            else:
                self.noise.append(line)

    def told(self, event):
        """Return what it told of an event."""
        return [each for each in list(self.events) if each["event"] == event]

    def ended(self):
        """Wait for its end; return the exit code."""
        code = self.process.wait(timeout=60)
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        assert not self.noise, "".join(self.noise)
        return code


@pytest.fixture
def handed_out(billing, rehearsal, request):
    """The command where a run was handed out that nobody works yet: on a server of its own, if asked for."""
    del rehearsal
    billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_LEDGER": request.getfixturevalue("postgres_url")}
    _hand_out(billing)
    return billing


def _hand_out(billing):
    done = billing("run", "rehearsal.csv", *RUN, "--yes", "--detach")
    assert done.code == 0, done.err


def _sound(billing, rehearsal):
    assert rehearsal.ask("books")["doubles"] == []
    (run,) = json.loads(billing("status", "--output", "json").out)
    assert (run["state"], run["counts"]["pending"], run["counts"]["unknown"]) == ("finished", 0, 0)
    assert billing("ledger", "verify").code == 0


@slow
def test_workers_outlive_the_ledgers_server_and_end_with_their_run(billing, rehearsal):
    with private_server() as server:
        billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_LEDGER": server.url()}
        _hand_out(billing)
        workers = [Worker(billing, name, "--until-done", RUN[1]) for name in ("w0", "w1")]
        wait_until(lambda: all(worker.told("worker_started") for worker in workers))
        wait_until(lambda: any(worker.told("shard_taken") for worker in workers))
        server.stop("immediate")
        wait_until(lambda: all(worker.told("ledger_lost") for worker in workers))
        server.start()
        assert [worker.ended() for worker in workers] == [Exit.OK, Exit.OK]
        assert all(worker.told("worker_recovered") for worker in workers)
        _sound(billing, rehearsal)


@slow
def test_a_run_that_waits_for_its_processes_outlives_the_ledgers_server_as_they_do(billing, rehearsal):
    with private_server() as server:
        billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_LEDGER": server.url()}
        typed = ("run", "rehearsal.csv", *RUN, "--yes", "--workers", "2", "--rate", "200", "--concurrency", "4")
        process = billing.start(*typed, "--log-format", "json", "--output", "json")
        wait_until(lambda: any(intent["paid"] for intent in rehearsal.ask("books")["intents"]), 60)
        server.stop("immediate")
        lost = next(line for line in process.stderr if '"ledger_lost"' in line and f'"run":"{RUN[1]}"' in line)
        server.start()
        out, err = process.communicate(timeout=60)
        assert json.loads(lost)["level"] == "warning"
        assert '"ledger_back"' in err
        found = json.loads(out)
        assert process.returncode == found["exit_code"], err
        assert (found["counts"]["pending"], found["counts"]["unknown"]) == (0, 0)
        _sound(billing, rehearsal)


@slow
def test_what_a_killed_worker_held_is_gone_on_with_by_another_and_charged_once(handed_out, rehearsal):
    first = Worker(handed_out, "w0")
    wait_until(lambda: bool(first.told("shard_taken")))
    first.process.kill()
    assert first.ended() == -signal.SIGKILL
    put_back = handed_out("worker", "--resume", "w0", "--output", "json")
    assert put_back.code == 0, put_back.err
    assert json.loads(put_back.out)["put_back"], "it held shards"
    assert Worker(handed_out, "w1", "--until-done", RUN[1]).ended() == Exit.OK
    _sound(handed_out, rehearsal)


@slow
def test_an_id_is_one_process_which_is_alive_until_it_was_told_to_stop(handed_out, rehearsal):
    first = Worker(handed_out, "w0")
    wait_until(lambda: bool(first.told("shard_taken")))
    second = handed_out("worker", "--id", "w0", "--wait", "0")
    assert second.code == Exit.HELD
    assert "worker w0" in second.err
    resumed = handed_out("worker", "--resume", "w0")
    assert (resumed.code, "alive" in resumed.err) == (Exit.HELD, True)
    first.process.send_signal(signal.SIGTERM)
    assert first.ended() == Exit.TERMINATED
    assert first.told("draining")
    assert Worker(handed_out, "w0", "--until-done", RUN[1]).ended() == Exit.OK
    _sound(handed_out, rehearsal)


def test_processes_that_no_other_start_would_help_are_given_up_at_once(tmp_path):
    environ = clean_environment(HOME=str(tmp_path), BILLING_LEDGER="postgresql://127.0.0.1:1/none")
    session = begin(Common(), environ)

    async def launched():
        async with worker_processes(session, Launch(2, 8)):
            await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup) as ended:
        anyio.run(launched)
    assert ended.group_contains(UsageError, match="exit code 2")
