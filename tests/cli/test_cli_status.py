"""`billing status` says what is so: of a run under way, of one that was killed, of one that had nothing to charge."""

import json
import signal

import pytest
from cli_tools import ID, KEY, RUN, on_a_terminal, send_signal, wait_until

SLOW = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.3}\n"


@pytest.mark.parametrize("rehearsal", [SLOW], indirect=True)
def test_a_run_under_way_is_running_and_a_killed_one_is_stopped_and_no_longer_watched(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    process = billing.start("run", "rehearsal.csv", *RUN, "--yes", "--rate", "4")
    wait_until(lambda: len(rehearsal.ask("books")["intents"]) > 3)
    running = json.loads(billing("status", ID, "--output", "json").out)
    shown = billing("status", ID).out
    send_signal(process, signal.SIGKILL)
    process.communicate(timeout=30)
    assert (running["state"], running["running"]) == ("running", True)
    assert "running" in shown.splitlines()[0]
    assert f"run {ID} (pid {process.pid} on " in shown
    assert "billing resolve" not in shown
    assert "billing run" not in shown
    killed = json.loads(billing("status", ID, "--output", "json").out)
    assert (killed["state"], killed["running"], killed["eta_seconds"]) == ("stopped", False, None)
    assert 0 < killed["left"] < 30
    assert "stopped" in billing("status", "--watch").out
    code, drawn = on_a_terminal(billing, "status", ID, "--watch", question="", reply="")
    assert (code, "stopped" in drawn) == (0, True)
    listed = json.loads(billing("status", "--output", "json").out)
    assert [(each["run"], each["state"]) for each in listed] == [(ID, "stopped")]


def test_a_finished_run_shows_its_share_its_money_and_how_many_lines_need_a_person(finished):
    head, line, *_ = finished.billing("status").out.splitlines()
    assert head.split()[:4] == ["run", "state", "lines", "done"]
    counts = finished.summary["counts"]
    person = counts["declined"] + counts["needs_customer"] + counts["failed"] + counts["parked"] + counts["skipped"]
    assert line.split()[:7] == [ID, "test", "finished", "30", "100", "%", str(person)]
    shown = finished.billing("status", ID).out
    assert "Totals agree with the sheet." in shown
    assert f"billing settle {ID}" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_run_whose_lines_were_all_left_out_is_finished(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    lines = (billing.folder / "rehearsal.csv").read_text().splitlines()
    names = lines[0].split(",")
    cells = lines[1].split(",")
    cells[names.index("account")] = "acct_1NobodyKnowsThisOne"
    (billing.folder / "none.csv").write_text("\n".join([lines[0], ",".join(cells)]) + "\n")
    billing("run", "none.csv", *RUN, "--yes")
    assert json.loads(billing("status", ID, "--output", "json").out)["state"] == "finished"
    assert "1 left out" in billing("status", ID).out
    assert billing("report", ID).out.startswith(f"Run {ID}: finished, ")


def test_a_run_with_lines_left_is_not_said_to_be_finished(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    billing("run", "rehearsal.csv", *RUN, "--yes", "--limit", "2")
    assert json.loads(billing("status", ID, "--output", "json").out)["state"] == "not finished"
    assert billing("report", ID).out.startswith(f"Run {ID}: not finished, ")
