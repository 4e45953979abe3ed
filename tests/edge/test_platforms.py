"""Several platforms in one settings file: which one is meant, what holds for it, and what is refused."""

from itertools import product
from pathlib import Path

import pytest

from billing.core.errors import InvalidInput, UsageError
from billing.core.items import Mode
from billing.edge.runfiles import open_run
from billing.edge.runfiles.which_platform import platform_of
from billing.edge.secrets import load_key
from billing.edge.settings.agreement import require_agreement, require_own_platform
from billing.edge.settings.load import Settings, load_apart, load_each, load_settings
from billing.edge.settings.table import SETTINGS, Holds, settings_as_yaml

TWO = """
rate_share: 0.3
platforms:
  eu:
    platform: acct_eu
    key_file: keys/eu
    rate_share: 0.2
    ledger: sqlite:///eu.db
    defaults: {application_fee_percent: 2}
  us:
    platform: acct_us
    key_env: BILLING_KEY_US
"""
KEY, LIVE = "sk_test_platformskeys1234", "rk_live_platformskeys1234"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def in_file(text: str, environ: dict[str, str] | None = None, name: str | None = None) -> Settings:
    Path("billing.yaml").write_text(text)
    return load_settings(environ or {}, {"platform_name": name})


def problems_of(text: str) -> list[str]:
    Path("billing.yaml").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_each({})
    return [str(problem) for problem in caught.value.problems]


def test_a_platforms_table_beats_the_file_and_leaves_what_it_does_not_name():
    eu, us = in_file(TWO, name="eu"), in_file(TWO, name="us")
    assert (eu.platform, eu.rate_share, eu.sources["rate_share"]) == ("acct_eu", 0.2, "billing.yaml:7")
    assert (us.platform, us.rate_share, us.sources["rate_share"]) == ("acct_us", 0.3, "billing.yaml:2")
    assert (str(eu.application_fee_percent), us.application_fee_percent) == ("2", None)
    assert eu.ledger == f"sqlite:///{Path.cwd()}/eu.db"
    assert us.ledger == "sqlite:///billing.db"


@pytest.mark.parametrize("given", list(product([False, True], repeat=4)))
def test_a_flag_beats_a_variable_which_beats_the_platform_which_beats_the_file_which_beats_the_default(given):
    flag, variable, table, file = given
    text = ("per_account_rps: 2\n" if file else "\n") + "platforms:\n  eu:\n    platform: acct_eu\n"
    Path("billing.yaml").write_text(text + ("    per_account_rps: 3\n" if table else ""))
    settings = load_settings(
        {"BILLING_PER_ACCOUNT_RPS": "4"} if variable else {}, {"per_account_rps": "6" if flag else None}
    )
    strongest = next(
        found
        for said, found in (
            (flag, (6, "flag")),
            (variable, (4, "env BILLING_PER_ACCOUNT_RPS")),
            (table, (3, "billing.yaml:5")),
            (file, (2, "billing.yaml:1")),
            (True, (5, "default")),
        )
        if said
    )
    assert (settings.per_account_rps, settings.sources["per_account_rps"]) == strongest


@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.default], ids=lambda each: each.name)
def test_each_setting_may_stand_in_a_platforms_table_or_is_refused_there_as_the_table_of_settings_says(setting):
    head, _, leaf = setting.name.rpartition(".")
    said = f'{leaf}: "{setting.default}"'
    text = f"platforms:\n  eu:\n    platform: acct_eu\n    {f'{head}: {{{said}}}' if head else said}\n"
    if setting.holds is Holds.PLATFORM:
        assert in_file(text).sources[setting.name] == "billing.yaml:4"
    else:
        (told,) = problems_of(text)
        assert told.startswith("billing.yaml:4:")
        assert f"{setting.name} is the same for every platform" in told


def test_the_only_platform_is_taken_and_of_several_none_is_guessed():
    one = "platforms:\n  eu: {platform: acct_eu}\n"
    assert in_file(one).platform_name == "eu"
    assert in_file(one).sources["platform_name"] == "billing.yaml:2"
    with pytest.raises(UsageError, match=r"several platforms \(eu, us\).*--platform NAME.*BILLING_PLATFORM_NAME"):
        in_file(TWO)
    assert [each.platform_name for each in load_each({})] == ["eu", "us"]
    assert load_apart({}).platform_name == ""
    assert load_apart({}).rate_share == 0.3


def test_a_flag_chooses_before_the_variable_and_both_before_the_run_file():
    Path("billing.yaml").write_text(TWO)
    variable = {"BILLING_PLATFORM_NAME": "us"}
    typed = load_settings(variable, {"platform_name": "eu"}, run_platform=lambda: "us")
    assert (typed.platform_name, typed.sources["platform_name"]) == ("eu", "flag")
    named = load_settings(variable, run_platform=lambda: "eu")
    assert (named.platform_name, named.sources["platform_name"]) == ("us", "env BILLING_PLATFORM_NAME")
    said = load_settings({}, run_platform=lambda: "us")
    assert (said.platform, said.sources["platform_name"]) == ("acct_us", "run file")
    with pytest.raises(UsageError, match="several platforms"):
        load_settings({}, run_platform=lambda: "elsewhere")


@pytest.mark.parametrize(
    ("environ", "name", "said"),
    [
        ({}, "eur", "--platform: there is no platform eur (did you mean eu?)"),
        (
            {"BILLING_PLATFORM_NAME": "asia"},
            None,
            "BILLING_PLATFORM_NAME: there is no platform asia (there are eu, us)",
        ),
        ({}, "EU", '--platform: "EU" is no name of a platform'),
        ({"BILLING_PLATFORM": "acct_us"}, "eu", "BILLING_PLATFORM says acct_us, and platform eu is acct_eu"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(environ, name, said):
    with pytest.raises(UsageError) as caught:
        in_file(TWO, environ, name)
    assert said in str(caught.value)


def test_a_name_is_refused_where_no_platforms_are_named():
    with pytest.raises(UsageError, match="name no platforms"):
        in_file("mode: test\n", name="eu")


WRONG = """
platform: acct_all
platform_name: eu
log_level: debug
platforms:
  EU:
    platform: acct_1
    rate_shar: 0.2
  two: {platform: acct_1}
  three: {platform: acct_3, key_file: a, key_env: KEY}
  four: {platform: acct_4, key_file: ./a, log_format: json}
  five: {key_env: sk_test_s3cretkey}
  six: {platform: acct_6, key_file: rk_live_s3cretkey}
  seven: {platform: acct_7, key_env: s3cret, ledger: "sqlite:///l.db", ledger_key_file: k7}
  eight: {platform: acct_8, ledger: "sqlite:///./l.db", ledger_key_file: k8}
  nine: nothing
  ten: {platform: acct_10, platform_name: nine}
"""


def test_everything_wrong_with_the_tables_is_told_at_once_with_its_line_and_no_secret():
    told = problems_of(WRONG)
    assert [
        (int(line.split(":")[1]), found)
        for line in told
        for found in (
            "platform names one account, and platforms names each",
            'there is no setting "platform_name"',
            '"EU" is no name of a platform',
            'there is no setting "rate_shar"',
            "platforms EU (line 6) and two are one account",
            "platform three has both key_file and key_env",
            "platforms three (line 10) and four have one key",
            "log_format is the same for every platform",
            "platform five has no account",
            "key_env holds a key itself",
            "key_file holds a key itself",
            "key_env is no name of a variable",
            "platforms seven (line 14) and eight share a ledger, and name different keys of it",
            "platforms.nine must be a mapping",
            "platform nine has no account",
            "platform_name is no setting of a file",
        )
        if found in line
    ] == [
        (2, "platform names one account, and platforms names each"),
        (3, 'there is no setting "platform_name"'),
        (6, '"EU" is no name of a platform'),
        (8, 'there is no setting "rate_shar"'),
        (9, "platforms EU (line 6) and two are one account"),
        (10, "platform three has both key_file and key_env"),
        (11, "platforms three (line 10) and four have one key"),
        (11, "log_format is the same for every platform"),
        (12, "platform five has no account"),
        (12, "key_env holds a key itself"),
        (13, "key_file holds a key itself"),
        (14, "key_env is no name of a variable"),
        (15, "platforms seven (line 14) and eight share a ledger, and name different keys of it"),
        (16, "platform nine has no account"),
        (16, "platforms.nine must be a mapping"),
        (17, "platform_name is no setting of a file"),
    ]
    assert len(told) == 16
    assert "s3cret" not in "".join(told)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("mode: test", "mode: live", False),
        ("mode: test", "mode: test", True),
        ("mode: test", "timezone: UTC", True),
        ("timezone: UTC", "mode: live", True),
        ("timezone: UTC", "timezone: UTC", True),
    ],
)
def test_two_names_of_one_account_are_taken_only_if_no_run_could_be_for_both(first, second, refused):
    text = f"platforms:\n  a: {{platform: acct_1, {first}}}\n  b: {{platform: acct_1, {second}}}\n"
    if refused:
        assert "billing.yaml:3:3: platforms a (line 2) and b are one account" in problems_of(text)[0]
    else:
        assert in_file(text, name="b").bound_to is Mode.LIVE


def test_one_account_may_have_a_name_for_each_mode_and_a_name_with_a_mode_is_for_that_mode_alone():
    text = """
platforms:
  eu-test: {platform: acct_eu, mode: test, key_env: KEY_TEST}
  eu-live: {platform: acct_eu, mode: live, key_env: KEY_LIVE}
"""
    test = in_file(text, name="eu-test")
    with pytest.raises(UsageError, match="platform eu-test is for test mode, and the run is in live mode"):
        require_agreement(test, mode=Mode.LIVE, live_key=True, live_flag=True)
    require_agreement(in_file(text, name="eu-live"), mode=Mode.LIVE, live_key=True, live_flag=True)
    overridden = in_file(text, {"BILLING_MODE": "live"}, "eu-test")
    with pytest.raises(UsageError, match="for test mode"):
        require_agreement(overridden, mode=overridden.mode, live_key=True, live_flag=True)


def test_each_platform_has_the_key_that_its_table_names():
    Path("keys").mkdir()
    Path("keys/eu").write_text(KEY)
    environ = {"BILLING_KEY_US": "sk_test_another1234567890"}
    assert load_key(environ, in_file(TWO, environ, "eu").key).reveal() == KEY
    assert load_key(environ, in_file(TWO, environ, "us").key).reveal() == environ["BILLING_KEY_US"]
    with pytest.raises(UsageError, match=r"no API key of platform us: set BILLING_KEY_US \(billing.yaml:12\)"):
        load_key({}, in_file(TWO, name="us").key)
    Path("keys/eu").write_text(LIVE)
    Path("keys/eu").chmod(0o644)
    with pytest.raises(UsageError, match="owner alone"):
        load_key({}, in_file(TWO, name="eu").key)


@pytest.mark.parametrize("name", ["STRIPE_API_KEY", "STRIPE_API_KEY_FILE"])
def test_a_key_for_all_beside_a_platforms_own_is_refused_and_not_chosen_between(name):
    environ = {name: KEY}
    with pytest.raises(UsageError, match=rf"^{name} is set, and platform eu has a key of its own \(billing.yaml:6\)"):
        load_key(environ, in_file(TWO, environ, "eu").key)
    without = "platforms:\n  eu: {platform: acct_eu}\n"
    assert in_file(without, environ).key is None


def test_the_variable_of_another_platforms_key_may_be_set_whatever_it_is_called():
    text = TWO.replace("BILLING_KEY_US", "STRIPE_API_KEY")
    Path("keys").mkdir()
    Path("keys/eu").write_text(KEY)
    environ = {"STRIPE_API_KEY": "sk_test_another1234567890"}
    assert load_key(environ, in_file(text, environ, "eu").key).reveal() == KEY
    assert load_key(environ, in_file(text, environ, "us").key).reveal() == environ["STRIPE_API_KEY"]


def test_a_run_file_for_another_platform_is_refused():
    require_own_platform(in_file(TWO, name="eu"), "eu")
    require_own_platform(in_file(TWO, name="eu"), "")
    with pytest.raises(UsageError, match=r"for platform us, and platform eu is chosen \(flag\); nothing was sent"):
        require_own_platform(in_file(TWO, name="eu"), "us")
    with pytest.raises(UsageError, match="the settings name no platforms"):
        require_own_platform(in_file("mode: test\n"), "us")


def test_the_commented_sample_of_platforms_is_one_that_can_be_used():
    lines = settings_as_yaml().splitlines()
    begin = lines.index("# platforms:")
    sample = [line.removeprefix("# ") for line in lines[begin : lines.index("", begin)]]
    settings = in_file("\n".join(sample) + "\n")
    assert (settings.platform_name, settings.platform, settings.rate_share) == ("shop-eu", "acct_1A2b3C", 0.2)
    assert settings.key is not None
    assert settings.key.file == Path.cwd() / "keys/shop-eu"
    by_variable = [line.replace("# key_env", "key_env") for line in sample if "key_file" not in line]
    other = in_file("\n".join(by_variable) + "\n")
    assert other.key is not None
    assert other.key.variable == "STRIPE_KEY_EU"


RUN_FILE = "version: 1\nplatform: {}\nrun: {{name: coaching, period: 2026-11}}\nsource: {{csv: sheet.csv}}\n"
SHEET = "reference,customer,account,amount,currency\nINV-1,cus_A1,acct_N1,10.00,USD\n"


def test_a_run_file_names_its_platform_and_a_name_that_none_can_have_is_a_problem_with_its_place():
    Path("sheet.csv").write_text(SHEET)
    run_file = Path("run.yaml")
    run_file.write_text(RUN_FILE.format("shop-eu"))
    assert platform_of(run_file) == "shop-eu"
    with open_run(run_file) as source:
        assert source.run.platform == "shop-eu"
    run_file.write_text(RUN_FILE.format("acct_1A2b3C"))
    with pytest.raises(InvalidInput) as caught:
        open_run(run_file)
    assert 'run.yaml:2:11: platform "acct_1A2b3C" is no name of a platform' in str(caught.value.problems[0])


@pytest.mark.parametrize("text", ["", "platform: [eu]\n", "- platform\n", "\x00", "platform: {"])
def test_a_run_file_that_cannot_be_read_chooses_no_platform(text):
    Path("run.yaml").write_text(text)
    assert platform_of(Path("run.yaml")) == ""
    assert platform_of(Path("nowhere.yaml")) == platform_of(Path("sheet.csv")) == ""
