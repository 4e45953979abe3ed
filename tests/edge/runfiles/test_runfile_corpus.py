"""Every bad file is refused with its own first message, and never with a traceback."""

import ast
import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import billing as package
from billing.cli.main import run
from billing.core.errors import InvalidInput, UsageError
from billing.core.money import _MISTAKES
from billing.edge.runfiles import open_run
from billing.edge.runfiles.schemas import SCHEMAS
from tests.conftest import Billing

DATA = Path(__file__).parents[2] / "data"
BAD = DATA / "bad"
SECRETS = ("4242", "3782 822463", "jane.doe", "jane@example", "a@b", "4000-0566", "whsec_", "sk_test_", "hooks.",
           "sk_live_", "rk_live_", "rk_test_", "ek_test_", "_secret_", "675964", "4000 0566", "c@d")  # fmt: skip
NOT_A_CASE = {"expected.tsv", "mapped.csv"}
RUN_ID = "coaching-2026-11"

# Where each maker of a problem takes the code among its arguments.
MAKERS = {"FieldError": 1, "Fault": 1, "Unreadable": 2, "AmountError": 0, "_refused": 1, "problem": 1, "Problem": 3,
          "_wrong": 2, "warn_of_file": 0}  # fmt: skip
NO_FILE = {
    "amount_empty": "an empty cell is `missing` before it is looked at",
    "too_large": "test_runfile_laws: a file beyond the limit",
    "yaml_size": "test_runfile_yaml: too many items belong into a csv",
    "mixed_widths": "test_runfile_sheets: a warning",
    "another_month": "test_runfile_sheets: it depends on the day",
    "two_kinds": "test_runfile_kinds: it takes two kinds",
    "another_kind": "test_runfile_kinds: it takes two kinds",
    "file_changed": "test_runfile_sheets: it takes somebody who writes meanwhile",
    **dict.fromkeys(
        (
            "another_currency",
            "cell_error",
            "cell_type",
            "hidden",
            "merged_cells",
            "no_sheet",
            "not_as_shown",
            "not_calculated",
            "number_format",
            "one_column",
            "several_sheets",
        ),
        "test_xlsx_cells, test_xlsx_sheets: workbooks are made where they are read",
    ),
    **dict.fromkeys(
        ("not_a_workbook", "document_type", "encrypted_workbook", "too_many_parts"),
        "test_xlsx_hostile: the same",
    ),
}
# Codes for which no file is kept, and where they are tested instead.


def _table() -> list[tuple[str, ...]]:
    with (BAD / "expected.tsv").open(encoding="utf-8", newline="") as table:
        return [tuple(row) for row in csv.reader(table, delimiter="\t", quoting=csv.QUOTE_NONE)]


EXPECTED = {row[0]: row[1:] for row in _table()}


def _run_id(path: Path) -> str | None:
    return None if path.suffix in {".yaml", ".json"} else RUN_ID


def _texts(node: ast.expr) -> Iterator[str]:
    """The literal texts an expression can be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def _codes_in(tree: ast.AST) -> Iterator[str]:
    """Every code a module writes down: where a problem is made, yielded, or kept in a table."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = MAKERS.get(name)
            if place is not None and len(node.args) > place:
                yield from _texts(node.args[place])
        elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 3:
            yield from _texts(node.value.elts[0])


def _codes() -> set[str]:
    """Every code the readers know."""
    root = Path(package.__file__).parent
    rooms = (root / "edge" / "runfiles", root / "edge" / "texts")
    files = [*(file for room in rooms for file in room.rglob("*.py")), root / "core" / "money.py"]
    found = {code for file in files for code in _codes_in(ast.parse(file.read_text(encoding="utf-8")))}
    tables = {code for _, code, _, _ in _MISTAKES} | {"card_data", "personal_data", "secret", "utf16", "utf32"}
    return found | tables


def test_every_bad_file_has_an_expectation(record_property):
    assert {path.name for path in BAD.iterdir()} - NOT_A_CASE == set(EXPECTED)
    assert len(EXPECTED) >= 875
    contents = Counter(path.read_bytes() for path in BAD.iterdir())
    assert [content for content, count in contents.items() if content and count > 1] == []
    kinds = len({code for _, _, code, _ in EXPECTED.values()})
    evidence = f"hostile input: {len(EXPECTED)} bad files refused, {kinds} kinds of problem, each with its place"
    record_property("evidence", evidence)


def test_every_rule_of_the_readers_has_a_file_that_breaks_it():
    codes = _codes()
    assert len(codes) >= 50, "the codes are found by reading the source; fewer means that reading it no longer works"
    assert codes - {code for _, _, code, _ in EXPECTED.values()} == set(NO_FILE)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_bad_file_is_refused_with_its_place_and_reason(name: str):
    exit_code, place, code, message = EXPECTED[name]
    with pytest.raises((InvalidInput, UsageError)) as refused:
        open_run(BAD / name, run_id=_run_id(BAD / name))
    assert refused.value.exit_code == int(exit_code)
    if isinstance(refused.value, InvalidInput):
        first = refused.value.problems[0]
        assert (f"{first.line}:{first.column}", first.code, first.message) == (place, code, message)


def test_every_problem_of_a_bad_file_lies_inside_the_file():
    for name, (exit_code, *_) in EXPECTED.items():
        if exit_code != "3":
            continue
        with pytest.raises(InvalidInput) as refused:
            open_run(BAD / name, run_id=_run_id(BAD / name))
        for problem in refused.value.problems:
            lines = Path(problem.file).read_bytes().replace(b"\r", b"\n").count(b"\n") + 1
            assert 0 <= problem.line <= lines, (name, problem)
            assert problem.line or problem.code in {"empty_file", "nothing_to_charge", "damaged_workbook"}, (
                name,
                problem,
            )


@pytest.mark.parametrize("name", sorted(name for name in EXPECTED if EXPECTED[name][0] == "3"))
def test_setting_bad_lines_aside_never_charges_what_is_wrong(name: str):
    try:
        with open_run(BAD / name, run_id=_run_id(BAD / name), skip_invalid=True) as run_file:
            lines = list(run_file.lines())
    except InvalidInput:
        return
    assert run_file.set_aside >= 1
    assert run_file.count == sum(line.item is not None for line in lines)
    assert run_file.set_aside == sum(bool(line.reason) for line in lines)


def test_no_message_repeats_what_must_not_be_recorded():
    for name in EXPECTED:
        with pytest.raises((InvalidInput, UsageError)) as refused:
            open_run(BAD / name, run_id=_run_id(BAD / name))
        problems = getattr(refused.value, "problems", ())
        shown = "\n".join(f"{problem.message}\n{problem.hint}" for problem in problems)
        assert not [secret for secret in SECRETS if secret in shown], name
        assert shown.replace("\n", "").isprintable(), name


def test_the_command_refuses_every_bad_file_in_its_own_words(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, (exit_code, _, code, message) in EXPECTED.items():
        asked = ["check", str(BAD / name), "--output", "json"]
        ended = run([*asked, "--run", RUN_ID] if _run_id(BAD / name) else asked)
        shown = capsys.readouterr()
        assert ended == int(exit_code), name
        assert "Traceback" not in shown.out + shown.err, name
        if ended == 3:
            first = json.loads(shown.out)["problems"][0]
            assert (first["code"], first["message"]) == (code, message), name


SAMPLE = ("amount_nan.csv", "encoding_utf32_bom.csv", "yaml_bomb.yaml", "json_lines.json", "description_osc8.csv",
          "no_suffix")  # fmt: skip


@pytest.mark.parametrize("name", SAMPLE)
def test_the_command_as_a_process_says_file_line_and_column(billing: Billing, name: str):
    exit_code, place, _, message = EXPECTED[name]
    asked = ["check", str(BAD / name)]
    ended = billing(*asked, *(["--run", RUN_ID] if _run_id(BAD / name) else []))
    assert (ended.code, ended.out) == (int(exit_code), "")
    assert "Traceback" not in ended.err
    assert ended.err.replace("\n", "").isprintable()
    if exit_code == "3":
        assert f"{BAD / name}:{place}: {message}" in ended.err


@pytest.mark.parametrize("path", sorted((DATA / "good").iterdir()), ids=lambda path: path.name)
def test_good_files_are_accepted(path: Path):
    with open_run(path, run_id=_run_id(path), allow_empty=path.name == "header_only.csv") as run_file:
        assert run_file.count or path.name == "header_only.csv"
        assert run_file.count == sum(line.item is not None for line in run_file.lines())


EXAMPLES = sorted((Path(__file__).parents[3] / "configs" / "runs").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_worked_examples_are_valid(path: Path):
    with open_run(path) as run_file:
        assert (run_file.count > 0, run_file.problems, run_file.warnings) == (True, (), ())


def test_there_is_a_worked_example_of_each_kind_of_run_file():
    kinds = set()
    for path in EXAMPLES:
        with open_run(path) as run_file:
            kinds.add(run_file.run.kind)
    assert kinds == {schema.kind for schema in SCHEMAS}
