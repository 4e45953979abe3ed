"""`billing collect` as a process: what it needs, what it says, how it ends, and what it never writes."""

import json
import signal
import socket
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from cli_tools import read_line

from billing.cli.collecting import _left_free

CANARY = "canary51H8xQ2eZvKYlo2C9k7TtRw4Vb"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def page(finished):
    """The command beside a finished run, told all that the page needs; and where it will be."""
    url = f"http://127.0.0.1:{free_port()}"
    kept = finished.billing.environ
    finished.billing.environ = {
        **kept,
        "STRIPE_PUBLISHABLE_KEY": f"pk_test_{CANARY}",
        "BILLING_COLLECT_PUBLIC_URL": url,
        "BILLING_COLLECT_LISTEN": url.removeprefix("http://"),
        "BILLING_COLLECT_BUSINESS": "Northwind Coaching",
        "BILLING_COLLECT_SUPPORT": "billing@northwind.example",
    }
    yield finished.billing, url
    finished.billing.environ = kept


@contextmanager
def collecting(billing, *args: str):
    """Serve the page, and give the process once it says where."""
    process = billing.start("collect", *args)
    try:
        yield process, read_line(process)
    finally:
        process.kill()
        process.communicate(timeout=10)


def got(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_it_says_where_it_is_serves_there_and_ends_cleanly_when_told_to(page):
    billing, url = page
    with collecting(billing, "--log-format", "json", "--log-level", "debug") as (process, said):
        assert said == f"The page of payers is open at {url} (listening on {url[7:]}). Ctrl-C ends it.\n"
        assert got(f"{url}/healthz") == (200, "ok\n")
        status, text = got(f"{url}/s/{'A' * 56}")
        assert status == 404
        assert "This link is not valid" in text
        assert billing("settle").code != 7  # while nobody is being served, other commands have the ledger
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["route"] for line in lines if line["event"] == "collect_request"] == ["health", "form"]
    assert CANARY not in out + err
    assert "A" * 56 not in out + err


def test_for_programs_it_says_where_as_json(page):
    billing, url = page
    with collecting(billing, "--output", "json") as (process, first):
        said = first + "".join(read_line(process) for _ in range(3))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(said) == {"public_url": url, "listening": url[7:]}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"STRIPE_PUBLISHABLE_KEY": ""}, "set STRIPE_PUBLISHABLE_KEY"),
        ({"STRIPE_PUBLISHABLE_KEY": f"sk_test_{CANARY}"}, "no publishable key of test mode"),
        ({"STRIPE_API_KEY": ""}, "no API key"),
        ({"BILLING_COLLECT_BUSINESS": "", "BILLING_COLLECT_SUPPORT": ""}, "business is not set; collect.support"),
        ({"BILLING_COLLECT_PUBLIC_URL": "http://pay.example.com"}, "by https"),
        ({"BILLING_COLLECT_LISTEN": "192.0.2.1:8484"}, "192.0.2.1:8484 cannot be used"),
        ({"BILLING_COLLECT_TEXTS_FILE": "absent.yaml"}, "absent.yaml: cannot be read"),
        ({"BILLING_LEDGER": "sqlite:///absent.db"}, "absent.db"),
        ({"BILLING_MODE": "live"}, "live mode needs https"),
    ],
)
def test_what_is_missing_is_told_before_it_serves(page, changed, told):
    billing, _ = page
    billing.environ |= changed
    ended = billing("collect")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert CANARY not in ended.err


@pytest.mark.parametrize(("runs", "page"), [(0.4, 0.6), (0.9, 0.1), (1.0, 1.0)])
def test_payers_have_the_share_of_stripes_limits_that_runs_leave_free(runs, page):
    assert _left_free(runs) == pytest.approx(page)
