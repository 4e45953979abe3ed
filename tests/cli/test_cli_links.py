"""A run of subscriptions, listed and ended: by the real commands, beside a sandbox in a process of its own."""

import csv
import json

import pytest
from cli_tools import KEY

ID, FILE = "gym-2026-11", "gym.csv"
ENDS = "gym-cancellations-2026-11"
COLUMNS = ("reference", "customer", "account", "amount", "currency", "interval", "product")


SAID = {
    (): "has subscriptions, say --when now or --when period_end",
    ("--fee", "keep"): "has subscriptions, and --fee is not for them",
    ("--when", "later"): "now, period_end",
}
# How a run of subscriptions cannot be undone, and what is said of it.


def rows_of(billing, name: str) -> list[dict]:
    text = (billing.folder / name).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture
def subscribed(billing, rehearsal):
    """The command beside a sandbox, after some of its payers were subscribed."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    chosen = rows_of(billing, "rehearsal.csv")[:5]
    lines = [
        (f"GYM-{number}", row["customer"], row["account"], "29.00", "USD", "month", "Gym")
        for number, row in enumerate(chosen)
    ]
    (billing.folder / FILE).write_text("\n".join(",".join(line) for line in [COLUMNS, *lines]) + "\n")
    ended = billing("run", FILE, "--run", ID, "--yes", "--rate", "200")
    assert ended.code in (0, 4, 5), ended.err
    return billing


def linked(billing, *more: str) -> tuple[int, list[dict]]:
    ended = billing("links", "--output", "json", "--rate", "200", *more)
    return ended.code, json.loads(ended.out)


def test_every_link_is_listed_in_each_form_and_nothing_is_changed_by_it(subscribed, rehearsal):
    before = rehearsal.ask("books")
    code, rows = linked(subscribed)
    active = [row for row in rows if row["status"] == "active"]
    assert active
    assert code in (0, 4)
    assert {row["run"] for row in rows} == {ID}
    assert {row["state"] for row in active} <= {"succeeded", "unsettled"}
    text = subscribed("links", "--rate", "200").out
    assert all(row["subscription"] in text and row["customer"] in text for row in rows)
    table = list(csv.DictReader(subscribed("links", "--output", "csv", "--offline").out.splitlines()))
    assert [row["subscription"] for row in table] == [row["subscription"] for row in rows]
    assert {row["asked"] for row in table} == {"no"}
    one = active[0]
    assert {row["customer"] for row in linked(subscribed, "--customer", one["customer"])[1]} == {one["customer"]}
    assert {row["account"] for row in linked(subscribed, "--account", one["account"])[1]} == {one["account"]}
    assert linked(subscribed, "--customer", "cus_nobody", "--offline") == (0, [])
    assert rehearsal.ask("books") == before


def test_a_run_of_subscriptions_is_ended_by_the_file_that_reverse_writes(subscribed, rehearsal):
    for said, says in SAID.items():
        refused = subscribed("reverse", ID, *said, "-o", "end.yaml")
        assert (refused.code, says in refused.err) == (2, True), refused.err
    assert not (subscribed.folder / "end.yaml").exists()
    active = [row for row in linked(subscribed)[1] if row["state"] == "succeeded"]
    later = active[0]["reference"]
    for when, chosen in (("period_end", ("--only", later)), ("now", ("--clear-fee",))):
        written = subscribed("reverse", ID, "--when", when, *chosen, "-o", "end.yaml", "--output", "json")
        assert written.code == 0, written.err
        told = json.loads(written.out)
        assert (told["when"], told["totals"]) == (when, {})
        assert "cancel" in subscribed("plan", "end.yaml", "--rate", "200").out
        ran = subscribed("run", "end.yaml", "--yes", "--rate", "200", "--output", "json")
        found = json.loads(ran.out)
        assert (ran.code, found["counts"]["succeeded"]) == (0, told["items"]), ran.err
    rows = {row["reference"]: row for row in linked(subscribed)[1]}
    for row in active:
        now = rows[row["reference"]]
        assert (now["status"], bool(now["ends_at"])) == ("active" if row["reference"] == later else "canceled", True)
    again = subscribed("reverse", ID, "--when", "now", "-o", "end.yaml")
    assert (again.code, "lines ended already" in again.err) == (2, True)
    told = subscribed("report", ID).out
    assert f"of that ended: {len(active)} lines" in told
    assert "which renewals failed since: billing links" in told
    report = subscribed("report", ENDS, "-o", "report.csv")
    assert report.code == 0
    (told,) = rows_of(subscribed, "report.csv")
    assert (told["status"], told["subscription_status"], told["fee_cleared"]) == ("succeeded", "active", "")
    assert subscribed("ledger", "verify").code == 0


def test_a_ledger_without_subscriptions_says_so(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    billing("run", "rehearsal.csv", "--run", "rehearsal-2026-11", "--yes", "--rate", "200", "--limit", "1")
    ended = billing("links")
    assert (ended.code, ended.out) == (0, "Nobody is subscribed by a run of this ledger.\n")


def test_links_that_are_not_among_what_was_named_are_not_denied(subscribed):
    for named in (("--account", "acct_nowhere"), ("--customer", "cus_nobody")):
        ended = subscribed("links", "--offline", *named)
        assert (ended.code, ended.out) == (0, "No link is with what was named; billing links lists all.\n")
