"""What a report says of a run, from a real ledger."""

import csv
import io
import json
import re
from datetime import UTC, datetime

import pytest

from billing.cli.reporttext import accounts_as_text, as_text
from billing.core.cells import neutral
from billing.core.entries import Move
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.charge import Event
from billing.core.kinds.charge_columns import CHARGE_COLUMNS
from billing.core.life import Group
from billing.core.records import NewItem, PlannedLine, RunRecord
from billing.core.skips import SKIPS
from billing.edge.ledger.custody.attendance import NOBODY
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.flow.accounts import account_totals, accounts_as_csv, accounts_as_json, summed
from billing.flow.report import Wanted, columns, rows, summary
from billing.flow.report_files import Layout, as_csv, as_json

RUN = "coaching-2026-11"
COLUMNS = ["reference", "description"]

FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠A1", " =1+1", "-", "+", "=",
    "@", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x")', "-2+3", "--1", "+49 30 1234", "-1e5", "-١", '="a"', "\t",
    "-$5", "=IMPORTXML()", "@here", "=-1", "  +1+1",
]  # fmt: skip


def an_item(n: int, run_id: str = RUN, **changes) -> NewItem:
    reference = f"INV-{n}"
    values = {
        "item_id": item_id(Mode.TEST, "acct_P", "2026-11", reference, 0, Kind.CHARGE),
        "kind": Kind.CHARGE,
        "reference": reference,
        "generation": 0,
        "account": "acct_1",
        "payer": f"cus_{n}",
        "amount": 1000 + n,
        "currency": "usd",
        "digest": f"{n:064x}",
        "content": {"payment_method": "pm_1"},
    }
    return NewItem(**(values | changes))


def a_run(run_id: str = RUN, header: dict | None = None) -> RunRecord:
    header = header or {"columns": COLUMNS, "timezone": "UTC"}
    return RunRecord(run_id, "acct_P", "coaching", "2026-11", Mode.TEST, Kind.CHARGE, header, "f" * 64, "d" * 64)


@pytest.fixture
async def ledger(tmp_path):
    opened = await open_ledger(
        f"sqlite:///{tmp_path}/ledger.db", key_file=tmp_path / "key", clock=lambda: datetime(2026, 11, 1, tzinfo=UTC)
    )
    yield opened
    await opened.aclose()


async def pay(ledger, item):
    item = await ledger.record(item, Move(Event.PREPARE_STARTED, attempt=1))
    item = await ledger.record(item, Move(Event.PREPARED, object_id=f"pi_{item.id}", instrument_id=f"pm_c{item.id}"))
    item = await ledger.record(item, Move(Event.CONFIRM_STARTED, facts={"first_try": "2026-11-01T00:00:00+00:00"}))
    paid = {"amount_charged": item.amount, "application_fee_charged": 50, "charge": f"ch_{item.id}"}
    return await ledger.record(item, Move(Event.CHARGE_SUCCEEDED, facts=paid))


async def decline(ledger, item):
    item = await ledger.record(item, Move(Event.PREPARE_STARTED, attempt=1))
    item = await ledger.record(item, Move(Event.PREPARED, object_id=f"pi_{item.id}", instrument_id=f"pm_c{item.id}"))
    item = await ledger.record(item, Move(Event.CONFIRM_STARTED))
    facts = {"group": "declined", "reason_code": "stolen_card", "what_to_do": "Ask for another card."}
    return await ledger.record(item, Move(Event.CHARGE_DECLINED, facts=facts))


async def mixed(ledger) -> None:
    """One paid, one declined, one planned, one skipped by the plan, one set aside, in this order."""
    skipped = an_item(4, skip="account_cannot_charge", currency="jpy", amount=500)
    lines = [
        PlannedLine(2, ("INV-1", "a"), an_item(1)),
        PlannedLine(3, ("INV-2", "=1+1"), an_item(2)),
        PlannedLine(4, ("INV-3", "c"), an_item(3)),
        PlannedLine(5, ("INV-4", "d"), skipped),
        PlannedLine(6, ("INV-5",), reason="invalid", detail="amount is empty"),
    ]
    await ledger.plan_run(a_run(), lines)
    await pay(ledger, ledger.item(1))
    await decline(ledger, ledger.item(2))


async def test_every_line_is_given_back_once_in_order_whatever_became_of_it(ledger):
    await mixed(ledger)
    table = [dict(zip(columns(ledger.run(RUN)), row, strict=True)) for row in rows(ledger, RUN)]
    assert [row["line"] for row in table] == ["2", "3", "4", "5", "6"]
    assert [row["status"] for row in table] == ["succeeded", "declined", "pending", "skipped", "skipped"]
    assert table[0] | {"charge": "ch_1", "amount_charged": "10.01", "application_fee_charged": "0.50"} == table[0]
    assert (table[0]["payment_intent"], table[0]["clone"], table[0]["attempts"]) == ("pi_1", "pm_c1", "1")
    assert (table[1]["reason_code"], table[1]["what_to_do"]) == ("stolen_card", "Ask for another card.")
    assert (table[3]["reason_code"], bool(table[3]["what_to_do"])) == ("account_cannot_charge", True)
    assert (table[4]["reason_code"], table[4]["reason"]) == ("invalid", "amount is empty")


async def test_the_summary_counts_every_line_and_ties_in_every_currency(ledger):
    await mixed(ledger)
    found = summary(ledger, RUN, exit_code=Exit.DECLINES, requests={"sent": 7})
    assert list(found["counts"]) == [str(group) for group in Group]
    assert found["counts"] | {"succeeded": 1, "declined": 1, "pending": 1, "skipped": 2} == found["counts"]
    assert found["items"] == sum(found["counts"].values()) == 5
    assert found["totals"]["usd"] == {"planned": 3006, "succeeded": 1001, "declined": 1002, "pending": 1003}
    assert found["totals"]["jpy"] == {"planned": 500, "skipped": 500}
    assert (found["exit_code"], found["requests"]) == (4, {"sent": 7, "rate_limited": 0, "resent": 0})
    assert found["ledger_head"] == ledger.head
    json.dumps(found)


async def test_money_of_another_run_is_reported_there_alone(ledger):
    await mixed(ledger)
    line = PlannedLine(2, ("INV-1", "a"), item=1, reason="already_paid", detail=f"paid in {RUN}")
    await ledger.plan_run(a_run("again-2026-11"), [line])
    table = [dict(zip(columns(ledger.run(RUN)), row, strict=True)) for row in rows(ledger, "again-2026-11")]
    assert (table[0]["status"], table[0]["reason_code"], table[0]["run"]) == ("skipped", "already_paid", RUN)
    assert (table[0]["payment_intent"], table[0]["amount_charged"]) == ("pi_1", "")
    assert summary(ledger, "again-2026-11")["totals"] == {}


async def test_amounts_in_json_are_whole_minor_units(ledger):
    await mixed(ledger)
    table = json.loads("".join(as_json(ledger, RUN)))
    assert (table[0]["amount"], table[0]["amount_charged"], table[0]["currency"]) == (1001, 1001, "usd")
    assert table[0]["input"] == {"reference": "INV-1", "description": "a"}
    assert len(table) == 5


async def test_a_run_without_lines_is_an_empty_report(ledger):
    await ledger.plan_run(a_run(), [])
    assert json.loads("".join(as_json(ledger, RUN))) == []
    assert "".join(as_csv(ledger, RUN)).splitlines() == [",".join([*COLUMNS, *CHARGE_COLUMNS.names])]


async def test_a_run_nobody_knows_is_named_beside_those_there_are(ledger):
    await mixed(ledger)
    with pytest.raises(UsageError, match=RUN):
        summary(ledger, "coaching-2026-12")


async def test_every_line_that_is_not_paid_says_what_to_do(ledger):
    await mixed(ledger)
    table = [dict(zip(columns(ledger.run(RUN)), row, strict=True)) for row in rows(ledger, RUN)]
    assert [bool(row["what_to_do"]) for row in table] == [row["status"] != "succeeded" for row in table]
    assert all(what for _, what, _ in SKIPS.values())


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (Wanted(), ["2", "3", "4", "5", "6"]),
        (Wanted(statuses=frozenset({"succeeded", "declined"})), ["2", "3"]),
        (Wanted(statuses=frozenset({"skipped"})), ["5", "6"]),
        (Wanted(accounts=frozenset({"acct_1"})), ["2", "3", "4", "5"]),
        (Wanted(customers=frozenset({"cus_3"})), ["4"]),
        (Wanted(frozenset({"skipped"}), frozenset({"acct_1"})), ["5"]),
        (Wanted(accounts=frozenset({"acct_2"})), []),
    ],
)
async def test_a_report_of_some_lines_has_those_in_every_format(ledger, wanted, lines):
    await mixed(ledger)
    table = list(csv.DictReader(io.StringIO("".join(as_csv(ledger, RUN, wanted)))))
    assert [row["line"] for row in table] == lines
    assert [str(row["line"]) for row in json.loads("".join(as_json(ledger, RUN, wanted)))] == lines
    if wanted != Wanted():
        assert re.findall(r"^  line (\d+)", "".join(as_text(ledger, RUN, NOBODY, wanted)), re.MULTILINE) == lines


async def test_a_csv_for_a_spreadsheet_has_its_mark_its_delimiter_its_decimals_and_the_times_of_the_run(ledger):
    await ledger.plan_run(a_run(header={"columns": ["reference", "amount"], "timezone": "Asia/Tokyo"}), [
        PlannedLine(2, ("INV-1", "10.01"), an_item(1)), PlannedLine(3, ("10.02", "10.02"), an_item(2)),
    ])  # fmt: skip
    await pay(ledger, ledger.item(1))
    text = "".join(as_csv(ledger, RUN, layout=Layout(";", comma=True, mark=True)))
    assert text.startswith("\ufeffreference;amount;line;")
    first, second = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";")
    assert (first["amount"], first["amount_charged"], first["application_fee_charged"]) == ("10,01", "10,01", "0,50")
    assert first["first_try"] == "2026-11-01 09:00:00"
    assert second["reference"] == "10.02"
    plain = "".join(as_csv(ledger, RUN))
    assert plain.startswith("reference,amount,")
    assert "10.01" in plain
    assert "2026-11-01T00:00:00+00:00" in "".join(as_json(ledger, RUN))


async def test_totals_per_account_add_up_to_the_sheet_and_lines_paid_elsewhere_count_as_paid(ledger):
    await mixed(ledger)
    await ledger.plan_run(a_run("again-2026-11"), [
        PlannedLine(2, ("INV-1", "a"), item=1, reason="already_paid"),
        PlannedLine(3, ("INV-9", "a"), an_item(9, account="acct_2")),
    ])  # fmt: skip
    found = account_totals(ledger, RUN)
    assert [(one.account, one.currency, one.lines, one.sheet, one.paid, one.open) for one in found] == [
        ("", "", 1, 0, 0, 0), ("acct_1", "jpy", 1, 500, 0, 500), ("acct_1", "usd", 3, 3006, 1001, 2005),
    ]  # fmt: skip
    again = account_totals(ledger, "again-2026-11")
    assert [(one.account, one.sheet, one.paid, one.open) for one in again] == [
        ("acct_1", 1001, 1001, 0), ("acct_2", 1009, 0, 1009),
    ]  # fmt: skip
    assert [(one.currency, one.sheet, one.paid) for one in summed(again)] == [("usd", 2010, 1001)]
    table = list(csv.DictReader(io.StringIO("".join(accounts_as_csv(ledger, RUN)))))
    assert (table[2]["account"], table[2]["sheet"], table[2]["paid"]) == ("acct_1", "30.06", "10.01")
    assert json.loads("".join(accounts_as_json(ledger, RUN)))[2]["open"] == 2005
    shown = "".join(accounts_as_text(ledger, RUN))
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.splitlines()[-1].split() == ["all", "USD", "3", "30.06", "10.01", "-", "20.05"]


async def test_the_text_names_every_line_that_needs_somebody_with_money_reason_and_remedy_and_where_the_rest_is(ledger):
    await mixed(ledger)
    shown = "".join(as_text(ledger, RUN, NOBODY))
    assert max(map(len, shown.splitlines())) <= 80
    assert re.findall(r"^  line (\d+)", shown, re.MULTILINE) == ["3", "4", "5", "6"]
    skipped = shown.partition("  line 5 ")[2].partition("  line 6 ")[0]
    for said in ("INV-4", "JPY 500", "left out", "acct_1", "cus_4", *SKIPS["account_cannot_charge"][:2]):
        assert said in " ".join(skipped.split())
    assert "1 line needs nobody" in shown
    assert shown.endswith(f"  billing report {RUN} -o report.csv\n")


@pytest.mark.parametrize("payload", FORMULAS)
def test_no_text_reaches_a_spreadsheet_as_a_formula(payload):
    assert neutral(payload) == "'" + payload


@pytest.mark.parametrize("cell", ["-1", "-10.99", "10.99", "0", "a=b", "11月分", "", "pm_1"])
def test_numbers_and_ordinary_texts_stay_as_they_are(cell):
    assert neutral(cell) == cell


async def test_the_csv_survives_its_own_reader(ledger):
    await mixed(ledger)
    table = list(csv.reader(io.StringIO("".join(as_csv(ledger, RUN)))))
    assert {len(row) for row in table} == {len(COLUMNS) + len(CHARGE_COLUMNS.names)}
    assert table[2][1] == "'=1+1"
