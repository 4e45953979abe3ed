"""The CSV reader: what a line means, what makes it bad, and what is given back."""

import csv
import hashlib
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from billing.core.errors import InvalidInput, Problem, RunStopped, UsageError
from billing.core.items import Charge, Mode
from billing.core.money import TABLE_DATE, Money
from billing.core.policies import Control, Limits, Policies
from billing.edge.runfiles import RunDefaults, RunFile, open_run

Open = Callable[..., RunFile]
Line = Callable[..., str]


def _charges(run_file: RunFile) -> list[Charge]:
    return [line.item for line in run_file.lines() if line.item is not None]


def _problems(refused: pytest.ExceptionInfo[InvalidInput]) -> list[Problem]:
    return list(refused.value.problems)


def test_a_line_becomes_a_charge(opened: Open, good_csv: str):
    run_file = opened(good_csv)
    assert _charges(run_file) == [
        Charge(
            reference="INV-1",
            account="acct_N1",
            customer="cus_A1",
            payment_method="pm_A1",
            amount=Money(1099, "usd"),
            application_fee=55,
            description="November coaching",
            statement_suffix="NOV26",
            metadata=(("contract", "C-77"),),
        )
    ]
    assert (run_file.count, run_file.totals, run_file.set_aside) == (1, {"usd": 1099}, 0)


def test_the_run_takes_its_name_from_the_id_and_the_rest_from_the_settings(opened: Open, good_csv: str):
    run = opened(good_csv, defaults=RunDefaults(mode=Mode.LIVE, timezone="Europe/Berlin")).run
    assert (run.name, run.period, run.run_id) == ("coaching", "2026-11", "coaching-2026-11")
    assert (run.mode, run.timezone, run.currencies) == (Mode.LIVE, "Europe/Berlin", TABLE_DATE)
    assert run.columns[:2] == ("reference", "customer")


@pytest.mark.parametrize(
    ("run_id", "name", "period"),
    [
        ("coaching-2026", "coaching", "2026"),
        ("coaching-2026-11-30", "coaching", "2026-11-30"),
        ("coaching-2026-q4", "coaching", "2026-q4"),
        ("a.b_c-2026-w07", "a.b_c", "2026-w07"),
        ("club-2-2026-11", "club-2", "2026-11"),
    ],
)
def test_a_run_id_is_a_name_then_a_period(opened: Open, good_csv: str, run_id: str, name: str, period: str):
    run = opened(good_csv, run_id=run_id).run
    assert (run.name, run.period) == (name, period)


@pytest.mark.parametrize(
    "run_id",
    ["../../etc/x", "a\0b", "x" * 300 + "-2026", "CON-2026", "a/b-2026", "-rf", "%00", "\u202ea-2026", "coaching",
     "2026-11", "coaching-2026-13", "coaching-2026-02-30", "coaching-2026-Q4", "coaching 2026", "", ".a-2026",
     "ä-2026"],
)  # fmt: skip
def test_other_run_ids_are_wrong_usage(opened: Open, good_csv: str, run_id: str):
    with pytest.raises(UsageError):
        opened(good_csv, run_id=run_id)


def test_a_csv_without_a_run_id_is_wrong_usage(opened: Open, good_csv: str):
    with pytest.raises(UsageError, match="--run"):
        opened(good_csv, run_id=None)


@pytest.mark.parametrize("name", ["missing.csv", "folder.csv", "-", "run.xlsx"])
def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path, name: str):
    (tmp_path / "folder.csv").mkdir()
    path = Path(name) if name == "-" else tmp_path / name
    with pytest.raises(UsageError):
        open_run(path, run_id="coaching-2026-11")


def _variants(text: str) -> dict[str, bytes]:
    plain = text.encode()
    return {
        "bom": b"\xef\xbb\xbf" + plain,
        "crlf": plain.replace(b"\n", b"\r\n"),
        "cr": plain.replace(b"\n", b"\r"),
        "mixed": plain.replace(b"\n", b"\r\n", 1),
        "no last line end": plain.rstrip(b"\n"),
        "blank lines": plain.replace(b"\n", b"\n\n"),
        "outer spaces": plain.replace(b",", b" , "),
    }


def test_encoding_marks_line_ends_and_spaces_change_nothing(opened: Open, good_csv: str, line: Line):
    text = good_csv + line(description="11月分 Prüfung") + line(reference="INV-3", amount="1500", currency="JPY")
    text = text.replace("0.55,Nov", ",Nov").replace("JPY,0.55", "JPY,75")
    expected = _charges(opened(text))
    for name, content in _variants(text).items():
        assert _charges(opened(content)) == expected, name


def test_the_order_of_lines_and_columns_changes_no_charge(opened: Open, line: Line, good_csv: str):
    lines = [line(reference=f"INV-{number}", amount=f"{number}.05") for number in range(10, 60)]
    header = good_csv.splitlines(keepends=True)[0]
    expected = sorted(map(repr, _charges(opened(header + "".join(lines)))))
    assert sorted(map(repr, _charges(opened(header + "".join(reversed(lines)))))) == expected
    turned = "".join(",".join(reversed(row.strip().split(","))) + "\n" for row in [header, *lines])
    assert sorted(map(repr, _charges(opened(turned)))) == expected


def test_the_digest_is_that_of_the_bytes_and_the_file_is_read_once(tmp_path: Path, good_csv: str):
    path = tmp_path / "run.csv"
    path.write_text(good_csv)
    with open_run(path, run_id="coaching-2026-11") as run_file:
        path.unlink()
        assert run_file.sha256 == hashlib.sha256(good_csv.encode()).hexdigest()
        assert list(run_file.lines()) == list(run_file.lines())


def test_a_header_alone_is_a_run_of_nothing_where_that_is_allowed(opened: Open, good_csv: str):
    run_file = opened(good_csv.splitlines()[0], allow_empty=True)
    assert (run_file.count, run_file.totals, list(run_file.lines())) == (0, {}, [])


@pytest.mark.parametrize(("given", "char"), [(";", ";"), ("tab", "\t"), ("\t", "\t"), ("|", "|"), ("semicolon", ";")])
def test_another_delimiter_is_given_by_name_or_character(opened: Open, good_csv: str, given: str, char: str):
    assert opened(good_csv.replace(",", char), delimiter=given).count == 1


@pytest.mark.parametrize("given", ["", ",,", '"', "\n", ".", "é"])
def test_other_delimiters_are_wrong_usage(opened: Open, good_csv: str, given: str):
    if given == "":
        assert opened(good_csv, delimiter=given).count == 1
        return
    with pytest.raises(UsageError, match="--delimiter"):
        opened(good_csv, delimiter=given)


def test_empty_cells_take_the_defaults(opened: Open, good_csv: str, line: Line):
    defaults = RunDefaults(application_fee_percent=Decimal(5), statement_suffix="NOV26", description="Coaching")
    empty = line(application_fee="", statement_suffix="", description="", contract="", payment_method="")
    charge = _charges(opened(good_csv + empty, defaults=defaults))[1]
    assert (charge.application_fee, charge.statement_suffix, charge.description) == (55, "NOV26", "Coaching")
    assert (charge.payment_method, charge.metadata) == (None, ())


def test_a_fee_of_zero_is_no_fee(opened: Open, good_csv: str, line: Line):
    defaults = RunDefaults(application_fee_percent=Decimal(5))
    assert _charges(opened(good_csv + line(application_fee="0.00"), defaults=defaults))[1].application_fee is None


def test_minor_units_have_their_own_columns(opened: Open):
    text = "reference,customer,account,amount_minor,currency,application_fee_minor\nA,cus_A,acct_A,1099,USD,55\n"
    charge = _charges(opened(text))[0]
    assert (charge.amount, charge.application_fee) == (Money(1099, "usd"), 55)


def test_all_problems_of_all_lines_come_at_once(opened: Open, good_csv: str, line: Line):
    bad = line(amount="10.999", account="acct_1А", statement_suffix="1126") + line(reference="INV-3", currency="XYZ")
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv + bad)
    places = [(found.line, found.column, found.code) for found in _problems(refused)]
    assert places == [
        (3, 4, "look_alike"),
        (3, 5, "amount_decimals"),
        (3, 9, "suffix_letter"),
        (4, 6, "currency_unknown"),
    ]
    assert _problems(refused)[0].reference == "INV-2"


def test_the_first_hundred_problems_are_kept_and_all_are_counted(opened: Open, good_csv: str, line: Line):
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv + "".join(line(reference=f"R-{number}", amount="x") for number in range(250)))
    assert (len(refused.value.problems), refused.value.total) == (100, 250)


def test_a_reference_used_twice_names_both_lines(opened: Open, good_csv: str, line: Line):
    filler = "".join(line(reference=f"F-{number}") for number in range(1000))
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv + filler + line(reference="INV-1"))
    (found,) = _problems(refused)
    assert (found.line, found.message) == (1003, 'reference "INV-1" was already used on line 2')


def test_a_reference_of_a_bad_line_counts_as_used(opened: Open, good_csv: str, line: Line):
    run_file = opened(good_csv + line(amount="x") + line(amount="5.00"), skip_invalid=True)
    assert (run_file.count, run_file.set_aside, run_file.totals) == (1, 2, {"usd": 1099})


def test_equal_content_under_two_references_is_a_warning(opened: Open, good_csv: str, line: Line):
    run_file = opened(good_csv + line() + line(reference="INV-3", amount="11.00"))
    assert [(found.line, found.code) for found in run_file.warnings] == [(3, "same_content")]
    assert "line 2" in run_file.warnings[0].message


def test_amounts_under_the_minimum_or_beyond_bank_debits_are_warnings(opened: Open, good_csv: str, line: Line):
    small = line(amount="0.49", application_fee="")
    large = line(reference="INV-3", amount="1000000.00")
    assert [found.code for found in opened(good_csv + small + large).warnings] == ["under_minimum", "cards_only"]


def test_bad_lines_can_be_set_aside(opened: Open, good_csv: str, line: Line):
    bad = line(amount="x") + line(reference="INV-1") + "a,b\n"
    run_file = opened(good_csv + bad + line(reference="INV-9"), skip_invalid=True)
    lines = list(run_file.lines())
    assert (run_file.count, run_file.set_aside, run_file.totals) == (2, 3, {"usd": 2198})
    assert [each.line for each in lines] == [2, 3, 4, 5, 6]
    assert [each.item is None for each in lines] == [False, True, True, True, False]
    assert all(len(each.cells) == len(run_file.run.columns) for each in lines)
    assert all(each.reason for each in lines if each.item is None)


def test_a_broken_file_is_refused_even_when_lines_may_be_set_aside(opened: Open, good_csv: str):
    with pytest.raises(InvalidInput):
        opened(good_csv + 'INV-2,"open\n', skip_invalid=True)
    with pytest.raises(InvalidInput):
        opened(good_csv.replace("description", "text"), skip_invalid=True)


def test_an_unclosed_quote_names_the_line_it_was_opened_on(opened: Open, good_csv: str, line: Line):
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv + line(description='"open') + "".join(line(reference=f"R-{n}") for n in range(5000)))
    assert (_problems(refused)[0].line, _problems(refused)[0].code) == (3, "open_quote")


def test_limits_and_control_totals_hold_to_the_cent(opened: Open, good_csv: str):
    exact = Policies(control=Control(items=1, totals={"usd": 1099}), limits=Limits(per_item={"usd": 1099}))
    assert opened(good_csv, defaults=RunDefaults(policies=exact)).count == 1
    off = Policies(control=Control(items=2, totals={"usd": 1098}), limits=Limits(per_run={"usd": 1098}))
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv, defaults=RunDefaults(policies=off))
    assert {found.code for found in _problems(refused)} == {"control_items", "control_total", "over_run_limit"}
    assert any("10.98 usd" in found.message and "10.99 usd" in found.message for found in _problems(refused))


def test_control_totals_refuse_a_file_with_lines_set_aside(opened: Open, good_csv: str, line: Line):
    policies = Policies(control=Control(items=2))
    with pytest.raises(InvalidInput, match="2 problems"):
        opened(good_csv + line(amount="x"), skip_invalid=True, defaults=RunDefaults(policies=policies))


def test_each_account_has_its_ceiling(opened: Open, good_csv: str, line: Line):
    policies = Policies(limits=Limits(per_account={"usd": 2000}))
    other = line(account="acct_N2")
    assert opened(good_csv + other, defaults=RunDefaults(policies=policies)).count == 2
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv + line(), defaults=RunDefaults(policies=policies))
    assert _problems(refused)[0].message.startswith("acct_N1: 21.98 usd is over")


def test_bad_lines_come_back_with_reasons_and_no_formulas(opened: Open, good_csv: str, line: Line, tmp_path: Path):
    target = tmp_path / "bad.csv"
    bad = [line(reference=f"R-{number}", amount="x", description="=cmd()") for number in range(300)]
    with pytest.raises(InvalidInput):
        opened(good_csv + "".join(bad) + line(reference="INV-1") + "a,b\n", errors_csv=target)
    with target.open(newline="") as written:
        header, *rows = list(csv.reader(written))
    assert header[-4:] == ["line", "column", "code", "reason"]
    assert len(rows) == 302
    assert rows[0][-4:-1] == ["3", "5", "amount_not_number"]
    assert rows[0][7] == "'=cmd()"
    assert rows[300][-2] == "duplicate_reference"
    assert rows[301][-2] == "short_line"
    assert stat.S_IMODE(target.stat().st_mode) & 0o177 == 0


def test_bad_lines_corrected_in_place_are_a_run_again(opened: Open, good_csv: str, line: Line, tmp_path: Path):
    target = tmp_path / "bad.csv"
    with pytest.raises(InvalidInput):
        opened(good_csv + line(amount="5,00"), errors_csv=target)
    with target.open(newline="") as written:
        rows = [row[:-4] for row in csv.reader(written)]
    rows[1][4] = "5.00"
    fixed = "\n".join(",".join(row) for row in rows)
    assert _charges(opened(fixed))[0].amount == Money(500, "usd")


def test_bad_lines_are_never_written_through_a_link_or_over_the_input(opened: Open, good_csv: str, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("keep")
    link = tmp_path / "link.csv"
    link.symlink_to(victim)
    with pytest.raises(RunStopped):
        opened(good_csv, errors_csv=link)
    assert victim.read_text() == "keep"
    with pytest.raises(UsageError, match="overwrite"):
        opened(good_csv, errors_csv=tmp_path / "run.csv")
    with pytest.raises(UsageError):
        opened(good_csv, errors_csv=tmp_path / "no" / "folder.csv")


def test_what_must_not_be_recorded_is_withheld_everywhere(opened: Open, good_csv: str, line: Line, tmp_path: Path):
    target = tmp_path / "bad.csv"
    bad = line(description="pay 4242424242424242", contract="jane@example.com")
    run_file = opened(good_csv + bad, skip_invalid=True, errors_csv=target)
    shown = target.read_text() + repr(list(run_file.lines())) + repr(run_file.problems)
    assert "4242424242424242" not in shown
    assert "jane@" not in shown


def test_long_numbers_that_no_card_has_are_fine(opened: Open, good_csv: str, line: Line):
    # The first passes the check digit but no scheme issues it; the second would be a card but for the check digit.
    references = ["1234567812345670", "4242424242424241", "INV-2026-11-0000001", "20261123000017"]
    text = good_csv + "".join(line(reference=reference) for reference in references)
    assert opened(text).count == 5


def test_references_may_use_any_alphabet(opened: Open, good_csv: str, line: Line):
    assert opened(good_csv + line(reference="Übung 7/11:a") + line(reference="請求-7")).count == 3


@pytest.mark.parametrize("text", ["1234567890123" + "x" * 120_000, "a@" * 60_000, "x" * 120_000 + "@", "4 " * 60_000])
def test_a_long_text_is_refused_without_being_pondered(opened: Open, good_csv: str, line: Line, text: str):
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv + line(description=text, amount=text, account=text))
    assert len("".join(found.message for found in _problems(refused))) < 1000


def test_a_header_of_countless_columns_is_refused(opened: Open, good_csv: str):
    with pytest.raises(InvalidInput) as refused:
        opened(good_csv.replace("reference", "reference" + ",x" * 200_000))
    assert [found.code for found in _problems(refused)] == ["too_many_columns"]


def test_the_temporary_file_has_no_name_and_goes_away(opened: Open, good_csv: str, tmp_path: Path):
    folder = tmp_path / "spool"
    folder.mkdir()
    opened(good_csv, defaults=RunDefaults(spool_folder=folder))
    assert not list(folder.iterdir())
    with pytest.raises(RunStopped):
        opened(good_csv, defaults=RunDefaults(spool_folder=tmp_path / "nowhere"))


def test_several_readers_share_the_lines(opened: Open, good_csv: str, line: Line):
    run_file = opened(good_csv + "".join(line(reference=f"R-{number}") for number in range(1000)))
    assert all(one == other for one, other in zip(run_file.lines(), run_file.lines(), strict=True))


def test_a_missing_column_hidden_by_a_similar_ignored_one_is_still_missing(opened: Open, tmp_path: Path):
    (tmp_path / "sheet.csv").write_text("No,customer,account,amounts,currency\nA,cus_A,acct_A,5,USD\n")
    text = (
        "version: 1\nrun: {name: a, period: 2026}\n"
        "source: {csv: sheet.csv, map: {reference: 'No'}, ignore: [amounts]}\n"
    )
    with pytest.raises(InvalidInput) as refused:
        opened(text, "run.yaml")
    assert [found.code for found in _problems(refused)] == ["missing_column"]
