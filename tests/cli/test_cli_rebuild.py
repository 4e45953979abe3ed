"""The command rebuilds a lost ledger from a served Stripe: only reads, and the run is closed until it is done."""

import csv
import io
import json
import signal
import time

import pytest
from cli_tools import ID, KEY, RUN, send_signal

CHARGE = ("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200", "--output", "json")
REBUILD = ("ledger", "rebuild", "rehearsal.csv", *RUN, "--rate", "200")
JSON = ("--output", "json")

SLOW = """
limits: {platform_rate: 0, endpoint_rate: 0}
latency: {median_seconds: 0.3}
"""


@pytest.fixture
def charged(billing, rehearsal):
    """A finished run and its ledger's summary; the environment has the key."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    ended = billing(*CHARGE)
    assert ended.code in (4, 5), ended.err
    return json.loads(ended.out)


def lose(billing) -> None:
    for path in billing.folder.glob("billing.db*"):
        path.unlink()


def sent(rehearsal) -> dict[str, int]:
    """What the sandbox was asked that changes something, by operation."""
    counted = rehearsal.ask("counters")
    return {name: tally["sent"] for name, tally in counted.items() if not name.endswith((".list", ".retrieve"))}


def statuses(billing) -> dict[str, tuple[str, str]]:
    report = csv.DictReader(io.StringIO(billing("report", ID, "--format", "csv").out))
    return {line["reference"]: (line["status"], line["payment_intent"]) for line in report}


def test_a_lost_ledger_is_rebuilt_and_the_next_run_charges_nobody(billing, rehearsal, charged):
    before, books = statuses(billing), rehearsal.ask("books")
    lose(billing)
    ended = billing(*REBUILD, *JSON)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert (found["counts"], found["totals"]) == (charged["counts"], charged["totals"])
    assert (found["intents_of_run"], found["without_intent"]["items"], found["orphans"]) == (30, 0, [])
    assert statuses(billing) == before
    assert billing("ledger", "verify").code == 0
    again = json.loads(billing(*CHARGE).out)
    assert (again["counts"], again["requests"]["sent"]) == (charged["counts"], 0)
    assert rehearsal.ask("books") == books


def test_what_the_next_run_will_charge_is_said_in_capitals(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    billing(*CHARGE, "--limit", "25")
    lose(billing)
    ended = billing(*REBUILD)
    assert ended.code == 0, ended.err
    assert "5 items without any intent WILL BE CHARGED by the next run" in ended.out
    assert "listed from 2026-10-01 on: 25 intents, 25 of this run" in ended.out
    assert ended.out.splitlines()[-1] == f"Next: billing run rehearsal.csv --run {ID} --rate 200"
    assert "since 2026-10-01" in ended.err
    again = json.loads(billing(*CHARGE).out)
    assert again["counts"]["pending"] == 0
    assert len(rehearsal.ask("books")["intents"]) == 30


def test_a_complete_run_is_told_and_nothing_is_sent(billing, rehearsal, charged):
    ended = billing(*REBUILD)
    assert (ended.code, "nothing to rebuild" in ended.out) == (0, True)
    found = json.loads(billing(*REBUILD, *JSON).out)
    assert (found["rebuilt"], found["requests"]["sent"]) == (False, 0)


def test_a_wrong_file_is_refused_with_its_lines_and_the_run_stays_closed(billing, rehearsal, charged):
    sheet = billing.folder / "rehearsal.csv"
    right = sheet.read_text()
    lose(billing)
    lines = right.splitlines(keepends=True)
    sheet.write_text("".join([lines[0], *(line.replace("Item", "Lesson") for line in lines[1:3]), *lines[4:]]))
    ended = billing(*REBUILD)
    assert ended.code == 3
    problems = [line.split(" ")[0] for line in ended.err.splitlines() if line.startswith("rehearsal.csv")]
    assert problems == [
        "rehearsal.csv:2:1:", "rehearsal.csv:3:1:", "rehearsal.csv:",
    ]  # fmt: skip
    sheet.write_text(right)
    before = rehearsal.ask("books")
    closed = billing(*CHARGE)
    assert closed.code == 6
    assert "billing ledger rebuild" in closed.err
    assert rehearsal.ask("books") == before
    assert billing(*REBUILD).code == 0
    assert billing(*CHARGE).code in (4, 5)
    assert rehearsal.ask("books") == before


@pytest.mark.parametrize("rehearsal", [SLOW], indirect=True)
def test_a_killed_rebuild_keeps_the_run_closed_and_the_same_command_completes_it(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    billing(*CHARGE)
    books = rehearsal.ask("books")
    lose(billing)
    process = billing.start(*REBUILD)
    wait_for_ledger(billing)
    send_signal(process, signal.SIGKILL)
    process.communicate(timeout=10)
    closed = billing(*CHARGE)
    assert (closed.code, "billing ledger rebuild" in closed.err) == (6, True)
    assert billing(*REBUILD).code == 0
    billing(*CHARGE)
    assert rehearsal.ask("books") == books


def wait_for_ledger(billing) -> None:
    """Wait until the rebuild has written down that it was begun; with answers this slow it is still looking then."""
    end = time.monotonic() + 30
    while b"rebuild_begun" not in b"".join(path.read_bytes() for path in billing.folder.glob("billing.db*")):
        assert time.monotonic() < end, "it was never begun"
        time.sleep(0.02)


WRONG = (
    (("--since", "yesterday"), "no day such as"),
    (("--since", "2999-01-01"), "--since"),
    (("--run", "rehearsal-2026-q4"), "is no month"),
    (("--skip-account", "acct_nobody"), "no item of the file"),
)


def test_wrong_flags_send_nothing_and_leave_the_run_open_and_real_money_needs_live_said(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    for flags, says in WRONG:
        ended = billing(*REBUILD, *flags)
        assert (ended.code, says in ended.err) == (2, True), ended.err
    assert billing(*CHARGE, "--limit", "1").code in (0, 4, 5)
    billing.environ = {"HOME": billing.environ["HOME"], "STRIPE_API_KEY": "sk_live_rehearsal12345678"}
    (billing.folder / "live.yaml").write_text(
        "version: 1\nrun: {name: rehearsal, period: current}\nmode: live\nsource: {csv: rehearsal.csv}\n"
    )
    ended = billing("ledger", "rebuild", "live.yaml", "--late")
    assert (ended.code, "--live" in ended.err) == (2, True)
