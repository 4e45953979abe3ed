"""The pages say what the code says."""

import re
from pathlib import Path

import pytest

from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.life import Group
from billing.edge.runfiles import open_run
from tests.marked import BLOCKS, split
from tests.test_references import PAGES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "name"), BLOCKS, ids=lambda text: text)
def test_what_the_program_prints_stands_there_as_it_prints_it(path, name):
    _, shown, _ = split((ROOT / path).read_text(encoding="utf-8"), name)
    assert shown == BLOCKS[path, name](), "python -m tests.marked"


def test_every_group_of_a_report_has_states():
    assert all(any(CHARGE_LIFE.group(state, group) is group for state in State) for group in Group)


def test_the_run_file_it_shows_is_one(tmp_path):
    sheet, run_file = (README.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("csv", "yaml"))
    (tmp_path / "coaching.csv").write_text(sheet, encoding="utf-8")
    (tmp_path / "coaching.yaml").write_text(run_file, encoding="utf-8")
    with open_run(tmp_path / "coaching.yaml") as source:
        assert source.run.run_id == "coaching-2026-11"


def test_every_command_is_named(billing):
    commands = re.findall(r"^  (\w+) ", billing("--help").out.partition("Commands:")[2], re.MULTILINE)
    assert commands
    for command in commands:
        assert f"`billing {command}" in README


def test_both_commands_install_what_the_hashes_name_and_start_what_they_say():
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.rsplit("/", 1)[1] for command in commands] == ["billing demo", "pytest"]
    assert all("--require-hashes -r .ci/requirements.txt" in command for command in commands)


def test_the_test_command_stands_where_ci_looks_for_it():
    block = README.partition("<!-- tests -->\n```sh\n")[2].partition("\n```")[0]
    assert block.count("\n") == 0
    assert block.endswith("pytest")


def test_it_is_read_in_one_sitting():
    assert README.count("\n") <= 220


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_fit_a_page(page):
    prose = [line for line in page.read_text(encoding="utf-8").splitlines() if not line.startswith(("|", "python3"))]
    assert max(map(len, prose)) <= 124
