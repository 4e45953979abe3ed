"""Log lines are events: one line each, without secrets."""

import asyncio
import io
import json
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.redaction import scrub
from billing.edge.eventloop import run
from billing.edge.logs import enabled_for, flush_logs, open_log, visible

HOSTILE = ['\n{"level":"error"', "\x1b[2J", "\u202egnp.exe", "\r\nGET /", "\x00", "\u2028x", "\x9b31m"]
SECRETS = [
    "sk_live_51H8xQ2eZvKYlo2C9k7",
    "rk_test_abcdefgh12345678",
    "whsec_abcdefgh1234",
    "a.b@example.com",
    "4242424242424242",
]


def lines(log_format: str, **facts: object) -> str:
    out = io.StringIO()
    open_log("debug", log_format, out)("item_moved", **facts)
    return out.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_text_can_forge_a_line_or_write_on_a_terminal(text, log_format):
    written = lines(log_format, reference=f"INV{text}")
    assert written.endswith("\n")
    assert written[:-1].isprintable()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_is_written_however_deep_it_sits(secret, log_format):
    class Shows:
        def __str__(self) -> str:
            return secret

    written = lines(log_format, a=f"key {secret}", b=[{"deep": [secret]}], c={secret: 1}, d=Shows())
    assert secret not in written


def test_a_json_line_is_the_event_with_its_facts():
    found = json.loads(lines("json", run="r", attempt=2, moves=["prepared"]))
    assert (found["event"], found["run"], found["attempt"], found["moves"]) == ("item_moved", "r", 2, ["prepared"])
    assert found["timestamp"].endswith("Z")


def test_events_below_the_level_are_not_written():
    out = io.StringIO()
    log = open_log("warning", "json", out)
    log("request")
    log("item_moved")
    log("notify_failed")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["notify_failed"]


class Writes(io.StringIO):
    """A stream that remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


async def test_the_lines_of_one_turn_of_the_loop_are_one_write_in_their_order():
    out = Writes()
    log = open_log("info", "json", out)
    for turn in range(3):
        for attempt in range(5):
            log("item_moved", attempt=attempt)
        assert len(out.writes) == turn
        await asyncio.sleep(0)
    assert [json.loads(line)["attempt"] for line in out.getvalue().splitlines()] == list(range(5)) * 3


async def test_whoever_holds_the_loop_up_can_have_the_log_written_before():
    stream = io.StringIO()
    open_log("info", "json", stream)("question", message="Charge 3 lines?")
    before = stream.getvalue()
    flush_logs()
    assert (before, stream.getvalue().count('"event":"question"')) == ("", 1)


@pytest.mark.parametrize("error", [None, ValueError])
def test_what_the_last_turn_told_is_written_however_the_loop_ends(error):
    out = Writes()
    log = open_log("info", "json", out)

    async def main() -> None:
        log("run_started")
        await asyncio.sleep(0)
        log("run_stopping")
        if error:
            raise error

    try:
        run(main)
    except ValueError:
        assert error
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["run_started", "run_stopping"]
    log("told_afterwards")
    assert "told_afterwards" in out.getvalue()


async def test_a_line_from_another_thread_is_neither_lost_nor_torn():
    out = Writes()
    log = open_log("info", "json", out)
    threads = [Thread(target=lambda: [log("item_moved", attempt=n) for n in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(200):
        log("item_moved", attempt=n)
        await asyncio.sleep(0)
    for thread in threads:
        thread.join()
    assert sorted(json.loads(line)["attempt"] for line in out.getvalue().splitlines()) == sorted(list(range(200)) * 5)


@given(st.text(alphabet=st.characters(blacklist_categories=())))
def test_a_json_line_is_printable_ascii_and_gives_every_text_back(text):
    shown = lines("json", reference=text)
    assert shown.isascii()
    assert shown[:-1].isprintable()
    assert json.loads(shown)["reference"] == scrub(text)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
@pytest.mark.parametrize("event", ["request", "item_moved", "notify_failed"])
def test_a_log_listens_to_exactly_what_it_writes(level, event):
    out = io.StringIO()
    log = open_log(level, "json", out)
    log(event)
    assert enabled_for(log, event) == bool(out.getvalue())


def test_a_log_that_does_not_say_is_told_everything():
    assert enabled_for(print, "request")


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device")])
async def test_a_log_that_cannot_be_written_disturbs_nobody(error):
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise error

    loop, heard = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _loop, context: heard.append(context))
    log = open_log("info", "json", Full())
    log("item_moved")
    await asyncio.sleep(0)
    assert heard == []


def test_a_reader_that_is_gone_does_not_stop_the_run():
    out = io.StringIO()
    log = open_log("info", "json", out)
    out.close()
    assert log("item_moved") is None


def test_visible_keeps_what_a_person_can_read():
    assert visible("11月分 naïve") == "11月分 naïve"
    assert visible("a\x1bb") == "a\\x1bb"
