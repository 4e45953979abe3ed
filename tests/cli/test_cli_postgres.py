"""Every command works over PostgreSQL, and what is read of a ledger there reads like the same ledger in a file."""

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
import pytest
from cli_tools import ID, KEY, RUN, Rehearsal, everything_written, read_line
from conftest import serving

from tests.conftest import Billing, Ended
from tests.postgres import fresh_database

SANDBOX = """
limits: {platform_rate: 0, endpoint_rate: 0}
latency: {median_seconds: 0.005}
"""
CHARGE = ("--yes", "--rate", "200")
SECRET = "pass-w0rd-never-shown"


@dataclass(frozen=True, slots=True)
class Played:
    """A ledger that was used on a server and copied to a file, and what each command said meanwhile."""

    billing: Billing
    rehearsal: Rehearsal
    server: str
    file: str
    said: dict[str, Ended]

    def both(self, *args: str) -> tuple[Ended, Ended]:
        """Run a command over the ledger on the server, and over the one in the file."""
        return tuple(self.billing(*args, environ={"BILLING_LEDGER": url}) for url in (self.server, self.file))


@pytest.fixture(scope="module")
def played(tmp_path_factory, postgres_server_url) -> Iterator[Played]:
    billing = Billing(tmp_path_factory.mktemp("played"))
    with fresh_database(postgres_server_url) as url, serving(billing, SANDBOX) as rehearsal:
        billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_LEDGER": url}
        said = {}

        def say(name: str, *args: str) -> None:
            said[name] = billing(*args)

        say("plan", "plan", "rehearsal.csv", *RUN, "--rate", "200")
        say("first run", "run", "rehearsal.csv", *RUN, *CHARGE, "--limit", "10")
        say("run", "run", "rehearsal.csv", *RUN, *CHARGE)
        say("run again", "run", "rehearsal.csv", *RUN, *CHARGE)
        rehearsal.ask("clock", {"advance_seconds": 8 * 86_400})
        for verb in ("settle", "resolve"):
            say(verb, verb, ID)
        say("retry", "retry", ID, "--yes")
        say("reverse", "reverse", ID, "--fee", "refund", "-o", "undo.yaml", "--only", "INV*5")
        say("refund", "run", "undo.yaml", *CHARGE)
        say("refunds settled", "settle")
        say("reconcile", "reconcile", ID)
        say("doctor", "doctor")
        say("copy", "ledger", "copy", url, "sqlite:///billing.db")
        file = f"sqlite:///{billing.folder}/billing.db"
        del billing.environ["BILLING_LEDGER"]
        yield Played(billing, rehearsal, url, file, said)


CODES = {
    "plan": {0}, "first run": {4, 5}, "run": {0, 4, 5}, "run again": {0, 4, 5}, "settle": {0, 4}, "resolve": {0, 4},
    "retry": {0, 4, 5}, "reverse": {0}, "refund": {0, 4, 5}, "refunds settled": {0, 4}, "reconcile": {0, 4},
    "doctor": {0}, "copy": {0},
}  # fmt: skip


@pytest.mark.parametrize("name", CODES)
def test_a_command_works_over_postgresql(played, name):
    ended = played.said[name]
    assert ended.code in CODES[name], ended.err
    assert "Traceback" not in ended.err


def test_nobody_was_charged_twice_and_the_ledger_says_what_the_provider_has(played):
    intents = played.rehearsal.ask("books")["intents"]
    paid = [intent["metadata"]["billing_item"] for intent in intents if intent["paid"]]
    assert len(paid) == len(set(paid)) > 0
    told = json.loads(played.both("report", ID, "--format", "json")[0].out)
    assert sum(line["status"] == "succeeded" for line in told) == len(paid)


READS = {
    "status": ("status",),
    "status of a run": ("status", ID),
    "status as json": ("status", ID, "--output", "json"),
    **{f"report as {kind}": ("report", ID, "--format", kind) for kind in ("text", "csv", "json", "md", "html")},
    "by account": ("report", ID, "--by-account", "--format", "csv"),
    "some lines": ("report", ID, "--reference", "INV*1", "--status", "succeeded", "--format", "csv"),
    **{f"to {whom}": ("export", ID, "--to", whom) for whom in ("hledger", "beancount", "csv")},
    "events of a line": ("ledger", "events", "--run", ID, "--output", "json"),
    "check": ("check", "rehearsal.csv", *RUN),
}


def without_heads(text: str) -> str:
    """Leave out the ends of chains: the one in the file has one entry more, with which it arrived there."""
    return re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{16})\b", "head", text)


@pytest.mark.parametrize("name", READS)
def test_what_is_read_of_a_ledger_on_a_server_reads_like_the_same_in_a_file(played, name):
    server, file = played.both(*READS[name])
    assert without_heads(server.out) == without_heads(file.out)
    assert (server.code, file.code) == (0, 0), server.err + file.err
    assert server.out


def test_a_line_is_explained_alike(played):
    line = json.loads(played.billing("report", ID, "--format", "json", environ={"BILLING_LEDGER": played.file}).out)
    reference = re.search(r"INV[\w-]+", json.dumps(line))[0]
    server, file = played.both("explain", reference)
    assert server.out == file.out
    assert server.code == file.code == 0


def test_files_are_written_alike(played):
    for name in ("r.csv", "r.json", "r.txt"):
        found = []
        for url in (played.server, played.file):
            assert played.billing("report", ID, "-o", name, environ={"BILLING_LEDGER": url}).code == 0
            found.append(without_heads((played.billing.folder / name).read_text(encoding="utf-8-sig")))
        assert found[0] == found[1]


def test_a_check_counts_the_entries_of_both_and_finds_them_sound(played):
    server, file = (json.loads(ended.out) for ended in played.both("ledger", "verify", "--output", "json"))
    assert server["sound"], server
    assert file["sound"], file
    assert file["entries"] == server["entries"] + 1
    assert file["items"] == server["items"]


def test_the_one_that_was_left_is_read_with_a_warning_and_never_written(played):
    warned = played.billing("status", environ={"BILLING_LEDGER": played.server})
    assert "only that one may be charged from" in warned.err
    refused = played.billing("run", "rehearsal.csv", *RUN, *CHARGE, environ={"BILLING_LEDGER": played.server})
    assert refused.code == 2
    assert f"{played.billing.folder}/billing.db" in refused.err
    on = played.billing("settle", ID, environ={"BILLING_LEDGER": played.file})
    assert on.code in {0, 4}


def test_it_is_copied_once_more_and_told_for_programs(played, postgres_server_url):
    again = played.billing("ledger", "copy", played.server, played.file, "--output", "json")
    assert json.loads(again.out)["already"] is True
    with fresh_database(postgres_server_url) as other:
        held = played.billing("ledger", "copy", played.file, other.replace("postgres@", f"postgres:{SECRET}@"))
        assert (held.code, SECRET in held.err, "holds a password" in held.err) == (2, False, True)


@pytest.fixture
def database(billing, postgres_url) -> str:
    billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_LEDGER": postgres_url}
    return postgres_url


def test_a_password_is_shown_by_no_command(billing, rehearsal, database):
    with_password = database.replace("postgres@", f"postgres:{SECRET}@")
    gone = "postgresql://me:{}@127.0.0.1:1/billing".format(SECRET)  # noqa: UP032
    for url in (with_password, gone):
        billing.environ |= {"BILLING_LEDGER": url}
        for args in (
            ("config", "show"), ("config", "show", "--output", "json"), ("doctor",), ("doctor", "--output", "json"),
            ("run", "rehearsal.csv", *RUN, *CHARGE, "--limit", "2", "--log-format", "json", "--log-level", "debug"),
            ("status", "--output", "json"), ("ledger", "verify"), ("ledger", "upgrade"),
            ("settle", ID, "--log-level", "debug"), ("ledger", "copy", "sqlite:///none.db", "sqlite:///other.db"),
        ):  # fmt: skip
            ended = billing(*args)
            assert SECRET not in ended.out + ended.err, args
    assert SECRET.encode() not in everything_written(billing.folder)
    typed = billing("status", "--ledger", with_password)
    assert (typed.code, "PGPASSWORD" in typed.err, SECRET in typed.err) == (2, True, False)


def test_who_holds_the_ledger_is_named_to_whoever_comes_and_shown_while_it_runs(billing, rehearsal, database):
    process = billing.start("run", "rehearsal.csv", *RUN, "--yes", "--rate", "3")
    try:
        deadline = time.monotonic() + 30
        while "running" not in (shown := billing("status").out):
            assert time.monotonic() < deadline, shown
        second = billing("run", "rehearsal.csv", *RUN, *CHARGE)
        assert second.code == 7
        assert f"held by run {ID} (pid {process.pid}" in second.err
        assert billing("plan", "rehearsal.csv", *RUN).code == 0
        assert billing("ledger", "copy", database, "sqlite:///billing.db").code == 7
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert "running" not in billing("status").out
        assert billing("run", "rehearsal.csv", *RUN, *CHARGE).code in {0, 4, 5}
    finally:
        process.kill()
        process.communicate()
    paid = [intent["metadata"]["billing_item"] for intent in rehearsal.ask("books")["intents"] if intent["paid"]]
    assert len(paid) == len(set(paid)) > 0


def test_its_pages_are_served(billing, rehearsal, database):
    assert billing("run", "rehearsal.csv", *RUN, *CHARGE, "--limit", "3").code in {4, 5}
    process = billing.start("serve", "--output", "json")
    try:
        url = json.loads(_object(process))["url"]
        opener = build_opener(HTTPCookieProcessor(CookieJar()))
        with opener.open(url, timeout=20) as page:
            assert ID in page.read().decode()
    finally:
        process.terminate()
        process.communicate()


def _object(process) -> str:
    """Read one JSON object from a process's output."""
    text, timer = "", threading.Timer(30, process.kill)
    timer.start()
    while not text.rstrip().endswith("}"):
        text += read_line(process)
    timer.cancel()
    return text


def test_a_lost_run_is_rebuilt_into_a_new_database(billing, rehearsal, database, postgres_server_url):
    assert billing("run", "rehearsal.csv", *RUN, *CHARGE).code in {0, 4, 5}
    before = billing("status", ID).out
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("DROP SCHEMA billing CASCADE")
    refused = billing("run", "rehearsal.csv", *RUN, *CHARGE)
    assert (refused.code, "was here and is gone" in refused.err) == (6, True)
    rebuilt = billing("ledger", "rebuild", "rehearsal.csv", *RUN)
    assert rebuilt.code in {0, 4, 5}, rebuilt.err
    assert billing("run", "rehearsal.csv", *RUN, *CHARGE).code in {0, 4, 5}
    assert billing("ledger", "verify").code == 0
    paid = re.compile(r"paid.*")
    assert paid.findall(billing("status", ID).out) == paid.findall(before)


def test_without_its_driver_a_file_works_and_a_server_says_what_to_install(billing, rehearsal, database):
    folder = billing.folder / "without" / "psycopg"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('not installed')\n")
    path = f"{folder.parent}:{Path(__file__).parent.parent.parent}"
    for args in (("status",), ("doctor",), ("ledger", "upgrade"), ("ledger", "copy", "sqlite:///x.db", database)):
        told = billing(*args, environ={"PYTHONPATH": path})
        assert told.code == 2
        assert "pip install 'connect-billing[postgres]'" in told.err + told.out
    del billing.environ["BILLING_LEDGER"]
    worked = billing("plan", "rehearsal.csv", *RUN, environ={"PYTHONPATH": path})
    assert worked.code == 0
