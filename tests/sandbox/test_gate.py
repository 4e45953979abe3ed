"""Keys, versions, permissions and accounts: what is decided before anything is looked up."""

import base64

import pytest

from billing.sandbox.accounts import revoke
from billing.sandbox.config import Keys, PermissionWords, SandboxConfig
from billing.sandbox.scenario import connect

ACCOUNT = "/v1/account"
NARROW = "rk_test_narrow00"


@pytest.mark.parametrize("api_key", ["", "nonsense", "pk_test_12345678", "sk_test_", "sk_live_12345678"])
def test_a_key_that_is_none_is_refused(services, api_key):
    assert services.get(ACCOUNT, api_key=api_key).status == 401


def test_secret_and_restricted_test_keys_are_let_in(services):
    assert services.get(ACCOUNT, api_key="sk_test_12345678").status == 200
    assert services.get(ACCOUNT, api_key="rk_test_12345678").status == 200


def test_a_revoked_key_stops_in_mid_run_and_is_never_shown(services):
    services.sandbox.gate.revoke("sk_test_desk0000")
    answer = services.open()
    assert (answer.status, answer.error["code"]) == (401, "api_key_expired")
    assert "sk_test_desk0000" not in answer.error["message"]


def test_only_listed_keys_are_let_in_where_there_is_a_list(make_desk):
    services = make_desk(config=SandboxConfig(keys=Keys(listed=("sk_test_mine1234",))))
    assert services.get(ACCOUNT).status == 401
    assert services.get(ACCOUNT, api_key="sk_test_mine1234").status == 200


def test_live_objects_follow_the_key_and_are_invisible_to_a_test_key(make_desk):
    services = make_desk(config=SandboxConfig(keys=Keys(live=True)))
    live = services.post("/v1/customers", {"email": "a@example.com"}, api_key="sk_live_12345678")
    assert live["livemode"] is True
    assert services.get(f"/v1/customers/{live['id']}").status == 404
    assert services.get(f"/v1/customers/{live['id']}", api_key="sk_live_12345678").status == 200
    assert services.get("/v1/customers", api_key="sk_live_12345678")["data"] == [live.body]


def test_a_missing_permission_is_named_before_existence_is_checked(services):
    services.sandbox.gate.withhold(NARROW, "payment_intent_write")
    for account in (services.account.id, "acct_nobody"):
        answer = services.post("/v1/payment_intents/pi_none/confirm", account=account, api_key=NARROW)
        assert (answer.status, answer.error["code"]) == (403, "more_permissions_required")
        assert answer.error["message"].startswith("Permission denied. The provided key 'rk_test_********ow00'")
        assert "Enabling \"Payment Intent Write\" ('payment_intent_write') permissions" in answer.error["message"]
    path = f"/v1/payment_intents/{services.open()['id']}"
    assert services.get(path, account=services.account.id, api_key=NARROW).status == 200


@pytest.mark.parametrize(("words", "code", "named"), [
    (PermissionWords.CODE, "more_permissions_required", "('charge_read')"),
    (PermissionWords.SLUG, None, "'rak_charge_read'"),
    (PermissionWords.BARE, None, "required permissions"),
])  # fmt: skip
def test_a_missing_permission_is_told_in_the_words_asked_for(make_desk, words, code, named):
    services = make_desk(permission_words=words)
    services.sandbox.gate.withhold(NARROW, "rak_charge_read")
    answer = services.get("/v1/charges", api_key=NARROW)
    assert (answer.status, answer.error.get("code")) == (403, code)
    assert named in answer.error["message"]


def test_a_key_may_be_confined_to_routes_and_let_out_again(services):
    services.sandbox.gate.restrict(NARROW, "GET *", "POST /v1/payment_methods*")
    assert services.get(ACCOUNT, api_key=NARROW).status == 200
    clone = {"customer": services.customer, "payment_method": services.method}
    assert services.post("/v1/payment_methods", clone, account=services.account.id, api_key=NARROW).status == 200
    assert services.post("/v1/customers", {}, api_key=NARROW).error["code"] == "more_permissions_required"
    assert services.post("/v1/customers", {}).status == 200
    services.sandbox.gate.widen(NARROW)
    assert services.post("/v1/customers", {}, api_key=NARROW).status == 200


def test_what_an_accounts_own_key_makes_the_platform_did_not_make(services):
    services.sandbox.gate.assign(NARROW, services.account.id)
    assert services.get(ACCOUNT, api_key=NARROW)["id"] == services.account.id
    params = {"amount": 100, "currency": "usd"}
    for account in (None, services.account.id):
        own = services.post("/v1/payment_intents", params, api_key=NARROW, account=account)
        assert own["application"] is None
        assert services.intent(own["id"])["id"] == own["id"]
    assert services.open()["application"] == services.sandbox.world.application
    assert services.get(f"/v1/accounts/{connect(services.sandbox).id}", api_key=NARROW).status == 403
    assert services.get("/v1/accounts", api_key=NARROW)["data"] == []
    services.sandbox.gate.assign(NARROW, "acct_nobody")
    assert services.get(ACCOUNT, api_key=NARROW).status == 403


def test_an_account_without_access_is_403_account_invalid(services):
    revoke(services.account)
    for answer in (
        services.open(),
        services.get(f"/v1/accounts/{services.account.id}"),
        services.get(ACCOUNT, account="acct_nobody"),
    ):
        assert (answer.status, answer.error["code"]) == (403, "account_invalid")


BASIC = [base64.b64encode(text).decode() for text in (b"sk_test_12345678:", b"sk_test_12345678")]


@pytest.mark.parametrize(
    "header", [f"Basic {BASIC[0]}", f"basic {BASIC[1]}", "bearer sk_test_12345678", "BEARER  sk_test_12345678"]
)
def test_a_key_comes_as_a_bearer_or_as_the_user_of_basic_authentication(services, header):
    assert services.get(ACCOUNT, headers={"Authorization": header}).status == 200


@pytest.mark.parametrize("header", ["sk_test_12345678", "Basic ***", "Basic c2tfdGVzdA", "Digest sk_test_1234"])
def test_a_key_without_a_scheme_is_none(services, header):
    assert services.get(ACCOUNT, headers={"Authorization": header}).status == 401


@pytest.mark.parametrize("context", ["{account}", "{platform}/{account}"])
def test_a_context_names_the_account_as_the_older_header_does(services, context):
    platform = services.sandbox.world.platform.id
    headers = {"Stripe-Context": context.format(account=services.account.id, platform=platform)}
    params = {"customer": services.customer, "payment_method": services.method}
    clone = services.post("/v1/payment_methods", params, headers=headers)["id"]
    assert services.get(f"/v1/payment_methods/{clone}", account=services.account.id)["id"] == clone
    assert services.get(f"/v1/payment_methods/{clone}").status == 404
    assert services.get(ACCOUNT, headers={"Stripe-Context": "acct_nobody"}).error["code"] == "account_invalid"


def test_other_api_versions_are_let_through_on_request_and_answered_in_the_sandboxes_own(make_desk):
    services = make_desk(other_versions=True)
    answer = services.get(ACCOUNT, headers={"Stripe-Version": "2026-07-29.dahlia"})
    assert (answer.status, answer.headers["stripe-version"]) == (200, "2026-10-28.endive")
    assert services.get(ACCOUNT, headers={"Stripe-Version": "latest"}).status == 400


def test_another_api_version_is_refused(services):
    assert services.get(ACCOUNT, headers={"Stripe-Version": "2020-08-27"}).status == 400
    assert services.get(ACCOUNT, headers={"Stripe-Version": "2026-10-28.endive"}).status == 200


def test_every_answer_names_its_request_its_date_and_its_version(services):
    for answer in (services.get(ACCOUNT), services.get("/v1/nothing"), services.get(ACCOUNT, api_key="")):
        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["date"] == "Mon, 02 Nov 2026 09:00:00 GMT"
        assert answer.headers["stripe-version"] == "2026-10-28.endive"


def test_accounts_show_what_they_can_charge(services):
    body = services.get(f"/v1/accounts/{services.account.id}").body
    assert (body["charges_enabled"], body["country"], body["default_currency"]) == (True, "US", "usd")
    assert body["capabilities"]["card_payments"] == body["capabilities"]["us_bank_account_ach_payments"] == "active"
    assert services.get(ACCOUNT)["id"] == services.sandbox.world.platform.id
    assert services.get(ACCOUNT, account=services.account.id)["id"] == services.account.id
    assert [row["id"] for row in services.get("/v1/accounts")["data"]] == [services.account.id]


def test_the_log_holds_no_key_and_no_parameter(services):
    seen = []
    services.sandbox.observe(seen.append)
    services.open(description="private")
    assert seen[-1].operation == "payment_intents.create"
    assert "desk0000" not in repr(services.sandbox.log)
    assert "private" not in repr(services.sandbox.log)
