"""`billing worker` before anything is worked: what it is called, and what it refuses."""

import socket

import pytest

from billing.cli.launching import Launch
from billing.core.errors import UsageError
from billing.edge.engines.opening import worker_id


def test_a_worker_needs_a_ledger_that_several_can_write(billing):
    for options in ((), ("--resume", "w0")):
        ended = billing("worker", *options)
        assert ended.code == 2
        assert "a SQLite ledger has one writer" in ended.err
        assert "billing ledger copy" in ended.err


@pytest.mark.parametrize("name", ["", "two words", "-w0", "w0/1", "w" * 41, "w\x1b[2J"])
def test_what_cannot_be_the_id_of_a_worker_is_refused_and_nothing_of_it_moves_a_cursor(billing, name):
    ended = billing("worker", f"--id={name}")
    assert ended.code == 2
    assert "--id w0" in ended.err
    assert "\x1b" not in ended.err


def test_a_worker_is_called_what_the_next_process_in_its_place_is_called(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "billing-november-3.workers.svc")
    assert worker_id(None, {}) == "billing-november-3"
    assert worker_id(None, {"JOB_COMPLETION_INDEX": "3"}) == "billing-november-3"
    monkeypatch.setattr(socket, "gethostname", lambda: "node-17")
    assert worker_id(None, {"JOB_COMPLETION_INDEX": "4"}) == "node-17-4"
    assert worker_id("w0", {"JOB_COMPLETION_INDEX": "4"}) == "w0"
    with pytest.raises(UsageError):
        worker_id("w 0", {})


def test_a_worker_process_is_told_neither_ledger_nor_key_where_others_see_it():
    launch = Launch(3, 64, live=True, rate=20.0, config="/etc/billing.yaml", platform="shop-eu", log_format="json")
    assert launch.arguments("w1", 17) == [
        "worker", "--id", "w1", "--launcher", "17", "--concurrency", "21", "--rate", "20.0",
        "--config", "/etc/billing.yaml", "--platform", "shop-eu", "--log-format", "json", "--live",
    ]  # fmt: skip
