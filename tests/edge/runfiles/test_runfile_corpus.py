"""Every bad file is refused with its own first message, and never with a traceback."""

import csv
from pathlib import Path

import pytest

from billing.core.errors import InvalidInput, UsageError
from billing.edge.runfiles import open_run

DATA = Path(__file__).parents[2] / "data"
BAD = DATA / "bad"
SECRETS = ("4242", "3782 822463", "jane.doe@", "jane@example", "a@b", "4000-0566", "whsec_", "sk_test_", "hooks.")
NOT_A_CASE = {"expected.tsv", "mapped.csv"}


def _table() -> list[tuple[str, ...]]:
    with (BAD / "expected.tsv").open(encoding="utf-8", newline="") as table:
        return [tuple(row) for row in csv.reader(table, delimiter="\t", quoting=csv.QUOTE_NONE)]


EXPECTED = {row[0]: row[1:] for row in _table()}


def _run_id(path: Path) -> str | None:
    return None if path.suffix in {".yaml", ".json"} else "coaching-2026-11"


def test_every_bad_file_has_an_expectation():
    assert {path.name for path in BAD.iterdir()} - NOT_A_CASE == set(EXPECTED)
    assert len(EXPECTED) >= 80


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_bad_file_is_refused_with_its_place_and_reason(name: str):
    exit_code, place, code, message = EXPECTED[name]
    with pytest.raises((InvalidInput, UsageError)) as refused:
        open_run(BAD / name, run_id=_run_id(BAD / name))
    assert refused.value.exit_code == int(exit_code)
    if isinstance(refused.value, InvalidInput):
        first = refused.value.problems[0]
        assert (f"{first.line}:{first.column}", first.code, first.message) == (place, code, message)


@pytest.mark.parametrize("name", sorted(name for name in EXPECTED if EXPECTED[name][0] == "3"))
def test_setting_bad_lines_aside_never_charges_what_is_wrong(name: str):
    try:
        with open_run(BAD / name, run_id=_run_id(BAD / name), skip_invalid=True) as run_file:
            lines = list(run_file.lines())
    except InvalidInput:
        return
    assert run_file.set_aside >= 1
    assert run_file.count == sum(line.charge is not None for line in lines)
    assert run_file.set_aside == sum(bool(line.reason) for line in lines)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_no_message_repeats_what_must_not_be_recorded(name: str):
    with pytest.raises((InvalidInput, UsageError)) as refused:
        open_run(BAD / name, run_id=_run_id(BAD / name))
    shown = "\n".join(map(str, getattr(refused.value, "problems", [refused.value])))
    assert not [secret for secret in SECRETS if secret in shown]
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("path", sorted((DATA / "good").iterdir()), ids=lambda path: path.name)
def test_good_files_are_accepted(path: Path):
    with open_run(path, run_id=_run_id(path), delimiter=";" if "semicolon" in path.name else None) as run_file:
        assert run_file.count == sum(line.charge is not None for line in run_file.lines())


@pytest.mark.parametrize("name", ["coaching.yaml", "workshop.yaml"])
def test_the_worked_examples_are_valid(name: str):
    with open_run(Path(__file__).parents[3] / "configs" / "runs" / name) as run_file:
        assert run_file.count >= 2
