"""How the page is served: what is missing or does not go together is told at once, before it listens."""

import os
from pathlib import Path

import pytest

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.edge.collect.options import collect_options
from billing.edge.collect.stripejs import STRIPE
from billing.edge.settings.load import load_settings

GOOD = {
    "BILLING_COLLECT_PUBLIC_URL": "https://pay.example.com",
    "BILLING_COLLECT_PROXIES": "10.0.0.0/8",
    "BILLING_COLLECT_BUSINESS": "Northwind Coaching",
    "BILLING_COLLECT_SUPPORT": "billing@northwind.example",
}
KEYS = {Mode.TEST: {"STRIPE_PUBLISHABLE_KEY": "pk_test_abcd"}, Mode.LIVE: {"STRIPE_PUBLISHABLE_KEY": "pk_live_abcd"}}


def options(mode: Mode = Mode.TEST, **changed: str):
    environ = {**GOOD, **{f"BILLING_{name}": value for name, value in changed.items()}}
    settings = load_settings({name: value for name, value in environ.items() if value}, config=Path(os.devnull))
    return collect_options(settings, KEYS[mode], mode)


def test_what_is_set_is_served():
    found = options(Mode.LIVE)
    assert (found.public_url, found.https, found.stripe) == ("https://pay.example.com", True, STRIPE)
    assert found.listen == ("127.0.0.1", 8484)


@pytest.mark.parametrize(
    ("mode", "changed", "told"),
    [
        (Mode.TEST, {"COLLECT_PUBLIC_URL": ""}, "collect.public_url is not set"),
        (Mode.TEST, {"COLLECT_BUSINESS": ""}, "collect.business is not set"),
        (Mode.TEST, {"COLLECT_SUPPORT": ""}, "collect.support is not set"),
        (Mode.TEST, {"COLLECT_PROXIES": ""}, "collect.proxies is not set"),
        (Mode.TEST, {"COLLECT_PUBLIC_URL": "http://pay.example.com"}, "must reach the page by https"),
        (Mode.LIVE, {"COLLECT_PUBLIC_URL": "http://127.0.0.1:8484"}, "live mode needs https"),
        (Mode.LIVE, {"API_BASE": "http://127.0.0.1:12111"}, "not from a sandbox"),
    ],
)
def test_what_does_not_go_together_is_refused(mode, changed, told):
    with pytest.raises(UsageError) as caught:
        options(mode, **changed)
    assert told in str(caught.value)


def test_everything_that_is_missing_is_told_at_once():
    with pytest.raises(UsageError) as caught:
        options(COLLECT_BUSINESS="", COLLECT_SUPPORT="")
    assert "collect.business" in str(caught.value)
    assert "collect.support" in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8484", "http://localhost:8484", "http://[::1]:8484"])
def test_on_this_machine_alone_plain_http_will_do_for_tests(url):
    assert not options(COLLECT_PUBLIC_URL=url, COLLECT_PROXIES="").https


def test_with_a_sandbox_stripe_js_is_the_sandboxs():
    found = options(API_BASE="http://127.0.0.1:12111").stripe
    assert found.script.startswith("http://127.0.0.1:12111/")
    assert "stripe.com" not in repr(found)
