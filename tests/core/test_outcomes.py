"""What a reply means, row by row, and fifty ways not to be a success. (core/README.md, "What a reply means")"""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.calls import Call
from billing.core.classify import classify
from billing.core.exits import Exit
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Expected,
    Halt,
    LookWhy,
    Lost,
    Made,
    Outcome,
    Refused,
    Scope,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    UnsentWhy,
    Unsettled,
)
from billing.core.replies import Reply, WireFault, no_reply, read_reply
from billing.core.wire import WireResponse
from tests.asked import CANCEL, CONFIRM, OPEN, READ
from tests.asked import CLONE as CLONING

ITEM, INTENT, CLONE, CHARGE = "item7", "pi_1", "pm_clone", "ch_1"
BEFORE_OPEN = Expected(ITEM, 1099, "usd", False, None, None, 1, 55, "key")
FIRST = Expected(ITEM, 1099, "usd", False, INTENT, CLONE, 1, 55, "key")
SECOND = Expected(ITEM, 1099, "usd", False, INTENT, CLONE, 2, 55, "key")


def intent(status: Any = "requires_payment_method", /, **changes: Any) -> dict[str, Any]:
    """An intent as it should be, with changes."""
    body: dict[str, Any] = {
        "id": INTENT,
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "amount_received": 1099 if status == "succeeded" else 0,
        "application_fee_amount": 55,
        "currency": "usd",
        "livemode": False,
        "metadata": {"billing_item": ITEM},
        "latest_charge": CHARGE,
        "last_payment_error": None,
        "payment_method": None,
    }
    return {**body, **changes}


def failed(payment_method: Any, **error: Any) -> dict[str, Any]:
    """An intent whose last error names a payment method, or none."""
    named = {} if payment_method is None else {"payment_method": payment_method}
    return intent(last_payment_error={"code": "card_declined", "decline_code": "do_not_honor", **named, **error})


def without_fee(status: str) -> dict[str, Any]:
    """An intent that does not name its fee."""
    return {name: value for name, value in intent(status).items() if name != "application_fee_amount"}


def clone(**changes: Any) -> dict[str, Any]:
    """A clone as it should be, with changes."""
    return {"id": CLONE, "object": "payment_method", "livemode": False, "type": "card", "customer": None, **changes}


def reply(status: int, body: Any = None, **headers: str) -> Reply:
    """A reply read from bytes and headers, as the gateway gets it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_reply(WireResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw))


def error(status: int, code: str | None = None, kind: str = "invalid_request_error", **fields: Any) -> Reply:
    """An error answer of the API; ``headers`` among the fields are its headers."""
    headers = fields.pop("headers", {})
    body = {"type": kind, "message": fields.pop("message", "no"), **fields}
    return reply(status, {"error": body | ({"code": code} if code else {})}, request_id="req_1", **headers)


REPLAYED = {"idempotent_replayed": "true"}
UNSENT, ANSWER_LOST = no_reply(WireFault.NEVER_SENT, "X"), no_reply(WireFault.ANSWER_LOST, "X")
DECLINE = {"decline_code": "do_not_honor", "kind": "card_error"}

# what was asked, what came, what it means; the last column pins the details that matter
SECTION_6: list[tuple[str, Call, Reply, Expected, type[Outcome], dict[str, Any]]] = [
    # 2xx, as asked
    ("open done", OPEN, reply(200, intent()), BEFORE_OPEN, Made, {"object_id": INTENT}),
    ("open replayed", OPEN, reply(200, intent(), **REPLAYED), BEFORE_OPEN, Made, {"replayed": True}),
    ("clone done", CLONING, reply(200, clone()), BEFORE_OPEN, Made, {"object_id": CLONE}),
    ("clone again", CLONING, reply(201, clone()), FIRST, Made, {"object_id": CLONE}),
    ("confirm paid", CONFIRM, reply(200, intent("succeeded")), FIRST, Succeeded, {}),
    ("confirm replays paid", CONFIRM, reply(200, intent("succeeded"), **REPLAYED), FIRST, Succeeded, {}),
    ("confirm accepted by the bank", CONFIRM, reply(200, intent("processing")), FIRST, Unsettled, {}),
    ("confirm replays processing", CONFIRM, reply(200, intent("processing"), **REPLAYED), FIRST, Undecided,
     {"why": LookWhy.REPLAYED}),
    ("confirm of a cancelled intent", CONFIRM, reply(200, intent("canceled")), FIRST, Cancelled, {}),
    ("cancel done", CANCEL, reply(200, intent("canceled")), FIRST, Cancelled, {}),
    ("cancel replays done", CANCEL, reply(200, intent("canceled"), **REPLAYED), FIRST, Cancelled, {}),
    ("cancel left it open", CANCEL, reply(200, intent()), FIRST, Undecided, {"why": LookWhy.STATE}),
    ("read paid", READ, reply(200, intent("succeeded")), FIRST, Succeeded, {}),
    ("read processing", READ, reply(200, intent("processing")), FIRST, Unsettled, {}),
    ("read cancelled", READ, reply(200, intent("canceled")), SECOND, Cancelled, {}),
    # 2xx with requires_action: not paid
    ("confirm wants authentication", CONFIRM, reply(200, intent("requires_action")), FIRST, Declined, {}),
    ("read wants authentication for our clone", READ, reply(200, intent("requires_action", payment_method=CLONE)),
     SECOND, Declined, {}),
    ("read wants authentication for another", READ, reply(200, intent("requires_action", payment_method="pm_x")),
     FIRST, Unconfirmed, {}),
    # a read of an open intent
    ("read, nothing tried", READ, reply(200, intent()), FIRST, Unconfirmed, {}),
    ("read, not confirmed", READ, reply(200, intent("requires_confirmation")), SECOND, Unconfirmed, {}),
    ("read, our clone declined", READ, reply(200, failed(CLONE)), SECOND, Declined, {}),
    ("read, our clone declined, as an object", READ, reply(200, failed({"id": CLONE})), SECOND, Declined, {}),
    ("read, another clone declined", READ, reply(200, failed("pm_old")), SECOND, Unconfirmed, {}),
    ("read, another's try on the first attempt", READ, reply(200, failed("pm_old")), FIRST, Unconfirmed, {}),
    ("read, nameless decline, first attempt", READ, reply(200, failed(None)), FIRST, Declined, {}),
    ("read, nameless decline, later attempt", READ, reply(200, failed(None)), SECOND, Unconfirmed, {}),
    ("read, money held", READ, reply(200, intent("requires_capture")), FIRST, Undecided, {"why": LookWhy.STATE}),
    # 2xx that is no such object; redirects
    ("confirm answered by a portal", CONFIRM, reply(200, b"<html>"), FIRST, Lost, {"renew": False}),
    ("confirm answered with another intent", CONFIRM, reply(200, intent("succeeded", id="pi_2")), FIRST, Lost, {}),
    ("clone answered with an intent", CLONING, reply(200, intent()), BEFORE_OPEN, Lost, {}),
    ("redirect", CONFIRM, reply(302, intent("succeeded")), FIRST, Lost, {"renew": False}),
    ("redirect with an error", CONFIRM, reply(307, {"error": {"payment_intent": intent("succeeded")}}), FIRST, Lost,
     {}),
    # 2xx that contradicts
    ("other amount", CONFIRM, reply(200, intent("succeeded", amount=2999)), FIRST, Halt, {"exit": Exit.STOPPED}),
    ("other amount taken", CONFIRM, reply(200, intent("succeeded", amount_received=1)), FIRST, Halt, {}),
    ("other currency", OPEN, reply(200, intent(currency="eur")), BEFORE_OPEN, Halt, {"exit": Exit.STOPPED}),
    ("other mode", READ, reply(200, intent("succeeded", livemode=True)), FIRST, Halt, {"exit": Exit.STOPPED}),
    ("other item", READ, reply(200, intent("succeeded", metadata={"billing_item": "x"})), FIRST, Halt, {}),
    ("no item", READ, reply(200, intent("succeeded", metadata={})), FIRST, Halt, {}),
    ("no fee", CONFIRM, reply(200, intent("succeeded", application_fee_amount=None)), FIRST, Halt,
     {"exit": Exit.STOPPED, "message": "intent pi_1: application_fee_amount is 0, asked for 55"}),
    ("another fee", OPEN, reply(200, intent(application_fee_amount=550)), BEFORE_OPEN, Halt, {}),
    ("a fee that nobody asked for", READ, reply(200, intent("succeeded")), FIRST._replace(fee=None), Halt, {}),
    ("no fee asked for, none shown", READ, reply(200, intent("succeeded", application_fee_amount=None)),
     FIRST._replace(fee=None), Succeeded, {}),
    ("the fee is not shown at all", READ, reply(200, without_fee("succeeded")), FIRST, Succeeded, {}),
    ("clone of the other mode", CLONING, reply(200, clone(livemode=True)), BEFORE_OPEN, Halt, {}),
    # the answer to another request
    ("clone of another item", CLONING, reply(200, clone(metadata={"billing_item": "item8"})), BEFORE_OPEN, Lost,
     {"renew": False}),
    ("clone of this item", CLONING, reply(200, clone(metadata={"billing_item": ITEM})), BEFORE_OPEN, Made, {}),
    ("clone that names no item", CLONING, reply(200, clone(metadata={})), BEFORE_OPEN, Made, {}),
    ("open under another key", OPEN, reply(200, intent(), idempotency_key="other"), BEFORE_OPEN, Lost, {}),
    ("confirm under another key", CONFIRM, reply(200, intent("succeeded"), idempotency_key="other"), FIRST, Lost, {}),
    ("decline under another key", CONFIRM, error(402, "card_declined", payment_intent=intent(), headers={
     "idempotency_key": "other"}, **DECLINE), FIRST, Lost, {"renew": False}),
    ("confirm under its own key", CONFIRM, reply(200, intent("succeeded"), idempotency_key="key"), FIRST, Succeeded,
     {}),
    ("read answered with somebody's POST", READ, reply(200, intent("succeeded"), idempotency_key="other"),
     FIRST._replace(key=""), Lost, {}),
    # any error that carries our intent: the intent is believed first
    ("confirm of a paid intent", CONFIRM, error(400, "payment_intent_unexpected_state",
     payment_intent=intent("succeeded")), FIRST, Succeeded, {}),
    ("402 with a paid intent", CONFIRM, error(402, payment_intent=intent("succeeded"), **DECLINE), FIRST, Succeeded,
     {}),
    ("500 with a paid intent", CONFIRM, error(500, payment_intent=intent("succeeded")), FIRST, Succeeded, {}),
    ("cancel of a paid intent", CANCEL, error(400, payment_intent=intent("succeeded")), FIRST, Succeeded, {}),
    ("cancel of a cancelled intent", CANCEL, error(400, payment_intent=intent("canceled")), FIRST, Cancelled, {}),
    ("cancel of a processing intent", CANCEL, error(400, payment_intent=intent("processing")), FIRST, Unsettled, {}),
    ("clone refused beside a paid intent", CLONING, error(400, payment_intent=intent("succeeded")), SECOND, Succeeded,
     {}),
    ("replayed error with a processing intent", CONFIRM, error(400, payment_intent=intent("processing"),
     headers=REPLAYED), FIRST, Undecided, {"why": LookWhy.REPLAYED}),
    ("error with a foreign paid intent", CONFIRM, error(400, payment_intent=intent("succeeded", id="pi_2")), FIRST,
     Undecided, {"why": LookWhy.NO_INTENT}),
    ("error with a contradicting intent", CONFIRM, error(400, payment_intent=intent("succeeded", amount=1)), FIRST,
     Undecided, {"why": LookWhy.NO_INTENT}),
    ("open refused beside a foreign intent", OPEN, error(400, payment_intent=intent("succeeded")), BEFORE_OPEN, Refused,
     {}),
    # 402
    ("declined", CONFIRM, error(402, "card_declined", payment_intent=intent(), **DECLINE), FIRST, Declined, {}),
    ("declined, no intent inside", CONFIRM, error(402, "card_declined", **DECLINE), SECOND, Undecided,
     {"why": LookWhy.NO_INTENT}),
    ("declined, another's intent inside", CONFIRM, error(402, "card_declined", payment_intent=intent(id="pi_2"),
     **DECLINE), FIRST, Undecided, {"why": LookWhy.NO_INTENT}),
    ("declined, replayed", CONFIRM, error(402, "card_declined", payment_intent=intent(), headers=REPLAYED, **DECLINE),
     FIRST, Undecided, {"why": LookWhy.REPLAYED}),
    ("clone refused by the bank", CLONING, error(402, "card_declined", **DECLINE), BEFORE_OPEN, Refused,
     {"code": "do_not_honor", "scope": Scope.ITEM}),
    # 400 and 404
    ("open refused", OPEN, error(400, "amount_too_small", param="amount"), BEFORE_OPEN, Refused,
     {"code": "amount_too_small", "param": "amount", "scope": Scope.ITEM}),
    ("clone refused", CLONING, error(404, "resource_missing", param="payment_method"), BEFORE_OPEN, Refused, {}),
    ("confirm refused, intent shown", CONFIRM, error(400, "parameter_invalid", payment_intent=intent()), FIRST, Refused,
     {"code": "parameter_invalid", "dead_clone": False}),
    ("confirm refused, our decline shown", CONFIRM, error(400, "parameter_invalid", payment_intent=failed(CLONE)),
     FIRST, Undecided, {"why": LookWhy.STATE}),
    ("confirm refused, no intent", CONFIRM, error(400, "parameter_invalid"), FIRST, Undecided,
     {"why": LookWhy.NO_INTENT}),
    ("confirm in another state", CONFIRM, error(400, "payment_intent_unexpected_state", payment_intent=intent()), FIRST,
     Undecided, {"why": LookWhy.STATE}),
    ("spent clone by its text", CONFIRM, error(400, payment_intent=intent(), message="The provided PaymentMethod was "
     "previously used with a PaymentIntent without Customer attachment"), FIRST, Undecided,
     {"why": LookWhy.SPENT_CLONE}),
    ("spent clone by its code", CONFIRM, error(400, "payment_method_unexpected_state", payment_intent=intent()), FIRST,
     Undecided, {"why": LookWhy.SPENT_CLONE}),
    ("clone gone", CONFIRM, error(404, "resource_missing", param="payment_method", payment_intent=intent()), FIRST,
     Undecided, {"why": LookWhy.SPENT_CLONE}),
    ("cancel refused", CANCEL, error(400, "intent_invalid_state", payment_intent=intent()), FIRST, Undecided,
     {"why": LookWhy.STATE}),
    ("cancel of nothing", CANCEL, error(404, "resource_missing"), FIRST, Undecided, {"why": LookWhy.NO_INTENT}),
    ("read of nothing", READ, error(404, "resource_missing", param="intent"), FIRST, Refused,
     {"code": "resource_missing", "scope": Scope.ITEM}),
    ("account without capability", OPEN, error(400, "capability_not_active"), BEFORE_OPEN, Refused,
     {"scope": Scope.ACCOUNT, "account_reason": "capability_not_active"}),
    ("account without transfers", CLONING, error(400, "transfers_not_allowed"), BEFORE_OPEN, Refused,
     {"scope": Scope.ACCOUNT}),
    # throttles and locks
    ("429 of a limiter", CONFIRM, error(429, "rate_limit", headers={"stripe_rate_limited_reason": "global-rate"}),
     FIRST, Unsent, {"why": UnsentWhy.LIMITED, "reason": "global-rate"}),
    ("429 with a wait", OPEN, error(429, headers={"stripe_rate_limited_reason": "endpoint-rate", "retry_after": "3"}),
     BEFORE_OPEN, Unsent, {"reason": "endpoint-rate", "retry_after": 3.0}),
    ("429 of a lock", CONFIRM, error(429, "lock_timeout"), FIRST, Unsent, {"why": UnsentWhy.LOCKED}),
    ("429 without a name", CLONING, error(429), BEFORE_OPEN, Unsent, {"why": UnsentWhy.LOCKED}),
    ("429 of something in front", OPEN, reply(429, b"slow down"), BEFORE_OPEN, Unsent, {"why": UnsentWhy.LIMITED}),
    ("400 rate_limit", CONFIRM, error(400, "rate_limit"), FIRST, Unsent,
     {"why": UnsentWhy.LIMITED, "reason": "endpoint-rate"}),
    ("400 too quickly", CLONING, error(400, message="You are creating objects too quickly."), BEFORE_OPEN, Unsent,
     {"why": UnsentWhy.LIMITED}),
    # keys, credentials, permissions
    ("key with other content", OPEN, error(400, kind="idempotency_error"), BEFORE_OPEN, Halt, {"exit": Exit.STOPPED}),
    ("confirm's key with other content", CONFIRM, error(400, kind="idempotency_error"), FIRST, Undecided,
     {"why": LookWhy.KEY_USED}),
    ("clone's key with other content", CLONING, error(400, kind="idempotency_error"), BEFORE_OPEN, Lost,
     {"renew": True}),
    ("cancel's key with other content", CANCEL, error(400, kind="idempotency_error"), FIRST, Lost, {"renew": True}),
    ("401", CONFIRM, error(401), FIRST, Halt, {"exit": Exit.CREDENTIALS}),
    ("expired key", READ, error(403, "api_key_expired"), FIRST, Halt, {"exit": Exit.CREDENTIALS}),
    ("platform key expired", OPEN, error(401, "platform_api_key_expired"), BEFORE_OPEN, Halt, {}),
    ("key of the other mode", OPEN, error(400, "livemode_mismatch"), BEFORE_OPEN, Halt, {"exit": Exit.CREDENTIALS}),
    ("missing permission", CONFIRM, error(403, message="Having the 'rak_payment_intent_write' permission would allow"),
     FIRST, Halt, {"exit": Exit.CREDENTIALS, "message": "the key lacks the permission rak_payment_intent_write"}),
    ("missing permission by its code", OPEN, error(403, "more_permissions_required", message="Permission denied. "
     "Enabling the Payment Intents permission ('payment_intent_write') on this key would help."), BEFORE_OPEN, Halt,
     {"exit": Exit.CREDENTIALS, "message": "the key lacks the permission payment_intent_write"}),
    ("missing permission without a name", CLONING, error(403, "more_permissions_required", message="Not with this."),
     BEFORE_OPEN, Halt, {"message": "the key may not do this: Not with this. (more_permissions_required)"}),
    ("403 in words nobody knows", READ, error(403, message="The required permissions are not available for use by "
     "restricted keys."), FIRST, Halt, {"exit": Exit.CREDENTIALS}),
    ("403 with a code nobody knows", CANCEL, error(403, "some_day", message="does not have access to account"), FIRST,
     Halt, {"exit": Exit.CREDENTIALS}),
    ("account closed to us", OPEN, error(403, "account_invalid"), BEFORE_OPEN, Refused,
     {"scope": Scope.ACCOUNT, "account_reason": "account_invalid"}),
    ("account closed to us, on a confirm", CONFIRM, error(403, "account_invalid"), FIRST, Refused,
     {"scope": Scope.ACCOUNT}),
    ("account closed to us, in words", OPEN, error(403, message="The provided key does not have access to account "
     "'acct_1' (or that account does not exist). Application access may have been revoked."), BEFORE_OPEN, Refused,
     {"scope": Scope.ACCOUNT, "code": "account_cannot_charge"}),
    ("account that cannot charge, in words", OPEN, error(400, message="Your account cannot currently make charges."),
     BEFORE_OPEN, Refused, {"scope": Scope.ACCOUNT, "code": "account_cannot_charge"}),
    ("words about an account beside a parameter", OPEN, error(400, param="amount", message="Your account cannot make "
     "charges of this amount."), BEFORE_OPEN, Refused, {"scope": Scope.ITEM}),
    ("words about a bank account", CLONING, error(400, message="This bank account has been closed."), BEFORE_OPEN,
     Refused, {"scope": Scope.ITEM, "code": "invalid_request_error"}),
    ("403 on a confirm", CONFIRM, error(403), FIRST, Halt, {"exit": Exit.CREDENTIALS}),
    # running, lost, stored
    ("key in use", OPEN, error(409, "idempotency_key_in_use", kind="idempotency_error"), BEFORE_OPEN, Busy, {}),
    ("key in use, no code", CONFIRM, error(409, kind="idempotency_error"), FIRST, Busy, {}),
    ("500 of the API", CONFIRM, error(500, kind="api_error"), FIRST, Lost, {"renew": True}),
    ("500 replayed", OPEN, error(500, headers=REPLAYED), BEFORE_OPEN, Lost, {"renew": True}),
    ("500, do not retry", CLONING, reply(500, b"", stripe_should_retry="false"), BEFORE_OPEN, Lost, {"renew": True}),
    ("500, do retry", OPEN, error(500, headers={"stripe_should_retry": "true"}), BEFORE_OPEN, Lost, {"renew": False}),
    ("502 of a proxy", OPEN, reply(502, b"<html>"), BEFORE_OPEN, Lost, {"renew": False}),
    ("500 of the API in HTML", CLONING, reply(500, b"<html>", request_id="req_1"), BEFORE_OPEN, Lost, {"renew": True}),
    # an open needs the proof: two ledgers must count its keys alike
    ("a new 500 to an open", OPEN, error(500), BEFORE_OPEN, Lost, {"renew": False}),
    ("a new 500 to an open, do not retry", OPEN, error(500, headers={"stripe_should_retry": "false"}), BEFORE_OPEN,
     Lost, {"renew": False}),
    ("a replayed 500 to an open", OPEN, error(500, headers=REPLAYED), BEFORE_OPEN, Lost, {"renew": True}),
    ("424", CONFIRM, error(424), FIRST, Lost, {"renew": True}),
    ("a status nobody knows", CONFIRM, error(418), FIRST, Lost, {}),
    ("a 400 that is not Stripe's", CONFIRM, reply(400, b"<html>"), FIRST, Lost, {"renew": False}),
    ("a 402 that is not Stripe's", CONFIRM, reply(402, {"error": "pay the hotel"}), FIRST, Lost, {"renew": False}),
    ("never left", CONFIRM, UNSENT, FIRST, Unsent, {"why": UnsentWhy.NETWORK, "reason": "X"}),
    ("answer lost", CONFIRM, ANSWER_LOST, FIRST, Lost, {"renew": False}),
    ("answer to a read lost", READ, ANSWER_LOST, FIRST, Lost, {"renew": False}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "came", "expected", "kind", "details"), [row[1:] for row in SECTION_6],
                         ids=[row[0] for row in SECTION_6])  # fmt: skip
def test_every_row_of_the_protocol_means_what_it_says(asked, came, expected, kind, details):
    outcome = classify(asked, came, expected)
    assert isinstance(outcome, kind), outcome
    assert {name: getattr(outcome, name) for name in details} == details
    assert outcome.reply is came


def test_a_success_shows_intent_charge_money_and_fee():
    paid = classify(CONFIRM, reply(200, intent("succeeded", latest_charge={"id": "ch_9"}), request_id="req_7"), FIRST)
    assert isinstance(paid, Succeeded)
    assert (paid.seen.intent, paid.seen.charge, paid.seen.request_id) == (INTENT, "ch_9", "req_7")
    assert (paid.seen.amount_received, paid.seen.application_fee) == (1099, 55)


def test_a_decline_brings_stripes_own_reason_when_the_charge_is_expanded():
    shown = intent(latest_charge={"id": CHARGE, "outcome": {"reason": "highest_risk_level"}})
    declined = classify(CONFIRM, error(402, "card_declined", payment_intent=shown, **DECLINE), FIRST)
    assert isinstance(declined, Declined)
    assert (declined.decline.code, declined.decline.decline_code) == ("highest_risk_level", "do_not_honor")


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (failed("pm_old"), "do_not_honor"),
        (failed(None), "do_not_honor"),
        (intent("requires_action", payment_method="pm_old"), "authentication_required"),
        (intent(), None),
        (intent("requires_confirmation", last_payment_error={"code": "card_declined"}), None),
    ],
)
def test_an_open_intent_without_our_trace_still_tells_of_an_earlier_decline(shown, code):
    outcome = classify(READ, reply(200, shown), SECOND)
    assert isinstance(outcome, Unconfirmed)
    assert (outcome.earlier and outcome.earlier.code) == code


@pytest.mark.parametrize(
    "message",
    [
        "Your account cannot currently make charges.",
        "Your account cannot currently make live charges.",
        "This account can't accept payments until its owner is verified.",
        "The account acct_1 has been rejected.",
        "The connected account is restricted.",
        "You must activate your account before you can charge.",
    ],
)
def test_a_refusal_of_the_account_is_known_by_its_words_where_stripe_gives_no_code(message):
    refused = classify(OPEN, error(400, message=message), BEFORE_OPEN)
    assert isinstance(refused, Refused)
    assert (refused.scope, refused.message) == (Scope.ACCOUNT, message)


BARS = [
    (403, {"code": "account_invalid"}),
    (403, {"message": "The provided key does not have access to account 'acct_1'"}),
    (400, {"code": "testmode_charges_only"}),
    (400, {"message": "Your account cannot currently make charges."}),
]


@pytest.mark.parametrize(("status", "said"), BARS)
def test_what_bars_an_account_sets_a_connected_one_aside_and_stops_the_run_on_the_platform_itself(status, said):
    refused = classify(OPEN, error(status, **said), BEFORE_OPEN)
    assert isinstance(refused, Refused)
    assert refused.scope is Scope.ACCOUNT
    for asked in (OPEN, CONFIRM):
        halt = classify(replace(asked, account=""), error(status, **said), BEFORE_OPEN)
        assert isinstance(halt, Halt)
        assert (halt.exit, halt.message[:34]) == (Exit.CREDENTIALS, "the platform's own account is refu")


@pytest.mark.parametrize("account", [None, ""])
def test_a_missing_permission_and_a_wrong_request_mean_the_same_wherever_they_are_sent(account):
    asked = replace(OPEN, account=account)
    halt = classify(asked, error(403, message="Having the 'rak_payment_intent_write' permission would allow"), FIRST)
    assert isinstance(halt, Halt)
    assert halt.message == "the key lacks the permission rak_payment_intent_write"
    refused = classify(asked, error(400, "parameter_invalid_integer", param="amount"), BEFORE_OPEN)
    assert isinstance(refused, Refused)
    assert refused.scope is Scope.ITEM


@pytest.mark.parametrize("letters", ["x" * 400_000, "a." * 200_000, "pi_" * 150_000, "sk_test_" * 50_000])
def test_a_sentence_of_any_length_is_read_at_once(letters):
    for asked, status in ((OPEN, 400), (CONFIRM, 403), (READ, 404)):
        outcome = classify(asked, error(status, message=letters), FIRST)
        assert len(getattr(outcome, "message", "")) < 1000


def test_a_sentence_is_never_cut_within_what_must_not_be_shown():
    for length in range(940, 1010):
        told = classify(OPEN, error(400, message="n " * (length // 2) + "john.doe@mail.example.org"), BEFORE_OPEN)
        assert isinstance(told, Refused)
        assert "john" not in told.message


def test_an_unbelieved_refusal_keeps_what_it_said():
    spent = classify(CONFIRM, error(400, "payment_method_unexpected_state", message="for a@b.example"), FIRST)
    assert isinstance(spent, Undecided)
    assert spent.refused is not None
    assert spent.refused.dead_clone
    assert spent.refused.message == "for [e-mail]"


BIG = b'{"object": "payment_intent", "id": "pi_1", "x": "' + b"x" * 10_000_000
WHOLE = json.dumps(intent("succeeded")).encode()
ODD_BODIES = [b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[{}]", b"<html></html>", b"\xff\xfe", b"\x00",
              BIG, WHOLE[: len(WHOLE) // 4], WHOLE[: len(WHOLE) // 2], WHOLE[: len(WHOLE) * 3 // 4], WHOLE[:-1],
              WHOLE + b"x", b"[" * 100_000, b"[" + WHOLE + b"]", b'{"error": {}}', b'{"error": null}',
              b'{"data": ' + WHOLE + b"}"]  # fmt: skip
ODD_FIELDS: list[dict[str, Any]] = [
    {"object": None}, {"object": "charge"}, {"object": ["payment_intent"]}, {"id": None}, {"id": ""}, {"id": "pi_2"},
    {"id": 7}, {"id": "pi_1 "}, {"id": "PI_1"}, {"amount": None}, {"amount": "1099"}, {"amount": 1099.0},
    {"amount": True}, {"amount": 10990}, {"amount": -1099}, {"currency": None}, {"currency": "USD"},
    {"currency": "eur"},
    {"livemode": None}, {"livemode": True}, {"livemode": "false"}, {"livemode": 0}, {"metadata": None},
    {"metadata": []}, {"metadata": {}}, {"metadata": {"billing_item": "other"}}, {"metadata": {"billing_item": None}},
    {"status": None}, {"status": "paid"}, {"status": "SUCCEEDED"}, {"status": ["succeeded"]},
    {"amount_received": None}, {"amount_received": 0}, {"amount_received": "1099"}, {"amount_received": 1098},
]  # fmt: skip
MALFORMED = [*ODD_BODIES, *(intent("succeeded") | odd for odd in ODD_FIELDS)]


@pytest.mark.parametrize("asked", [CONFIRM, CANCEL, READ])
@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_no_malformed_2xx_is_taken_for_success(asked, body):
    assert isinstance(classify(asked, reply(200, body), FIRST), Lost | Halt | Undecided)


@pytest.mark.parametrize("asked", [OPEN, CLONING])
@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_no_malformed_2xx_is_taken_for_an_object(asked, body):
    assert isinstance(classify(asked, reply(200, body), BEFORE_OPEN), Lost)


@pytest.mark.parametrize("odd", [{"object": "card"}, {"id": "card_1"}, {"id": None}, {"livemode": None}])
def test_a_clone_is_a_payment_method_of_the_right_mode(odd):
    assert isinstance(classify(CLONING, reply(200, clone(**odd)), BEFORE_OPEN), Lost)


SCALARS = st.none() | st.booleans() | st.integers(-5, 2000) | st.sampled_from(
    [INTENT, CLONE, "succeeded", "canceled", "processing", "usd", ITEM, "card_declined", "rate_limit", ""]
)  # fmt: skip
NAMES = [*intent(), "error", "type", "code", "message", "payment_intent", "billing_item", "param", "charge"]
BODIES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
)


@given(
    asked=st.sampled_from([OPEN, CLONING, CONFIRM, CANCEL, READ]),
    status=st.sampled_from([200, 201, 302, 400, 401, 402, 403, 404, 409, 424, 429, 500, 503]),
    body=BODIES,
    nested=BODIES,
)
def test_nothing_a_server_says_makes_classifying_fail_or_succeed_by_accident(asked, status, body, nested):
    if isinstance(body, dict):
        body["error"] = nested
    outcome = classify(asked, reply(status, body), FIRST)
    if isinstance(outcome, Succeeded):
        assert outcome.seen.intent == INTENT
        assert outcome.seen.amount_received == 1099


def test_the_headers_of_an_answer_are_read_by_their_lower_case_names():
    """Every wire gives them so; `tests/edge/test_transport.py` holds the network's to it."""
    read = read_reply(WireResponse(200, {"idempotent-replayed": "true", "request-id": "req_1"}, b"{}"))
    assert (read.replayed, read.request_id) == (True, "req_1")


@pytest.mark.parametrize(
    ("status", "replayed", "reached"),
    [(200, "false", True), (402, "false", True), (500, "false", False), (500, "true", None), (200, "true", True)],
)
def test_a_stored_server_error_tells_neither_of_an_outage_nor_of_its_end(status, replayed, reached):
    assert read_reply(WireResponse(status, {"idempotent-replayed": replayed}, b"{}")).reached is reached


def test_headers_that_cannot_be_read_count_as_absent():
    headers = {"date": "yesterday", "retry-after": "-1", "stripe-should-retry": "maybe"}
    odd = read_reply(WireResponse(200, headers, b"{}"))
    assert (odd.date, odd.retry_after, odd.should_retry) == (None, None, None)


def test_the_providers_date_is_read_as_epoch_seconds():
    assert read_reply(WireResponse(200, {"date": "Thu, 26 Nov 2026 00:01:00 GMT"}, b"")).date == 1795651260.0


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan 1970 00:01:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "yesterday",
    ],
)
def test_a_date_that_is_nobodys_clock_teaches_nothing(date):
    assert read_reply(WireResponse(200, {"date": date}, b"")).date is None


def test_a_reply_never_prints_its_body():
    assert "payer@example.com" not in repr(reply(200, {"receipt_email": "payer@example.com"}))
