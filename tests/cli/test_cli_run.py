"""The commands against a real sandbox over a real socket."""

import csv
import io
import json
import signal

import pytest
from cli_tools import ID, KEY, RUN, SANDBOX, on_a_terminal, send_signal, wait_until

SLOW = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.4}\n"
TROUBLE = SANDBOX + (
    "chances: {kinds: {lost_before: 0.03, lost_after: 0.05, stored_500_done: 0.02, stored_500_undone: 0.02, "
    "rate_limited: 0.02}}\n"
)


@pytest.fixture
def ready(billing, rehearsal):
    """The command with a key, beside a sandbox."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    return billing


def run_json(ready, *more):
    ended = ready("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200", "--output", "json", *more)
    return ended, json.loads(ended.out)


def test_a_plan_sends_nothing_that_changes_anything(ready, rehearsal):
    ended = ready("plan", "rehearsal.csv", *RUN, "--rate", "200")
    assert ended.code == 0
    assert "30 lines" in ended.out
    assert "Nothing was sent." in ended.out
    assert rehearsal.ask("books")["intents"] == []


@pytest.mark.parametrize("rehearsal", [TROUBLE], indirect=True)
def test_a_run_survives_faults_and_its_summary_ties_with_the_report_and_with_the_provider(ready, rehearsal):
    ended, found = run_json(ready)
    assert ended.code == found["exit_code"]
    assert found["format_version"] == "1.0"
    assert set(found) >= {"run", "mode", "plan_digest", "started_at", "finished_at", "items", "requests", "ledger_head"}
    assert list(found["counts"]) == [
        "succeeded", "processing", "declined", "needs_customer", "unknown", "failed", "skipped", "pending", "parked",
    ]  # fmt: skip
    assert sum(found["counts"].values()) == found["items"] == 30
    for by_group in found["totals"].values():
        assert by_group["planned"] == sum(value for name, value in by_group.items() if name != "planned")
    books = rehearsal.ask("books")
    assert books["doubles"] == []
    assert sum(intent["paid"] for intent in books["intents"]) == found["counts"]["succeeded"]
    taken = {
        code: sum(each["taken"] for each in books["intents"] if each["currency"] == code) for code in found["totals"]
    }
    assert taken == {code: by_group.get("succeeded", 0) for code, by_group in found["totals"].items()}


def test_the_same_command_again_charges_nothing(ready, rehearsal):
    first, before = run_json(ready)
    intents = rehearsal.ask("books")["intents"]
    again, after = run_json(ready)
    assert again.code == first.code
    assert after["counts"] == before["counts"]
    assert rehearsal.ask("books")["intents"] == intents


def test_a_saved_plan_runs_exactly_itself(ready, rehearsal):
    assert ready("plan", "rehearsal.csv", *RUN, "--rate", "200", "-o", "plan.json").code == 0
    assert (ready.folder / "plan.json").stat().st_mode & 0o777 == 0o600
    ended = ready("run", "plan.json", "--yes", "--rate", "200", "--output", "json")
    saved = json.loads((ready.folder / "plan.json").read_text())
    assert json.loads(ended.out)["plan_digest"] == saved["plan_digest"]


def test_a_saved_plan_of_a_file_that_changed_is_stale(ready, rehearsal):
    ready("plan", "rehearsal.csv", *RUN, "--rate", "200", "-o", "plan.json")
    sheet = ready.folder / "rehearsal.csv"
    sheet.write_text("\n".join(sheet.read_text().splitlines()[:-1]) + "\n")
    ended = ready("run", "plan.json", "--yes")
    assert ended.code == 9
    assert rehearsal.ask("books")["intents"] == []


def test_an_edited_amount_of_a_planned_item_is_refused_with_both_values(ready, rehearsal):
    run_json(ready, "--limit", "3")
    sheet = ready.folder / "rehearsal.csv"
    lines = sheet.read_text().splitlines()
    amount = next(csv.DictReader(io.StringIO("\n".join(lines[:2]))))["amount"]
    lines[1] = lines[1].replace(f",{amount},", ",999.99,", 1)
    sheet.write_text("\n".join(lines) + "\n")
    intents = rehearsal.ask("books")["intents"]
    ended = ready("run", "rehearsal.csv", *RUN, "--yes")
    assert ended.code == 3
    assert amount in ended.err
    assert "999.99" in ended.err
    assert rehearsal.ask("books")["intents"] == intents


def test_a_limit_starts_so_many_and_the_next_run_goes_on(ready, rehearsal):
    _, first = run_json(ready, "--limit", "5")
    assert first["counts"]["pending"] == 25
    _, second = run_json(ready)
    assert second["counts"]["pending"] == 0


def test_only_and_exclude_choose_items(ready, rehearsal):
    _, found = run_json(ready, "--only", "INV-0000*", "--exclude", "INV-00003")
    assert found["counts"]["pending"] == 30 - 8


def test_declines_alone_can_be_called_good(ready, rehearsal):
    rehearsal.ask("faults", {})
    ended, found = run_json(ready)
    assert found["counts"]["declined"] + found["counts"]["needs_customer"] > 0
    assert ended.code == 4
    again, _ = run_json(ready, "--declines-ok")
    assert again.code == (5 if found["counts"]["processing"] else 0)


def test_a_second_runner_is_told_that_another_holds_the_ledger(ready, rehearsal):
    first = ready.start("run", "rehearsal.csv", *RUN, "--yes", "--rate", "3")
    wait_until(lambda: rehearsal.ask("books")["intents"])
    second = ready("run", "rehearsal.csv", *RUN, "--yes")
    assert second.code == 7
    assert f"pid {first.pid}" in second.err
    # Whoever only looks is not in the way, and finds nothing wrong with a ledger that is being written.
    for looking in (("plan", "rehearsal.csv", *RUN), ("doctor",), ("ledger", "verify"), ("status",)):
        ended = ready(*looking)
        assert (ended.code, "DAMAGED" in ended.out) == (0, False), ended.err
    assert first.poll() is None, "the run ended before it was looked at"
    send_signal(first, signal.SIGINT)
    first.communicate(timeout=60)


@pytest.mark.parametrize("rehearsal", [SLOW], indirect=True)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_cleanly_and_the_next_one_finishes_it(ready, rehearsal, number, code):
    process = ready.start("run", "rehearsal.csv", *RUN, "--yes", "--rate", "20", "--output", "json")
    wait_until(lambda: len(rehearsal.ask("books")["intents"]) > 3)
    send_signal(process, number)
    out, _ = process.communicate(timeout=60)
    found = json.loads(out)
    assert process.returncode == found["exit_code"] == code
    assert found["counts"]["unknown"] == 0
    assert found["counts"]["pending"] > 0
    _, after = run_json(ready)
    assert after["counts"]["pending"] == 0
    assert rehearsal.ask("books")["doubles"] == []


def test_a_refused_key_ends_with_8_and_nothing_is_sent(ready, rehearsal):
    rehearsal.ask("keys", {"revoke": [KEY]})
    ended = ready("run", "rehearsal.csv", *RUN, "--yes")
    assert ended.code == 8
    assert rehearsal.ask("books")["intents"] == []


def test_slow_payments_are_settled_later(ready, rehearsal):
    _, before = run_json(ready)
    assert before["counts"]["processing"] > 0
    assert ready("settle", ID, "--declines-ok").code == 5
    rehearsal.ask("clock", {"advance_seconds": 9 * 86400})
    ended = ready("settle", ID, "--output", "json")
    found = json.loads(ended.out)
    assert found["runs"][0]["counts"]["processing"] == 0
    assert ended.code == found["exit_code"] == 4
    again = json.loads(ready("settle", "--output", "json").out)
    assert [run["counts"] for run in again["runs"]] == [found["runs"][0]["counts"]]


def test_a_changed_ledger_is_noticed_and_nothing_is_sent_from_it(ready, rehearsal):
    import sqlite3

    run_json(ready, "--limit", "3")
    with sqlite3.connect(ready.folder / "billing.db") as conn:
        for (trigger,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            conn.execute(f"DROP TRIGGER {trigger}")
        conn.execute("UPDATE items SET amount = amount + 1")
    conn.close()
    assert ready("ledger", "verify").code == 6
    intents = rehearsal.ask("books")["intents"]
    assert ready("run", "rehearsal.csv", *RUN, "--yes").code == 6
    assert rehearsal.ask("books")["intents"] == intents


def test_doctor_finds_everything_well_and_leaves_no_trace(ready, rehearsal):
    ended = ready("doctor")
    assert ended.code == 0
    assert "fail" not in ended.out
    assert not (ready.folder / "billing.db").exists()


def test_a_webhook_hears_of_the_end_and_a_missing_one_changes_nothing(ready, rehearsal):
    ready.environ |= {"BILLING_NOTIFY_WEBHOOK": "env:NOWHERE"}
    ended, found = run_json(ready)
    assert ended.code == found["exit_code"]
    assert "notify_failed" in ended.err


def test_on_a_terminal_a_person_sees_the_plan_and_says_yes_or_no(ready, rehearsal):
    args = ("run", "rehearsal.csv", *RUN, "--rate", "200")
    code, shown = on_a_terminal(ready, *args, question="Type yes: ", reply="no")
    assert code == 2
    assert "30 lines" in shown
    assert "nothing was sent" in shown
    assert rehearsal.ask("books")["intents"] == []
    code, shown = on_a_terminal(ready, *args, question="Type yes: ", reply="yes")
    assert code == 4
    assert "100 %" in shown  # the bar
    assert "Totals agree with the sheet." in shown


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("not_after: 2020-01-31\n", 3),
        ("approval: {required_over: {USD: 1}, two_person: true}\n", 9),
        ("mode: live\n", 2),
    ],
)
def test_a_file_that_must_not_run_today_sends_nothing_that_changes_anything(ready, rehearsal, extra, code):
    text = f"version: 1\nrun: {{name: r, period: current}}\nsource: {{csv: rehearsal.csv}}\n{extra}"
    (ready.folder / "r.yaml").write_text(text)
    assert ready("run", "r.yaml", "--yes").code == code
    assert rehearsal.ask("books")["intents"] == []
