"""A month that is given back: the file that `billing reverse` writes, planned and carried out like any other."""

import csv
import json

import pytest
from cli_tools import ID, KEY, RUN

from tests.conftest import Billing

FEE = ("--fee", "refund")
UNDONE = "rehearsal-refunds-2026-11"


@pytest.fixture
def charged(billing, rehearsal):
    """The command beside a sandbox, after its month was charged."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    billing("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200")
    return billing


def rows_of(charged, name: str) -> list[dict]:
    text = (charged.folder / name).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def paid_of(charged) -> dict:
    return json.loads(charged("status", ID, "--output", "json").out)


def carried_out(charged, *more: str) -> tuple[int, dict]:
    ended = charged("run", "undo.yaml", "--yes", "--rate", "200", "--output", "json", *more)
    return ended.code, json.loads(ended.out)


def test_every_paid_charge_is_in_the_file_once_and_nothing_is_sent_for_it(charged, rehearsal):
    before = rehearsal.ask("books")
    ended = charged("reverse", ID, *FEE, "-o", "undo.yaml", "--output", "json")
    assert ended.code == 0
    told, found = json.loads(ended.out), paid_of(charged)
    assert told["run"] == UNDONE
    assert told["items"] == found["counts"]["succeeded"]
    assert told["totals"] == {code: each["succeeded"] for code, each in found["totals"].items() if each["succeeded"]}
    assert rehearsal.ask("books") == before
    assert (charged.folder / "undo.yaml").stat().st_mode & 0o777 == 0o600
    assert charged("check", "undo.yaml").code == 0


def test_each_line_is_given_back_once_and_the_totals_stand_beside_those_of_the_run(charged, rehearsal):
    paid = paid_of(charged)
    charged("reverse", ID, *FEE, "-o", "undo.yaml")
    planned = charged("plan", "undo.yaml", "--rate", "200")
    assert "to refund" in planned.out
    assert f"your application fee goes back with {paid['counts']['succeeded']} of the lines" in planned.out
    code, found = carried_out(charged)
    assert code == 0
    assert sum(rehearsal.ask("books")["fees_given_back"].values()) > 0
    assert found["counts"]["succeeded"] == found["items"] == paid["counts"]["succeeded"]
    again, after = carried_out(charged)
    assert (again, after["counts"], after["requests"]["sent"]) == (0, found["counts"], 0)
    given = paid_of(charged)["given_back"]
    assert given == {
        "items": found["items"],
        "totals": {code: each["succeeded"] for code, each in found["totals"].items()},
        "on_their_way": 0,
    }
    assert "of that given back" in charged("report", ID).out
    assert charged("ledger", "verify").code == 0


def test_asking_again_writes_the_same_file_and_another_file_is_not_replaced(charged):
    charged("reverse", ID, *FEE, "-o", "undo.yaml")
    first = (charged.folder / "undo.yaml").read_bytes()
    assert charged("reverse", ID, *FEE, "-o", "undo.yaml").code == 0
    assert (charged.folder / "undo.yaml").read_bytes() == first
    (charged.folder / "other.yaml").write_text("a: b\n")
    refused = charged("reverse", ID, *FEE, "-o", "other.yaml")
    assert refused.code == 2
    assert (charged.folder / "other.yaml").read_text() == "a: b\n"


def test_a_sheet_does_as_well_and_its_next_step_names_its_run(charged):
    ended = charged("reverse", ID, "--fee", "keep", "-o", "undo.csv")
    assert f"--run {UNDONE}" in ended.err
    rows = rows_of(charged, "undo.csv")
    assert {row["fee"] for row in rows} == {"keep"}
    ran = charged("run", "undo.csv", "--run", UNDONE, "--yes", "--rate", "200", "--output", "json")
    assert json.loads(ran.out)["counts"]["succeeded"] == len(rows)


def test_what_was_said_of_the_fee_is_what_happens_to_it(charged, rehearsal):
    charged("reverse", ID, "--fee", "keep", "-o", "undo.yaml")
    carried_out(charged)
    charged("report", UNDONE, "-o", "report.csv")
    rows = rows_of(charged, "report.csv")
    assert {row["application_fee_refunded"] for row in rows} <= {"0.00", "0", ""}
    assert all(row["amount_refunded"] == row["amount"] for row in rows)
    assert not any(rehearsal.ask("books")["fees_given_back"].values())


def test_some_lines_can_be_chosen_and_a_slip_of_the_pen_is_named(charged):
    items = [row["reference"] for row in rows_of(charged, "rehearsal.csv")]
    paid = next(name for name in items if charged("reverse", ID, *FEE, "--only", name, "-o", "one.yaml").code == 0)
    assert (charged.folder / "one.yaml").read_text().count("of_run") == 1
    assert paid in (charged.folder / "one.yaml").read_text()
    wrong = charged("reverse", ID, *FEE, "--only", "INV-NOT-THERE", "-o", "none.yaml")
    assert (wrong.code, "INV-NOT-THERE" in wrong.err) == (2, True)
    assert not (charged.folder / "none.yaml").exists()


def test_what_is_given_back_in_several_goes_has_a_run_for_each_and_is_given_back_once(charged, rehearsal):
    """The second file is about what is left, whatever was said of the fee before, and its next step works."""
    charged("reverse", ID, *FEE, "-o", "all.csv")
    first, second, *_ = [row["reference"] for row in rows_of(charged, "all.csv")]
    for run, chosen in ((UNDONE, ("--only", first)), ("rehearsal-refunds-2-2026-11", ("--only", second))):
        charged("reverse", ID, "--fee", "keep", *chosen, "-o", "undo.yaml")
        code, found = carried_out(charged)
        assert (code, found["run"], found["counts"]["succeeded"]) == (0, run, 1)
    told = json.loads(charged("reverse", ID, *FEE, "-o", "undo.yaml", "--output", "json").out)
    paid = paid_of(charged)["counts"]["succeeded"]
    assert (told["items"], told["given_back"]) == (paid - 2, 2)
    assert carried_out(charged)[0] == 0
    books = rehearsal.ask("books")
    assert (books["refunded_twice"], len(books["refunds"])) == ([], paid)
    again = charged("reverse", ID, *FEE, "-o", "undo.yaml")
    assert (again.code, f"{paid} lines given back already" in again.err) == (2, True)


def test_what_another_run_is_about_to_give_back_is_left_to_it(charged):
    charged("reverse", ID, *FEE, "-o", "undo.yaml")
    carried_out(charged, "--limit", "1")
    before = (charged.folder / "undo.yaml").read_bytes()
    refused = charged("reverse", ID, *FEE, "-o", "undo.yaml")
    assert (refused.code, f"asked for by {UNDONE}" in refused.err) == (2, True)
    assert (charged.folder / "undo.yaml").read_bytes() == before
    assert carried_out(charged)[0] == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((ID, "--fee", "half", "-o", "undo.yaml"), "refund, keep"),
        ((ID, *FEE, "-o", "undo.xlsx"), ".yaml"),
        (("coaching-2020-01", *FEE, "-o", "undo.yaml"), "no run"),
        ((ID, "-o", "undo.yaml"), "--fee"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_could(charged, args, says):
    ended = charged("reverse", *args)
    assert ended.code == 2
    assert says in ended.err
    assert not (charged.folder / "undo.yaml").exists()


def test_a_refund_is_nothing_that_can_be_undone(charged):
    charged("reverse", ID, *FEE, "-o", "undo.yaml")
    carried_out(charged)
    ended = charged("reverse", UNDONE, *FEE, "-o", "redo.yaml")
    assert ended.code == 2
    assert "has refunds, which nothing undoes" in ended.err


def test_a_file_of_refunds_whose_run_has_charges_is_refused_by_name(charged):
    charged("reverse", ID, *FEE, "-o", "undo.csv")
    ended = charged("run", "undo.csv", *RUN, "--yes")
    assert ended.code == 2
    assert "has charges, and undo.csv has refunds" in ended.err


def test_a_lost_ledger_of_refunds_needs_no_rebuild_and_gives_nothing_back_again(charged, rehearsal):
    charged("reverse", ID, *FEE, "-o", "undo.yaml")
    found = carried_out(charged)[1]
    for path in charged.folder.glob("billing.db*"):
        path.unlink()
    refused = charged("ledger", "rebuild", "undo.yaml")
    assert (refused.code, "needs no rebuild" in refused.err) == (2, True)
    assert charged("ledger", "rebuild", "rehearsal.csv", *RUN, "--rate", "200").code == 0
    code, after = carried_out(charged)
    assert (code, after["counts"]) == (0, found["counts"])
    assert len(rehearsal.ask("books")["refunds"]) == found["items"]


def test_two_machines_give_each_charge_back_once(charged, rehearsal, tmp_path_factory):
    """The second machine has a ledger of its own and the same file."""
    charged("reverse", ID, *FEE, "-o", "undo.yaml")
    other = Billing(tmp_path_factory.mktemp("second"))
    other.environ = charged.environ | other.environ
    (other.folder / "undo.yaml").write_bytes((charged.folder / "undo.yaml").read_bytes())
    processes = [
        each.start("run", "undo.yaml", "--yes", "--rate", "200", "--output", "json") for each in (charged, other)
    ]
    told = [process.communicate(timeout=60) for process in processes]
    ended = [json.loads(out) for out, _ in told]
    paid = paid_of(charged)["counts"]["succeeded"]
    assert [each["counts"]["succeeded"] for each in ended] == [paid, paid]
    books = rehearsal.ask("books")
    assert (books["refunded_twice"], len(books["refunds"])) == ([], paid)
    assert all(intent["refunded"] in (0, intent["taken"]) for intent in books["intents"])
