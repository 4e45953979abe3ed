"""`billing explain` tells the life of one line: as text, as JSON, in which run, and what it says when there is none."""

import json
import re
import shlex
import signal
from itertools import pairwise
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from cli_tools import ID, KEY, RUN, send_signal, wait_until

DAYS = 12 * 86_400
SLOW = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.3}\n"


def told(billing, *args: str) -> dict:
    ended = billing("explain", *args, "--output", "json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def lines_of(billing) -> list[dict]:
    return json.loads(billing("report", ID, "--format", "json").out)


def references(billing, status: str = "") -> list[str]:
    return [line["input"]["reference"] for line in lines_of(billing) if status in ("", line["status"])]


def test_every_line_of_a_run_is_explained_and_says_what_the_report_says(finished):
    statuses = set()
    for line in lines_of(finished.billing):
        reference = line["input"]["reference"]
        story = told(finished.billing, reference)
        assert story["head"]["status"] == line["status"]
        assert story["answer"][0].startswith("Paid on ") == (line["status"] == "succeeded")
        statuses.add(line["status"])
        shown = finished.billing("explain", reference)
        assert (shown.code, shown.err) == (0, "")
        assert all(len(row) <= 80 or row.startswith("    billing ") for row in shown.out.splitlines())
    assert len(statuses) > 2


def test_each_command_that_it_names_can_be_pasted(finished):
    named = set()
    for reference in references(finished.billing):
        named |= set(re.findall(r"^    billing (.*)$", finished.billing("explain", reference).out, re.MULTILINE))
    assert any(command.startswith("retry ") for command in named)
    for command in named:
        ended = finished.billing(*shlex.split(command))
        assert ended.code not in (1, 2), (command, ended.err)


def test_the_record_behind_each_step_is_shown_when_it_is_asked_for(finished):
    reference = references(finished.billing, "succeeded")[0]
    plain, full = (finished.billing("explain", reference, *more).out for more in ((), ("--record",)))
    assert "item_planned" not in plain
    assert "#" in full
    assert all(f" {name}" in full for name in ("item_planned", "prepared", "confirm_started", "charge_succeeded"))
    assert re.search(r"req_\w+", full)
    assert re.search(r"by \w+@\w+", full)


def test_a_reference_that_is_not_there_is_wrong_usage_and_names_those_that_are_near(finished):
    reference = references(finished.billing)[0]
    ended = finished.billing("explain", reference + "x")
    assert (ended.code, ended.out) == (2, "")
    assert reference in ended.err
    assert finished.billing("explain", reference, "--run", "coaching-2020-01").code == 2
    assert told(finished.billing, reference, "--run", ID)["head"]["run"] == ID


def test_the_id_of_a_payment_is_as_good_as_its_reference(finished):
    story = told(finished.billing, references(finished.billing, "succeeded")[0])
    assert told(finished.billing, story["head"]["payment"]) == story


@pytest.mark.parametrize("rehearsal", [SLOW], indirect=True)
def test_a_line_can_be_explained_while_its_run_goes_on(billing, rehearsal):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    process = billing.start("run", "rehearsal.csv", *RUN, "--yes", "--rate", "4")
    wait_until(lambda: len(rehearsal.ask("books")["intents"]) > 3)
    stories = [told(billing, reference) for reference in references(billing)[:6]]
    assert process.poll() is None, "the run was over before anything was asked"
    send_signal(process, signal.SIGKILL)
    process.communicate(timeout=30)
    events = {record["event"] for each in stories for step in each["steps"] for record in step["record"]}
    assert "prepare_started" in events
    assert all(step["at"] <= later["at"] for each in stories for step, later in pairwise(each["steps"]))


@pytest.fixture
def charged(billing, rehearsal):
    """The command beside a sandbox, after a run whose money is in the bank."""
    billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_RECONCILE_RATE": "500"}
    billing("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200")
    rehearsal.ask("clock", {"advance_seconds": DAYS})
    billing("settle", "--rate", "200")
    return billing


def test_what_a_comparison_found_and_what_another_run_gave_back_is_part_of_the_story(charged, rehearsal):
    first, second, third, *_ = references(charged, "succeeded")
    payments = {reference: told(charged, reference)["head"] for reference in (first, second)}
    charge = {row["intent"]: row for row in rehearsal.ask("books")["intents"]}[payments[first]["payment"]]
    outside = _give_back(rehearsal, charge)
    charged("reverse", ID, "--fee", "keep", "--only", second, "-o", "undo.csv")
    charged("run", "undo.csv", "--run", "undo-2026-11", "--yes", "--rate", "200")
    rehearsal.ask("clock", {"advance_seconds": DAYS})
    before = told(charged, third)
    assert before["money"]["reconciled"] == ""
    assert "once" not in before["answer"][0]
    charged("reconcile", ID)
    after = told(charged, third)
    assert after["answer"][0].startswith("Paid once, on ")
    sums = {row["code"]: row["amount"] for row in after["money"]["rows"]}
    assert sums.pop("net") == sum(sums.values())

    story = told(charged, first)
    assert "outside of this program" in story["answer"][0]
    found = next(step for step in story["steps"] if step["title"].startswith("Refunded outside of this program: "))
    assert (found["record"], found["ids"]) == ([], [outside])

    story = told(charged, second)
    assert re.match(r"Paid once, on .* Given back on ", story["answer"][0])
    assert story["head"]["run"] == ID
    assert {record["run"] for step in story["steps"] for record in step["record"]} == {ID, "undo-2026-11"}
    undo = told(charged, second, "--run", "undo-2026-11")
    assert undo["answer"][0].startswith("Refunded on ")
    assert undo["beside"][0]["command"] == f"billing explain {second} --run {ID}"


def test_every_report_says_what_another_run_gave_back_of_what_it_calls_paid(charged):
    of_that = re.compile(r"[Oo]f that given back: +(1 line)\W+([A-Z]{3} [\d.,]+\d)")
    before = charged("report", ID, "--format", "html").out
    charged("reverse", ID, "--fee", "keep", "--only", references(charged, "succeeded")[0], "-o", "undo.csv")
    charged("run", "undo.csv", "--run", "undo-2026-11", "--yes", "--rate", "200")
    ended = [charged("report", ID, "--format", name) for name in ("html", "md")] + [charged("status", ID)]
    found = [of_that.search(each.out) for each in ended]
    assert all(found)
    assert len({each.groups() for each in found}) == 1
    assert not of_that.search(before)
    only = charged("report", ID, "--format", "html", "--status", "succeeded").out
    assert not of_that.search(only)


def _give_back(rehearsal, paid: dict) -> str:
    """Refund a payment in the Dashboard, as somebody with access to the account may."""

    body = urlencode({"payment_intent": paid["intent"]}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Account": paid["account"]}
    with urlopen(Request(f"{rehearsal.url}/v1/refunds", data=body, headers=headers), timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())["id"]
