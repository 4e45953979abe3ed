"""Help is quick, complete, and shows how each command is used."""

import re
import subprocess
import sys

import pytest

COMMANDS = [
    ("demo",), ("init",), ("check",), ("plan",), ("run",), ("status",), ("resolve",), ("settle",), ("report",),
    ("doctor",), ("sandbox",), ("version",), ("ledger", "verify"), ("ledger", "events"), ("ledger", "rebuild"),
    ("config", "show"),
]  # fmt: skip

SLOW = ["stripe", "aiohttp", "httpx", "rich", "pydantic", "structlog", "yaml", "anyio", "asyncio", "sqlite3"]
# Whatever help does not need; each of them costs tens of milliseconds.


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(billing, command):
    ended = billing(*command, "--help")
    assert ended.code == 0
    assert ended.err == ""
    if command != ("version",):
        assert f"billing {' '.join(command)}" in ended.out.split("\n", 1)[1]


def test_the_list_of_commands_is_the_one_tested_here(billing):
    shown = re.findall(r"^  (\w+) ", billing("--help").out.partition("Commands:")[2], re.MULTILINE)
    assert sorted(shown) == sorted({command[0] for command in COMMANDS})


def test_no_sentence_of_the_list_is_cut(billing):
    assert "..." not in billing("--help").out.partition("Commands:")[2]


@pytest.mark.parametrize(
    "command", [(), ("run",), ("report",), ("ledger", "events"), ("ledger", "rebuild")], ids=" ".join
)
def test_help_loads_nothing_slow(command):
    code = (
        "import sys; from billing.cli.main import run; "
        f"run([*{command!r}, '--help']); print([name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_no_command_takes_a_key(billing):
    for command in COMMANDS:
        assert not re.search(r"--[a-z-]*(key|secret|token|password)", billing(*command, "--help").out)
