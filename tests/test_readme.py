"""The README says what the code says."""

import re
from pathlib import Path

import pytest

from billing.core.exits import MEANINGS
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.life import Group
from billing.edge.runfiles import open_run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def marked(name: str) -> str:
    """What stands between the marks of a part that the code decides."""
    return README.partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0]


def test_the_exit_codes_are_those_of_the_code():
    rows = [f"| {int(code)} | {meaning} | {then} |" for code, (meaning, then) in MEANINGS.items()]
    assert marked("exit codes: billing.core.exits").splitlines()[2:] == rows


def test_the_states_and_their_diagram_are_those_of_the_code():
    shown = marked("states: billing.core.kinds.charge")
    assert shown.startswith(f"```mermaid\n{CHARGE_LIFE.diagram()}\n```\n")
    assert shown.endswith(f"\n\n{CHARGE_LIFE.table_as_markdown()}\n")


def test_the_groups_of_a_report_are_those_of_the_code():
    rows = dict(re.findall(r"^\| (\w+) \| (.+) \|$", marked("groups: billing.core.groups"), re.MULTILINE))
    assert list(rows) == list(Group)
    for group in set(Group) - {Group.DECLINED, Group.NEEDS_CUSTOMER}:
        assert rows[group] == ", ".join(state for state in State if CHARGE_LIFE.meanings[state].group is group)
    for group in (Group.DECLINED, Group.NEEDS_CUSTOMER):
        for state in (State.UNPAID, State.FAILED):
            assert CHARGE_LIFE.group(state, group) is group
            assert state in rows[group]


def test_the_run_file_it_shows_is_one(tmp_path):
    sheet, run_file = (README.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("csv", "yaml"))
    (tmp_path / "coaching.csv").write_text(sheet, encoding="utf-8")
    (tmp_path / "coaching.yaml").write_text(run_file, encoding="utf-8")
    with open_run(tmp_path / "coaching.yaml") as source:
        assert source.run.run_id == "coaching-2026-11"


def test_every_link_to_a_file_leads_to_one():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


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


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_lines_fit_a_page(name):
    prose = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith(("|", "python3"))]
    assert max(map(len, prose)) <= 124
