"""What the commands that only look say about a finished run."""

import csv
import io
import json
import re
import socket

import pytest
from cli_tools import ID, KEY, RUN, on_a_terminal, read_line

OURS = (
    ",line,status,reason_code,reason,what_to_do,payment_intent,charge,clone,attempts,first_try,last_try,next_try,"
    "amount_charged,stripe_fee,application_fee_charged,net,settlement_currency,payout,request_id,run"
)


def test_every_input_line_comes_back_once_in_order_with_the_columns_of_the_contract(finished):
    folder = finished.billing.folder
    ended = finished.billing("report", ID, "--format", "csv", "-o", "report.csv")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "report.csv: written, 30 lines and a header\n"
    assert (folder / "report.csv").stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO((folder / "report.csv").read_text(encoding="utf-8-sig"))))
    given = list(csv.DictReader(io.StringIO((folder / "rehearsal.csv").read_text())))
    assert [row["reference"] for row in rows] == [row["reference"] for row in given]
    assert ",".join(rows[0]) == ",".join(given[0]) + OURS
    paid = [row for row in rows if row["status"] == "succeeded"]
    assert len(paid) == finished.summary["counts"]["succeeded"]
    assert all(row["amount_charged"] == row["amount"] and row["charge"] for row in paid)
    as_json = json.loads(finished.billing("report", ID, "--format", "json").out)
    assert [line["status"] for line in as_json] == [row["status"] for row in rows]


def test_the_suffix_decides_the_format_and_a_clash_is_wrong_usage(finished):
    billing, folder = finished.billing, finished.billing.folder
    assert billing("report", ID, "-o", "by-suffix.json").code == 0
    assert len(json.loads((folder / "by-suffix.json").read_text())) == 30
    assert billing("report", ID, "-o", "by-suffix.csv").code == 0
    assert (folder / "by-suffix.csv").read_bytes().startswith(b"\xef\xbb\xbfreference,")
    assert billing("report", ID, "--format", "csv", "-o", "no-mark.csv", "--no-bom").code == 0
    assert (folder / "no-mark.csv").read_bytes().startswith(b"reference,")
    for wrong in (
        ["-o", "x.json", "--format", "csv"], ["-o", "x.pdf"], ["-o", "x"], ["--status", "paid"],
        ["--decimal", "dot"], ["--delimiter", "||"],
    ):  # fmt: skip
        refused = billing("report", ID, *wrong)
        assert (refused.code, refused.out) == (2, ""), wrong
    assert not list(folder.glob("x*"))


def test_a_report_on_stdout_is_for_programs_unless_a_mark_is_asked_for(finished):
    assert finished.billing("report", ID, "--format", "csv").out.startswith("reference,")
    assert finished.billing("report", ID, "--format", "csv", "--bom").out.startswith("\ufeffreference,")
    assert finished.billing("report", ID, "--format", "csv", "--decimal", "comma").out.startswith("reference;")


def test_the_report_for_a_person_ties(finished):
    assert "Totals agree with the sheet." in finished.billing("report", ID).out


def test_resolve_settle_and_a_repeated_run_send_nothing_that_changes_anything(finished):
    intents = finished.rehearsal.ask("books")["intents"]
    for verb in ("resolve", "settle"):
        everything, one = finished.billing(verb), finished.billing(verb, ID)
        assert (everything.code, one.code) == (4, 4)
    assert finished.billing("run", "rehearsal.csv", *RUN, "--yes").code == finished.code
    assert finished.rehearsal.ask("books")["intents"] == intents


def test_status_lists_runs_and_shows_one(finished):
    assert ID in finished.billing("status").out
    one = json.loads(finished.billing("status", ID, "--output", "json").out)
    assert one["counts"] == finished.summary["counts"]
    assert finished.billing("status", "other-2026-11").code == 2


def test_the_ledger_can_be_verified_and_read(finished):
    verified = json.loads(finished.billing("ledger", "verify", "--output", "json").out)
    assert verified["sound"]
    assert [head["mac"] for head in verified["heads"].values()] == [verified["head"]]
    lines = finished.billing("ledger", "events", "--reference", "INV-00001", "--output", "json").out.splitlines()
    names = [json.loads(line)["name"] for line in lines]
    assert names[:4] == ["item_planned", "prepare_started", "prepared", "confirm_started"]


def test_entries_are_written_for_people_with_references_amounts_and_who_ran_it(finished):
    lines = finished.billing("ledger", "events").out.splitlines()
    assert lines[0].split() == ["entry", "at", "(UTC)", "run", "event", "reference", "amount", "facts"]
    planned = next(line for line in lines if "item_planned" in line and "INV-00001" in line)
    assert re.search(r"  (EUR|USD|GBP) +[0-9,]+\.[0-9]{2}  ", planned)
    (started,) = (line for line in lines if "run_started" in line)
    assert re.search(rf"  by=\S+@{re.escape(socket.gethostname())} pid=[0-9]+", started)
    entries = [json.loads(line) for line in finished.billing("ledger", "events", "--output", "json").out.splitlines()]
    assert len(entries) == len(lines) - 1
    item = next(entry for entry in entries if entry["reference"] == "INV-00001")
    assert item["amount"] > 0
    assert item["currency"] in {"eur", "usd", "gbp"}
    assert set(item) == {
        "seq", "at", "name", "run_id", "item", "attempt", "facts", "mac", "reference", "amount", "currency", "ver",
        "chain",
    }  # fmt: skip


def test_a_reader_that_leaves_early_changes_nothing(finished):
    process = finished.billing.start("ledger", "events")
    assert re.match(r" +entry +at \(UTC\)", read_line(process))
    assert re.match(r" +1 ", read_line(process))
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_log_lines_are_json_events_about_items(finished):
    events = [json.loads(line) for line in finished.logged.splitlines() if line.startswith("{")]
    moved = [event for event in events if event["event"] == "item_moved"]
    assert {"run", "reference", "account", "attempt", "request_id", "timestamp"} <= set(moved[0])


def test_a_run_with_json_logs_writes_json_alone_and_tells_its_start_its_plan_and_its_end(finished):
    told = [json.loads(line) for line in finished.logged.splitlines()]
    events = [each["event"] for each in told]
    assert events.index("job_started") < events.index("plan")
    assert events[-1] == "job_finished"
    assert "plan" in events
    assert events.index("plan") < events.index("item_moved")
    start, plan, end = told[events.index("job_started")], told[events.index("plan")], told[-1]
    assert (start["run"], start["mode"], start["ledger"]) == (ID, "test", "sqlite:///billing.db")
    assert plan["digest"] == finished.summary["plan_digest"]
    assert (plan["lines"], end["exit_code"]) == (30, finished.code)
    assert end["counts"] == {name: count for name, count in finished.summary["counts"].items() if count}


def test_a_question_with_json_logs_is_an_event_and_lines_left_out_are_told(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    sheet = billing.folder / "rehearsal.csv"
    head, first, *_ = sheet.read_text().splitlines()
    account = head.split(",").index("account")
    cells = first.split(",")
    cells[account] = "acct_1NobodyKnowsThisOne"
    sheet.write_text("\n".join([head, first.replace("INV-00001", "INV-A"), ",".join(cells)]) + "\n")
    args = ("run", "rehearsal.csv", *RUN, "--log-format", "json")
    code, shown = on_a_terminal(billing, *args, question='"question"', reply="yes")
    lines = [line for line in shown.splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in lines]
    assert "question" in [each["event"] for each in told]
    (left_out,) = [each for each in told if each["event"] == "line_left_out"]
    assert (left_out["line"], left_out["reason_code"], bool(left_out["what_to_do"])) == (3, "account_unknown", True)
    assert code == 4


@pytest.mark.parametrize("name", ["again.csv", "again.json", "again.txt", "again.md"])
def test_a_report_goes_over_an_older_one_and_over_nothing_else(finished, name):
    billing, folder = finished.billing, finished.billing.folder
    by_account = ["--by-account"] if not name.endswith("md") else []
    for flags in ([], by_account, ["--status", "failed"], by_account, []):
        assert billing("report", ID, "-o", name, *flags).code == 0, flags
    (folder / "rehearsal.txt").write_bytes((folder / "rehearsal.csv").read_bytes())
    for other in ("rehearsal.csv", "rehearsal.txt", "billing.db"):
        before = (folder / other).read_bytes()
        assert billing("report", ID, "--format", "csv" if other.endswith("csv") else "text", "-o", other).code == 2
        assert (folder / other).read_bytes() == before


def test_several_outputs_are_written_at_once_and_the_same_place_twice_is_refused(finished):
    billing, folder = finished.billing, finished.billing.folder
    ended = billing("report", ID, "-o", "both.csv", "-o", "both.json", "-o", "-", "--format", "csv")
    assert (ended.code, ended.out) == (2, "")
    ended = billing("report", ID, "-o", "both.csv", "-o", "both.json", "-o", "-")
    assert ended.code == 0
    assert ended.out.startswith(f"Run {ID}: ")
    assert len(json.loads((folder / "both.json").read_text())) == 30
    assert (folder / "both.csv").read_text().count("\n") == 31
    assert billing("report", ID, "-o", "both.csv", "-o", "both.csv").code == 2


def test_every_report_says_which_lines_were_asked_for_and_that_there_are_none(finished):
    billing, folder = finished.billing, finished.billing.folder
    for form in ("text", "csv", "json", "md"):
        for flags in ([], ["--by-account"]) if form != "md" else ([],):
            ended = billing("report", ID, "--reference", "INV-0000?", "--format", form, *flags)
            assert ended.code == 0
            told = (ended.out + ended.err).replace("*", "").replace("`", "")
            assert "Only lines of reference INV-0000?\n" in told
    nothing = billing("report", ID, "--account", "acct_absent", "-o", "nothing.csv")
    assert nothing.code == 0
    assert nothing.err.endswith(f"Only lines of account acct_absent\n{ID} has no line of account acct_absent\n")
    assert (folder / "nothing.csv").read_text().count("\n") == 1
    assert "did you mean succeeded?" in billing("report", ID, "--status", "paid").err


def test_a_report_in_markdown_goes_to_stdout_and_names_what_can_be_typed_next(finished):
    ended = finished.billing("report", ID, "--format", "md")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"## `{ID}` · charges · **TEST**\n")
    assert f"\nbilling report {ID} --out report.csv\n```\n" in ended.out
    assert finished.billing("report", ID, "--format", "md", "--by-account").code == 2


def test_statements_are_written_into_a_folder_of_their_own_and_over_nothing_else(finished):
    billing, folder = finished.billing, finished.billing.folder
    ended = billing("report", ID, "--per-account", "statements", "-o", "beside.csv")
    assert (ended.code, ended.out) == (0, "")
    assert "statements: written, 4 statements as a page and a CSV each" in ended.err
    assert ended.err.endswith(f"so fees and payouts are not known. Next: billing reconcile {ID}\n")
    assert len([*(folder / "statements").glob("acct_*.html")]) == 4
    assert (folder / "beside.csv").is_file()
    assert billing("report", ID, "--per-account", "statements").code == 0
    for wrong in (
        ["--per-account", "."], ["--per-account", "rehearsal.csv"], ["--per-account", "new", "--status", "failed"],
        ["--per-account", "new", "--by-account"], ["--per-account", "new", "--format", "html"],
    ):  # fmt: skip
        assert billing("report", ID, *wrong).code == 2, wrong
    assert not (folder / "new").exists()
