"""Help is quick, complete, and shows how each command is used."""

import json
import re
import subprocess
import sys

import pytest

from billing import __version__
from billing.cli.othernames import ABSENT
from billing.cli.othernames import COMMANDS as COMMANDS_MEANT
from billing.edge.ledger.kind_rows import VERSION

COMMANDS = [
    ("demo",), ("init",), ("check",), ("plan",), ("run",), ("pause",), ("resume",),
    ("status",), ("resolve",), ("settle",), ("report",),
    ("collect",), ("listen",), ("doctor",), ("sandbox",), ("version",), ("ledger", "verify"), ("ledger", "events"),
    ("ledger", "rebuild"), ("ledger", "upgrade"), ("config", "show"), ("completion",), ("help",), ("cancel",),
    ("reverse",), ("sync",), ("links",), ("retry",), ("reconcile",), ("export",), ("serve",), ("explain",), ("worker",),
    ("pause",), ("resume",), ("ledger", "copy"), ("ledger", "roles"),
]  # fmt: skip

SLOW = ["stripe", "aiohttp", "httpx", "rich", "pydantic", "structlog", "yaml", "anyio", "asyncio", "sqlite3", "jinja2"]
# Whatever help does not need; each of them costs tens of milliseconds.


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(billing, command):
    ended = billing(*command, "--help")
    assert ended.code == 0
    assert ended.err == ""
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


@pytest.mark.parametrize("flag", ["--version", "-V", "version"])
def test_the_version_is_told_and_says_whether_it_is_a_release(billing, flag):
    ended = billing(flag)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"billing {__version__}")
    assert ("not a release" in ended.out) == ("dev" in __version__)


def test_the_version_for_a_program_names_the_format_of_the_ledger(billing):
    found = json.loads(billing("version", "--output", "json").out)
    assert (found["version"], found["released"], found["ledger_format"]) == (
        __version__,
        "dev" not in __version__,
        VERSION,
    )


def test_help_of_a_command_is_its_help(billing):
    assert billing("help", "ledger", "rebuild").out == billing("ledger", "rebuild", "--help").out
    assert billing("help").out == billing("--help").out
    assert (billing("help", "nonsense").code, billing("help", "nonsense").out) == (2, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell_and_knows_the_commands(billing, shell):
    assert "_BILLING_COMPLETE" in billing("completion", shell).out
    words = {"COMP_WORDS": "billing re", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "billing re"}
    ended = billing(
        environ={"_BILLING_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args", **words}
    )
    assert ended.code == 0
    assert "resolve" in ended.out
    assert "report" in ended.out


def test_the_module_is_the_command(billing):
    done = subprocess.run([sys.executable, "-m", "billing", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == billing("--version").out


@pytest.mark.parametrize(("typed", "command"), COMMANDS_MEANT.items())
def test_what_other_tools_call_a_command_leads_to_one_that_is_there(typed, command):
    assert tuple(command.split()) in COMMANDS
    assert (typed,) not in COMMANDS


def test_a_command_that_is_not_there_is_explained(billing):
    ended = billing("approve")
    assert (ended.code, ended.out) == (2, "")
    assert ABSENT["approve"] in ended.err
    assert "try billing report" in billing("results").err
    assert "'report'" in billing("repotr").err


def test_no_explanation_names_a_command_that_is_not_there():
    item = {" ".join(command) for command in COMMANDS}
    for sentence in ABSENT.values():
        for named in re.findall(r"billing ((?:ledger |config )?[a-z]+)", sentence):
            assert named in item, sentence


def test_no_command_takes_a_key(billing):
    for command in COMMANDS:
        assert not re.search(r"--[a-z-]*(key|secret|token|password)", billing(*command, "--help").out)
