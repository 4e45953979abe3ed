"""`billing retry`: what is due and what is not, agreed to or not sent; whom to ask; methods refused all at once."""

import csv
import json

from cli_tools import ID

ASKED = ["reference", "customer", "account", "amount", "currency", "reason", "link", "link_valid_until"]


def test_where_nothing_is_due_nobody_is_asked_and_a_program_reads_why(finished):
    ended = finished.billing("retry", ID, "--output", "json", "--no-new-defaults")
    found = json.loads(ended.out)
    (only,) = found["retry"]
    assert (found["exit_code"], only["run"], only["tried"]["lines"]) == (ended.code, ID, 0)
    assert sum(row["lines"] for row in only["left"].values()) > 0
    assert found["runs"] == []


def test_whom_to_ask_is_a_sheet_and_without_a_page_it_says_what_to_set(finished):
    billing = finished.billing
    ended = billing("retry", ID, "--ask", "ask.csv")
    rows = list(csv.reader((billing.folder / "ask.csv").read_text(encoding="utf-8").splitlines()))
    assert (ended.code, rows[0]) == (0, ASKED)
    assert len(rows) - 1 == finished.summary["counts"]["needs_customer"]
    assert "collect.public_url" in ended.err
    assert billing("retry", ID, "--ask", "ask.csv").code == 0, "an older list gives way"
    assert billing("retry", ID, "--ask", "rehearsal.csv").code == 2, "nothing else does"
    assert billing("retry", "--ask", "-").code == 2, "the list is of one run"


def test_what_is_wrong_with_named_methods_is_told_at_once_with_its_line(finished):
    billing = finished.billing
    (billing.folder / "methods.csv").write_text("payment_method,reference\npm_1,INV-00001\ncard,INV-00002\n,\npm_2\n")
    ended = billing("retry", ID, "--methods", "methods.csv", "--method", "INV-00003", "--yes")
    assert ended.code == 3
    assert "methods.csv:3:1" in ended.err
    assert "methods.csv:5:1" in ended.err
    assert "INV-00003" in ended.err
    assert billing("retry", "--method", "INV-00001=pm_1", "--yes").code == 2, "a method is one run's"
    assert billing("retry", ID, "--methods", "nowhere.csv", "--yes").code == 2
