"""The key is in nobody's sight: not in a repr, a message, a traceback, a copy or another user's file."""

import copy
import logging
import os
import pickle
import resource
import subprocess
import sys
import traceback

import pytest

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.edge.secrets import ApiKey, load_key, load_publishable_key, scrub

SECRET = "51H8xQ2eZvKYlo2C9k7TtRw4Vb"
TEST, LIVE, RESTRICTED = f"sk_test_{SECRET}", f"sk_live_{SECRET}", f"rk_live_{SECRET}"


def test_a_key_prints_as_prefix_and_last_four():
    key = ApiKey(RESTRICTED)
    shown = {repr(key), str(key), f"{key}", "%s" % key, f"{key!r:>5}"}  # noqa: UP031  every way to print it
    assert shown == {"rk_live_…w4Vb"}
    assert (key.mode, key.restricted, key.reveal()) == (Mode.LIVE, True, RESTRICTED)


def test_a_short_key_shows_nothing_of_itself():
    assert str(ApiKey("sk_test_abcd1234")) == "sk_test_…"


def test_keys_are_told_apart_by_a_fingerprint_that_does_not_show_them():
    assert ApiKey(TEST).fingerprint != ApiKey(LIVE).fingerprint
    assert ApiKey(TEST).fingerprint not in TEST


@pytest.mark.parametrize("spread", [pickle.dumps, copy.copy, copy.deepcopy, vars])
def test_a_key_cannot_be_copied_out(spread):
    with pytest.raises(TypeError):
        spread(ApiKey(TEST))


def test_no_log_record_or_traceback_holds_the_key(caplog):
    key = ApiKey(TEST)
    try:
        raise ValueError(f"failed with {key}")
    except ValueError:
        logging.getLogger("x").exception("while using %r %s", key, {"key": key})
        shown = traceback.format_exc()
    assert SECRET not in caplog.text + shown


@pytest.mark.parametrize(
    "value",
    [f"pk_live_{SECRET}", f"sk_org_live_{SECRET}", f"whsec_{SECRET}", f"sk_{SECRET}", f"sk_test_{SECRET} x", "sk_test_",
     f"SK_TEST_{SECRET}", f"sk_test_{SECRET}\n", f"rkcs_test_{SECRET}", f"Bearer {TEST}", ""],
)  # fmt: skip
def test_what_is_no_platform_key_is_refused_without_being_shown(value):
    with pytest.raises(UsageError) as caught:
        ApiKey(value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_publishable_key_gets_a_hint():
    with pytest.raises(UsageError, match="publishable"):
        ApiKey(f"pk_test_{SECRET}")


def test_the_key_comes_from_the_environment_or_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{LIVE}\n")
    file.chmod(0o600)
    assert load_key({"STRIPE_API_KEY": f" {TEST} "}).reveal() == TEST
    assert load_key({"STRIPE_API_KEY_FILE": str(file)}).reveal() == LIVE


@pytest.mark.parametrize("environ", [{}, {"STRIPE_API_KEY": ""}, {"STRIPE_API_KEY": TEST, "STRIPE_API_KEY_FILE": "x"},
                                     {"STRIPE_API_KEY_FILE": "/does/not/exist"}])  # fmt: skip
def test_no_key_or_two_keys_is_wrong_usage(environ):
    with pytest.raises(UsageError):
        load_key(environ)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_live_key_in_a_file_that_others_may_read_is_refused(tmp_path, mode):
    file = tmp_path / "key"
    file.write_text(LIVE)
    file.chmod(mode)
    with pytest.raises(UsageError, match="0600"):
        load_key({"STRIPE_API_KEY_FILE": str(file)})


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_sdks_own_log_is_refused_with_a_live_key(level):
    with pytest.raises(UsageError, match="STRIPE_LOG"):
        load_key({"STRIPE_API_KEY": LIVE, "STRIPE_LOG": level})
    assert load_key({"STRIPE_API_KEY": TEST, "STRIPE_LOG": level}).mode is Mode.TEST


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"Invalid API Key provided: {TEST}", "Invalid API Key provided: [sk key]"),
        ("key 'rk_live_******abcd' lacks", "key '[rk key]' lacks"),
        (f"whsec_{SECRET}", "[whsec key]"),
        ("pi_1_secret_abc123", "[client secret]"),
        ("mail anna.b+c@shop.example.com now", "mail [e-mail] now"),
        ("card 4242 4242 4242 4242.", "card [number]."),
        ("card 4242-4242-4242-4242", "card [number]"),
        ("pi_3HTIZAkJXOY4SBcGAKKSej1 of acct_1gWg8HEzPOypbXiT", "pi_3HTIZAkJXOY4SBcGAKKSej1 of acct_1gWg8HEzPOypbXiT"),
        ("rak_payment_intent_write", "rak_payment_intent_write"),
        ("amount 1099 at 1793610000", "amount 1099 at 1793610000"),
    ],
)
def test_scrubbing_takes_secrets_and_leaves_ids(text, clean):
    assert scrub(text) == clean


def test_a_hardened_process_leaves_no_core_file_and_no_open_file():
    code = (
        "import os, resource; from billing.edge.secrets import harden_process; harden_process();"
        "print(resource.getrlimit(resource.RLIMIT_CORE), oct(os.umask(0)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ.copy()
    )
    assert done.stdout.strip() == f"{(0, 0)} 0o77"
    assert resource.getrlimit(resource.RLIMIT_CORE)  # the tests' own process is untouched


@pytest.mark.parametrize("around", [b"%s", b"%s\n", b"%s\r\n", b"\xef\xbb\xbf%s\r\n", b" \n%s\t\n\n"])
def test_what_an_editor_puts_around_the_key_in_its_file_is_no_part_of_it(tmp_path, around):
    path = tmp_path / "key"
    path.write_bytes(around % b"sk_test_abcdefghijklmnop")
    assert load_key({"STRIPE_API_KEY_FILE": str(path)}).reveal() == "sk_test_abcdefghijklmnop"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        ("a pipe", "is no regular file"),
        ("a folder", "is no regular file"),
        (b"sk_test_" + b"x" * 5000, "is larger than"),
        ("sk_test_abcdefgh".encode("utf-16"), "save it as UTF-8"),
        (b"sk_test_abcdefgh\xff", "save it as UTF-8"),
    ],
)
def test_a_key_file_that_cannot_be_used_says_why_and_is_not_waited_for(tmp_path, content, says):
    path = tmp_path / "key"
    if content == "a pipe":
        os.mkfifo(path)
    elif content == "a folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=says) as caught:
        load_key({"STRIPE_API_KEY_FILE": str(path)})
    assert "sk_test" not in str(caught.value)


def test_a_publishable_key_is_taken_from_a_variable_or_a_file_and_must_be_of_the_mode(tmp_path):
    file = tmp_path / "pk"
    file.write_text("pk_live_abcdef\n")
    assert load_publishable_key({"STRIPE_PUBLISHABLE_KEY": "pk_test_abcdef"}, Mode.TEST) == "pk_test_abcdef"
    assert load_publishable_key({"STRIPE_PUBLISHABLE_KEY_FILE": str(file)}, Mode.LIVE) == "pk_live_abcdef"


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"STRIPE_PUBLISHABLE_KEY": "pk_test_abcdef", "STRIPE_PUBLISHABLE_KEY_FILE": "/nowhere"},
        {"STRIPE_PUBLISHABLE_KEY_FILE": "/nowhere"},
        {"STRIPE_PUBLISHABLE_KEY": "pk_live_canary"},
        {"STRIPE_PUBLISHABLE_KEY": "sk_test_canary"},
        {"STRIPE_PUBLISHABLE_KEY": 'pk_test_"><canary'},
    ],
)
def test_anything_else_than_a_publishable_key_of_the_mode_is_refused_without_showing_it(env):
    with pytest.raises(UsageError) as caught:
        load_publishable_key(env, Mode.TEST)
    assert "canary" not in str(caught.value)
