"""What a spreadsheet leaves behind is no problem, what loses data is one; the file that was meant is the one read."""

import io
import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.core.errors import InvalidInput, UsageError
from billing.core.items import Charge
from billing.core.money import Money
from billing.core.policies import Limits, Policies
from billing.edge.runfiles import STDIN, ReadOptions, RunDefaults, RunFile, open_run
from billing.edge.texts.safe_text import sensitive

Open = Callable[..., RunFile]
Line = Callable[..., str]

BARE = "reference,customer,account,amount,currency,description\n"
ONE = "INV-1,cus_A1,acct_N1,10.99,USD,Coaching\n"
YAML = "version: 1\nrun: {{name: coaching, period: {period}, timezone: {zone}}}\nitems:\n" + (
    "  - {{reference: A, customer: cus_A1, account: acct_N1, amount: 5, currency: USD}}\n"
)


def charges(run_file: RunFile) -> list[Charge]:
    return [line.item for line in run_file.lines() if line.item is not None]


def codes(refused: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [problem.code for problem in refused.value.problems]


@pytest.mark.parametrize(
    "content",
    [
        BARE.replace("reference", "Reference").replace("amount", " AMOUNT ") + ONE,
        BARE + ",,,,,\n" + ONE + ",,,,,\n" * 1247 + " , , , , ,\u00a0\n",
        BARE + ONE + ",,,,,,,,,,\n,\n",
        BARE.strip() + ",,\n" + ONE.strip() + ",,\n",
        "sep=;\n" + (BARE + ONE).replace(",", ";"),
        "\ufeffsep=;\r\n" + (BARE + ONE).replace(",", ";"),
        '"' + (BARE.strip() + "\n" + ONE.strip()).replace(",", '";"').replace("\n", '"\n"') + '"\n',
        (BARE + ONE).replace(",", "\t"),
        (BARE + ONE).replace(",", "|"),
        ",,,,,\n" + BARE + ONE,
        BARE + ONE.replace("cus_A1", "\u00a0cus_A1\u202f").replace("10.99", "\u00a010.99"),
        BARE + ONE.replace("10.99", "10.990"),
    ],
)
def test_what_a_spreadsheet_leaves_behind_changes_nothing(opened: Open, content: str):
    expected = charges(opened(BARE + ONE, "plain.csv"))
    assert charges(opened(content)) == expected


def test_rows_without_values_keep_the_numbers_of_the_others_right(opened: Open):
    with pytest.raises(InvalidInput) as refused:
        opened("sep=,\n" + BARE + ",,,,,\n\n" + ONE.replace("10.99", "x") + ",,,,,\n")
    (problem,) = refused.value.problems
    assert (problem.line, problem.column, problem.code) == (5, 4, "amount_not_number")


def test_a_separator_too_many_is_a_problem_where_a_value_may_have_slipped(opened: Open):
    # 10,99 with a decimal comma and an empty description: without the separator too many it would be 10 USD.
    sheet = "reference,customer,account,currency,amount,description\nINV-1,cus_A1,acct_N1,USD,10,99,\n"
    with pytest.raises(InvalidInput) as refused:
        opened(sheet)
    assert codes(refused) == ["long_line"]


@pytest.mark.parametrize(("text", "minor"), [("1234,56", 123456), ("1.234,56", 123456), ("10,9", 1090), ("7", 700)])
def test_a_decimal_comma_is_read_where_it_was_said(opened: Open, text: str, minor: int):
    sheet = (BARE + ONE).replace(",", ";").replace("10.99", text)
    assert charges(opened(sheet, decimal="comma"))[0].amount == Money(minor, "usd")


@pytest.mark.parametrize("text", ["10.99", "1.500", "1.23,4", "1,2,3", "1 234,56", "1.234.567"])
def test_with_a_decimal_comma_no_point_becomes_another_amount(opened: Open, text: str):
    with pytest.raises(InvalidInput) as refused:
        opened((BARE + ONE).replace(",", ";").replace("10.99", text), decimal="comma")
    assert codes(refused)[0].startswith("amount_")


def test_a_yaml_file_says_how_its_sheet_is_written(opened: Open, tmp_path: Path):
    (tmp_path / "sheet.csv").write_text((BARE + ONE).replace(",", ";").replace("10.99", "10,99"))
    text = "version: 1\nrun: {name: a, period: 2026-11}\nsource: {csv: sheet.csv, decimal: comma}\n"
    assert charges(opened(text, "run.yaml"))[0].amount == Money(1099, "usd")


def test_a_word_that_is_no_decimal_is_wrong_usage(opened: Open):
    with pytest.raises(UsageError, match="--decimal"):
        opened(BARE + ONE, decimal="dot")


@pytest.mark.parametrize("options", [{"delimiter": ";"}, {"decimal": "comma"}, {"ignore": ("x",)}])
def test_options_of_sheets_are_wrong_where_the_items_stand_in_the_file(opened: Open, options: dict):
    with pytest.raises(UsageError, match="is for sheets"):
        opened(YAML.format(period="2026-11", zone="UTC"), "run.yaml", **options)


def test_amounts_with_the_decimals_of_another_currency_are_read_and_never_rounded(opened: Open):
    assert charges(opened(BARE + ONE.replace("10.99,USD", "1500.00,JPY")))[0].amount == Money(1500, "jpy")
    for bad in ("1500.50,JPY", "10.999,USD", "500.50,ISK"):
        with pytest.raises(InvalidInput):
            opened(BARE + ONE.replace("10.99,USD", bad))


def test_three_decimals_that_may_be_thousands_are_worth_a_look(opened: Open):
    run_file = opened(BARE + ONE.replace("10.99", "1.500"))
    assert charges(run_file)[0].amount == Money(150, "usd")
    assert [warning.code for warning in run_file.warnings] == ["three_decimals"]
    assert not opened(BARE + ONE.replace("10.99,USD", "1.500,KWD")).warnings


def test_a_negative_amount_is_answered_with_the_command_that_makes_refunds(opened: Open):
    for amount in ("-5.00", "10.99 CR", "(5.00)"):
        with pytest.raises(InvalidInput) as refused:
            opened(BARE + ONE.replace("10.99", amount))
        (problem,) = refused.value.problems
        assert problem.code == "amount_sign"
        assert problem.hint.endswith("billing reverse makes refunds")


def test_blanks_of_other_keyboards_stay_in_texts(opened: Open):
    texts = ["Coaching\u00a0: novembre", "コーチング\u300011月分", "1\u202f000 pas"]
    sheet = BARE + "".join(ONE.replace("INV-1", f"I-{n}").replace("Coaching", text) for n, text in enumerate(texts))
    assert [charge.description for charge in charges(opened(sheet))] == texts


def test_a_column_that_is_not_ours_comes_back_when_it_is_carried_along(opened: Open):
    sheet = BARE.replace("description", "customer_name") + ONE.replace("Coaching", "Müller")
    with pytest.raises(InvalidInput) as refused:
        opened(sheet)
    (problem,) = refused.value.problems
    assert problem.code == "unknown_column"
    assert "customer_name" in problem.hint
    assert 'did you mean "customer"' not in problem.hint
    run_file = opened(sheet, ignore=("Customer_Name",))
    assert run_file.run.columns[-1] == "customer_name"
    assert [line.cells[-1] for line in run_file.lines()] == ["Müller"]


def test_a_column_carried_along_brings_nothing_that_must_not_be_recorded(opened: Open):
    sheet = BARE.replace("description", "mail") + ONE.replace("Coaching", "jane.doe@example.com")
    lines = list(opened(sheet, ignore=("mail",)).lines())
    assert "jane" not in repr(lines)


def test_the_delimiter_given_beats_the_header_and_a_wrong_one_is_named(opened: Open):
    with pytest.raises(InvalidInput) as refused:
        opened((BARE + ONE).replace(",", ";"), delimiter="|")
    assert codes(refused) == ["delimiter"]
    assert "';'" in refused.value.problems[0].message


def test_lost_digits_are_a_problem_and_widths_that_differ_a_warning(opened: Open):
    with pytest.raises(InvalidInput) as refused:
        opened(BARE + ONE.replace("INV-1", "1.23457E+11"))
    assert codes(refused) == ["digits_lost"]
    assert opened(BARE + ONE.replace("INV-1", "BIKE+11")).count == 1
    sheet = BARE + ONE.replace("INV-1", "12345") + ONE.replace("INV-1", "678").replace("10.99", "5")
    assert [warning.code for warning in opened(sheet).warnings] == ["mixed_widths"]


def test_a_phone_number_is_worth_a_look_and_a_bank_account_number_is_refused(opened: Open):
    for text in ("ring +49 170 1234567", "Tel. 0171 2345678", "call 0049 30 123456"):
        assert [each.code for each in opened(BARE + ONE.replace("Coaching", text)).warnings] == ["phone_number"], text
    for text in ("Coaching 2026-11", "01-12-2026 to 31-12-2026", "order 20261101-77", "0.50 a day", "50 + 60"):
        assert not opened(BARE + ONE.replace("Coaching", text)).warnings, text
    with pytest.raises(InvalidInput) as refused:
        opened(BARE + ONE.replace("Coaching", "to DE89 3704 0044 0532 0130 00"))
    assert "3704" not in str(refused.value.problems)


@pytest.mark.parametrize(
    "text", ["task_test_run", "disk_org_chart", "my_secret_santa", "desk_live_2", "mask_test_a1b2"]
)
def test_words_that_hold_the_letters_of_a_key_are_words(text: str):
    assert sensitive(text) is None


@pytest.mark.parametrize(
    "text",
    ["sk_test_4eC39HqLyjWDarjtT1zdp7dc", "x:rk_live_51Habc", "(whsec_abc1)", "pi_3Nx_secret_9zK",
     "keysk_live_51HabcDEF51HabcDEF51H", "my_sk_org_a"],
)  # fmt: skip
def test_keys_are_found_wherever_they_stand(text: str):
    assert sensitive(text) == ("secret", "a secret key")


def test_all_limits_are_reported_together(opened: Open):
    limits = Limits(per_item={"usd": 1000}, per_account={"usd": 1500}, per_run={"usd": 2000}, max_items=1)
    with pytest.raises(InvalidInput) as refused:
        opened(BARE + ONE + ONE.replace("INV-1", "INV-2"), defaults=RunDefaults(policies=Policies(limits=limits)))
    assert set(codes(refused)) == {"over_item_limit", "over_account_limit", "over_run_limit", "over_max_items"}


def test_a_line_over_the_limit_counts_no_more_once_it_is_set_aside(opened: Open):
    limits = Limits(per_item={"usd": 2000}, per_run={"usd": 2000})
    sheet = BARE + ONE + ONE.replace("INV-1", "INV-2").replace("10.99", "99.00")
    run_file = opened(sheet, skip_invalid=True, defaults=RunDefaults(policies=Policies(limits=limits)))
    assert (run_file.count, run_file.set_aside) == (1, 1)


def test_a_file_with_nothing_to_charge_is_refused_unless_that_is_meant(opened: Open):
    with pytest.raises(InvalidInput) as refused:
        opened(BARE)
    assert codes(refused) == ["nothing_to_charge"]
    with pytest.raises(InvalidInput) as refused:
        opened(BARE + ONE.replace("10.99", "x"), skip_invalid=True)
    assert "nothing_to_charge" in codes(refused)
    assert opened(BARE, defaults=RunDefaults(allow_empty=True)).count == 0
    text = "version: 1\nrun: {name: a, period: 2026-11}\ncontrol: {items: 0}\nitems: []\n"
    assert opened(text, "run.yaml").count == 0


NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "zone", "meant"),
    [
        ("current", "UTC", "2026-12"),
        ("previous", "UTC", "2026-11"),
        ("current", "Europe/Berlin", "2027-01"),
        ("previous", "Europe/Berlin", "2026-12"),
    ],
)
def test_a_run_file_may_follow_the_calendar_in_its_own_zone(opened: Open, period: str, zone: str, meant: str):
    run = opened(YAML.format(period=period, zone=zone), "run.yaml", now=NEW_YEAR).run
    assert (run.period, run.run_id) == (meant, f"coaching-{meant}")


@pytest.mark.parametrize("period", ["2026-11", "2027-01", "2025", "2026-q3", "2026-w48", "2026-11-30"])
def test_a_file_of_another_month_is_refused_unless_that_is_meant(opened: Open, period: str):
    with pytest.raises(InvalidInput) as refused:
        opened(YAML.format(period=period, zone="UTC"), "run.yaml", now=NEW_YEAR)
    assert codes(refused) == ["another_month"]
    assert refused.value.problems[0].line == 2
    assert opened(YAML.format(period=period, zone="UTC"), "run.yaml", now=NEW_YEAR, late=True).count == 1


@pytest.mark.parametrize("period", ["2026-12", "2026", "2026-q4", "2026-w53", "2026-12-01"])
def test_a_file_of_this_month_is_taken(opened: Open, period: str):
    assert opened(YAML.format(period=period, zone="UTC"), "run.yaml", now=NEW_YEAR).count == 1


@pytest.mark.parametrize(
    "run_id",
    ["coaching-nov-2026", "coaching-november-2026", "coaching-11-2026", "coaching.q4.2026", "coaching-w47-2026",
     "coaching_30-11-2026", "coaching-dezember-2026", "coaching-2025-2026"],
)  # fmt: skip
def test_a_shorter_period_before_a_year_is_never_taken_for_the_year(opened: Open, run_id: str):
    with pytest.raises(UsageError, match="the year 2026"):
        opened(BARE + ONE, run_id=run_id)


@pytest.mark.parametrize("run_id", ["coaching-2026", "club2-2026", "monday-club-2026", "nov-2026-11"])
def test_a_name_before_a_year_is_a_name(opened: Open, run_id: str):
    assert opened(BARE + ONE, run_id=run_id).run.run_id == run_id


def _piped(monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))


def test_standard_input_is_a_run_file(opened: Open, monkeypatch: pytest.MonkeyPatch):
    _piped(monkeypatch, BARE + ONE)
    with open_run(STDIN, run_id="coaching-2026-11") as run_file:
        assert charges(run_file) == charges(run_file) == charges(opened(BARE + ONE))


def test_yaml_and_json_on_standard_input_name_their_own_run(monkeypatch: pytest.MonkeyPatch):
    item = {"reference": "A", "customer": "cus_A1", "account": "acct_N1", "amount": "5", "currency": "USD"}
    whole = {"version": "1", "run": {"name": "coaching", "period": "2026-11"}, "items": [item]}
    for content in ("# a comment\n\n" + YAML.format(period="2026-11", zone="UTC"), json.dumps(whole)):
        _piped(monkeypatch, content)
        with open_run(STDIN) as run_file:
            assert (run_file.run.run_id, run_file.count) == ("coaching-2026-11", 1)


def test_a_sheet_on_standard_input_needs_a_run_id(monkeypatch: pytest.MonkeyPatch):
    _piped(monkeypatch, BARE + ONE)
    with pytest.raises(UsageError, match="--run"):
        open_run(STDIN)


def test_a_file_that_is_written_while_it_is_read_is_refused(tmp_path: Path):
    path, done = tmp_path / "run.csv", threading.Event()
    lines = [ONE.replace("INV-1", f"INV-{number}") for number in range(30_000)]
    path.write_text(BARE + "".join(lines))

    def meanwhile() -> None:
        with path.open("rb+", buffering=0) as file:
            while not done.is_set():
                os.pwrite(file.fileno(), b"r", 0)

    writer = threading.Thread(target=meanwhile)
    writer.start()
    try:
        with pytest.raises(InvalidInput) as refused:
            open_run(path, run_id="coaching-2026-11")
    finally:
        done.set()
        writer.join()
    assert codes(refused) == ["file_changed"]


def test_what_cannot_be_read_to_its_end_is_wrong_usage(tmp_path: Path):
    (tmp_path / "mem.csv").symlink_to("/proc/self/mem")
    with pytest.raises(UsageError, match="cannot be read"):
        open_run(tmp_path / "mem.csv", run_id="coaching-2026-11")


@pytest.mark.parametrize("name", ["nov.xlsb", "nov.ods", "NOV.XLS"])
def test_a_spreadsheet_s_own_file_is_told_how_to_become_a_workbook(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"Save as, Excel workbook"):
        open_run(tmp_path / name, run_id="coaching-2026-11")


AWKWARD = ["-10% Rabatt", "+49 and more", "'=1+1", "''-x", "=cmd()", "'tis", "@home", "-5", "'-5"]


def test_what_was_written_of_bad_lines_is_read_back_as_it_stands(opened: Open, tmp_path: Path):
    lines = [ONE.replace("INV-1", f"R-{n}").replace("Coaching", text) for n, text in enumerate(AWKWARD)]
    target = tmp_path / "bad.csv"
    with pytest.raises(InvalidInput):
        opened(BARE + "".join(lines).replace("10.99", "1.000,00"), errors_csv=target, delimiter=",")
    content = target.read_text(encoding="utf-8-sig")
    mended = content.replace('"1.000,00"', "10.99") if '"1.000,00"' in content else content
    expected = charges(opened(BARE + "".join(lines), "all.csv"))
    with pytest.raises(InvalidInput):
        opened(BARE + "".join(lines).replace("10.99", "x"), errors_csv=target)
    mended = target.read_text(encoding="utf-8-sig").replace(",x,USD", ",10.99,USD")
    run_file = opened("\ufeff" + mended, "bad-mended.csv")
    assert charges(run_file) == expected
    assert run_file.run.columns == tuple(BARE.strip().split(","))


def test_the_bad_lines_of_a_sheet_with_semicolons_have_semicolons(opened: Open, tmp_path: Path):
    target = tmp_path / "bad.csv"
    sheet = (BARE + ONE).replace(",", ";").replace("10.99", "1.000.000")
    with pytest.raises(InvalidInput):
        opened(sheet, errors_csv=target, decimal="comma")
    mended = target.read_text().replace("1.000.000", "1.000.000,00")
    assert charges(opened(mended, "mended.csv", decimal="comma"))[0].amount == Money(100_000_000, "usd")


def test_what_was_withheld_from_bad_lines_must_be_written_again(opened: Open, tmp_path: Path):
    target = tmp_path / "bad.csv"
    with pytest.raises(InvalidInput):
        opened(BARE + ONE.replace("Coaching", "jane@example.com"), errors_csv=target)
    with pytest.raises(InvalidInput) as refused:
        opened(target.read_bytes(), "again.csv")
    assert codes(refused) == ["withheld"]


def test_options_are_typed_as_they_were_given():
    read = ReadOptions("coaching-2026-11", "\t", "comma", ("customer name",), skip_invalid=True, late=True)
    typed = " --run coaching-2026-11 --delimiter tab --decimal comma --ignore 'customer name' --skip-invalid --late"
    assert read.typed == typed
    assert read.given == ("--run", "--delimiter", "--decimal", "--ignore", "--skip-invalid", "--late")
