"""Every kind of run file is a table of columns: laws of the tables, how a file's kind is known, what stays personal."""

import csv
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from billing.core.errors import InvalidInput
from billing.core.items import Kind, Mode, Personal, Run
from billing.core.policies import Limits
from billing.edge.runfiles.amounts import Amounts
from billing.edge.runfiles.csvfile import read_csv
from billing.edge.runfiles.fields import ACCOUNT, METADATA, read_reference
from billing.edge.runfiles.header import Dialect
from billing.edge.runfiles.inline import read_inline
from billing.edge.runfiles.lines import LineCollector
from billing.edge.runfiles.reading.bad_lines import write_bad_lines
from billing.edge.runfiles.reading.byte_stream import ByteStream, new_digest
from billing.edge.runfiles.reading.spool import Spool
from billing.edge.runfiles.run_file import RunFile, bad_lines
from billing.edge.runfiles.schema import Column, Schema, id_column, no_money
from billing.edge.runfiles.schemas import SCHEMAS
from billing.edge.runfiles.which_kind import said_kind
from billing.edge.texts.problems import FieldError, Unreadable
from billing.edge.texts.yaml_tree import parsed


@dataclass(frozen=True)
class Gift:
    """What a line of the second kind becomes."""

    reference: str
    account: str
    amount: int
    currency: str


def _money(defaults, decimal):
    amounts = Amounts(decimal)
    return lambda cells: (amounts.needed(("amount", ""), (cells[0], ""), "usd"), "usd")


def _name(text: str) -> str:
    if not text.isalpha():
        raise FieldError("giver", "giver", "giver has something else than letters")
    return text


GIFTS = Schema(
    kind=Kind.CHARGE,
    word="gifts",
    columns=(Column("reference", read_reference, required=True), id_column("account", ACCOUNT, required=True),
             Column("giver", _name, required=True, personal=True), Column("amount")),
    amounts=("amount",),
    money=_money,
    build=Gift,
    tells=frozenset({"giver"}),
)  # fmt: skip


@dataclass(frozen=True)
class Guest:
    """What a line becomes of a kind that has neither account nor money, and says who somebody is."""

    reference: str
    personal: Personal


GUESTS = Schema(
    kind=Kind.PAYER,
    word="guests",
    columns=(Column("reference", read_reference, required=True),
             Column("guest", _name, required=True, personal=True)),
    amounts=(),
    money=no_money,
    build=Guest,
    tells=frozenset({"guest"}),
)  # fmt: skip
BOTH = (*SCHEMAS, GIFTS)
HEADER = "reference,account,giver,amount"


@pytest.fixture
def read(tmp_path: Path):
    """Read a text as a sheet of one of the kinds."""
    spools: list[Spool] = []

    def read_text(text: str, said: Schema | None = None, ignore: tuple[str, ...] = (), kinds=BOTH) -> RunFile:
        path = tmp_path / "sheet.csv"
        path.write_text(text)
        spools.append(Spool(tmp_path))
        collector = LineCollector("sheet.csv", spools[-1], Limits(), said or kinds[0])
        with path.open("rb") as source:
            try:
                read_csv(ByteStream(source, new_digest()), collector, Dialect(kinds, said, ignore=ignore), {})
            except Unreadable as end:
                collector.stop(end)
        collector.finish()
        if collector.broken:
            collector.problems.raise_if_any()
        run = Run("gifts", "2026-11", "gifts-2026-11", "UTC", Mode.TEST, collector.columns)
        return RunFile(run, "sheet.csv", "", collector, spools[-1])

    yield read_text
    for spool in spools:
        spool.close()


@pytest.mark.parametrize("schema", BOTH, ids=lambda schema: schema.word)
def test_an_item_is_made_of_what_the_columns_say(schema: Schema):
    alone = [column.name for column in schema.alone]
    assert {*alone, *schema.together, *schema.personal} == set(schema.names)
    assert len(schema.names) == len(set(schema.names)) == len(alone) + len(schema.together) + len(schema.personal)
    given = schema.values[: len(alone)]
    assert list(given) == alone, "what is read by itself comes first, then what money gives, then metadata"
    assert "metadata" not in schema.values[:-1]
    assert schema.values[0] == "reference"
    assert {"amount", "currency"} <= set(schema.values) or not schema.amounts
    assert schema.personal.keys().isdisjoint(schema.values), "an item never has what is personal"
    assert set(schema.amounts) <= set(schema.together)
    assert not set(schema.amounts) & set(schema.required)


@pytest.mark.parametrize("schema", [each for each in BOTH if each.amounts], ids=lambda schema: schema.word)
def test_money_gives_what_the_items_maker_takes(schema: Schema):
    cells = {"amount": "10.99", "currency": "usd"}
    values = schema.money({}, ".")(tuple(cells.get(name, "") for name in schema.together))
    names = [name for name in schema.values[len(schema.alone) :] if name != "metadata"]
    read = dict(zip(names, values, strict=True))
    assert read == ({"amount": 1099, "currency": "usd"} | read if schema.amounts else {})


def test_what_tells_a_kind_is_a_column_of_it_and_of_no_other():
    assert all(schema.tells and schema.tells <= set(schema.names) for schema in BOTH)
    assert all(one.tells.isdisjoint(other.names) for one in BOTH for other in BOTH if one is not other)
    assert all(one.word != other.word for one, other in combinations(BOTH, 2))


def test_the_header_tells_the_kind(read):
    gifts = read(f"{HEADER}\nG-1,acct_A1,Jane,5.00\n")
    assert [line.item for line in gifts.lines()] == [Gift("G-1", "acct_A1", 500, "usd")]
    charges = read("reference,account,customer,amount,currency\nI-1,acct_A1,cus_A1,5.00,usd\n")
    assert [line.item.customer for line in charges.lines()] == ["cus_A1"]


def test_what_is_carried_along_tells_nothing(read):
    charges = read("reference,account,customer,amount,currency,giver\nI-1,acct_A1,cus_A1,5.00,usd,Jane\n",
                   ignore=("giver",))  # fmt: skip
    assert [line.item.customer for line in charges.lines()] == ["cus_A1"]


def test_a_header_of_two_kinds_is_refused_with_the_columns_of_each(read):
    with pytest.raises(InvalidInput) as refused:
        read(f"{HEADER},statement_suffix\n")
    (problem,) = refused.value.problems
    assert (problem.code, problem.line, problem.column) == ("two_kinds", 1, 5)
    assert problem.message == 'one file cannot have "statement_suffix" of charges and "giver" of gifts'
    assert problem.hint == (
        "for charges: reference, customer, account, currency, amount; for gifts: reference, account, giver, amount"
    )


def test_a_header_of_no_kind_is_refused_with_the_columns_of_each(read):
    with pytest.raises(InvalidInput) as refused:
        read("date,time\n")
    (problem,) = refused.value.problems
    assert problem.code == "no_header"
    assert "for charges: reference" in problem.hint
    assert "for gifts: reference" in problem.hint


def test_a_sheet_of_another_kind_than_its_run_file_is_refused(read):
    with pytest.raises(InvalidInput) as refused:
        read(f"{HEADER}\nG-1,acct_A1,Jane,5.00\n", said=SCHEMAS[0])
    (problem,) = refused.value.problems
    assert (problem.code, problem.column, problem.hint) == ("another_kind", 3, "kind: gifts")


def test_items_of_another_kind_than_their_file_are_refused_once_and_not_key_by_key(opened):
    item = '{reference: A-1, payment_intent: pi_1, account: acct_N1, customer: cus_A1, amount: "1", currency: USD}'
    text = f"version: 1\nrun: {{name: coaching, period: 2026-11}}\nitems:\n  - {item}\n  - {item}\n"
    with pytest.raises(InvalidInput) as refused:
        opened(text, "undo.yaml")
    (problem,) = refused.value.problems
    assert (problem.code, problem.line, problem.column, problem.hint) == ("another_kind", 4, 22, "kind: refunds")


def test_a_yaml_file_may_say_its_kind(opened):
    text = (
        "version: 1\nrun: {name: coaching, period: 2026-11}\nkind: charges\n"
        "items: [{reference: A-1, customer: cus_A1, account: acct_N1, amount: 10.99, currency: USD}]\n"
    )
    said, silent = opened(text, "run.yaml"), opened(text.replace("kind: charges\n", ""), "silent.yaml")
    assert said.run.kind is silent.run.kind is Kind.CHARGE


def test_an_unknown_kind_is_answered_with_those_there_are():
    assert said_kind("gifts", BOTH) is GIFTS
    with pytest.raises(FieldError, match='kind "gift" is unknown') as unknown:
        said_kind("gift", BOTH)
    assert unknown.value.hint == 'did you mean "gifts"?'
    with pytest.raises(FieldError) as unknown:
        said_kind("", BOTH)
    assert unknown.value.hint == f"known: {', '.join(schema.word for schema in BOTH)}"


def test_a_kind_without_metadata_takes_none(read):
    with pytest.raises(InvalidInput) as refused:
        read(f"{HEADER},{METADATA}x\nG-1,acct_A1,Jane,5.00,1\n")
    assert [problem.code for problem in refused.value.problems] == ["unknown_column"]


GOOD, BAD = "G-1,acct_A1,Jane,5.00", "G-2,acct_A1,Jane,x"
SHORT, LONG, WRONG = "Jane,G-3", "G-4,Jane,acct_A1,5.00,Jane", "G-5,acct_A1,Jane1,5.00"
REPEATED, BLANK = "G-1,acct_A1,Jane,5.00", "G-6,acct_A1,,5.00"


@pytest.mark.parametrize("lines", [[GOOD], [BAD], [SHORT], [LONG], [WRONG], [GOOD, REPEATED], [BLANK],
                                   [GOOD, BAD, SHORT, LONG, WRONG, REPEATED, BLANK]])  # fmt: skip
def test_what_is_personal_reaches_no_record(read, lines: list[str]):
    run_file = read("\n".join([HEADER, *lines, ""]))
    told = [*map(str, run_file.problems), *map(str, run_file.warnings)]
    assert "Jane" not in str([*run_file.lines(), *bad_lines(run_file._intake), told])
    assert run_file.count + run_file.set_aside == len(lines)


def test_what_is_personal_is_read_all_the_same(read, tmp_path: Path):
    run_file = read(f"{HEADER}\n{WRONG}\n{GOOD}\n")
    assert [(problem.code, problem.column) for problem in run_file.problems] == [("giver", 3)]
    assert [cell for line in run_file.lines() for cell in line.cells if "withheld" in cell] == [
        "[personal data withheld]"
    ] * 2
    assert [record[2] for record in run_file._spool] == [None, ("G-1", "acct_A1", 500, "usd", (), "Jane")]
    target = _Kept()
    write_bad_lines(target, run_file.run.columns, bad_lines(run_file._intake))
    (_, row) = csv.reader(target.text.splitlines())
    assert row[2] == "[personal data withheld]"


class _Kept:
    """Takes what is written instead of a file."""

    def write(self, chunks):
        self.text = "".join(chunks)


def test_items_in_a_yaml_file_keep_what_is_personal_too(tmp_path: Path):
    nodes = parsed("[{reference: G-1, account: acct_A1, giver: Jane, amount: 5}, {reference: G-2, giver: Jane}]", print)
    spool = Spool(tmp_path)
    collector = LineCollector("run.yaml", spool, Limits(), GIFTS)
    read_inline(nodes, collector, GIFTS, {})
    collector.finish()
    assert (collector.count, collector.set_aside) == (1, 1)
    assert [record[1] for record in spool] == [("G-1", "acct_A1", "[personal data withheld]", "5"),
                                               ("G-2", "", "[personal data withheld]", "")]  # fmt: skip
    assert "Jane" not in str(collector.problems.first)
    spool.close()


def test_a_kind_without_money_and_account_has_lines_and_no_sums(read):
    guests = read("reference,guest\nG-1,Jane\nG-2,John\n", kinds=(*BOTH, GUESTS))
    assert (guests.count, guests.totals, guests.run.columns) == (2, {}, ("reference", "guest"))
    assert GUESTS.sums(("G-1", (), "Jane")) == ("G-1", "", 0, "")


def test_an_item_has_who_it_is_about_and_shows_it_to_nobody(read):
    guests = read("reference,guest\nG-1,Jane\n", kinds=(*BOTH, GUESTS))
    (line,) = guests.lines()
    assert line.item.personal.values == (("guest", "Jane"),)
    assert "Jane" not in f"{line!r} {line.item!s} {line.item.personal!r} {[line.item]}"
    assert bool(line.item.personal)
    assert not Personal()
