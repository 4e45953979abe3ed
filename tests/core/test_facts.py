"""The table of facts is whole: whatever is written or read of an entry by name has a row, and every row is used.

The source is read for it: what is given to an entry as ``facts``, with the functions and constants it is put together
of, and what is taken from ``.facts`` by name, in Python or in SQL. Types and entries are held at every write that a
test of `tests.flow` makes (`tests.facts`).
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import pytest

import billing
from billing.core.entries import Entry, Note
from billing.core.facts import RUN_FACTS, Fact, Use
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.kinds.columns import COLUMNS
from billing.core.kinds.facts import FACTS
from tests.facts import RUNS, wrong

ROOT = Path(billing.__file__).parent
ROWS: Mapping[str, Fact] = {row.name: row for rows in FACTS.values() for row in rows.values()} | {
    name: row for rows in FACTS.values() for name, row in rows.items()
}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Function | ast.Module


def _name(node: ast.AST | None) -> str:
    """The text a node stands for; an f-string's holes are all called the same."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{op}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


class Source:
    """The program, read."""

    def __init__(self) -> None:
        files = [file for file in sorted(ROOT.rglob("*.py")) if "sandbox" not in file.parts]
        self.trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]

    @cached_property
    def writers(self) -> list[ast.Module]:
        """Modules that make entries or items."""
        return [tree for tree in self.trees if {"Move", "NewItem"} & set(_imported(tree))]

    @cached_property
    def defined(self) -> dict[str, list[ast.AST]]:
        """What names mean in them: functions, and what is assigned at the top."""
        found: dict[str, list[ast.AST]] = {}
        for tree in self.writers:
            for node in ast.walk(tree):
                if isinstance(node, Function):
                    found.setdefault(node.name, []).append(node)
            for name, value in _assigned(tree.body):
                found.setdefault(name, []).append(value)
        return found

    def written(self) -> set[str]:
        """The names of facts that are written anywhere."""
        names: set[str] = set()
        for tree in self.writers:
            for scope in (tree, *(node for node in ast.walk(tree) if isinstance(node, Function))):
                for expression in _given(scope, self._taking):
                    names |= set(self._keys(expression, scope, set()))
        return names - {""}

    @cached_property
    def _taking(self) -> set[str]:
        """Functions that are given facts as keywords."""
        functions = [node for nodes in self.defined.values() for node in nodes if isinstance(node, Function)]
        return {node.name for node in functions if node.args.kwarg is not None and node.args.kwarg.arg == "facts"}

    def _keys(self, expression: ast.AST, scope: Scope | None, seen: set[tuple[int, str]]) -> Iterator[str]:
        """The names in an expression, and in whatever it is put together of; ``seen`` holds what was gone into."""
        match expression:
            case ast.Dict(keys=keys, values=values):
                yield from (_name(key) for key in keys if key is not None)
                parts = [value for key, value in zip(keys, values, strict=True) if key is None]
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                parts = [left, right]
            case ast.Call(func=ast.Name() as called):
                parts = [called]
            case ast.Call(func=ast.Attribute(value=ast.Name(), attr=name)) if (id(None), name) not in seen:
                seen.add((id(None), name))
                yield from (key for found in self.defined.get(name, ()) for key in self._of(found, seen))
                parts = []
            case ast.Name(id=name) if (id(scope), name) not in seen:
                seen.add((id(scope), name))
                parts = [value for each, value in _assigned(ast.walk(scope)) if each == name] if scope else []
                yield from (key for found in self.defined.get(name, ()) for key in self._of(found, seen))
            case _:
                parts = []
        for part in parts:
            yield from self._keys(part, scope, seen)

    def _of(self, found: ast.AST, seen: set[tuple[int, str]]) -> Iterator[str]:
        scope = found if isinstance(found, Function) else None
        values = [found] if scope is None else [node.value for node in ast.walk(scope) if isinstance(node, ast.Return)]
        for value in filter(None, values):
            yield from self._keys(value, scope, seen)

    def read(self) -> set[str]:
        """The names of facts that are asked for anywhere."""
        return {name for tree in self.trees for node in ast.walk(tree) for name in _asked(node)} - {""}


def _imported(tree: ast.Module) -> Iterator[str]:
    return (alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names)


def _assigned(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Every name that is given a value, with the value; a key that is set counts as a dict of that key."""
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and value else ():
            if isinstance(target, ast.Name):
                yield target.id, value
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                yield target.value.id, ast.Dict([target.slice], [value])


def _given(scope: Scope, taking: set[str]) -> Iterator[ast.AST]:
    """What is handed over as facts within a function or a module."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for word in node.keywords:
                if word.arg == "facts":
                    yield word.value
                elif called in taking:
                    yield word.value if word.arg is None else ast.Dict([ast.Constant(word.arg)], [word.value])


def _asked(node: ast.AST) -> Iterator[str]:
    """The names that a node takes from ``.facts``."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="facts"), attr="get"), args=[name, *_]):
            yield _name(name)
        case ast.Subscript(value=ast.Attribute(attr="facts"), slice=name):
            yield _name(name)
        case ast.Compare(left=name, ops=[ast.In() | ast.NotIn()], comparators=[ast.Attribute(attr="facts")]):
            yield _name(name)
        case ast.Constant(value=str(sql)):
            yield from re.findall(r"\bfacts, '\$\.(\w+)'", sql)


SOURCE = Source()


def test_whatever_is_written_has_a_row_and_every_row_is_written():
    written = SOURCE.written()
    assert written - set(ROWS) == set(), "a fact without a row in billing/core/kinds/*_facts.py"
    assert {row.name for row in ROWS.values()} - written == set(), "a row that nobody writes"


def test_whatever_is_read_has_a_row_and_every_row_that_says_so_is_read():
    read, shown = SOURCE.read(), {name for columns in COLUMNS.values() for name in columns.names}
    assert read - set(ROWS) - set(RUNS) == set(), "a fact without a row in billing/core/kinds/*_facts.py or facts.py"
    for row in ROWS.values():
        decides = row.name in read or bool({name for name, each in ROWS.items() if each is row} & read)
        assert decides if row.use is Use.WAY else not decides or row.name in shown, row
        assert (row.name in shown) if row.use is Use.REPORT else True, row


@pytest.mark.parametrize("kind", LIVES)
def test_every_kind_has_a_table_and_its_rows_name_entries_of_its_own(kind: Kind):
    named = {*LIVES[kind].events, *Note}
    for name, row in FACTS[kind].items():
        assert row.by, name
        assert set(row.by) <= named, name
        assert len(row.by) == len(set(row.by)), name


def test_a_run_has_a_table():
    assert len(RUNS) == len(RUN_FACTS)
    assert all(isinstance(name, Note) for row in RUN_FACTS for name in row.by)


@pytest.mark.parametrize(("facts", "said"), [
    ({"surprise": 1}, "charge_lost: surprise is in no table of facts"),
    ({"charge": "ch_1"}, "charge_lost: charge is written with others"),
    ({"key_spent": 1}, "charge_lost: key_spent is 1, not true, or not there"),
    ({"lost": 5}, "charge_lost: lost is 5, not text"),
    ({"lost": "busy", "key_spent": None, "charge": None, "object_id": "pi_1"}, ""),
])  # fmt: skip
def test_an_entry_is_held_to_its_table(facts, said):
    entry = Entry(1, "", "charge_lost", "run", "item", 1, facts, "")
    assert wrong(entry, Kind.CHARGE) == ([said] if said else [])
