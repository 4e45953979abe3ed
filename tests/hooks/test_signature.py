"""What is believed to come from Stripe: nothing but what one of our secrets has signed, lately."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.errors import UsageError
from billing.edge.hooks.signature import TOLERANCE_SECONDS, Doubt, Secrets, Signed, doubt_of, read_header
from billing.edge.secrets import load_webhook_secrets
from tests.hooks.events import NOW, OTHER, SECRET, event, signed

BODY = event()


def believed(header, body=BODY, secrets=(SECRET,), now=NOW):
    read = read_header([header], now)
    return read if isinstance(read, Doubt) else doubt_of(read, body, Secrets(secrets)) or True


def test_what_the_sdk_signs_with_any_of_our_secrets_is_believed():
    assert believed(signed(BODY)) is True
    assert believed(signed(BODY, OTHER), secrets=(SECRET, OTHER)) is True


def test_one_good_signature_among_several_is_enough_while_a_secret_is_rolled():
    first, second = signed(BODY, OTHER), signed(BODY).partition(",")[2]
    assert believed(f"{first},{second},v0=abc") is True


def test_each_byte_of_the_body_counts():
    header = signed(BODY)
    for at in range(len(BODY)):
        assert believed(header, BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]) is Doubt.FORGED


@pytest.mark.parametrize("away", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1, 86_400])
def test_a_good_signature_of_another_time_is_not_believed(away):
    assert believed(signed(BODY), now=NOW + away) is Doubt.OLD


@pytest.mark.parametrize("away", [0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])
def test_clocks_may_differ_by_the_tolerance(away):
    assert believed(signed(BODY), now=NOW + away) is True


def test_a_time_that_was_moved_forges_the_signature():
    stale = signed(BODY, at=NOW - 900)
    assert believed(stale.replace(f"t={NOW - 900}", f"t={NOW}")) is Doubt.FORGED


GOOD = signed(BODY).partition("v1=")[2]


@pytest.mark.parametrize("header", [
    "", "t=", f"t={NOW}", f"v1={GOOD}", f"t={NOW},v0={GOOD}", f"t={NOW},v1={GOOD.upper()}", f"t={NOW},v1={GOOD[:-1]}",
    f"t={NOW},t={NOW},v1={GOOD}", f"t={NOW - 900},t={NOW},v1={GOOD}", f"t=١٨,v1={GOOD}", f"t={NOW}.0,v1={GOOD}",
    f"t=-{NOW},v1={GOOD}", f"t={NOW};v1={GOOD}", f"t={NOW},v1={GOOD},\r\nX: y", f"t={NOW},v1={GOOD},", "a" * 5000,
    f"t={NOW},v1={GOOD},v2", f"t={'9' * 400},v1={GOOD}", f"t={NOW},v1={GOOD}" + ",v1=aa" * 700,
])  # fmt: skip
def test_a_header_of_any_other_form_is_no_signature(header):
    assert believed(header) is Doubt.UNSIGNED


def test_neither_none_nor_two_headers_are_one():
    good = signed(BODY)
    assert read_header([], NOW) is Doubt.UNSIGNED
    assert read_header([good, good], NOW) is Doubt.UNSIGNED


FORMED = st.from_regex(r"t=1800000000(,v[01]=[0-9a-f]{64}){1,4}", fullmatch=True)


@given(header=st.one_of(st.text(max_size=300), FORMED), body=st.binary(max_size=300))
def test_nothing_is_believed_that_no_secret_of_ours_has_signed(header, body):
    assert believed(header, body) is not True


@given(secret=st.from_regex(r"whsec_[A-Za-z0-9]{8,40}", fullmatch=True), body=st.text(max_size=300))
def test_whatever_another_secret_signs_is_not_believed_and_what_ours_signs_is(secret, body):
    header = signed(body.encode("utf-8", "ignore"), secret)
    assert believed(header, body.encode("utf-8", "ignore"), (SECRET,)) is Doubt.FORGED
    assert believed(header, body.encode("utf-8", "ignore"), (SECRET, secret)) is True


def test_secrets_are_never_shown_nor_copied():
    secrets = Secrets([SECRET])
    assert SECRET not in f"{secrets!r} {secrets} {vars(Signed)}"
    for taken in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            taken(secrets)


def test_secrets_come_from_a_variable_or_a_file_and_from_nowhere_else(tmp_path):
    path = tmp_path / "secrets"
    path.write_text(f"{SECRET}\n{OTHER}\n")
    assert load_webhook_secrets({"BILLING_WEBHOOK_SECRETS_FILE": str(path)}) == (SECRET, OTHER)
    assert load_webhook_secrets({"BILLING_WEBHOOK_SECRETS": f"{SECRET}, {OTHER},{SECRET}"}) == (SECRET, OTHER)


@pytest.mark.parametrize("environ", [
    {}, {"BILLING_WEBHOOK_SECRETS": ","}, {"BILLING_WEBHOOK_SECRETS": "sk_test_notOfThisKind"},
    {"BILLING_WEBHOOK_SECRETS": SECRET, "BILLING_WEBHOOK_SECRETS_FILE": "/dev/null"},
    {"BILLING_WEBHOOK_SECRETS_FILE": "/none"}, {"BILLING_WEBHOOK_SECRETS": f"{SECRET} whsec_"},
])  # fmt: skip
def test_what_cannot_be_a_secret_is_refused_and_not_repeated(environ):
    with pytest.raises(UsageError) as refused:
        load_webhook_secrets(environ)
    assert "BILLING_WEBHOOK_SECRETS" in str(refused.value)
    assert not {"notOfThisKind", SECRET} & set(str(refused.value).replace(",", " ").split())
