"""The Kubernetes manifest starts the job that exists, retries what may be retried, and gives the container no more."""

from pathlib import Path

import pytest
import yaml

from billing import RunRequest
from billing.core.exits import MEANINGS
from billing.edge.settings.table import SETTINGS
from billing.flow.engine.runner import DRAIN_SECONDS
from jobs.monthly_run import options

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def job() -> dict:
    manifests = yaml.safe_load_all((ROOT / "jobs" / "cronjob.yaml").read_text())
    (spec,) = [each["spec"] for each in manifests if each["kind"] == "CronJob"]
    assert spec["concurrencyPolicy"] == "Forbid"
    return spec["jobTemplate"]["spec"]


@pytest.fixture(scope="module")
def pod(job) -> dict:
    return job["template"]["spec"]


def test_exactly_the_exit_codes_that_say_retry_are_tried_again(job):
    first = job["podFailurePolicy"]["rules"][0]
    assert (first["action"], first["onExitCodes"]["operator"]) == ("FailJob", "In")
    given_up = set(first["onExitCodes"]["values"])
    assert {int(code) for code, (_, then) in MEANINGS.items() if "retry: it continues" in then} == {
        int(code) for code in MEANINGS if code and code not in given_up
    }
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_it_starts_the_job_with_options_that_exist(pod):
    interpreter, switch, module, *args = pod["containers"][0]["command"]
    assert (interpreter, switch, module) == ("python", "-m", "jobs.monthly_run")
    assert options(args)["file"] == "/runs/coaching.yaml"


def test_a_schedule_can_accept_how_a_run_differs_from_the_ones_before():
    typed = options(["runs/coaching.yaml", "--ack", "gone", "--ack", "new", "--reason", "two clubs moved"])
    asked = RunRequest.of(**{name: value for name, value in typed.items() if name != "config"})
    assert asked.acks == {"gone": "two clubs moved", "new": "two clubs moved"}


def test_its_variables_are_settings_or_the_key(pod):
    item = {setting.env for setting in SETTINGS} | {"STRIPE_API_KEY", "STRIPE_API_KEY_FILE", "PYTHONDONTWRITEBYTECODE"}
    assert {variable["name"] for variable in pod["containers"][0]["env"]} <= item


def test_a_drain_ends_within_the_grace_period(pod):
    assert pod["terminationGracePeriodSeconds"] > 2 * DRAIN_SECONDS


def test_the_container_can_write_nothing_but_its_ledger_its_witness_and_its_scratch(pod):
    (container,) = pod["containers"]
    writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"ledger", "ledger-key", "scratch"}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not pod["automountServiceAccountToken"]
