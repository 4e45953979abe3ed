"""What a scheduler sees of the monthly run: a process, its exit code, and JSON on both of its streams."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.cli.cli_tools import KEY, SANDBOX, Rehearsal, read_line, send_signal, wait_until
from tests.conftest import Ended, clean_environment

RUN_FILE = "version: 1\nrun: {name: monthly, period: current}\nsource: {csv: rehearsal.csv}\n"
SLOW = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.8}\n"
DECLINING = SANDBOX + "seed: 2\n"  # one of the 12 payers has no funds, the others pay
QUICK = {"STRIPE_API_KEY": KEY, "BILLING_RATE_SHARE": "1", "BILLING_PER_ACCOUNT_RPS": "25"}
WRONG = {
    "": "RUN_FILE",
    "absent.yaml": "absent.yaml",
    "rehearsal.csv": "--run",
    "monthly.yaml --force": "--force",
    "monthly.yaml --wait long": "--wait",
    "live.yaml": "live",
    "live.yaml --live": "live",
}  # what is typed -> what the complaint names
HEADER = "reference,customer,payment_method,account,amount,currency\n"


@contextmanager
def served(billing, settings: str) -> Iterator[Rehearsal]:
    """Serve a sandbox with 12 payers on 3 accounts; `monthly.yaml` and `rehearsal.csv` charge them."""
    (billing.folder / "sandbox.yaml").write_text(settings)
    (billing.folder / "monthly.yaml").write_text(RUN_FILE)
    args = ["--port", "0", "--config", "sandbox.yaml", "--items", "12", "--accounts", "3", "--out", "rehearsal.csv"]
    process = billing.start("sandbox", *args)
    try:
        first, *_ = (read_line(process).strip() for _ in range(4))
        url = first.removeprefix("export BILLING_API_BASE=")
        billing.environ |= {**QUICK, "BILLING_API_BASE": url}
        yield Rehearsal(url)
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def sandbox(billing, request) -> Iterator[Rehearsal]:
    """A sandbox of the test's own; parametrise with its settings as YAML."""
    with served(billing, getattr(request, "param", SANDBOX)) as found:
        yield found


def start(billing, *args: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "jobs.monthly_run", *args]
    environ = clean_environment(**billing.environ)
    streams = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=billing.folder, env=environ, text=True, **streams)


def ended(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out or "", err)


def job(billing, *args: str) -> Ended:
    return ended(start(billing, *args))


def complaint(done: Ended) -> dict:
    """The one error on stderr; nothing else is there, least of all on stdout."""
    assert done.out == ""
    (line,) = done.err.splitlines()
    found = json.loads(line)
    assert (found["event"], found["exit_code"]) == ("error", done.code)
    return found


def test_a_sheet_is_charged_once_and_the_same_command_again_sends_nothing(billing, sandbox):
    first = job(billing, "rehearsal.csv", "--run", "monthly-2026-11")
    summary = json.loads(first.out)
    assert (summary["run"], summary["items"], summary["exit_code"]) == ("monthly-2026-11", 12, first.code)
    intents = sandbox.ask("books")["intents"]
    assert sum(intent["paid"] for intent in intents) == summary["counts"]["succeeded"] > 0
    again = job(billing, "rehearsal.csv", "--run", "monthly-2026-11")
    assert (again.code, json.loads(again.out)["requests"]["sent"]) == (first.code, 0)
    assert sandbox.ask("books")["intents"] == intents


@pytest.mark.parametrize("sandbox", [DECLINING], indirect=True)
def test_declines_alone_are_fine_where_the_schedule_says_so(billing, sandbox):
    done = job(billing, "monthly.yaml")
    counts = json.loads(done.out)["counts"]
    assert {name for name, count in counts.items() if count} == {"succeeded", "declined"}
    assert (done.code, job(billing, "monthly.yaml", "--declines-ok").code) == (4, 0)


def test_wrong_usage_ends_with_2_and_sends_nothing(billing, sandbox):
    (billing.folder / "live.yaml").write_text(RUN_FILE + "mode: live\n")
    for typed, says in WRONG.items():
        done = job(billing, *typed.split())
        assert done.code == 2, typed
        assert says in complaint(done)["message"]
    assert sandbox.ask("requests")["log"] == []


def test_bad_input_ends_with_3_names_every_place_and_sends_nothing(billing, sandbox):
    rows = ["INV-1,cus_A1,pm_A1,acct_N1,10.999,USD", "INV-1,cus_A1,pm_A1,acct_N1,10.99,USX"]
    (billing.folder / "bad.csv").write_text(HEADER + "\n".join(rows) + "\n")
    done = job(billing, "bad.csv", "--run", "bad-2026-11")
    assert done.code == 3
    places = {problem.partition(": ")[0] for problem in complaint(done)["problems"]}
    assert places >= {"bad.csv:2:5", "bad.csv:3:6"}
    assert sandbox.ask("requests")["log"] == []


@pytest.mark.parametrize("sandbox", [SLOW], indirect=True)
def test_a_second_job_is_told_so_and_a_stopped_one_is_continued_without_charging_twice(billing, sandbox):
    billing.environ["BILLING_CONCURRENCY"] = "2"
    first = start(billing, "monthly.yaml")
    wait_until(lambda: sandbox.ask("books")["intents"])
    assert job(billing, "monthly.yaml").code == 7
    send_signal(first, signal.SIGTERM)
    stopped = ended(first)
    assert (stopped.code, json.loads(stopped.out)["exit_code"]) == (143, 143)
    assert json.loads(stopped.out)["counts"]["pending"] > 0
    billing.environ["BILLING_CONCURRENCY"] = "64"
    summary = json.loads(job(billing, "monthly.yaml").out)
    assert (summary["counts"]["pending"], summary["counts"]["unknown"]) == (0, 0)
    books = sandbox.ask("books")
    assert books["doubles"] == []
    assert sum(intent["paid"] for intent in books["intents"]) == summary["counts"]["succeeded"]


def test_the_summary_is_posted_to_whom_the_run_file_names(billing, sandbox):
    with listening() as (url, posted):
        billing.environ["BILLING_WEBHOOK_URL"] = url
        notified = RUN_FILE + "notify: [{webhook: 'env:BILLING_WEBHOOK_URL', on: [finished]}]\n"
        (billing.folder / "monthly.yaml").write_text(notified)
        done = job(billing, "monthly.yaml")
    assert posted == [{"event": "run_finished", **json.loads(done.out)}]
    assert url not in done.err


@contextmanager
def listening() -> Iterator[tuple[str, list]]:
    """A web server that keeps what is posted to it."""
    posted: list = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Keeper) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", posted
        server.shutdown()


def test_a_scheduler_that_no_longer_reads_still_gets_the_exit_code(billing, sandbox):
    read, write = os.pipe()
    os.close(read)
    unread = start(billing, "monthly.yaml", stdout=write)
    os.close(write)
    code = ended(unread).code
    again = job(billing, "monthly.yaml")
    assert code == again.code == json.loads(again.out)["exit_code"]


def test_nothing_ends_in_a_traceback(billing):
    program = "import sys; from billing import run_job; from jobs.monthly_run import job; "
    program += "sys.exit(run_job(job, ['a.yaml'], {'BILLING_LEDGER': object()}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=billing.folder, env=clean_environment(), capture_output=True, text=True
    )
    found = complaint(Ended(done.returncode, done.stdout, done.stderr))
    assert done.returncode == 1
    assert "unexpected AttributeError" in found["message"]
