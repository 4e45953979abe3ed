"""`billing collect` is killed while an invitation is made: the payer gets one all the same, and never a second one."""

import json
import signal
import threading
import time
from contextlib import suppress
from http.client import HTTPException
from urllib.request import Request, urlopen

import pytest

from tests.conftest import Billing

KEY, RUN = "sk_test_killedpage1234567", "members-2026-12"
BLOWS = (0.15, 0.4, 0.65, 0.9)  # seconds after the click; one request of the sandbox takes about a quarter of one
SHEET = "reference,email\n" + "".join(f"MEM-{n},payer{n}@payer.example\n" for n in range(len(BLOWS)))


@pytest.fixture
def members(billing: Billing, free_port: int):
    """Payers who wait for their click, on a sandbox that takes its time."""
    page = f"http://127.0.0.1:{free_port}"
    (billing.folder / "members.csv").write_text(SHEET)
    (billing.folder / "sandbox.yaml").write_text("latency: {median_seconds: 0.25, sigma: 0.01}\n")
    sandbox = billing.start("sandbox", "--port", "0", "--config", "sandbox.yaml")
    billing.environ |= {
        "BILLING_API_BASE": sandbox.stdout.readline().strip().removeprefix("export BILLING_API_BASE="),
        "STRIPE_API_KEY": KEY,
        "STRIPE_PUBLISHABLE_KEY": "pk_test_killedpage1234567",
        "BILLING_COLLECT_PUBLIC_URL": page,
        "BILLING_COLLECT_LISTEN": page.removeprefix("http://"),
        "BILLING_COLLECT_BUSINESS": "Northwind Coaching",
        "BILLING_COLLECT_SUPPORT": "billing@northwind.example",
    }
    assert billing("run", "members.csv", "--run", RUN, "--yes").code == 5
    assert billing("report", RUN, "-o", "report.json").code == 0
    yield [row["link"] for row in json.loads((billing.folder / "report.json").read_text())]
    sandbox.terminate()
    sandbox.communicate(timeout=10)


def clicked(link: str) -> dict[str, str]:
    """Ask as the form's script does."""
    headers = {"Content-Type": "application/json", "X-Collect": "1", "Origin": link.partition("/s/")[0]}
    with urlopen(Request(f"{link}/open", b"{}", headers), timeout=30) as got:  # noqa: S310  loopback
        return json.loads(got.read())


def lost_click(link: str) -> None:
    with suppress(OSError, HTTPException):
        clicked(link)


def served(billing: Billing):
    process = billing.start("collect")
    assert process.stdout.readline().startswith("The page of payers is open")
    return process


def test_a_page_that_is_killed_while_it_makes_an_invitation_makes_no_second_one(billing, members, record_property):
    secrets = []
    for link, after in zip(members, BLOWS, strict=True):
        process = served(billing)
        click = threading.Thread(target=lost_click, args=(link,))
        click.start()
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        click.join()
    process = served(billing)
    secrets = [clicked(link)["client_secret"] for link in members]
    process.terminate()
    process.communicate(timeout=30)
    url = billing.environ["BILLING_API_BASE"] + "/v1/setup_intents?limit=100"
    with urlopen(Request(url, headers={"Authorization": f"Bearer {KEY}"}), timeout=10) as got:  # noqa: S310  loopback
        made = [each["client_secret"] for each in json.loads(got.read())["data"]]
    assert sorted(made) == sorted(secrets)
    assert billing("ledger", "verify").code == 0
    record_property("evidence", f"page of payers: killed {len(BLOWS)} times at a click, 0 second invitations")
