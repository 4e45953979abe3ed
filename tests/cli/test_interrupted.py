"""Ctrl-C where a command has no ending of its own: a sentence and 130, never silence."""

import pytest

from billing.cli.typed import remembering
from billing.core.errors import Interrupted
from billing.core.exits import Exit


def test_whoever_interrupts_a_command_reads_that_it_can_be_typed_again():
    def command() -> int:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="run the same command again") as said:
        remembering("reconcile", command)()
    assert said.value.exit_code is Exit.INTERRUPTED
