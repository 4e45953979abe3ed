"""Laws of the run-file readers over the grammar: nothing accepted is changed, nothing refused is without a place."""

import csv
import io
import re
from decimal import Decimal
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.core.errors import InvalidInput
from billing.core.items import Charge
from billing.core.keys import charge_digest
from billing.core.money import CURRENCIES
from billing.edge.texts.safe_text import BLANKS
from billing.flow.planning.plan import plan_offline
from tests.fuzz.grammar import (
    BREAKS,
    HEAD,
    PLAIN,
    STYLES,
    Break,
    Sheet,
    Style,
    alike,
    as_csv,
    as_yaml,
    broken,
    cells_of,
    sheets,
)
from tests.fuzz.reading import opened
from tests.fuzz.workbooks import a_damaged_workbook_never_ends_in_a_crash, a_workbook_says_what_a_csv_says

WAYS = st.lists(st.integers(0, 2), min_size=1, max_size=7)
BYTES = st.binary(min_size=0, max_size=4) | st.sampled_from(
    [b",", b'"', b"\n", b"\r", b"'", b": ", b"- ", b"{", b"}", b"[", b"]", b"#", b"&a ", b"*a", b"!x ", b"\xff", b"\0",
     b"\xef\xbb\xbf", b"|\n", b">", b"?", b"<<: ", b"---\n", b"\t", b"0", b".", b"-", b"e", "١".encode(), "А".encode(),
     b"\xe2\x80\x8b", b"\xc2\xa0", b"items", b"amount", b"metadata.x"]
)  # fmt: skip


PIECES = st.sampled_from(
    [b"reference,customer,account,amount,currency\n", b"INV-1,cus_1,acct_1,5.00,USD\n", HEAD.encode(), b"items:\n",
     b"  - {reference: A, customer: cus_1, account: acct_1, amount: 5, currency: USD}\n"]
)  # fmt: skip


def items_of(content: bytes, suffix: str, **asked: Any) -> list[Charge]:
    """The charges of an accepted file."""
    with opened(content, suffix, **asked) as run_file:
        return [line.item for line in run_file.lines() if line.item is not None]


def rows_of(sheet: Sheet) -> list[list[str]]:
    """The sheet's lines, as typed."""
    return [cells_of(item, sheet.keys) for item in sheet.items]


@given(sheets(), STYLES)
def what_is_written_is_what_is_read(sheet: Sheet, style: Style) -> None:
    """Every value of every item comes back, however the CSV is quoted, ended, marked and separated."""
    content = as_csv(sheet.columns, rows_of(sheet), style)
    assert items_of(content, ".csv", delimiter=style.delimiter) == list(sheet.items)


@given(sheets(), WAYS, st.booleans())
def yaml_and_csv_say_the_same(sheet: Sheet, ways: list[int], flow: bool) -> None:
    """The same items in YAML, however its scalars are quoted, are the same charges with the same digests."""
    found = items_of(as_yaml(sheet, ways, flow=flow), ".yaml")
    assert found == list(sheet.items)
    from_csv = items_of(as_csv(sheet.columns, rows_of(sheet)), ".csv")
    assert [charge_digest(item) for item in found] == [charge_digest(item) for item in from_csv]


@given(sheets(), st.permutations(range(9)))
def order_means_nothing(sheet: Sheet, order: list[int]) -> None:
    """Lines and columns in another order are the same set of charges."""
    places = [*order, *range(9, 9 + len(sheet.keys))]
    turned = [[row[place] for place in places] for row in [sheet.columns, *rows_of(alike(sheet))]]
    assert items_of(as_csv(turned[0], turned[1:]), ".csv") == list(alike(sheet).items)


@given(sheets(least=1))
def line_ends_mean_nothing(sheet: Sheet) -> None:
    """LF, CRLF and CR are the same plan, down to its digest."""
    digests = set()
    for end in ("\n", "\r\n", "\r"):
        style = Style(end, csv.QUOTE_MINIMAL, mark=end == "\r\n", delimiter=",", blank_lines=False, last_end=True)
        with opened(as_csv(sheet.columns, rows_of(sheet), style), ".csv") as run_file:
            digests.add(plan_offline(run_file, None, "acct_P").digest)
    assert len(digests) == 1


@given(sheets(least=1), st.data())
def exactly_the_bad_lines_are_bad(sheet: Sheet, data: st.DataObject) -> None:
    """A file is refused for its broken lines, each at its cell; set aside, the others are charged unchanged."""
    hurt: dict[int, Break] = data.draw(st.dictionaries(st.integers(0, len(sheet.items) - 1), BREAKS, min_size=1))
    rows = rows_of(sheet)
    content = as_csv(sheet.columns, [broken(row, hurt[n]) if n in hurt else row for n, row in enumerate(rows)])
    used = [row[0] for n, row in enumerate(rows) if n not in hurt or hurt[n].column != "reference"]
    broken_references = [how.text for how in hurt.values() if how.column == "reference" and how.text]
    assume(len({*used, *broken_references}) == len(used) + len(broken_references))
    try:
        opened(content, ".csv").close()
    except InvalidInput as refused:
        found = [(problem.line - 2, problem.column, problem.code) for problem in refused.problems]
    else:
        raise AssertionError("a broken file was accepted")
    expected = [(n, sheet.columns.index(how.column) + 1, how.code) for n, how in sorted(hurt.items())]
    assert found == expected
    kept = [item for n, item in enumerate(sheet.items) if n not in hurt]
    with opened(content, ".csv", skip_invalid=True) as run_file:
        lines = list(run_file.lines())
    assert [line.item for line in lines if line.item is not None] == kept
    assert [line.line - 2 for line in lines if line.item is None] == sorted(hurt)
    assert run_file.set_aside == len(hurt)


@given(sheets(least=1, most=2), st.integers(0, 10**6), st.integers(0, 4), BYTES, st.sampled_from([".csv", ".yaml"]))
def a_damaged_file_means_what_it_says_or_nothing(sheet: Sheet, at: int, cut: int, put: bytes, suffix: str) -> None:
    """A file changed anywhere by anything is refused with a place inside it, or read exactly as it now stands."""
    whole = as_csv(sheet.columns, rows_of(sheet), PLAIN) if suffix == ".csv" else as_yaml(sheet, [0, 2, 1], flow=True)
    at %= len(whole) + 1
    judge(whole[:at] + put + whole[at + cut :], suffix)


@given(st.lists(BYTES | PIECES, max_size=12), st.sampled_from([".csv", ".yaml"]))
def noise_means_what_it_says_or_nothing(parts: list[bytes], suffix: str) -> None:
    """The same for files that were never whole."""
    judge(b"".join(parts), suffix)


def judge(content: bytes, suffix: str) -> None:
    """Refused with places inside the file, or accepted and every value as another parser reads it as text."""
    try:
        found = items_of(content, suffix)
    except InvalidInput as refused:
        _lie_inside(refused, content)
        return
    texts = _texts_of_csv(content) if suffix == ".csv" else _texts_of_yaml(content)
    assert len(found) == len(texts)
    for charge, text in zip(found, texts, strict=True):
        _agree(charge, text)


def _lie_inside(refused: InvalidInput, content: bytes) -> None:
    lines = content.replace(b"\r", b"\n").count(b"\n") + 1
    assert refused.total >= len(refused.problems) >= 1
    for problem in refused.problems:
        assert 0 <= problem.line <= lines, problem
        assert problem.code, problem
        assert f"{problem.message}{problem.hint}".isprintable(), problem


def _texts_of_csv(content: bytes) -> list[dict[str, str]]:
    lines, separator = io.StringIO(content.decode("utf-8-sig"), newline=""), ","
    rows = [row for row in csv.reader(lines, delimiter=separator) if any(cell.strip() for cell in row)]
    titles = [" ".join(title.split()) for title in rows[0]]
    named = [title if title.startswith("metadata.") else title.lower().replace(" ", "_") for title in titles]
    return [dict(zip(named, row, strict=True)) for row in rows[1:]]


def _texts_of_yaml(content: bytes) -> list[dict[str, str]]:
    found = yaml.load(content.decode("utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506  builds texts alone
    items = found["items"] or []
    nested = [item.pop("metadata", None) or {} for item in items]
    return [item | {f"metadata.{key}": text for key, text in more.items()}
            for item, more in zip(items, nested, strict=True)]  # fmt: skip


def _agree(charge: Charge, text: dict[str, str]) -> None:
    typed = {name: value.strip(BLANKS) for name, value in text.items()}
    typed["statement_suffix"] = re.sub(f"[{BLANKS}]", " ", typed.get("statement_suffix", ""))
    scale = 10 ** CURRENCIES[charge.amount.currency].exponent
    assert charge.amount.currency == typed["currency"].lower()
    if typed.get("amount"):
        assert charge.amount.minor == Decimal(typed["amount"]) * scale
    else:
        assert charge.amount.minor == Decimal(typed["amount_minor"])
    fee = Decimal(typed["application_fee"]) * scale if typed.get("application_fee") else None
    if not typed.get("application_fee_minor"):
        assert charge.application_fee == (fee or None)
    plain = ("reference", "customer", "account", "payment_method", "description", "statement_suffix")
    assert {name: getattr(charge, name) or "" for name in plain} == {name: typed.get(name, "") for name in plain}
    metadata = {name: value for name, value in typed.items() if name.startswith("metadata.") and value}
    assert {f"metadata.{key}": value for key, value in charge.metadata} == metadata


LAWS = (
    what_is_written_is_what_is_read,
    yaml_and_csv_say_the_same,
    order_means_nothing,
    line_ends_mean_nothing,
    exactly_the_bad_lines_are_bad,
    a_damaged_file_means_what_it_says_or_nothing,
    noise_means_what_it_says_or_nothing,
    a_workbook_says_what_a_csv_says,
    a_damaged_workbook_never_ends_in_a_crash,
)
"""Every law, each a test of Hypothesis that wants only its number of examples."""
