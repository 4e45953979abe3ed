"""A card changes on the platform: `billing sync` as a person and a schedule use it, beside a sandbox as a process."""

import csv
import json
import subprocess
import sys
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from cli_tools import KEY, everything_written, on_a_terminal

from tests.conftest import clean_environment

PAYERS = 3
RUN = ("run", "members.csv", "--run", "members-2026-11", "--yes", "--rate", "200", "--output", "json")
SHEET = "reference,customer,account,amount,currency,interval,product\n"


class Platform:
    """What happens on the platform beside the command."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.payers: list[str] = []

    def post(self, path: str, **params: str) -> dict:
        request = Request(  # noqa: S310  loopback
            self.url + path, urlencode(params).encode(), {"Authorization": f"Bearer {KEY}"}, method="POST"
        )
        with urlopen(request, timeout=10) as answer:  # noqa: S310  the same
            return json.loads(answer.read())

    def new_card(self, payer: str, card: str) -> None:
        saved = self.post(f"/v1/payment_methods/{card}/attach", customer=payer)["id"]
        self.post(f"/v1/customers/{payer}", **{"invoice_settings[default_payment_method]": saved})


@pytest.fixture
def members(billing, rehearsal) -> Platform:
    """Three payers on two accounts, subscribed by a run."""
    platform = Platform(rehearsal.url)
    with (billing.folder / "rehearsal.csv").open(encoding="utf-8") as sheet:
        accounts = sorted({row["account"] for row in csv.DictReader(sheet)})
    lines = []
    for number in range(PAYERS):
        payer = platform.post("/v1/customers", name="Wilhelmina Canary", email="canary@example.com")["id"]
        platform.new_card(payer, "pm_card_visa")
        platform.payers.append(payer)
        lines.append(f"M-{number},{payer},{accounts[number % 2]},20.00,USD,month,Membership\n")
    (billing.folder / "members.csv").write_text(SHEET + "".join(lines))
    billing.environ |= {"STRIPE_API_KEY": KEY}
    ended = billing(*RUN)
    assert (ended.code, json.loads(ended.out)["counts"]["succeeded"]) == (0, PAYERS), ended.err
    return platform


def test_a_changed_card_is_told_asked_about_and_brought_in_step(billing, members):
    fine = billing("sync", "--check")
    assert (fine.code, fine.out) == (0, "All of 3 links are in step.\n")
    assert billing("sync", "--yes").code == 0
    members.new_card(members.payers[0], "pm_card_mastercard")
    members.post(f"/v1/customers/{members.payers[1]}", name="Canary Other")
    told = billing("sync", "--check")
    assert told.code == 4
    assert "2 customers, 2 links on 2 accounts: re-clone 1, update name 1" in told.out
    assert told.out.rstrip().endswith("billing sync")
    code, shown = on_a_terminal(billing, "sync", question="Type yes:", reply="no")
    assert code == 2
    assert "2 customers, 2 links on 2 accounts" in shown
    code, shown = on_a_terminal(billing, "sync", question="Sync 2 lines in test mode? Type yes:", reply="yes")
    assert code == 0, shown
    assert "in step" in shown
    assert billing("sync", "--check").code == 0
    assert b"canary" not in everything_written(billing.folder).lower().replace(b"_canary", b"")


def test_a_program_and_a_schedule_read_what_was_found_and_a_second_sync_finds_nothing(billing, members):
    billing("sync", "--yes")
    for payer in members.payers:
        members.new_card(payer, "pm_card_amex")
    drifted = job(billing)
    assert (drifted.returncode, json.loads(drifted.stdout)["needs"]) == (4, {"clone": 3})
    ended = billing("sync", "--yes", "--output", "json")
    found = json.loads(ended.out)
    assert (ended.code, found["exit_code"], found["counts"]["succeeded"]) == (0, 0, 3)
    assert found["sync"]["needs"] == {"clone": 3}
    again = json.loads(billing("sync", "--yes", "--output", "json").out)
    assert (again["sync"]["in_step"], again["sync"]["looked_at"]) == (True, 0)
    full = job(billing, "--full")
    told = json.loads(full.stdout)
    assert (full.returncode, told["in_step"], told["looked_at"], told["everybody"]) == (0, True, 3, True)
    rows = list(csv.DictReader(billing("report", found["run"], "--format", "csv").out.splitlines()))
    assert [(row["status"], row["change"]) for row in rows] == [("succeeded", "payment method")] * 3
    assert all(row["connected_customer"].startswith("cus_") and row["copy"].startswith("pm_") for row in rows)


def job(billing, *args: str) -> subprocess.CompletedProcess[str]:
    environ = clean_environment(**billing.environ)
    command = [sys.executable, "-m", "jobs.sync_check", *args]
    return subprocess.run(
        command, cwd=billing.folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_a_sync_that_could_not_read_an_account_says_the_exit_code_that_it_ends_with(billing, members, rehearsal):
    billing("sync", "--yes")
    for payer in members.payers:
        members.new_card(payer, "pm_card_mastercard")
    with (billing.folder / "members.csv").open(encoding="utf-8") as sheet:
        account = next(csv.DictReader(sheet))["account"]
    rehearsal.ask("accounts", {"account": account, "connected": False})
    ended = billing("sync", "--yes")
    assert ended.code == 5, ended
    assert "Ended with exit 5" in ended.out
    assert "Ended with exit 0" not in ended.out


def test_without_a_ledger_there_is_nothing_to_keep_in_step_and_none_is_made(billing):
    billing.environ |= {"STRIPE_API_KEY": KEY}
    missing = billing("sync", "--yes")
    assert missing.code == 2
    assert "ledger" in missing.err
    assert not list(billing.folder.glob("*.db"))
