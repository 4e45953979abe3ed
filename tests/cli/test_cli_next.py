"""Every next step that is printed works as it stands, and no hint names a command that is not there."""

import re
import shlex
from pathlib import Path

import pytest
from cli_tools import ID, KEY, RUN

from billing.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PROSE = frozenset({"date", "import", "interval", "mode", "wrote", "writes", "on", "itself", "for", "help"})
# Words that follow "billing" in sentences and code, and `help`, which names the others.


@pytest.fixture
def ready(billing, rehearsal):
    """The command with a key, beside a sandbox."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    return billing


def next_of(text: str) -> list[str]:
    """The arguments of the one next command in what was printed."""
    (found,) = re.findall(r"Next: billing (.*)", text)
    return shlex.split(found)


def follow(ready, ended) -> tuple[list[str], object]:
    """Type what was printed; a run is agreed to."""
    args = next_of(ended.out)
    return args, ready(*args, *(["--yes"] if args[0] == "run" else []))


def test_from_the_check_to_the_report_every_printed_step_works_with_what_was_typed(ready):
    sheet = ready.folder / "rehearsal.csv"
    header, first, *more = sheet.read_text().splitlines()
    bad = first.replace("INV-00001", "INV-BAD").replace("cus_", "")
    (ready.folder / "mine here.csv").write_text("\n".join([header, bad, *more]).replace(",", ";") + "\n")
    ended = ready("check", "mine here.csv", *RUN, "--skip-invalid", "--delimiter", ";")
    args, ended = follow(ready, ended)
    assert args == ["plan", "mine here.csv", "--run", ID, "--delimiter", ";", "--skip-invalid"]
    assert ended.code == 0
    args, ended = follow(ready, ended)
    assert args[:2] == ["run", "mine here.csv"]
    assert ended.code in (4, 5)
    ended = ready("plan", "mine here.csv", *RUN, "--skip-invalid", "--delimiter", ";")
    assert "There is nothing left to do." in ended.out
    args, ended = follow(ready, ended)
    assert (args[0], ended.code) == ("report", 0)


def test_a_selection_an_amendment_and_a_rate_go_with_the_next_step(ready):
    ready("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200", "--limit", "2")
    sheet = ready.folder / "rehearsal.csv"
    sheet.write_text("\n".join(sheet.read_text().splitlines()[:-1]) + "\n")
    ended = ready("plan", "rehearsal.csv", *RUN, "--amend", "--rate", "200", "--only", "INV-0001*", "--limit", "3")
    assert "- INV-00030" in ended.out
    args, ended = follow(ready, ended)
    assert {"--amend", "--only", "--limit", "--rate"} <= set(args)
    assert ended.code in (0, 4, 5)


def test_a_saved_plan_is_run_from_any_folder_with_what_it_fixed(ready):
    ended = ready("plan", "rehearsal.csv", *RUN, "--only", "INV-0001*", "--rate", "200", "-o", "plan.json")
    args, ended = follow(ready, ended)
    assert args == ["run", "plan.json", "--rate", "200"]
    assert ended.code in (0, 4, 5)
    assert "not yet               20" in ended.out.replace("  not yet", "not yet")
    refused = ready("run", "plan.json", "--only", "INV-00011", "--yes")
    assert (refused.code, "the plan fixes" in refused.err) == (2, True)


def test_a_plan_that_must_be_approved_names_no_command_that_would_refuse_it(ready):
    text = "version: 1\nrun: {name: r, period: current}\nsource: {csv: rehearsal.csv}\n"
    (ready.folder / "r.yaml").write_text(text + "approval: {required_over: {USD: 1}, two_person: true}\n")
    ended = ready("plan", "r.yaml")
    assert ended.code == 0
    assert "second person" in ended.out
    assert "Next: billing run" not in ended.out


def test_a_plan_past_its_last_day_is_refused_like_its_run(ready):
    text = "version: 1\nrun: {name: r, period: current}\nsource: {csv: rehearsal.csv}\nnot_after: 2020-01-31\n"
    (ready.folder / "r.yaml").write_text(text)
    assert ready("plan", "r.yaml").code == ready("run", "r.yaml", "--yes").code == 3


def test_a_line_is_cancelled_on_the_record_and_never_charged(ready, rehearsal):
    ready("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200", "--limit", "2")
    nothing = ready("cancel", ID, "--only", "NOBODY", "--reason", "complaint", "--yes")
    assert (nothing.code, "nothing matches" in nothing.err) == (2, True)
    assert ready("cancel", ID, "--reason", " ", "--yes").code == 2
    ended = ready("cancel", ID, "--only", "INV-00030", "--reason", "complaint", "--yes")
    assert ended.code == 0
    assert "complaint" in ready("ledger", "events", "--reference", "INV-00030").out
    again = ready("cancel", ID, "--only", "INV-00030", "--reason", "complaint", "--yes")
    assert (again.code, "nothing to cancel" in again.out) == (0, True)
    assert "everything is done" not in ended.out + again.out
    assert "left to close" in again.out
    ready("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200")
    opened = {intent["metadata"]["billing_reference"] for intent in rehearsal.ask("books")["intents"]}
    assert "INV-00030" not in opened


def test_after_a_stop_for_the_key_the_next_step_is_the_key(ready, rehearsal):
    rehearsal.ask("keys", {"withhold": {KEY: ["payment_intent_write"]}})
    ended = ready("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200")
    assert (ended.code, next_of(ended.out)) == (8, ["doctor"])
    assert "The key has to be mended first" in ended.out
    assert "the same command goes on" not in ended.out
    rehearsal.ask("keys", {"widen": [KEY]})
    assert ready(*next_of(ended.out)).code == 0
    (goes_on,) = re.findall(r"When the key is right, this goes on: billing (.*)", ended.out)
    assert ready(*shlex.split(goes_on), "--yes").code in (0, 4, 5)


def test_no_text_names_a_command_that_is_not_there():
    groups = {name.split()[0] for name in COMMANDS}
    files = [*ROOT.glob("billing/**/*.py"), *ROOT.glob("configs/**/*.yaml"), *ROOT.glob("jobs/*")]
    named = {
        (word, path.name)
        for path in files
        if path.is_file()
        for word in re.findall(r"\bbilling ([a-z]+)\b(?!\.)", path.read_text(errors="replace"))
    }
    assert {(word, name) for word, name in named if word not in groups | PROSE} == set()


def test_what_a_plan_wants_accepted_is_in_the_step_it_prints(ready):
    ready("run", "rehearsal.csv", "--run", "rehearsal-2026-10", "--yes", "--rate", "200", "--limit", "1")
    sheet = ready.folder / "rehearsal.csv"
    sheet.write_text("\n".join(sheet.read_text().splitlines()[:-20]) + "\n")
    ready.environ |= {"BILLING_COMPARE_GONE": "ack", "BILLING_COMPARE_LINES": "ack"}
    ended = ready("plan", "rehearsal.csv", *RUN)
    assert ended.out.count("accept it with: --ack ") == 2
    args, ended = follow(ready, ended)
    assert args[-6:] == ["--ack", "gone", "--ack", "lines", "--reason", "..."]
    assert ended.code in (4, 5)
    said = ready("ledger", "events", "--run", ID).out
    assert said.count("acknowledged") == 2
