"""Hostile names and cells through the command itself: nothing raw on a terminal, nothing written through a link."""

from pathlib import Path

import pytest

from billing.cli.main import run
from tests.flow.test_injection import LOGS, PATHS, written

RUN = ("--run", "coaching-2026-11")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_name_and_no_cell_reaches_the_terminal_raw(folder: Path, capsys, log_format: str):
    for text in LOGS:
        name = f"x{text.replace('/', '')}.csv"
        (folder / name).write_text(written([[text] * 11]), newline="")
        assert run(["check", name, *RUN, "--log-format", log_format]) == 3
        shown = capsys.readouterr()
        assert (shown.out + shown.err).replace("\n", "").isprintable(), text
        assert "Traceback" not in shown.err


@pytest.mark.parametrize("text", [*PATHS[:12], "\x1b[2J-2026", "$(id)-2026", "-rf"])
def test_no_run_id_leads_anywhere(folder: Path, capsys, text: str):
    (folder / "run.csv").write_text(written([]))
    assert run(["check", "run.csv", f"--run={text}"]) == 2
    assert capsys.readouterr().err.replace("\n", "").isprintable()
    assert [path.name for path in folder.iterdir()] == ["run.csv"]


def test_bad_lines_are_not_written_through_a_link(folder: Path):
    (folder / "run.csv").write_text(written([["=1"] * 11]))
    (folder / "victim").write_text("keep")
    (folder / "bad.csv").symlink_to("victim")
    assert run(["check", "run.csv", *RUN, "--errors-csv", "bad.csv"]) == 6
    assert (folder / "victim").read_text() == "keep"
