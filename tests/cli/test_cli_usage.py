"""Wrong usage and bad input: a clear message, the right exit code, nothing sent."""

import json
import shlex

import pytest

from billing.cli.samples import SAMPLES
from billing.edge.runfiles.schemas import SCHEMAS

CSV = "reference,customer,payment_method,account,amount,currency\nA-1,cus_1,pm_1,acct_1,10.99,USD\n"
BAD = "reference,customer,account,amount,currency\nA-1,cus_1,acct_1,10.999,USD\nA-1,cus_1,acct_1,1\x1b[2J,USD\n"
TEST_KEY, LIVE_KEY = "sk_test_abcdefgh12345678", "sk_live_abcdefgh12345678"


@pytest.fixture
def sheet(billing):
    (billing.folder / "a.csv").write_text(CSV)
    (billing.folder / "bad.csv").write_text(BAD)
    return billing


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nonsense"], "No such command"),
        (["run"], "Missing argument"),
        (["run", "a.csv", "--limit", "many"], "--limit"),
        (["run", "a.csv", "--nonsense"], "--nonsense"),
        (["run", "a.csv", "--run", "a-2026-11", "--yes"], "STRIPE_API_KEY"),
        (["run", "a.csv", "--yes"], "--run"),
        (["run", "absent.csv", "--run", "a-2026-11", "--yes"], "absent.csv"),
        (["run", "absent.csv", "--run", "a-2026-11"], "absent.csv"),
        (["run", "a.csv", "--run", "a-2026-11"], "STRIPE_API_KEY"),
        (["run", "a.csv", "--run", "a-nov-2026", "--yes"], "the year 2026"),
        (["run", "a.csv", "--run", "a-2026-11", "--yes", "--deadline", "soon"], "--deadline"),
        (["run", "a.csv", "--run", "../x", "--yes"], "../x"),
        (["plan", "a.csv", "--run", "a-2026-11", "--preflight", "some"], "--preflight"),
        (["plan", "a.csv", "--run", "a-2026-11", "--offline", "-o", "p.json"], "--offline"),
        (["report", "a-2026-11", "--format", "pdf"], "--format"),
        (["status", "--config", "absent.yaml"], "absent.yaml"),
        (["config", "show", "--api-base", "ftp://x"], "--api-base"),
        (["sandbox", "--config", "absent.yaml"], "absent.yaml"),
        (["sandbox", "--port", "0", "--out", "x.csv"], "--items"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(sheet, args, says):
    ended = sheet(*args)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert says in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("environ", "flags"),
    [
        ({"STRIPE_API_KEY": LIVE_KEY}, []),
        ({"STRIPE_API_KEY": LIVE_KEY}, ["--live"]),
        ({"STRIPE_API_KEY": LIVE_KEY, "BILLING_MODE": "live"}, []),
        ({"STRIPE_API_KEY": TEST_KEY, "BILLING_MODE": "live"}, ["--live"]),
        ({"STRIPE_API_KEY": TEST_KEY}, ["--live"]),
        ({"STRIPE_API_KEY": LIVE_KEY, "BILLING_MODE": "live", "STRIPE_LOG": "debug"}, ["--live"]),
        ({"STRIPE_API_KEY": LIVE_KEY, "BILLING_MODE": "live", "BILLING_API_BASE": "http://127.0.0.1:9"}, ["--live"]),
        ({"STRIPE_API_KEY": TEST_KEY, "BILLING_API_BASE": "http://example.com"}, []),
        ({"STRIPE_API_KEY": "pk_test_abcdefgh12345678"}, []),
        ({"STRIPE_API_KEY": TEST_KEY, "STRIPE_API_KEY_FILE": "key"}, []),
    ],
)
def test_key_mode_flag_and_address_must_agree(sheet, environ, flags):
    ended = sheet("run", "a.csv", "--run", "a-2026-11", "--yes", *flags, environ=environ)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert not (sheet.folder / "billing.db").exists()


def test_a_live_plan_needs_the_flag_too(sheet):
    ended = sheet("plan", "a.csv", "--run", "a-2026-11", environ={"STRIPE_API_KEY": LIVE_KEY, "BILLING_MODE": "live"})
    assert (ended.code, "--live" in ended.err) == (2, True)


def test_bad_lines_are_all_named_with_their_place_and_nothing_writes_on_the_terminal(sheet):
    ended = sheet("check", "bad.csv", "--run", "a-2026-11")
    assert ended.code == 3
    lines = ended.err.splitlines()
    assert [line.split(" ")[0] for line in lines[:-1]] == ["bad.csv:2:4:", "bad.csv:3:1:", "bad.csv:3:4:"]
    assert lines[-1] == "3 problems; nothing was sent"
    assert "\x1b" not in ended.err


def test_bad_lines_can_be_had_as_json_and_as_a_sheet(sheet):
    ended = sheet("check", "bad.csv", "--run", "a-2026-11", "--output", "json", "--errors-csv", "bad-lines.csv")
    found = json.loads(ended.out)
    assert (ended.code, found["valid"], len(found["problems"])) == (3, False, 3)
    assert (sheet.folder / "bad-lines.csv").read_text().splitlines()[0].endswith("reason")


def test_a_good_file_passes_the_check_and_says_what_is_next(sheet):
    ended = sheet("check", "a.csv", "--run", "a-2026-11")
    assert (ended.code, ended.err) == (0, "")
    assert "1 item   USD 10.99" in ended.out
    assert "billing plan a.csv --run a-2026-11" in ended.out


def test_a_plan_can_be_made_without_key_or_network(sheet):
    ended = sheet("plan", "a.csv", "--run", "a-2026-11", "--offline", "--output", "json")
    assert ended.code == 0
    assert json.loads(ended.out)["totals"] == {"usd": 1099}


def test_errors_are_json_lines_where_logs_are(sheet):
    ended = sheet("run", "a.csv", "--yes", "--log-format", "json")
    found = json.loads(ended.err)
    assert (ended.code, found["event"], found["exit_code"]) == (2, "error", 2)


@pytest.mark.parametrize("kind", SAMPLES)
def test_init_writes_a_sample_of_each_kind_that_is_a_run_of_it(billing, kind):
    ended = billing("init", "new folder", "--kind", kind)
    assert ended.code == 0
    following, name = ended.out.splitlines()[-2].strip(), SAMPLES[kind].name
    assert following == f"cd 'new folder' && billing check {name}.csv --run {name}-2026-11"
    billing.folder = billing.folder / "new folder"
    for checked in (shlex.split(following)[4:], ["check", f"{name}.yaml"]):
        found = json.loads(billing(*checked, "--output", "json").out)
        assert (found["problems"], found["warnings"]) == ([], [])
    schema = next(schema for schema in SCHEMAS if schema.word == kind)
    assert {*SAMPLES[kind].columns.split(",")} >= {*schema.required}
    assert billing("config", "show").code == 0


def test_init_of_a_kind_without_a_sample_writes_nothing(billing):
    ended = billing("init", "new", "--kind", "charge")
    assert ended.code == 2
    assert 'did you mean "charges"?' in ended.err
    assert not (billing.folder / "new").exists()


def test_init_replaces_no_file(billing):
    billing("init")
    (billing.folder / "coaching.csv").write_text("mine")
    again = billing("init")
    assert again.code == 2
    assert (billing.folder / "coaching.csv").read_text() == "mine"
    assert billing("init", "--force").code == 0
    assert (billing.folder / "coaching.csv").read_text() != "mine"


def test_a_link_planted_where_a_file_goes_is_not_followed(billing):
    target = billing.folder / "precious"
    target.write_text("mine")
    (billing.folder / "billing.yaml").symlink_to(target)
    ended = billing("init", "--force")
    assert ended.code == 6
    assert target.read_text() == "mine"


def test_settings_are_shown_with_their_source_and_the_key_only_in_part(billing):
    (billing.folder / "billing.yaml").write_text("concurrency: 7\n")
    environ = {"STRIPE_API_KEY": "sk_test_abcdefghijklmnop1234", "BILLING_TIMEZONE": "Europe/Berlin"}
    ended = billing("config", "show", "--ledger", "sqlite:///x.db", "--output", "json", environ=environ)
    found = json.loads(ended.out)
    concurrency = found["settings"]["concurrency"]
    assert (concurrency["value"], concurrency["source"]) == ("7", "billing.yaml:1")
    assert found["settings"]["timezone"]["source"] == "env BILLING_TIMEZONE"
    assert found["settings"]["ledger"] == {"value": f"sqlite:///{billing.folder}/x.db", "source": "flag", "unit": None}
    key = {"value": f"{billing.folder}/home/.config/connect-billing/ledger.key", "source": "default", "unit": None}
    assert found["settings"]["ledger_key_file"] == key
    assert found["key"]["value"] == "sk_test_…1234"


def test_problems_of_the_settings_file_are_listed_and_end_with_3(billing):
    (billing.folder / "billing.yaml").write_text("concurency: 7\nmode: maybe\n")
    ended = billing("config", "show")
    assert ended.code == 3
    assert ended.err.splitlines()[0].startswith("billing.yaml:1:1: ")
    assert ended.err.splitlines()[-1] == "2 problems; nothing was sent"


@pytest.mark.parametrize("command", [("status",), ("report", "x"), ("ledger", "verify"), ("ledger", "events")])
def test_commands_that_read_make_no_ledger_and_are_wrong_usage_without_one(billing, command):
    ended = billing(*command)
    assert ended.code == 2
    assert "no ledger yet" in ended.err
    assert not (billing.folder / "billing.db").exists()


def test_doctor_without_a_key_says_so_and_looks_at_the_rest(billing):
    ended = billing("doctor")
    assert ended.code == 2
    assert "STRIPE_API_KEY" in ended.out
    assert "ledger" in ended.out


def test_a_misspelt_variable_sends_nothing_and_makes_nothing(billing):
    (billing.folder / "x.csv").write_text("reference,customer,account,amount,currency\nA,cus_A,acct_A,1.00,USD\n")
    environ = {"BILLING_LEDGR": "sqlite:///x.db", "BILLING_MODUS": "live"}
    ended = billing("run", "x.csv", "--run", "x-2026-11", "--yes", environ=environ)
    assert ended.code == 2
    assert "did you mean BILLING_LEDGER?" in ended.err
    assert "did you mean BILLING_MODE?" in ended.err
    assert not list(billing.folder.glob("*.db"))


def test_a_sandbox_that_was_told_no_file_replaces_no_sheet_of_that_name(billing):
    sheet = billing.folder / "rehearsal.csv"
    sheet.write_text("reference,customer,account,amount,currency\nA,cus_A,acct_A,1.00,USD\n")
    before = sheet.read_text()
    ended = billing("sandbox", "--port", "0", "--items", "3", seconds=30)
    assert ended.code == 2
    assert "rehearsal.csv is there and is not a rehearsal" in ended.err
    assert sheet.read_text() == before


def test_a_sheet_without_lines_is_refused_unless_a_flag_or_the_settings_take_it(billing):
    (billing.folder / "empty.csv").write_text("reference,customer,account,amount,currency\n")
    refused = billing("check", "empty.csv", "--run", "a-2026-11")
    assert (refused.code, "--allow-empty" in refused.err, "allow_empty" in refused.err) == (3, True, True)
    assert billing("check", "empty.csv", "--run", "a-2026-11", "--allow-empty").code == 0
    (billing.folder / "billing.yaml").write_text("allow_empty: true\n")
    assert billing("check", "empty.csv", "--run", "a-2026-11").code == 0
    (billing.folder / "billing.yaml").write_text("allow_empty: yes\n")
    wrong = billing("check", "empty.csv", "--run", "a-2026-11")
    assert (wrong.code, "must be true or false" in wrong.err) == (3, True)
