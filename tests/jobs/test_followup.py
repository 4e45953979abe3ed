"""The jobs beside the run: they look and charge nobody, their manifests start them, and their logs are JSON."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from billing.core.exits import MEANINGS
from tests.cli.cli_tools import KEY
from tests.conftest import ROOT, clean_environment
from tests.jobs.test_monthly_run import QUICK, RUN_FILE, served

MANIFESTS = ("cronjob.yaml", "followup.yaml", "retry.yaml")
VERBS = ("resolve", "settle", "retry")
LOOKING = ("resolve", "settle")
DAYS = 9 * 86_400
DEBITS = "seed: 5\nlimits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.01}\n"


def crons() -> dict[str, dict]:
    found = [each for name in MANIFESTS for each in yaml.safe_load_all((ROOT / "jobs" / name).read_text())]
    return {each["metadata"]["name"]: each["spec"] for each in found if each["kind"] == "CronJob"}


def job(billing, module: str, *args: str) -> subprocess.CompletedProcess[str]:
    environ = clean_environment(**billing.environ)
    command = [sys.executable, "-m", f"jobs.{module}", *args]
    return subprocess.run(command, cwd=billing.folder, env=environ, capture_output=True, text=True, check=False)


def events(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_settle_follows_debits_and_resolve_looks_and_neither_charges_anybody(billing):
    with served(billing, DEBITS) as sandbox:
        billing.environ |= QUICK
        first = json.loads(job(billing, "monthly_run", "monthly.yaml").stdout)
        intents = len(sandbox.ask("books")["intents"])
        sandbox.ask("clock", {"advance_seconds": DAYS})
        for verb in LOOKING:
            done = job(billing, verb)
            found = json.loads(done.stdout)
            assert done.returncode == found["exit_code"]
            told = [each["event"] for each in events(done)]
            assert ("job_started" in told, told[-1]) == (True, "job_finished")
        assert len(sandbox.ask("books")["intents"]) == intents
        if first["counts"]["processing"]:
            again = json.loads(job(billing, "settle", first["run"]).stdout)
            assert again["runs"][0]["counts"]["processing"] == 0
        assert sandbox.ask("books")["doubles"] == []


@pytest.mark.parametrize("verb", VERBS)
def test_what_cannot_be_looked_at_is_one_json_line_with_its_exit_code(billing, verb):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    (billing.folder / "monthly.yaml").write_text(RUN_FILE)
    for args, says in ((["--force"], "--force"), (["other-2026-11"], "ledger"), ([], "ledger")):
        done = job(billing, verb, *args)
        (line,) = events(done)
        assert (line["event"], line["exit_code"], done.stdout) == ("error", done.returncode, "")
        assert done.returncode in set(map(int, MEANINGS)) - {0, 1}
        assert says in line["message"]


def test_every_manifest_starts_a_job_that_exists_and_gives_up_and_goes_on_by_the_same_codes():
    found = crons()
    assert {name.removeprefix("billing-") for name in found} == {
        "monthly", "resolve", "settle", "retry", "reconcile", "sync-check",
    }  # fmt: skip
    rules = []
    for name, spec in found.items():
        template = spec["jobTemplate"]["spec"]
        rules.append(template["podFailurePolicy"])
        (container,) = template["template"]["spec"]["containers"]
        _, _, module, *args = container["command"]
        assert callable(import_module(module).process)
        if name != "billing-monthly":
            assert import_module(module).options(args)["wait"] == 3600
        assert spec["concurrencyPolicy"] == "Forbid"
    assert rules[1:] == rules[:-1]


def test_an_outage_of_an_hour_is_survived():
    for spec in crons().values():
        tries = spec["jobTemplate"]["spec"]["backoffLimit"]
        # Kubernetes doubles its pauses from 10 s to 6 min. (kubernetes.io, Pod backoff failure policy)
        assert sum(min(10 * 2**n, 360) for n in range(tries)) > 3600


def test_no_folder_of_the_place_they_start_in_is_taken_for_the_jobs(tmp_path: Path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__init__.py").write_text("raise SystemExit('not ours')\n")
    assert "PYTHONSAFEPATH=1" in (ROOT / "jobs" / "Dockerfile").read_text()
    environ = clean_environment(PYTHONSAFEPATH="1")
    command = [sys.executable, "-m", "jobs.settle", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, "not ours" in done.stderr) == (0, False)


def test_alerts_name_the_jobs_that_there_are():
    (rule,) = yaml.safe_load_all((ROOT / "jobs" / "alerts.yaml").read_text())
    text = json.dumps(rule)
    assert len(rule["spec"]["groups"][0]["rules"]) == 4
    for name in crons():
        assert name.removeprefix("billing-") in text
