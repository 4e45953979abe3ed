"""The command itself: a run that an earlier release left half done is upgraded, goes on, and is verified."""

import fcntl
import json
import re
import shlex

import pytest

from billing.edge.ledger.kind_rows import VERSION
from tests.storage.earlier import AS_EARLIER, as_version_1
from tests.storage.test_storage_processes import RUN, ask, paid, serving


@pytest.fixture
def url(billing):
    with serving(billing) as found:
        yield found


@pytest.mark.parametrize("version", sorted(AS_EARLIER))
def test_a_run_interrupted_under_an_earlier_version_is_upgraded_continued_and_verified(billing, url, version):
    ledger, key = billing.folder / "ledger.db", billing.folder / "home/.config/connect-billing/ledger.key"
    assert billing(*RUN, "--limit", "5").code in (0, 4, 5)
    AS_EARLIER[version](ledger, key)
    before, requests = ledger.read_bytes(), ask(url, "requests")
    for command in (RUN, ("status",), ("report", "rehearsal-2026-11"), ("ledger", "verify"), ("ledger", "events")):
        refused = billing(*command)
        assert (refused.code, refused.out) == (6, ""), refused
        assert f"Type: billing ledger upgrade --ledger sqlite:///{ledger}." in refused.err
    assert (ledger.read_bytes(), ask(url, "requests")) == (before, requests)

    program, *typed = shlex.split(re.search(r"Type: (.*?)\. It", refused.err)[1])
    done = billing(*typed)
    assert (program, done.code, done.err) == ("billing", 0, "")
    assert f"version {version} is version {VERSION} now" in done.out
    assert f"the old ledger stays at {ledger}.v{version}" in done.out
    assert (ledger.with_name(f"ledger.db.v{version}").stat().st_mode & 0o777, ask(url, "requests")) == (0o600, requests)
    again = billing(*typed, "--output", "json")
    head = re.search(r"head ([0-9a-f]{64})", done.out)[1]
    assert (again.code, json.loads(again.out)["changed"], json.loads(again.out)["head"]) == (0, False, head)

    after = billing(*RUN, "--output", "json")
    assert after.code in (0, 4, 5), after.err
    summary = json.loads(after.out)
    assert summary["counts"]["unknown"] == summary["counts"]["pending"] == summary["counts"]["parked"] == 0
    assert paid(url) == summary["counts"]["succeeded"] > 0
    assert billing("ledger", "verify").code == 0
    events = [json.loads(line) for line in billing("ledger", "events", "--output", "json").out.splitlines()]
    (upgrade,) = [event for event in events if event["name"] == "ledger_upgraded"]
    assert (upgrade["run_id"], upgrade["facts"]["from"], upgrade["facts"]["to"]) == ("", version, VERSION)


def test_a_damaged_ledger_of_version_1_is_refused_with_6_and_a_held_one_with_7(billing, url):
    ledger, key = billing.folder / "ledger.db", billing.folder / "home/.config/connect-billing/ledger.key"
    assert billing(*RUN, "--limit", "3").code in (0, 4, 5)
    as_version_1(ledger, key)
    sound = ledger.read_bytes()
    ledger.write_bytes(sound.replace(b"charge_succeeded", b"charge_succeedes"))
    damaged = billing("ledger", "upgrade")
    assert (damaged.code, damaged.out) == (6, "")
    assert "left as it is" in damaged.err
    assert "Traceback" not in damaged.err
    ledger.write_bytes(sound)
    with ledger.with_name("ledger.db.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert billing("ledger", "upgrade").code == 7
    assert billing("ledger", "upgrade").code == 0
