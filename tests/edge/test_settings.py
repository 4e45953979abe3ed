"""Where settings come from, and what is refused."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from billing.core.errors import InvalidInput, UsageError
from billing.core.items import Mode
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.route import DIRECT, route_of
from billing.edge.settings.agreement import require_agreement
from billing.edge.settings.load import Settings, load_settings
from billing.edge.settings.table import SETTINGS, settings_as_yaml
from billing.edge.texts.forms import MOST_SETTINGS, Forms, settings_in
from billing.edge.texts.problems import Collector
from billing.edge.texts.yaml_tree import plain

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def in_file(text: str) -> Settings:
    Path("billing.yaml").write_text(text)
    return load_settings({})


def test_flags_beat_the_environment_which_beats_the_file_which_beats_the_default():
    Path("billing.yaml").write_text("concurrency: 10\nper_account_rps: 3\nledger: sqlite:///file.db\n")
    environ = {"BILLING_CONCURRENCY": "20", "BILLING_LEDGER": "sqlite:///env.db"}
    settings = load_settings(environ, {"ledger": "sqlite:///flag.db"})
    assert (settings.ledger, settings.sources["ledger"]) == ("sqlite:///flag.db", "flag")
    assert (settings.concurrency, settings.sources["concurrency"]) == (20, "env BILLING_CONCURRENCY")
    assert (settings.per_account_rps, settings.sources["per_account_rps"]) == (3.0, "billing.yaml:2")
    assert (settings.rate_share, settings.sources["rate_share"]) == (0.4, "default")


def test_without_anything_given_the_defaults_are_those_of_the_contract():
    settings = load_settings({})
    assert settings.mode is Mode.TEST
    assert settings.ledger == "sqlite:///billing.db"
    assert (settings.rate_share, settings.per_account_rps) == (0.4, 5.0)
    assert (settings.concurrency, settings.per_account_concurrency) == (64, 8)
    assert settings.timezone == "UTC"
    assert settings.platform is settings.api_base is settings.ledger_key_file is None


def test_the_commented_file_is_printed_from_the_table():
    assert (ROOT / "configs" / "billing.yaml").read_text() == settings_as_yaml()


def test_the_commented_file_changes_nothing_and_names_every_setting():
    settings = in_file(settings_as_yaml())
    placed = {"ledger": f"sqlite:///{Path.cwd()}/billing.db"}
    assert settings.values == {**load_settings({}, config=Path(os.devnull)).values, **placed}
    for setting in SETTINGS:
        assert setting.env in settings_as_yaml().replace("\n# ", " ").replace("\n  # ", " ")


def test_every_setting_has_a_reason_and_every_number_a_unit():
    for setting in SETTINGS:
        assert setting.reason
        value = load_settings({}).values[setting.name]
        assert setting.unit or isinstance(value, bool) or not isinstance(value, int | float)


def test_all_problems_of_a_file_are_listed_with_their_lines_and_a_suggestion():
    text = "concurency: 5\nrate_share: 1.5\nmode: no\nstop_on:\n  after_items: 010\n  same_err: 3\n"
    with pytest.raises(InvalidInput) as caught:
        in_file(text)
    shown = [str(problem) for problem in caught.value.problems]
    assert [line.split(":")[1] for line in shown] == ["1", "2", "3", "5", "6"]
    assert 'did you mean "concurrency"?' in shown[0]
    assert 'did you mean "stop_on.same_error"?' in shown[4]


@pytest.mark.parametrize(
    "text",
    [
        "mode: test\nmode: live\n",
        "mode: &a test\nledger: *a\n",
        "mode: !!python/object:os.system test\n",
        "- mode\n",
        "mode: [test\n",
        "mode: test\n---\nmode: live\n",
        "<<: {mode: live}\n",
        'mode: ""\n',
        "mode: {a: b}\n",
        "[[[[[[[[[[[[1]]]]]]]]]]]]\n",
        "timezone: Europe/Atlantis\n",
        "api_base: http://user:secret@example.com\n",
        "notify: {webhook: https://example.com/secret}\n",
        "platform: acct_\n",
        "per_account_rps: nan\n",
        "retry: {soft: [1x]}\n",
    ],
)
def test_yaml_that_could_surprise_is_refused(text):
    with pytest.raises(InvalidInput):
        in_file(text)


def test_yaml_scalars_stay_the_characters_typed():
    found = settings_in("a: 010\nb: no\nc: 1_000\nd: 12:30\ne: 0x1F\n", Forms("f", Collector()))
    assert plain(found) == {"a": "010", "b": "no", "c": "1_000", "d": "12:30", "e": "0x1F"}


@pytest.mark.parametrize(("text", "said"), [
    ("", []),
    ("# nothing\n", []),
    ("mode: test\nmode: live\n", [(2, 1, "duplicate_key")]),
    ("mode: &a test\n", [(1, 7, "yaml_anchor")]),
    ("mode: [test\n", [(2, 1, "yaml_syntax")]),
    ("- mode\n", [(1, 1, "yaml_shape")]),
    ("mode: live\n---\nmode: test\n", [(2, 1, "yaml_documents")]),
    ("#" * MOST_SETTINGS + "\n", [(0, 0, "yaml_size")]),
])  # fmt: skip
def test_what_a_settings_file_cannot_be_is_told_with_its_place_as_of_a_run_file(text, said):
    problems = Collector()
    settings_in(text, Forms("f", problems))
    assert [(found.line, found.column, found.code) for found in problems.by_place()] == said


@pytest.mark.parametrize("text", ["https://hooks.example.com/s3cret", "env:", "s3cret"])
def test_the_address_of_a_webhook_is_not_repeated(text):
    with pytest.raises(InvalidInput) as placed:
        in_file(f"notify: {{webhook: '{text}'}}\n")
    with pytest.raises(UsageError, match="BILLING_NOTIFY_WEBHOOK: must name") as typed:
        load_settings({"BILLING_NOTIFY_WEBHOOK": text}, config=Path(os.devnull))
    (problem,) = placed.value.problems
    assert problem.message == "notify.webhook must name an environment variable"
    assert "s3cret" not in f"{problem}{typed.value}"


def test_all_problems_are_told_whatever_they_are_of():
    with pytest.raises(InvalidInput) as caught:
        in_file("mode: live\nmode: test\nmood: x\nretry: {soft: [1d, 1y], hard: [1w]}\nconcurrency: [1, 2]\n")
    found = [(problem.line, problem.column, problem.code) for problem in caught.value.problems]
    assert found == [(2, 1, "duplicate_key"), (3, 1, "setting_unknown"), (4, 9, "setting_value"),
                     (5, 1, "setting_value")]  # fmt: skip


def test_a_bad_variable_and_a_bad_flag_are_both_named():
    with pytest.raises(UsageError, match=r"BILLING_CONCURRENCY.*--api-base"):
        load_settings({"BILLING_CONCURRENCY": "many"}, {"api_base": "ftp://x"})


def test_a_named_file_that_is_missing_is_refused_and_a_default_one_is_not():
    load_settings({})
    with pytest.raises(UsageError, match="no such file"):
        load_settings({}, config=Path("other.yaml"))


def test_policies_come_from_the_settings():
    settings = in_file(
        "limits: {max_items: 7}\nretry: {soft: [2d, 12h], hard: never}\nstop_on: {decline_rate: 0.2}\n"
        "notify: {webhook: env:HOOK, on: stopped}\n"
    )
    policies = settings.policies
    assert policies.limits.max_items == 7
    assert policies.dunning.soft == (timedelta(days=2), timedelta(hours=12))
    assert policies.dunning.hard == ()
    assert policies.stop_on.decline_rate == 0.2
    assert (policies.notify[0].webhook, policies.notify[0].on) == ("env:HOOK", ("stopped",))


AGREEING = [
    (Mode.TEST, False, False, None),
    (Mode.LIVE, True, True, None),
    (Mode.TEST, False, False, "http://127.0.0.1:12111"),
    (Mode.TEST, False, False, "http://10.1.2.3:80"),
    (Mode.TEST, False, False, "https://sandbox.example.com"),
    (Mode.LIVE, True, True, "https://api.stripe.com"),
]
DISAGREEING = [
    (Mode.LIVE, True, False, None),
    (Mode.LIVE, False, True, None),
    (Mode.LIVE, False, False, None),
    (Mode.TEST, True, False, None),
    (Mode.TEST, True, True, None),
    (Mode.TEST, False, True, None),
    (Mode.LIVE, True, True, "http://127.0.0.1:12111"),
    (Mode.LIVE, True, True, "https://api.stripe.com.example.com"),
    (Mode.LIVE, True, True, "https://api.stripe.com:8443"),
    (Mode.LIVE, True, True, "http://api.stripe.com"),
    (Mode.TEST, False, False, "http://sandbox.example.com"),
    (Mode.TEST, False, False, "http://8.8.8.8"),
]


def agree(mode, live_key, live_flag, base):
    settings = load_settings({}, {"api_base": base})
    require_agreement(settings, mode=mode, live_key=live_key, live_flag=live_flag)


@pytest.mark.parametrize("case", AGREEING)
def test_mode_key_flag_and_address_that_agree_pass(case):
    assert agree(*case) is None


@pytest.mark.parametrize("case", DISAGREEING)
def test_mode_key_flag_and_address_that_disagree_are_refused(case):
    with pytest.raises(UsageError, match="nothing was sent"):
        agree(*case)


def test_a_relative_path_in_a_file_is_relative_to_that_file_and_any_other_to_where_one_stands(tmp_path, monkeypatch):
    for folder in ("etc", "elsewhere"):
        (tmp_path / folder).mkdir()
    text = "ledger: sqlite:///data/l.db\nledger_key_file: keys/l.key\nca_file: ca.pem\n"
    (tmp_path / "etc" / "billing.yaml").write_text(text)
    placed = (f"sqlite:///{tmp_path}/etc/data/l.db", tmp_path / "etc/keys/l.key", tmp_path / "etc/ca.pem")
    for there, named in (("etc", None), ("elsewhere", Path("../etc/billing.yaml")), (".", Path("etc/billing.yaml"))):
        monkeypatch.chdir(tmp_path / there)
        settings = load_settings({}, config=named)
        found = settings.ledger, settings.ledger_key_file, settings.ca_file
        assert tuple(os.path.normpath(each) for each in found[1:]) == tuple(map(str, placed[1:]))
        assert ledger_path(settings.ledger) == tmp_path / "etc/data/l.db"
    typed = load_settings({"BILLING_LEDGER_KEY_FILE": "k"}, {"ledger": "sqlite:///l.db"}, Path("etc/billing.yaml"))
    assert (typed.ledger, typed.ledger_key_file) == ("sqlite:///l.db", Path("k"))


def test_an_absolute_path_and_what_is_no_path_stay_as_they_are_in_a_file():
    settings = in_file("ledger: sqlite:////var/l.db\nledger_key_file: /run/secrets/key\n")
    assert (settings.ledger, settings.ledger_key_file) == ("sqlite:////var/l.db", Path("/run/secrets/key"))
    for url in ("sqlite:///:memory:", "postgresql://db/x"):
        assert in_file(f'ledger: "{url}"\n').ledger == url


def test_every_variable_that_is_no_setting_is_refused_at_once_with_what_may_be_meant():
    environ = {
        "BILLING_LEDGR": "sqlite:///x.db",
        "BILLING_MODUS": "live",
        "BILLING_QQQQQQ": "1",
        "BILLING_MODE": "live",
    }
    with pytest.raises(UsageError) as caught:
        load_settings(environ)
    told = str(caught.value).split("; ")
    assert told[0] == "BILLING_LEDGR: there is no such setting (did you mean BILLING_LEDGER?)"
    assert told[1] == "BILLING_MODUS: there is no such setting (did you mean BILLING_MODE?)"
    assert told[2].startswith("BILLING_QQQQQQ: there is no such setting (billing config show lists")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "name",
    [
        "BILLING_WEBHOOK_URL",
        "BILLING_SERVICE_HOST",
        "BILLING_SERVICE_PORT_HTTP",
        "BILLING_PORT",
        "BILLING_PORT_8080_TCP_ADDR",
        "BILLING_API_SERVICE_HOST",
        "BILLING_API_PORT_443_TCP",
        "MY_BILLING_LEDGR",
    ],
)
def test_what_a_cluster_sets_and_a_webhooks_variable_are_no_slips(name):
    assert load_settings({name: "x"}).mode is load_settings({}).mode


def test_a_variable_that_the_settings_name_is_known():
    Path("billing.yaml").write_text("notify: {webhook: env:BILLING_HOOK}\n")
    assert load_settings({"BILLING_HOOK": "https://example.com"}).policies.notify is not None


@pytest.mark.parametrize("text", ["http://me:s3cret@proxy:3128", "https://proxy:1", "proxy:3128", "http://proxy/x"])
def test_a_proxy_with_a_password_or_of_another_kind_is_refused_without_being_repeated(text):
    with pytest.raises(UsageError, match="BILLING_PROXY") as caught:
        load_settings({"BILLING_PROXY": text})
    Path("billing.yaml").write_text(f"proxy: {text}\n")
    with pytest.raises(InvalidInput) as placed:
        load_settings({})
    assert "s3cret" not in f"{caught.value}{placed.value.problems}"


def test_a_proxy_is_an_address_or_a_variable_that_holds_one():
    assert route_of(load_settings({}), {"HTTPS_PROXY": "http://other:1"}) == DIRECT
    assert route_of(load_settings({"BILLING_PROXY": "http://proxy:3128"}), {}).proxy == "http://proxy:3128"
    settings = load_settings({"BILLING_PROXY": "env:HTTPS_PROXY"})
    route = route_of(settings, {"HTTPS_PROXY": "http://me:s3cret@proxy:3128/"})
    assert route.proxy == "http://me:s3cret@proxy:3128"
    assert "s3cret" not in repr(route)
    assert (route.proxy_for("https://api.stripe.com/v1"), route.proxy_for("http://10.0.0.1/v1")) == (route.proxy, None)
    for wrong in ({}, {"HTTPS_PROXY": "socks5://me:s3cret@proxy"}, {"HTTPS_PROXY": "me:s3cret@proxy:1"}):
        with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
            route_of(settings, wrong)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        (b"", "holds no certificates"),
        (b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "holds no certificates"),
        (b"\xff\xfe", "holds no certificates"),
        (b"x" * 5_000_000, "is larger than"),
        ("a pipe", "is no regular file"),
    ],
)
def test_a_file_of_authorities_that_cannot_be_used_is_named_before_anything_is_sent(tmp_path, content, says):
    path = tmp_path / "ca.pem"
    if content == "a pipe":
        os.mkfifo(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=f"{path}: .*{says}"):
        route_of(load_settings({"BILLING_CA_FILE": str(path)}), {})


def test_what_the_page_of_payers_is_told_is_read_into_what_it_needs():
    text = """collect:
  public_url: https://pay.example.com/
  listen: "[::1]:8484"
  proxies: [10.0.0.0/8, "::1"]
  support: billing@example.com
"""
    settings = in_file(text)
    assert settings.public_url == "https://pay.example.com"
    assert settings.values["collect.listen"] == ("::1", 8484)
    assert [str(network) for network in settings.values["collect.proxies"]] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Pay.Example.com:443/", "https://pay.example.com"),
        ("https://pay.example.com:8443", "https://pay.example.com:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8484", "http://[::1]:8484"),
    ],
)
def test_the_address_of_the_page_is_kept_as_a_browser_writes_an_origin(text, origin):
    assert in_file(f"collect:\n  public_url: {text}\n").public_url == origin


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("public_url", "https://pay.example.com:99999"),
        ("public_url", "pay.example.com"),
        ("public_url", "https://example.com/pay"),
        ("public_url", "https://me:secret@example.com"),
        ("listen", "8484"),
        ("listen", "127.0.0.1:99999"),
        ("proxies", "everybody"),
        ("support", "write to us"),
        ("opens_per_payer", "0"),
    ],
)
def test_what_the_page_of_payers_cannot_use_is_refused_with_its_place(name, text):
    with pytest.raises(InvalidInput) as caught:
        in_file(f"collect:\n  {name}: {text}\n")
    assert f"billing.yaml:2:3: collect.{name}" in str(caught.value.problems[0]).replace(" setting_value", "")


def test_a_service_of_a_cluster_beside_the_page_sets_no_setting():
    settings = load_settings(
        {"BILLING_COLLECT_PORT": "tcp://10.0.0.1:8484", "BILLING_COLLECT_SERVICE_HOST": "10.0.0.1"}
    )
    assert {source for name, source in settings.sources.items() if name.startswith("collect.")} == {"default"}
