"""A run file of cancellations: what `billing reverse` writes is read back to the letter, and what is wrong is named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.errors import InvalidInput
from billing.core.items import Cancellation, Kind, Mode, When
from billing.core.kinds.cancellation_rules import CANCELLATION_RULES
from billing.core.money import NO_MONEY
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.runfiles.reversal_file import SHEETS, Head, as_csv, as_yaml
from billing.edge.runfiles.schemas.cancellation import FEEDBACKS

SHEET = SHEETS[Kind.CANCELLATION]
NOW = datetime(2026, 11, 29, tzinfo=UTC)
ONE = Cancellation("GYM-1", "acct_A1", "cus_B1", "sub_C1", When.NOW, "gym-2026-11")

ids = st.text("abcXYZ019", min_size=1, max_size=20)
cancellations = st.builds(
    Cancellation,
    reference=st.from_regex(r"[A-Z0-9][A-Za-z0-9 .:/#+=-]{0,30}[A-Z]", fullmatch=True),
    account=ids.map("acct_{}".format),
    payer=ids.map("cus_{}".format),
    subscription=ids.map("sub_{}".format),
    when=st.sampled_from(When),
    of_run=st.just("gym-2026-11"),
    clear_fee=st.booleans(),
    feedback=st.sampled_from(("", *FEEDBACKS)),
)


def opened(folder: Path, name: str, text: str):
    file = folder / name
    file.write_text(text)
    run_id = "gym-cancellations-2026-11" if name.endswith(".csv") else None
    return open_run(file, run_id=run_id, defaults=RunDefaults(), now=NOW)


def written(found: list[Cancellation]) -> str:
    head = Head("gym-2026-11", "gym-cancellations", "2026-11", "Europe/Berlin", Mode.TEST, len(found), {})
    return "".join(as_yaml(SHEET, head, found))


@given(st.lists(cancellations, min_size=1, max_size=8, unique_by=lambda each: each.reference))
def test_what_is_written_is_read_back_to_the_letter(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("cancellations")
    for name, text in (("end.yaml", written(found)), ("end.csv", "".join(as_csv(SHEET, found)))):
        with opened(folder, name, text) as source:
            assert source.run.kind is Kind.CANCELLATION
            assert source.run.run_id == "gym-cancellations-2026-11"
            lines = [line.item for line in source.lines()]
            assert lines == found
            assert {line.amount for line in lines if line} == {NO_MONEY}


def test_what_is_not_said_of_share_and_reason_is_no_and_none(tmp_path):
    cells = "GYM-1,gym-2026-11,acct_A1,cus_B1,sub_C1,now"
    with opened(tmp_path, "end.csv", f"reference,of_run,account,customer,subscription,when\n{cells}\n") as source:
        assert [line.item for line in source.lines()] == [ONE]


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("reference", "", "missing"),
        ("of_run", "Gym 11", "of_run"),
        ("account", "cus_B1", "id"),
        ("subscription", "", "missing"),
        ("subscription", "in_C1", "id"),
        ("when", "", "missing"),
        ("when", "later", "when_word"),
        ("clear_fee", "perhaps", "yes_or_no"),
        ("feedback", "rude", "feedback_word"),
    ],
)
def test_a_bad_cell_is_refused_with_its_place_beside_every_other_one(tmp_path, column, cell, code):
    cells = dict(zip(SHEET.columns, SHEET.cells(ONE), strict=True)) | {column: cell}
    worse = cells | {"reference": "GYM-2", "customer": "nobody"}
    lines = [",".join(SHEET.columns), ",".join(cells.values()), ",".join(worse.values())]
    with pytest.raises(InvalidInput) as refused:
        opened(tmp_path, "end.csv", "\n".join(lines) + "\n")
    found = [(each.line, each.code) for each in refused.value.problems]
    assert any(line == 2 and named.startswith(code) for line, named in found), found
    assert any(line == 3 for line, _ in found)


@given(cancellations, cancellations)
def test_two_lines_have_one_digest_only_if_they_ask_for_the_same(one, other):
    def asked(each: Cancellation) -> tuple[object, ...]:
        return each.account, each.payer, each.subscription, each.when, each.clear_fee, each.feedback

    assert (CANCELLATION_RULES.digest(one) == CANCELLATION_RULES.digest(other)) == (asked(one) == asked(other))
