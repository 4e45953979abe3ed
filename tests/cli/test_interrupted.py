"""Ctrl-C where a command has no ending of its own: a sentence and 130, never silence."""

import signal

import anyio
import pytest

from billing.cli.typed import remembering
from billing.core.errors import Interrupted
from billing.core.exits import Exit
from billing.edge.eventloop import heard_at_once


def test_whoever_interrupts_a_command_reads_that_it_can_be_typed_again():
    def command() -> int:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="run the same command again") as said:
        remembering("reconcile", command)()
    assert said.value.exit_code is Exit.INTERRUPTED


def test_what_works_for_long_without_a_pause_is_ended_at_once():
    went_on = []

    async def write() -> None:
        with heard_at_once():
            signal.raise_signal(signal.SIGINT)
            went_on.append("to the end")

    with pytest.raises(KeyboardInterrupt):
        anyio.run(write, backend_options={"use_uvloop": True})
    assert went_on == []
