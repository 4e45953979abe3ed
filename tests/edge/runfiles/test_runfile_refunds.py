"""A run file of refunds: what `billing reverse` writes is read back to the letter, and what is wrong is named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.errors import InvalidInput
from billing.core.items import FeeBack, Kind, Mode, Refund
from billing.core.money import Money
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.runfiles.reversal_file import SHEETS, Head, as_csv, as_yaml

SHEET = SHEETS[Kind.REFUND]
NOW = datetime(2026, 11, 29, tzinfo=UTC)
ONE = Refund("INV-1", "acct_A1", "cus_B1", "pi_C1", "ch_D1", Money(1099, "usd"), FeeBack.KEEP, "coaching-2026-11")

LETTERS = "abcXYZ019"
ids = st.text(LETTERS, min_size=1, max_size=20)
refunds = st.builds(
    Refund,
    reference=st.from_regex(r"[A-Z0-9][A-Za-z0-9 .:/#+=-]{0,30}[A-Z]", fullmatch=True),
    account=ids.map("acct_{}".format),
    payer=ids.map("cus_{}".format),
    intent=ids.map("pi_{}".format),
    charge=st.one_of(st.just(""), ids.map("ch_{}".format), ids.map("py_{}".format)),
    amount=st.builds(Money, st.integers(100, 10**8), st.sampled_from(["usd", "jpy", "bhd", "eur"])).map(
        lambda money: Money(money.minor // 10 * 10, money.currency)
    ),
    fee=st.sampled_from(FeeBack),
    of_run=st.just("coaching-2026-11"),
)


def opened(folder: Path, name: str, text: str):
    file = folder / name
    file.write_text(text)
    run_id = "coaching-refunds-2026-11" if name.endswith(".csv") else None
    return open_run(file, run_id=run_id, defaults=RunDefaults(), now=NOW)


def written(found: list[Refund]) -> str:
    totals: dict[str, int] = {}
    for each in found:
        totals[each.amount.currency] = totals.get(each.amount.currency, 0) + each.amount.minor
    head = Head("coaching-2026-11", "coaching-refunds", "2026-11", "Europe/Berlin", Mode.TEST, len(found), totals)
    return "".join(as_yaml(SHEET, head, found))


@given(st.lists(refunds, min_size=1, max_size=8, unique_by=lambda each: each.reference))
def test_what_is_written_is_read_back_to_the_letter(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("refunds")
    for name, text in (("undo.yaml", written(found)), ("undo.csv", "".join(as_csv(SHEET, found)))):
        with opened(folder, name, text) as source:
            assert source.run.kind is Kind.REFUND
            assert source.run.run_id == "coaching-refunds-2026-11"
            assert [line.item for line in source.lines()] == found


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("reference", "", "missing"),
        ("of_run", "", "of_run"),
        ("of_run", "Coaching 11", "of_run"),
        ("account", "cus_B1", "id"),
        ("payment_intent", "ch_D1", "id"),
        ("payment_intent", "", "missing"),
        ("charge", "pi_C1", "id"),
        ("amount", "0", "amount"),
        ("amount", "-1", "amount"),
        ("currency", "xyz", "currency"),
        ("fee", "", "missing"),
        ("fee", "yes", "fee_word"),
    ],
)
def test_a_bad_cell_is_refused_with_its_place_beside_every_other_one(tmp_path, column, cell, code):
    cells = dict(zip(SHEET.columns, SHEET.cells(ONE), strict=True)) | {column: cell}
    worse = cells | {"reference": "INV-2", "customer": "nobody"}
    lines = [",".join(SHEET.columns), ",".join(cells.values()), ",".join(worse.values())]
    with pytest.raises(InvalidInput) as refused:
        opened(tmp_path, "undo.csv", "\n".join(lines) + "\n")
    found = [(each.line, each.code) for each in refused.value.problems]
    assert any(line == 2 and named.startswith(code) for line, named in found), found
    assert any(line == 3 for line, _ in found)


def test_a_file_cannot_give_a_charge_back_twice(tmp_path):
    cells = ",".join(SHEET.cells(ONE))
    with pytest.raises(InvalidInput) as refused:
        opened(tmp_path, "undo.csv", "\n".join([",".join(SHEET.columns), cells, cells, ""]))
    assert any("reference" in each.message for each in refused.value.problems)
