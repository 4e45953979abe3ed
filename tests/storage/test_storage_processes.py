"""The command itself on a failing disk and on a damaged ledger: exit 6, the message, and not one request more."""

import json
import subprocess
import sys
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

from tests.conftest import clean_environment

KEY = "sk_test_rehearsal12345678"
RUN = ("run", "rehearsal.csv", "--run", "rehearsal-2026-11", "--yes", "--rate", "200")
SANDBOX = "limits: {platform_rate: 0, endpoint_rate: 0}\nlatency: {median_seconds: 0.01}\n"
ON_A_BAD_DISK = """
import sys
from pathlib import Path
from tests.storage.syscalls import FAULTS, install
from billing.cli.main import main

def say():
    print("THE DISK FAILED", file=sys.stderr, flush=True)

disk = install(Path(sys.argv[1]), FAULTS[sys.argv[2]], int(sys.argv[3]))
disk.on_fault = say
sys.argv[1:] = sys.argv[4:]
main()
"""


def ask(url, name):
    with urlopen(Request(f"{url}/_sandbox/{name}"), timeout=10) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


@contextmanager
def serving(billing):
    """Serve a sandbox with 12 payers on 3 accounts as a process; `rehearsal.csv` charges them."""
    (billing.folder / "sandbox.yaml").write_text(SANDBOX)
    size = ["--items", "12", "--accounts", "3", "--out", "rehearsal.csv"]
    process = billing.start("sandbox", "--port", "0", "--config", "sandbox.yaml", *size)
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        url = lines[0].strip().removeprefix("export BILLING_API_BASE=")
        billing.environ |= {"BILLING_API_BASE": url, "STRIPE_API_KEY": KEY}
        billing.environ["BILLING_LEDGER"] = f"sqlite:///{billing.folder}/ledger.db"
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def url(billing):
    with serving(billing) as found:
        yield found


def on_a_bad_disk(billing, fault, nth):
    """Run the command with the ledger's disk failing from the ``nth`` call on."""
    ledger = billing.folder / "ledger.db"
    return subprocess.run(
        [sys.executable, "-c", ON_A_BAD_DISK, str(ledger), fault, str(nth), *RUN],
        cwd=billing.folder,
        env=clean_environment(**billing.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def paid(url) -> int:
    books = ask(url, "books")
    assert books["doubles"] == []
    return sum(intent["paid"] for intent in books["intents"])


@pytest.mark.parametrize(
    ("fault", "nth"),
    [("disk full", 20), ("disk full", 120), ("I/O error", 160), ("remounted read-only", 190), ("fsync fails once", 14)],
)
def test_the_command_stops_with_6_when_its_disk_fails_and_the_plain_command_goes_on(billing, url, fault, nth):
    broken = on_a_bad_disk(billing, fault, nth)
    assert "THE DISK FAILED" in broken.stderr
    assert broken.returncode == 6, broken.stderr
    assert str(billing.folder / "ledger.db") in broken.stderr
    assert "Traceback" not in broken.stderr
    after = billing(*RUN, "--output", "json")
    assert after.code in (0, 4, 5), after.err
    summary = json.loads(after.out)
    assert summary["counts"]["unknown"] == summary["counts"]["pending"] == summary["counts"]["parked"] == 0
    assert paid(url) == summary["counts"]["succeeded"]
    assert billing("ledger", "verify").code == 0


def flipped(path):
    content = bytearray(path.read_bytes())
    place = content.index(b"charge_succeeded")
    content[place] ^= 1
    path.write_bytes(content)


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def page_of_another_place(path):
    content = path.read_bytes()
    path.write_bytes(content[:8192] + content[4096 : 2 * 4096] + content[3 * 4096 :])


@pytest.mark.parametrize("damage", [flipped, cut, page_of_another_place, "an older copy"])
def test_the_command_sends_nothing_from_a_damaged_ledger(billing, url, damage):
    ledger = billing.folder / "ledger.db"
    assert billing(*RUN, "--limit", "6").code in (0, 4, 5)
    older = ledger.read_bytes()
    assert billing(*RUN, "--limit", "3").code in (0, 4, 5)
    if damage == "an older copy":
        ledger.write_bytes(older)
    else:
        damage(ledger)
    before = ask(url, "requests")
    verified = billing("ledger", "verify")
    assert verified.code == 6, verified.out + verified.err
    ran = billing(*RUN)
    assert ran.code == 6, ran.err
    assert str(ledger) in ran.err
    assert ask(url, "requests") == before, "not one request reached the provider"
    report = billing("report", "rehearsal-2026-11", "--format", "csv")
    assert report.code == 6 or "INV" in report.out or report.out.count("\n") > 6
    assert "Traceback" not in report.err + ran.err + verified.err
