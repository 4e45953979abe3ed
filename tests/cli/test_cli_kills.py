"""Real processes, SIGKILL at random moments, keys forgotten at times: nobody pays twice and nothing is left open."""

import csv
import io
import random
import signal
import time
from collections import Counter

import pytest
from cli_tools import KEY, Rehearsal, read_line, send_signal

ITEMS, KILLS = 150, 12
RUN_ID = "rehearsal-2026-11"
STORM = """
limits: {platform_rate: 0, endpoint_rate: 0}
latency: {median_seconds: 0.03}
chances:
  late_seconds: 1
  kinds: {lost_before: 0.01, lost_after: 0.02, late: 0.01, stored_500_done: 0.01, stored_500_undone: 0.01,
          bad_gateway_done: 0.01, cut_body: 0.01, rate_limited: 0.01, lock_timeout: 0.01, unavailable_503: 0.01}
"""


@pytest.fixture
def storm(billing):
    """A sandbox on a bad day, with more items than one runner finishes before it dies."""
    (billing.folder / "storm.yaml").write_text(STORM)
    size = ["--items", str(ITEMS), "--accounts", "6"]
    process = billing.start("sandbox", "--port", "0", "--config", "storm.yaml", *size, "--out", "rehearsal.csv")
    try:
        lines = [read_line(process) for _ in range(4)]
        url = lines[0].strip().removeprefix("export BILLING_API_BASE=")
        billing.environ |= {"BILLING_API_BASE": url, "STRIPE_API_KEY": KEY}
        yield Rehearsal(url)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def killed(billing, chance: random.Random) -> None:
    """Start one runner, sometimes a second one, and kill whatever runs."""
    command = ["run", "rehearsal.csv", "--run", RUN_ID, "--yes", "--rate", "300"]
    runners = [billing.start(*command) for _ in range(2 if chance.random() < 0.3 else 1)]
    time.sleep(chance.uniform(0.4, 1.6))
    for runner in runners:
        send_signal(runner, signal.SIGKILL)
        runner.communicate(timeout=10)


@pytest.mark.parametrize("seed", range(3))
def test_killed_runners_leave_the_truth(billing, storm, seed):
    chance = random.Random(seed)
    for _ in range(KILLS):
        killed(billing, chance)
        if chance.random() < 0.3:
            storm.ask("prune", {})
    ended = billing("run", "rehearsal.csv", "--run", RUN_ID, "--yes", "--rate", "300", seconds=180)
    assert ended.code in (0, 4, 5), ended.err
    assert billing("resolve", "--rate", "300").code in (0, 4, 5)

    report = list(csv.DictReader(io.StringIO(billing("report", RUN_ID, "--format", "csv").out)))
    paid = Counter()
    for intent in storm.ask("books")["intents"]:
        paid[intent["metadata"]["billing_reference"]] += intent["paid"] + intent["pending"]
    assert [line["reference"] for line in report] == [line["reference"] for line in _input(billing)]
    assert max(paid.values()) == 1, "0 double"
    told_paid = {line["reference"] for line in report if line["status"] in ("succeeded", "processing")}
    assert told_paid == {reference for reference, count in paid.items() if count}, "0 hidden, 0 falsely told"
    assert {line["status"] for line in report}.isdisjoint({"pending", "unknown", "parked"}), "0 open"
    assert billing("ledger", "verify").code == 0


def _input(billing) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((billing.folder / "rehearsal.csv").read_text())))
