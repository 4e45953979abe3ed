"""The manifests of many workers: names that stay, codes that mean what they say, and no more than each pod needs."""

import shlex
import stat
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from billing.core.exits import MEANINGS, Exit
from billing.edge.engines.opening import worker_id
from billing.edge.ledger_url import has_password, is_postgres
from billing.edge.settings.table import BY_NAME, SETTINGS
from billing.flow.engine.runner import DRAIN_SECONDS
from tests.conftest import ROOT

FILES = ("workers.yaml", "standing.yaml", "crew.yaml")
LIBPQ = {"PGPASSFILE", "PGSSLROOTCERT"}
# What the client of PostgreSQL is told by variables. (postgresql.org/docs/current/libpq-envars.html)
LIBPQ_REFUSES = 0o077
# Of a password file: it is passed over when group or world have any right to it. (libpq-pgpass.html)


def documents() -> list[dict]:
    return [each for name in FILES for each in yaml.safe_load_all((ROOT / "jobs" / name).read_text())]


def of_kind(kind: str) -> dict[str, dict]:
    return {each["metadata"]["name"]: each["spec"] for each in documents() if each["kind"] == kind}


def jobs() -> dict[str, dict]:
    return {name: spec["jobTemplate"]["spec"] for name, spec in of_kind("CronJob").items()}


def templates() -> dict[str, dict]:
    standing = {name: spec["template"] for name, spec in of_kind("StatefulSet").items()}
    return {**standing, **{name: spec["template"] for name, spec in jobs().items()}}


@pytest.fixture(params=["billing-launch", "billing-worker", "billing-crew"])
def template(request) -> dict:
    return templates()[request.param]


@pytest.fixture
def pod(template) -> dict:
    return template["spec"]


@pytest.fixture
def container(pod) -> dict:
    (found,) = pod["containers"]
    assert found["name"] == "billing"
    return found


def program(container: dict) -> list[str]:
    """Return what is started in the end, whether a shell starts it or not."""
    first, *rest = container["command"]
    if first != "sh":
        return [first, *rest]
    switch, line = rest
    replaced, *words = shlex.split(line)
    # A shell that stays would keep the signal to itself.
    assert (switch, replaced) == ("-c", "exec")
    return words


def test_there_is_one_that_hands_out_and_two_ways_to_have_workers():
    assert set(templates()) == {"billing-launch", "billing-worker", "billing-crew"}
    names = {name: program(template["spec"]["containers"][0])[:2] for name, template in templates().items()}
    assert names == {
        "billing-launch": ["billing", "run"], "billing-worker": ["billing", "worker"],
        "billing-crew": ["billing", "worker"],
    }  # fmt: skip


def test_a_job_gives_up_on_the_codes_that_another_try_would_not_change():
    again = {int(code) for code, (_, then) in MEANINGS.items() if "retry: it continues" in then}
    for spec in jobs().values():
        rules = [rule for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
        given_up = {code for rule in rules for code in rule["onExitCodes"]["values"]}
        assert all(rule["onExitCodes"]["containerName"] == "billing" for rule in rules)
        assert again == {int(code) for code in MEANINGS if code} - given_up
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
        assert spec["podReplacementPolicy"] == "Failed"
    assert all(spec["concurrencyPolicy"] == "Forbid" for spec in of_kind("CronJob").values())


def test_a_worker_whose_name_is_taken_ends_alone_and_each_index_has_tries_of_its_own():
    spec = jobs()["billing-crew"]
    actions = {
        code: rule["action"]
        for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule
        for code in rule["onExitCodes"]["values"]
    }  # fmt: skip
    assert {code for code, action in actions.items() if action == "FailIndex"} == {int(Exit.HELD)}
    assert (spec["completionMode"], "backoffLimit" in spec) == ("Indexed", False)
    assert spec["completions"] == spec["parallelism"]
    # Kubernetes doubles its pauses from 10 s to 6 min: an outage of an hour is survived.
    assert sum(min(10 * 2**n, 360) for n in range(spec["backoffLimitPerIndex"])) > 3600


def test_standing_workers_have_names_that_stay_and_are_drained_one_at_a_time():
    (worker,) = of_kind("StatefulSet").values()
    (service,) = of_kind("Service").items()
    (budget,) = of_kind("PodDisruptionBudget").values()
    labels = worker["selector"]["matchLabels"]
    assert worker["serviceName"] == service[0]
    assert (service[1]["clusterIP"], "ports" in service[1]) == ("None", False)
    assert service[1]["selector"] == budget["selector"]["matchLabels"] == labels
    assert labels.items() <= worker["template"]["metadata"]["labels"].items()
    assert budget["maxUnavailable"] == 1


def test_the_crew_works_the_run_that_is_handed_out_in_the_month_of_the_schedule():
    crons = of_kind("CronJob")
    assert crons["billing-crew"]["schedule"] == crons["billing-launch"]["schedule"]
    assert crons["billing-crew"]["timeZone"] == crons["billing-launch"]["timeZone"]
    (container,) = templates()["billing-crew"]["spec"]["containers"]
    environ = {each["name"]: each.get("value") for each in container["env"]}
    assert environ["TZ"] == crons["billing-crew"]["timeZone"]
    words = program(container)
    assert words[words.index("--until-done") + 1] == "coaching-$(date +%Y-%m)"


def test_each_is_started_with_options_that_exist(billing, container):
    words = program(container)
    assert billing(*words[1:], "--help").code == 0
    assert billing(*words[1:], "--no-such-option", "--help").code == Exit.USAGE


def test_what_a_pod_is_called_can_be_the_name_of_a_worker():
    # A Job of a CronJob is called by it and by the minute of its start, its pods by their index as well.
    for pod_name in ("billing-worker-3", f"billing-crew-{2**31}-3"):
        assert worker_id(pod_name, {}) == pod_name


def test_a_drain_ends_within_the_grace_period(pod):
    assert pod["terminationGracePeriodSeconds"] > 2 * DRAIN_SECONDS


def test_variables_are_settings_or_libpqs_and_no_secret_stands_in_them(container):
    known = {setting.env for setting in SETTINGS} | LIBPQ | {"PYTHONDONTWRITEBYTECODE", "TZ"}
    for variable in container["env"]:
        assert variable["name"] in ({"STRIPE_API_KEY"} if "valueFrom" in variable else known)
    environ = {each["name"]: each.get("value") for each in container["env"]}
    url = BY_NAME["ledger"].value.read(environ["BILLING_LEDGER"])
    assert (is_postgres(url), has_password(url)) == (True, False)
    assert "sslmode=verify-full" in url


def test_every_path_that_a_variable_names_is_mounted(pod, container):
    environ = {each["name"]: each.get("value") for each in container["env"]}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    for name in ("BILLING_LEDGER_KEY_FILE", *LIBPQ):
        path = environ[name]
        assert path in mounts or path.rpartition("/")[0] in mounts
    volumes = {volume["name"] for volume in pod["volumes"]}
    used = {mount["name"] for each in (container, *pod["initContainers"]) for mount in each["volumeMounts"]}
    assert used == volumes


def test_the_password_file_is_one_that_libpq_takes(pod, container, tmp_path):
    (first,) = pod["initContainers"]
    assert first["image"] == container["image"]
    *command, source, target = first["command"]
    (tmp_path / "given").write_text("postgres.example:5432:billing:billing:secret\n")
    (tmp_path / "given").chmod(0o440)
    subprocess.run([*command, str(tmp_path / "given"), str(tmp_path / "taken")], check=True)
    assert not stat.S_IMODE((tmp_path / "taken").stat().st_mode) & LIBPQ_REFUSES
    environ = {each["name"]: each.get("value") for each in container["env"]}
    assert target == environ["PGPASSFILE"]
    mounts = {mount["mountPath"]: mount for mount in first["volumeMounts"]}
    assert mounts[source.rpartition("/")[0]]["readOnly"]
    (kept,) = [volume for volume in pod["volumes"] if volume["name"] == mounts[target.rpartition("/")[0]]["name"]]
    assert kept["emptyDir"]["medium"] == "Memory"


def test_a_mounted_key_of_the_ledger_is_no_wider_open_than_live_mode_takes(pod):
    for volume in pod["volumes"]:
        if "secret" in volume:
            assert not volume["secret"]["defaultMode"] & 0o027


def _all_containers(pod: dict) -> Iterator[dict]:
    yield from (*pod["initContainers"], *pod["containers"])


def test_a_pod_can_write_nothing_but_its_witness_and_its_scratch(pod, container):
    writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"witness", "scratch"}
    for each in _all_containers(pod):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)


def test_a_pod_reaches_names_stripe_and_the_database_and_nobody_reaches_it(template):
    (policy,) = of_kind("NetworkPolicy").values()
    assert policy["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert (policy["policyTypes"], "ingress" in policy) == (["Ingress", "Egress"], False)
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 443, 5432]
    _, world, database = policy["egress"]
    assert "10.0.0.0/8" in world["to"][0]["ipBlock"]["except"]
    assert list(database["to"][0]) == ["podSelector"]
