"""Who payers are is written nowhere: no file, log, report, error or traceback of ours has a name or an address."""

import os
import signal
from pathlib import Path

import pytest
from cli_tools import KEY, everything_written, wait_until

from billing.edge.texts.safe_text import PERSONAL

RUN = ("--run", "onboarding-2026-11")
DEBUG = ("--log-level", "debug", "--log-format", "json")
NAME, BOX, PHONE = "Zephyrine Quackenbush", "quokka.canary", "+15550177345"
CANARIES = (b"Zephyrine", b"Quackenbush", b"quokka", b"5550177345")
BACK = "https://example.com/thanks"
HEAD = "reference,email,name,phone,return_url"


def line(number: int, address: str = "") -> str:
    """One person of the sheet."""
    return f"PAY-{number},{address or f'{BOX}{number}@example.net'},{NAME} {number},{PHONE},{BACK}"


@pytest.fixture
def sheet(tmp_path_factory, billing, rehearsal) -> Path:
    """A sheet of people, away from everything that the program writes."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    file = tmp_path_factory.mktemp("sheets") / "people.csv"
    file.write_text("\n".join([HEAD, *map(line, range(6))]) + "\n")
    return file


def held(billing, written: list[str]) -> None:
    """Hold everything that was shown and written."""
    everything = "\n".join(written).encode() + everything_written(billing.folder)
    assert [canary for canary in CANARIES if canary in everything] == []
    assert b"PAY-1" in everything, "there is something to search"


def test_payers_are_saved_by_commands_and_named_in_no_byte_that_any_of_them_writes(billing, sheet, rehearsal):
    """Refused by Stripe in words that quote a name, asked, answered for, followed, reported on."""
    words = f"Invalid name: {NAME} of {BOX}0@example.net, {PHONE}"
    error = f'{{"error": {{"type": "invalid_request_error", "param": "name", "message": "{words}"}}}}'
    fault = {"kind": "canned", "status": 400, "body": error}
    rehearsal.ask("faults", {"script": [{"fault": fault, "operation": "customers.create"}]})
    file, written = str(sheet), []
    for command, code in (
        (("check", file, *RUN), 0),
        (("plan", file, *RUN, "-o", "plan.json"), 0),
        (("run", file, *RUN, "--yes", "--limit", "3"), 4),
        (("run", file, *RUN, "--yes"), 4),
        (("run", file, *RUN, "--yes", "--amend", "--output", "json"), 4),
        (("settle",), 5),
        (("status", RUN[1]), 0),
        (("report", RUN[1]), 0),
        (("report", RUN[1], "--format", "json"), 0),
        (("report", RUN[1], "--format", "csv"), 0),
        (("ledger", "events"), 0),
        (("ledger", "verify"), 0),
    ):
        ended = billing(*command, *(DEBUG if command[0] != "report" else ("--log-level", "debug")))
        assert ended.code == code, ended
        written += [ended.out, ended.err]
    held(billing, written)


def test_a_run_in_test_mode_answers_for_its_payers(billing, sheet):
    billing.environ |= {"BILLING_COLLECT_PUBLIC_URL": "https://pay.example.com"}
    ended = billing("run", str(sheet), *RUN, "--yes", "--confirm-with", "pm_card_visa", *DEBUG)
    assert ended.code == 0, ended
    again = billing("run", str(sheet), *RUN, "--yes", "--confirm-with", "pm_card_visa", *DEBUG)
    assert again.code == 0
    held(billing, [ended.out, ended.err, again.out, again.err])
    refused = billing("run", str(sheet), *RUN, "--yes", "--confirm-with", "card")
    assert refused.code == 2


def test_the_report_lists_who_has_not_answered_with_link_and_time_left(billing, sheet):
    (billing.folder / "billing.yaml").write_text("collect: {public_url: 'https://pay.example.com'}\n")
    assert billing("run", str(sheet), *RUN, "--yes").code == 5
    shown = billing("report", RUN[1]).out
    assert "Who has not answered yet" in shown
    assert "nobody" not in shown
    assert shown.count("https://pay.example.com/s/") == 6
    assert "days left" in shown
    assert billing("run", str(sheet), *RUN, "--yes").code == 5


def test_a_badly_formed_sheet_is_told_without_what_stands_there(billing, sheet):
    bad = [line(0), line(1, f"{BOX} at example"), line(2, f"{BOX}@example.net;{NAME}@x.y"), line(3) + ",more"]
    sheet.write_text("\n".join([HEAD, *bad]) + "\n")
    written, codes = [], []
    for command in (
        ("check", str(sheet), *RUN, "--errors-csv", "bad.csv"),
        ("run", str(sheet), *RUN, "--yes"),
        ("run", str(sheet), *RUN, "--yes", "--skip-invalid"),
    ):
        ended = billing(*command, *DEBUG)
        written += [ended.out, ended.err]
        codes.append(ended.code)
    assert codes == [3, 3, 4], "lines set aside need a person"
    assert all(f"{sheet.name}:{number}:" in written[0] + written[1] for number in (3, 4, 5))
    report = billing("report", RUN[1], "--format", "csv")
    held(billing, [*written, report.out, report.err])


def test_a_killed_run_leaves_nobodys_name_and_goes_on(billing, sheet, rehearsal):
    sheet.write_text("\n".join([HEAD, *map(line, range(60))]) + "\n")
    process = billing.start("run", str(sheet), *RUN, "--yes", *DEBUG)
    wait_until(lambda: rehearsal.ask("requests")["operations"].get("customers.create", {"sent": 0})["sent"] > 5)
    os.kill(process.pid, signal.SIGKILL)
    out, err = process.communicate(timeout=10)
    ended = billing("run", str(sheet), *RUN, "--yes", *DEBUG)
    assert ended.code == 5, ended
    held(billing, [out, err, ended.out, ended.err])


def test_an_exception_that_holds_a_name_shows_no_values(billing, sheet, tmp_path: Path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import billing.flow.kinds.payer.customers as room\n"
        "def create_customer(item, who, name):\n"
        "    raise RuntimeError(f'broke with {who}')\n"
        "room.create_customer = create_customer\n"
    )
    path = {"PYTHONPATH": f"{broken}{os.pathsep}{Path(__file__).parent.parent.parent}"}
    ended = billing("run", str(sheet), *RUN, "--yes", *DEBUG, environ=path)
    assert ended.code == 1
    assert "RuntimeError, raised in" in ended.err
    held(billing, ["PAY-1", ended.out, ended.err])


def test_nobody_is_called_what_stands_for_a_name_in_lines_that_were_given_back(billing, sheet):
    sheet.write_text("\n".join([HEAD, line(0), line(1, f"{BOX} at example")]) + "\n")
    assert billing("check", str(sheet), *RUN, "--errors-csv", "bad.csv").code == 3
    given_back = (billing.folder / "bad.csv").read_text(encoding="utf-8-sig").replace(PERSONAL, "back@example.net", 1)
    (billing.folder / "mended.csv").write_text(given_back)
    ended = billing("run", "mended.csv", *RUN, "--yes")
    assert ended.code == 3, ended
    assert "name was withheld when this line was given back" in ended.err


def test_nobody_is_answered_for_where_nobody_is_asked(billing, sheet):
    ended = billing("run", "rehearsal.csv", "--run", "rehearsal-2026-11", "--yes", "--confirm-with", "pm_card_visa")
    assert ended.code == 2, ended
    assert "--confirm-with answers for payers, and rehearsal-2026-11 is a run of charges" in ended.err


def test_whom_another_run_has_saved_is_called_saved_and_stands_with_the_platform(billing, sheet):
    answered = ("--yes", "--confirm-with", "pm_card_visa")
    assert billing("run", str(sheet), *RUN, *answered).code == 0
    again = billing("plan", str(sheet), "--run", "again-2026-11")
    assert "saved earlier" in again.out
    assert "paid earlier" not in again.out
    told = billing("report", RUN[1], "--by-account")
    assert "(the platform)" in told.out
    assert "set aside" not in told.out


def test_a_reason_that_names_somebody_goes_on_no_record(billing, sheet):
    assert billing("run", str(sheet), *RUN, "--yes").code == 5
    ended = billing("cancel", RUN[1], "--reason", f"{BOX}@example.net has left", "--yes")
    assert ended.code == 2, ended
    assert "--reason holds an e-mail address" in ended.err
    held(billing, [ended.out, ended.err])
    assert billing("cancel", RUN[1], "--reason", "the wrong sheet", "--yes").code == 0


def test_a_column_that_a_run_does_not_need_is_not_kept_beside_people(billing, sheet):
    sheet.write_text(f"{HEAD},Last name\n{line(0)},Quackenbush\n{line(1)},\n")
    ended = billing("run", str(sheet), *RUN, "--yes", "--ignore", "Last name", *DEBUG)
    assert ended.code == 5, ended
    report = billing("report", RUN[1], "--format", "csv")
    held(billing, [ended.out, ended.err, report.out, report.err])
