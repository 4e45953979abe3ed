"""A scheduled job does what the command does, without ever asking."""

import json
import subprocess
import sys

from cli_tools import KEY

from tests.conftest import clean_environment

RUN_FILE = "version: 1\nrun: {name: monthly, period: current}\nsource: {csv: rehearsal.csv}\npacing: {rate_share: 1}\n"


def job(billing, *args: str) -> subprocess.CompletedProcess[str]:
    environ = clean_environment(**billing.environ)
    command = [sys.executable, "-m", "jobs.monthly_run", *args]
    return subprocess.run(
        command, cwd=billing.folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_the_monthly_job_charges_once_and_its_summary_and_exit_code_are_those_of_the_command(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    (billing.folder / "monthly.yaml").write_text(RUN_FILE)
    first = job(billing, "monthly.yaml")
    summary = json.loads(first.stdout)
    assert first.returncode == summary["exit_code"]
    assert summary["counts"]["succeeded"] > 0
    assert all(json.loads(line)["event"] for line in first.stderr.splitlines())
    intents = rehearsal.ask("books")["intents"]
    assert job(billing, "monthly.yaml").returncode == first.returncode
    assert rehearsal.ask("books")["intents"] == intents


def test_a_job_that_cannot_start_says_why_in_one_json_line(billing):
    ended = job(billing, "absent.yaml")
    assert ended.returncode == 2
    assert "absent.yaml" in json.loads(ended.stderr)["message"]
    assert job(billing).returncode == 2
    (billing.folder / "bad.yaml").write_text("version: 2\n")
    bad = job(billing, "bad.yaml")
    assert (bad.returncode, bool(json.loads(bad.stderr)["problems"])) == (3, True)
