"""`billing listen` as a process beside a sandbox that forwards to it: what it needs, says, does, and how it ends."""

import json
import signal
import socket
import time
from urllib.request import Request, urlopen

import pytest
from cli_tools import KEY, read_line

from tests.conftest import Billing

RUN = "rehearsal-2026-11"
CANARY = "whsec_canaryOfNobodyElse1234"
SANDBOX = "seed: 15\nlimits: {platform_rate: 0, endpoint_rate: 0}\n"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def listening(billing: Billing, *args: str):
    process = billing.start("listen", *args)
    return process, read_line(process)


def test_debits_settle_by_themselves_while_it_listens(billing, free_port, record_property):
    (billing.folder / "sandbox.yaml").write_text(SANDBOX)
    sandbox = billing.start("sandbox", "--port", "0", "--items", "16", "--config", "sandbox.yaml",
                            "--forward-to", f"http://127.0.0.1:{free_port}/stripe")  # fmt: skip
    told = dict(read_line(sandbox).strip().removeprefix("export ").split("=", 1) for _ in range(4))
    billing.environ |= {name: value for name, value in told.items() if name.startswith("BILLING")}
    billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_LISTEN_ADDRESS": f"127.0.0.1:{free_port}"}
    process = None
    try:
        flags = ["--yes", "--rate", "200", "--output", "json"]
        first = json.loads(billing("run", "rehearsal.csv", "--run", RUN, *flags).out)
        assert first["counts"]["processing"] == 2
        process, said = listening(billing, "--log-format", "json")
        assert said == f"Webhooks are taken at http://127.0.0.1:{free_port}/ (1 secret). Ctrl-C ends it.\n"
        lever = f"{told['BILLING_API_BASE']}/_sandbox/clock"
        with urlopen(Request(lever, b'{"advance_seconds": 777600}'), timeout=10):  # noqa: S310  loopback
            pass
        until = time.monotonic() + 60
        while (left := left_in(billing)) and time.monotonic() < until:
            time.sleep(0.5)
        assert left == 0
        assert billing("settle", "--wait", "30").code != 7
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0
        secrets = told["BILLING_WEBHOOK_SECRETS"]
        assert secrets not in out + err + said
        followed = [line for line in map(json.loads, err.splitlines()) if line["event"] == "hook_followed"]
        assert {line["state"] for line in followed if line["was"] == "unsettled"} <= {
            "succeeded",
            "unpaid",
            "unsettled",
        }
        record_property("evidence", f"webhooks over a socket: {first['counts']['processing']} bank debits settled")
    finally:
        for each in filter(None, (process, sandbox)):
            each.kill()
            each.communicate(timeout=10)


def left_in(billing: Billing) -> int:
    return json.loads(billing("status", RUN, "--output", "json").out)["counts"]["processing"]


@pytest.mark.parametrize(("changed", "told"), [
    ({"BILLING_WEBHOOK_SECRETS": ""}, "set BILLING_WEBHOOK_SECRETS"),
    ({"BILLING_WEBHOOK_SECRETS": "sk_test_nothing"}, "begin with whsec_"),
    ({"STRIPE_API_KEY": ""}, "no API key"),
    ({"BILLING_LISTEN_ADDRESS": "192.0.2.1:8585"}, "192.0.2.1:8585 cannot be used"),
    ({"BILLING_LEDGER": "sqlite:///absent.db"}, "absent.db"),
    ({"BILLING_MODE": "live"}, "live"),
])  # fmt: skip
def test_what_is_missing_is_told_before_it_listens(finished, changed, told):
    billing = finished.billing
    kept = dict(billing.environ)
    billing.environ |= {"BILLING_WEBHOOK_SECRETS": CANARY} | changed
    try:
        ended = billing("listen")
    finally:
        billing.environ = kept
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert CANARY not in ended.err
