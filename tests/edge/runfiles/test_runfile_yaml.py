"""The YAML reader: every value is text, every key is known, every problem has its place."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from billing.core.errors import InvalidInput, UsageError
from billing.core.items import Charge, Mode
from billing.core.money import Money
from billing.core.policies import Approval, Attitude, Compare, Dunning, Limits, Notification, Pacing, Policies, StopOn
from billing.edge.runfiles import RunDefaults, RunFile

Open = Callable[..., RunFile]

HEAD = "version: 1\nrun: {name: coaching, period: 2026-11}\n"
ITEM = "items:\n  - {reference: A-1, customer: cus_A1, account: acct_N1, amount: 10.99, currency: USD}\n"


def _charges(run_file: RunFile) -> list[Charge]:
    return [line.item for line in run_file.lines() if line.item is not None]


def _codes(refused: pytest.ExceptionInfo[InvalidInput]) -> list[tuple[int, int, str]]:
    return [(found.line, found.column, found.code) for found in refused.value.problems]


def test_an_inline_item_becomes_a_charge(opened: Open):
    text = HEAD + ITEM.replace("USD}", "usd, metadata: {b: '2', a: 010}, application_fee: 0.55}")
    run_file = opened(text, "run.yaml")
    assert _charges(run_file) == [
        Charge("A-1", "acct_N1", "cus_A1", None, Money(1099, "usd"), 55, None, None, (("b", "2"), ("a", "010")))
    ]
    expected = ("reference", "customer", "account", "amount", "currency", "application_fee", "metadata.b", "metadata.a")
    assert run_file.run.columns == expected
    (line,) = run_file.lines()
    assert (line.line, line.cells) == (4, ("A-1", "cus_A1", "acct_N1", "10.99", "usd", "0.55", "2", "010"))


def test_the_same_items_from_yaml_json_and_csv_are_the_same_charges(opened: Open):
    csv = "reference,customer,account,amount,currency\nA-1,cus_A1,acct_N1,10.99,USD\n"
    json = (
        '{"version": 1, "run": {"name": "coaching", "period": "2026-11"}, "items": [{"reference": "A-1", '
        '"customer": "cus_A1", "account": "acct_N1", "amount": 10.99, "currency": "USD"}]}'
    )
    expected = _charges(opened(csv))
    assert _charges(opened(HEAD + ITEM, "run.yaml")) == expected
    assert _charges(opened(json, "run.json")) == expected


def test_every_section_reaches_its_policy(opened: Open):
    text = HEAD + ITEM + (
        "mode: live\nnot_after: 2026-12-31\n"
        "defaults: {application_fee_percent: 2.5, statement_suffix: NOV26, description: Coaching}\n"
        "control: {items: 1, totals: {USD: 10.99}}\n"
        "limits: {per_item: {USD: 500}, per_account: {USD: 20000}, per_run: {JPY: 250000}, max_items: 20000}\n"
        "pacing: {rate_share: 0.4, per_account_rps: 5, concurrency: 64}\n"
        "retry: {declines: {soft: [1d, 36h], hard: never}}\n"
        "stop_on: {decline_rate: 0.25, after_items: 40, same_error: 9}\n"
        "approval: {required_over: {USD: 10000}, two_person: true, valid_for: 90m}\n"
        "notify: [{webhook: 'env:HOOK', on: [stopped]}]\n"
        "compare: {changed_over: 7.5%, total_band: 150 %, runs: 3, gone: ack, total: refuse, new: off}\n"
    )  # fmt: skip
    run_file = opened(text, "run.yaml")
    run, policies = run_file.run, run_file.run.policies
    assert (run.mode, run.not_after) == (Mode.LIVE, "2026-12-31")
    assert (policies.control.items, policies.control.totals) == (1, {"usd": 1099})
    assert policies.limits == Limits({"usd": 50_000}, {"usd": 2_000_000}, {"jpy": 250_000}, 20_000)
    assert policies.pacing == Pacing(0.4, 5.0, 64)
    assert policies.dunning == Dunning((timedelta(days=1), timedelta(hours=36)), ())
    assert policies.stop_on == StopOn(0.25, 40, 9)
    assert policies.approval == Approval({"usd": 1_000_000}, two_person=True, valid_for=timedelta(minutes=90))
    assert policies.notify == (Notification("env:HOOK", ("stopped",)),)
    assert policies.compare == Compare(
        changed_over=7_50, total_band=150_00, runs=3, gone=Attitude.ACK, total=Attitude.REFUSE, new=Attitude.OFF
    )
    charge = _charges(run_file)[0]
    assert (charge.application_fee, charge.statement_suffix, charge.description) == (27, "NOV26", "Coaching")


def test_the_settings_hold_where_the_file_is_silent(opened: Open):
    policies = Policies(pacing=Pacing(concurrency=7, rate_share=0.2), stop_on=StopOn(same_error=3))
    defaults = RunDefaults(Mode.LIVE, "Europe/Berlin", Decimal(10), policies=policies)
    run_file = opened(HEAD + ITEM + "pacing: {rate_share: 0.3}\n", "run.yaml", defaults=defaults)
    assert (run_file.run.mode, run_file.run.timezone) == (Mode.LIVE, "Europe/Berlin")
    assert run_file.run.policies.pacing == Pacing(0.3, None, 7)
    assert run_file.run.policies.stop_on == StopOn(same_error=3)
    assert _charges(run_file)[0].application_fee == 110


def test_a_sheet_is_found_beside_the_file_and_mapped(opened: Open, tmp_path: Path):
    sheet = "Invoice No;customer;account;Gross;currency;Name\nI-1;cus_A1;acct_N1;10.99;USD;Jane\n"
    (tmp_path / "sheet.csv").write_text(sheet)
    text = HEAD + (
        "source: {csv: sheet.csv, delimiter: ';', ignore: [Name], map: {reference: Invoice No, amount: Gross}}\n"
    )
    run_file = opened(text, "run.yaml")
    assert run_file.run.columns == ("Invoice No", "customer", "account", "Gross", "currency", "Name")
    assert [line.cells[-1] for line in run_file.lines()] == ["Jane"]
    assert (run_file.count, Path(run_file.items_file).name) == (1, "sheet.csv")
    assert run_file.sha256 == hashlib.sha256((text + sheet).encode()).hexdigest()


def test_the_run_id_can_be_chosen_and_must_agree_with_the_command(opened: Open):
    text = HEAD.replace("2026-11}", "2026-11, id: rerun-7}") + ITEM
    assert opened(text, "run.yaml", run_id="rerun-7").run.run_id == "rerun-7"
    with pytest.raises(UsageError, match="rerun-7"):
        opened(text, "run.yaml", run_id="coaching-2026-11")


def test_all_problems_of_all_sections_come_at_once(opened: Open):
    text = "version: 2\nrun: {name: A, period: 2026-11}\nmode: prod\npase: 1\npacing: {concurrency: x}\n" + ITEM
    with pytest.raises(InvalidInput) as refused:
        opened(text, "run.yaml")
    assert _codes(refused) == [
        (1, 10, "version"),
        (2, 13, "value"),
        (3, 7, "value"),
        (4, 1, "unknown_key"),
        (5, 23, "value"),
    ]


def test_a_problem_stands_at_the_line_of_its_value(opened: Open):
    text = (
        HEAD
        + "items:\n  - reference: A-1\n    customer: cus_A1\n    account: acct_N1\n    amount: 1,5\n    currency: EUR\n"
    )
    with pytest.raises(InvalidInput) as refused:
        opened(text, "run.yaml")
    assert _codes(refused) == [(7, 13, "amount_comma")]


def test_items_on_one_line_can_repeat_a_reference(opened: Open):
    item = "{reference: A, customer: cus_A1, account: acct_N1, amount: 1, currency: USD}"
    with pytest.raises(InvalidInput) as refused:
        opened(HEAD + f"items: [{item}, {item}]\n", "run.yaml")
    assert [code for *_, code in _codes(refused)] == ["duplicate_reference"]


def test_too_many_items_belong_into_a_csv(opened: Open):
    with pytest.raises(InvalidInput) as refused:
        opened(HEAD + "items:\n" + "  - x\n" * 100_001, "run.yaml")
    assert refused.value.problems[0].hint == "use CSV"


def test_countless_different_metadata_keys_are_refused(opened: Open):
    item = (
        "  - {{reference: A{0}, customer: cus_A1, account: acct_N1, amount: 1, currency: USD, metadata: {{k{0}: v}}}}\n"
    )
    with pytest.raises(InvalidInput) as refused:
        opened(HEAD + "items:\n" + "".join(item.format(number) for number in range(451)), "run.yaml")
    assert [code for *_, code in _codes(refused)] == ["metadata_count"]


def test_the_delimiter_option_does_not_fit_inline_items(opened: Open):
    with pytest.raises(UsageError):
        opened(HEAD + ITEM, "run.yaml", delimiter=";")


def test_an_empty_payment_method_means_the_default(opened: Open):
    text = HEAD + ITEM.replace("account:", "payment_method: , account:")
    assert _charges(opened(text, "run.yaml"))[0].payment_method is None
