"""One reply of each sort for every request, as the documentation shows what they mean."""

import json
from typing import Any

from billing.core.outcomes import Expected
from billing.core.replies import Reply, WireFault, no_reply, read_reply
from billing.core.wire import WireResponse

ITEM, INTENT, CLONE = "item7", "pi_1", "pm_1"
ASKED = ("open", "clone", "confirm", "read", "cancel")
_OPENING = Expected(ITEM, 1099, "usd", False, None, None, 1, 55, "key")
_LATER = Expected(ITEM, 1099, "usd", False, INTENT, CLONE, 1, 55, "key")
EXPECTED: dict[str, Expected] = dict.fromkeys(ASKED, _LATER) | dict.fromkeys(("open", "clone"), _OPENING)


def _intent(status: str, **changes: Any) -> dict[str, Any]:
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
        "latest_charge": None,
        "last_payment_error": None,
        "payment_method": None,
    }
    return body | changes


_CLONED = {"id": CLONE, "object": "payment_method", "livemode": False, "metadata": {"billing_item": ITEM}}
_REPLAYED = {"idempotent-replayed": "true"}


def _reply(status: int, body: Any, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_reply(WireResponse(status, {"request-id": "req_1"} | headers, raw))


def _each(reply: Reply) -> dict[str, Reply]:
    return dict.fromkeys(ASKED, reply)


def _error(status: int, code: str = "", kind: str = "invalid_request_error", **more: Any) -> dict[str, Reply]:
    headers = more.pop("headers", {})
    body = {"type": kind, "message": "no", **({"code": code} if code else {}), **more}
    return _each(_reply(status, {"error": body}, **headers))


def _shows(status: str, headers: dict[str, str] | None = None, **changes: Any) -> dict[str, Reply]:
    return _each(_reply(200, _intent(status, **changes), **(headers or {}))) | {
        "clone": _reply(200, _CLONED, **(headers or {}))
    }


_DECLINED = {"code": "card_declined", "decline_code": "do_not_honor"}

SAMPLES: tuple[tuple[str, dict[str, Reply]], ...] = (
    ("2xx: the object asked for, intent open and untried", _shows("requires_payment_method")),
    ("2xx: intent paid", _shows("succeeded")),
    ("2xx: intent `processing`", _shows("processing")),
    ("2xx: intent `canceled`", _shows("canceled")),
    ("2xx: intent `requires_action` by this clone", _shows("requires_action", payment_method=CLONE)),
    ("2xx: intent open, last error of this clone",
     _shows("requires_payment_method", last_payment_error=_DECLINED | {"payment_method": CLONE})),
    ("2xx: intent open, last error of another clone",
     _shows("requires_payment_method", last_payment_error=_DECLINED | {"payment_method": "pm_other"})),
    ("2xx, replayed: intent open", _shows("requires_payment_method", _REPLAYED)),
    ("2xx, replayed: intent `processing`", _shows("processing", _REPLAYED)),
    ("2xx: another amount, currency, fee, mode or item", _shows("succeeded", amount=10990) | {
        "clone": _reply(200, _CLONED | {"livemode": True})}),
    ("2xx that is no such object: HTML, empty, cut", _each(_reply(200, b"<html>"))),
    ("3xx", _each(_reply(302, b"", location="https://elsewhere.example"))),
    ("402 that carries our open intent", _error(402, "card_declined", "card_error", decline_code="do_not_honor",
                                                payment_intent=_intent("requires_payment_method"))),
    ("402 without it", _error(402, "card_declined", "card_error", decline_code="do_not_honor")),
    ("402, replayed", _error(402, "card_declined", "card_error", headers=_REPLAYED,
                             payment_intent=_intent("requires_payment_method"))),
    ("any error that carries our intent, paid", _error(400, "payment_intent_unexpected_state",
                                                       payment_intent=_intent("succeeded"))),
    ("400, 404", _error(400, "parameter_invalid")),
    ("400 that carries our open intent", _error(400, "parameter_invalid",
                                                payment_intent=_intent("requires_payment_method"))),
    ("400 about the payment method", _error(400, "payment_method_unexpected_state")),
    ("400 `rate_limit`, or in its words", _error(400, "rate_limit")),
    ("400 `idempotency_error`", _error(400, kind="idempotency_error")),
    ("400 `livemode_mismatch`, 401", _error(401)),
    ("403 of a connected account", _error(403, "account_invalid")),
    ("403 of anything else", _error(403, "more_permissions_required")),
    ("409 key in use", _error(409, "idempotency_key_in_use", "idempotency_error")),
    ("429 with a reason", _error(429, headers={"stripe-rate-limited-reason": "endpoint-rate"})),
    ("429 `lock_timeout`", _error(429, "lock_timeout")),
    ("5xx or 424 of the API", _error(500, kind="api_error")),
    ("5xx of the API, replayed", _error(500, kind="api_error", headers=_REPLAYED)),
    ("5xx of something in between", _each(read_reply(WireResponse(502, {}, b"<html>")))),
    ("it never left: DNS, refused, TLS, no free connection", _each(no_reply(WireFault.NEVER_SENT, "Refused"))),
    ("no answer: time-out, cut connection, kill", _each(no_reply(WireFault.ANSWER_LOST, "Timeout"))),
)  # fmt: skip
