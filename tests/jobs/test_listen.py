"""The manifest of what listens: one writer, no more than it needs, and the settings and paths that there are."""

import pytest
import yaml

from billing.cli.commands import COMMANDS
from billing.cli.listening import LAST_READS
from billing.edge.hooks.site import LAST_REQUESTS
from billing.edge.settings.table import BY_NAME, SETTINGS
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict]:
    return {each["kind"]: each for each in yaml.safe_load_all((ROOT / "jobs" / "listen.yaml").read_text())}


@pytest.fixture(scope="module")
def pod(manifests) -> dict:
    return manifests["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod) -> dict:
    (found,) = pod["containers"]
    return found


def test_there_is_one_of_it_at_a_time_because_a_ledger_has_one_writer(manifests):
    spec = manifests["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_it_starts_the_command_that_there_is_and_is_reached_where_it_listens(manifests, container):
    program, command, *_ = container["command"]
    assert (program, command in COMMANDS) == ("billing", True)
    (port,) = container["ports"]
    environ = {each["name"]: each.get("value") for each in container["env"]}
    assert BY_NAME["listen.address"].value.read(environ["BILLING_LISTEN_ADDRESS"])[1] == port["containerPort"]
    (served,) = manifests["Service"]["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert manifests["Service"]["spec"]["selector"] == manifests["Deployment"]["spec"]["selector"]["matchLabels"]


def test_its_variables_are_settings_or_secrets_and_no_secret_stands_in_it(container):
    secrets = {"STRIPE_API_KEY", "BILLING_WEBHOOK_SECRETS"}
    known = {setting.env for setting in SETTINGS} | {"PYTHONDONTWRITEBYTECODE"}
    for variable in container["env"]:
        assert variable["name"] in (secrets if "valueFrom" in variable else known)


def test_it_ends_within_the_grace_period(pod):
    assert pod["terminationGracePeriodSeconds"] > LAST_READS + LAST_REQUESTS


def test_it_can_write_nothing_but_its_ledger_its_witness_and_its_scratch(pod, container):
    writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"ledger", "ledger-key", "scratch"} == {volume["name"] for volume in pod["volumes"]}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
