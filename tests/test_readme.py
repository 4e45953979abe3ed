"""The README says what the code says."""

import re
from pathlib import Path

import pytest

from billing.core.exits import MEANINGS
from billing.core.states import diagram, table_as_markdown

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_exit_codes_are_those_of_the_code():
    rows = [f"| {int(code)} | {meaning} | {then} |" for code, (meaning, then) in MEANINGS.items()]
    assert "\n".join(rows) in README


def test_the_states_and_their_diagram_are_those_of_the_code():
    assert table_as_markdown() in README
    assert diagram() in README


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


def test_the_test_command_stands_where_ci_looks_for_it():
    block = README.partition("<!-- tests -->\n```sh\n")[2].partition("\n```")[0]
    assert block.count("\n") == 0
    assert block.endswith("pytest")


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_lines_fit_a_page(name):
    prose = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith(("|", "python3"))]
    assert max(map(len, prose)) <= 124
