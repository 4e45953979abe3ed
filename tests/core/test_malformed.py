"""Replies that are not what was asked for: a table of them for every request, and none is taken for a success."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from billing.core.classify import classify
from billing.core.outcomes import Cancelled, Expected, Made, Succeeded, Unsettled
from billing.core.replies import read_reply
from billing.core.wire import WireResponse
from tests.asked import ASKED

Body = Mapping[str, Any]
Spoil = Callable[[Body], WireResponse]
JSON = {"content-type": "application/json", "request-id": "req_odd"}


@dataclass(frozen=True, slots=True)
class Case:
    """One malformed reply: ``spoil`` makes it from the body of the reply that would have been right."""

    name: str
    spoil: Spoil


def _answer(status: int, raw: bytes, headers: Mapping[str, str] = JSON) -> WireResponse:
    return WireResponse(status, dict(headers), raw)


def _text(body: object) -> bytes:
    return json.dumps(body).encode()


def _raw(name: str, make: Callable[[bytes], bytes], status: int = 200, **headers: str) -> Case:
    """The right text with something done to it."""
    more = {key.replace("_", "-"): value for key, value in headers.items()}
    return Case(name, lambda body: _answer(status, make(_text(body)), JSON | more))


def _with(name: str, **fields: Any) -> Case:
    """The right object with other values in some fields."""
    return Case(f"{name}", lambda body: _answer(200, _text({**body, **fields})))


def _without(*fields: str) -> Case:
    kept: Callable[[Body], dict[str, Any]] = lambda body: {k: v for k, v in body.items() if k not in fields}  # noqa: E731
    return Case(f"without {', '.join(fields)}", lambda body: _answer(200, _text(kept(body))))


def _inside(name: str, wrap: Callable[[Body], object], status: int) -> Case:
    """The right object at a place where it means nothing."""
    return Case(f"{name}, {status}", lambda body: _answer(status, _text(wrap(body))))


def _twice(field: str, first: object) -> Case:
    """An object that names one field twice; the second is the right one, and most parsers would not see the first."""

    def spoil(body: Body) -> WireResponse:
        return _answer(200, b"{" + _text(field) + b": " + _text(first) + b", " + _text(body)[1:])

    return Case(f"{field} twice", spoil)


HTML = b"<!DOCTYPE html><html><body>Please sign in to this network.</body></html>"

TEXTS = [
    _raw("empty", lambda _: b""),
    _raw("blank", lambda _: b" \r\n"),
    _raw("HTML", lambda _: HTML, content_type="text/html"),
    _raw("HTML said to be JSON", lambda _: HTML),
    _raw("XML", lambda _: b"<?xml version='1.0'?><payment_intent><status>succeeded</status></payment_intent>"),
    _raw("a word", lambda _: b"succeeded"),
    _raw("null", lambda _: b"null"),
    _raw("true", lambda _: b"true"),
    _raw("a number", lambda _: b"200"),
    _raw("a text", lambda _: b'"succeeded"'),
    _raw("an empty object", lambda _: b"{}"),
    _raw("an empty array", lambda _: b"[]"),
    _raw("the object in an array", lambda raw: b"[" + raw + b"]"),
    _raw("the object as a text", lambda raw: json.dumps(raw.decode()).encode()),
    _raw("cut at a quarter", lambda raw: raw[: len(raw) // 4]),
    _raw("cut at a half", lambda raw: raw[: len(raw) // 2]),
    _raw("cut at three quarters", lambda raw: raw[: len(raw) * 3 // 4]),
    _raw("cut before its last byte", lambda raw: raw[:-1]),
    _raw("its second half", lambda raw: raw[len(raw) // 2 :]),
    _raw("something behind it", lambda raw: raw + b"}"),
    _raw("two objects", lambda raw: raw + b"\n" + raw),
    _raw("a call around it", lambda raw: b"callback(" + raw + b")"),
    _raw("a guard before it", lambda raw: b")]}',\n" + raw),
    _raw("single quotes", lambda raw: raw.replace(b'"', b"'")),
    _raw("a comma too many", lambda raw: raw[:-1] + b",}"),
    _raw("a comment", lambda raw: b"/* ok */" + raw),
    _raw("a byte order mark", lambda raw: b"\xef\xbb\xbf" + raw),
    _raw("UTF-16", lambda raw: raw.decode().encode("utf-16")),
    _raw("a byte that is no UTF-8", lambda raw: raw.replace(b'"object"', b'"x": "\xff", "object"', 1)),
    _raw("NUL bytes", lambda raw: raw + b"\0\0\0"),
    _raw("a raw control character in a text", lambda raw: raw.replace(b'"object"', b'"x": "\x01", "object"', 1)),
    _raw("still compressed", gzip.compress, content_encoding="gzip"),
    _raw("compressed garbage", lambda _: b"\x1f\x8b\x08\x00garbage", content_encoding="gzip"),
    _raw("form-encoded", lambda _: b"object=payment_intent&status=succeeded", content_type="text/plain"),
    _raw("an endless number", lambda raw: raw.replace(b'"object"', b'"x": ' + b"9" * 5000 + b', "object"', 1)),
    _raw("100,000 brackets", lambda _: b"[" * 100_000),
    _raw("nested 100,000 deep", lambda raw: raw[:-1] + b', "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
    _raw("10 MB and cut", lambda raw: raw[:-1] + b', "x": "' + b"x" * 10_000_000),
    _raw("10 MB of blanks", lambda _: b" " * 10_000_000 + b"{}"),
    _raw("NaN beside it", lambda raw: raw[:-1] + b', "x": NaN}'),
    _raw("Infinity beside it", lambda raw: raw[:-1] + b', "x": -Infinity}'),
    _raw("no content", lambda _: b"", 204),
    _raw("reset content", lambda _: b"", 205),
    _raw("partial content", lambda raw: raw[: len(raw) // 2], 206, content_range="bytes 0-99/200"),
]
# Texts that are not the object. All are answered with a 2xx.

STATUSES = [
    _raw(f"the object under {status}", lambda raw: raw, status, location="http://127.0.0.1:9/")
    for status in (100, 101, 103, 199, 300, 301, 302, 303, 304, 307, 308, 400, 402, 404, 409, 418, 424, 429, 500, 502,
                   503, 504, 599, 999)
]  # fmt: skip
# The very object, which under such a status is nobody's word. 401 and 403 stop the run or the account for themselves.

DEEP = [
    _inside("under data", lambda body: {"data": body}, 200),
    _inside("under object", lambda body: {"object": body}, 200),
    _inside("under result", lambda body: {"result": {"payment_intent": body}}, 200),
    _inside("in a list", lambda body: {"object": "list", "data": [body], "has_more": False, "url": "/"}, 200),
    _inside("as an event", lambda body: {"object": "event", "id": "evt_1", "data": {"object": body}}, 200),
    *(_inside("error a text", lambda _: {"error": "card_declined"}, status) for status in (200, 400, 402, 500)),
    *(_inside("error a list", lambda body: {"error": [body]}, status) for status in (200, 400, 402, 500)),
    *(_inside("error a number", lambda _: {"error": 402}, status) for status in (200, 402)),
    *(_inside("error null", lambda _: {"error": None}, status) for status in (200, 402)),
    *(_inside("error empty", lambda _: {"error": {}}, status) for status in (200, 500)),
    *(_inside("error is the object", lambda body: {"error": body}, status) for status in (200, 500)),
    *(_inside("error with the intent as a list", lambda body: {"error": {"payment_intent": [body]}}, status)
      for status in (200, 500)),
    _inside("error with the intent's id alone", lambda body: {"error": {"payment_intent": body.get("id")}}, 500),
    _inside("error in an error", lambda body: {"error": {"error": {"payment_intent": body}}}, 500),
    _inside("errors", lambda body: {"errors": [{"payment_intent": body}]}, 500),
    _inside("error with a setup intent", lambda body: {"error": {"setup_intent": body}}, 500),
    _inside("error with a charge", lambda body: {"error": {"charge": {**body, "paid": True}}}, 500),
    _inside("error with the intent under 200", lambda body: {"error": {"payment_intent": body}}, 200),
]  # fmt: skip
# Objects and errors in odd shapes.


def _in_error(name: str, **fields: Any) -> Case:
    """An error that carries a paid intent which is not ours, or not as it was asked for."""

    def spoil(body: Body) -> WireResponse:
        inner = {**body, "object": "payment_intent", "status": "succeeded", **fields}
        return _answer(500, _text({"error": {"type": "api_error", "message": "no", "payment_intent": inner}}))

    return Case(f"error with an intent of {name}", spoil)


IN_ERRORS = [
    _in_error("another id", id="pi_another"),
    _in_error("no id", id=None),
    _in_error("another kind", object="charge"),
    _in_error("another amount", amount=1),
    _in_error("another amount taken", amount_received=1),
    _in_error("another currency", currency="xxx"),
    _in_error("the other mode", livemode=True),
    _in_error("another item", metadata={"billing_item": "another"}),
    _in_error("no item", metadata={}),
    _in_error("no metadata", metadata=None),
    _in_error("a status that is no text", status=["succeeded"]),
    _in_error("a status nobody knows", status="paid"),
]
# Only errors to requests about a recorded intent can be believed at all; none of these may.

ANY_OBJECT = [
    _with("object null", object=None),
    _with("another kind of object", object="charge"),
    _with("kind in a list", object=["payment_intent"]),
    _with("kind in capitals", object="PAYMENT_INTENT"),
    _without("object"),
    _with("id null", id=None),
    _with("id empty", id=""),
    _with("id a number", id=7),
    _with("id in a list", id=["pi_1"]),
    _with("id of another kind", id="cus_1"),
    _with("id with a blank", id="pi_1 "),
    _with("id with a path", id="pi_1/../pi_2"),
    _with("id with a line break", id="pi_1\n"),
    _with("id endless", id="pi_" + "1" * 5000),
    _without("id"),
    _twice("object", "charge"),
    _twice("id", "pi_another"),
    _with("livemode true", livemode=True),
    _with("livemode null", livemode=None),
    _with("livemode a text", livemode="false"),
    _with("livemode 0", livemode=0),
]

INTENT = [
    _with("amount null", amount=None),
    _with("amount a text", amount="1099"),
    _with("amount true", amount=True),
    _with("amount negative", amount=-1099),
    _with("amount a cent off", amount=1098),
    _with("amount times 100", amount=109900),
    _with("amount huge", amount=10**400),
    _with("amount in a list", amount=[1099]),
    _raw("amount a decimal", lambda raw: _text(json.loads(raw) | {"amount": 1099.0})),
    _raw("amount NaN", lambda raw: _text(json.loads(raw) | {"amount": float("nan")})),
    _raw("amount infinite", lambda raw: _text(json.loads(raw) | {"amount": float("inf")})),
    _without("amount"),
    _twice("amount", 1),
    _with("currency null", currency=None),
    _with("currency in capitals", currency="USD"),
    _with("another currency", currency="xxx"),
    _without("currency"),
    _without("livemode"),
    _with("metadata null", metadata=None),
    _with("metadata empty", metadata={}),
    _with("metadata a list", metadata=[]),
    _with("metadata a text", metadata="billing_item"),
    _with("metadata of another item", metadata={"billing_item": "another"}),
    _with("metadata with a null item", metadata={"billing_item": None}),
    _with("metadata with a list for the item", metadata={"billing_item": ["item7"]}),
    _without("metadata"),
    _twice("metadata", {"billing_item": "another"}),
    _without("status"),
    _with("status null", status=None),
    _with("status a number", status=1),
    _with("status in a list", status=["succeeded"]),
    _with("status an object", status={"status": "succeeded"}),
    _twice("status", "requires_payment_method"),
    _with("amount received a text", amount_received="1099"),
    _with("amount received null", amount_received=None),
]

STATUS_WORDS = [
    _with(f"status {word!r}", status=word)
    for word in ("", "paid", "Succeeded", "SUCCEEDED", "succeeded ", "suсceeded", "success", "cancelled", "complete")
]
# Of an open only the id is believed, so these say nothing there.

PAID = [
    _with("amount received 0", status="succeeded", amount_received=0),
    _with("amount received a cent off", status="succeeded", amount_received=1098),
    _with("amount received too much", status="succeeded", amount_received=10990),
    _without("amount_received"),
]

CANCELLED = [_with("cancelled although money was received", amount_received=1099)]

CLONES = [
    _with("id of an intent", id="pi_1"),
    _with("id of a card", id="card_1"),
    _with("id of a source", id="src_1"),
    _with("an intent instead", object="payment_intent", id="pi_1"),
    _with("a customer instead", object="customer", id="cus_1"),
    _without("livemode"),
]

COMMON = [*TEXTS, *STATUSES, *DEEP, *ANY_OBJECT]
INTENTS = [*COMMON, *IN_ERRORS, *INTENT]
CASES: dict[str, list[Case]] = {
    "open": INTENTS,
    "clone": [*COMMON, *IN_ERRORS, *CLONES],
    "confirm": [*INTENTS, *STATUS_WORDS, *PAID],
    "read": [*INTENTS, *STATUS_WORDS, *PAID],
    "cancel": [*INTENTS, *STATUS_WORDS, *PAID[:-1], *CANCELLED],
}
"""The malformed replies to each request about an item."""

ITEM, INTENT_ID, CLONE_ID = "item7", "pi_1", "pm_1"
BEFORE = Expected(ITEM, 1099, "usd", False, None, None, 1)
AFTER = Expected(ITEM, 1099, "usd", False, INTENT_ID, CLONE_ID, 1)


def _intent(status: str) -> dict[str, Any]:
    return {
        "id": INTENT_ID,
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "amount_received": 1099 if status == "succeeded" else 0,
        "currency": "usd",
        "livemode": False,
        "metadata": {"billing_item": ITEM},
        "latest_charge": "ch_1",
    }


RIGHT: dict[str, tuple[Expected, dict[str, Any]]] = {
    "open": (BEFORE, _intent("requires_payment_method")),
    "clone": (BEFORE, {"id": CLONE_ID, "object": "payment_method", "livemode": False, "type": "card"}),
    "confirm": (AFTER, _intent("succeeded")),
    "read": (AFTER, _intent("succeeded")),
    "cancel": (AFTER, _intent("canceled")),
}
BELIEVED = (Made, Succeeded, Unsettled, Cancelled)
TABLE = [(asked, case) for asked, cases in CASES.items() for case in cases]


@pytest.mark.parametrize("asked", RIGHT)
def test_the_reply_that_was_asked_for_is_believed(asked: str):
    expected, body = RIGHT[asked]
    assert isinstance(classify(ASKED[asked], read_reply(_answer(200, _text(body))), expected), BELIEVED)


@pytest.mark.parametrize(("asked", "case"), TABLE, ids=[f"{asked}-{case.name}" for asked, case in TABLE])
def test_no_malformed_reply_is_taken_for_a_success(asked: str, case: Case):
    expected, body = RIGHT[asked]
    outcome = classify(ASKED[asked], read_reply(case.spoil(body)), expected)
    assert not isinstance(outcome, BELIEVED), outcome


@pytest.mark.parametrize("asked", CASES)
def test_every_request_has_its_table_of_different_replies(asked: str, record_property):
    replies = {(case.spoil(RIGHT[asked][1]).status, case.spoil(RIGHT[asked][1]).body) for case in CASES[asked]}
    assert len(replies) >= 50
    assert len({case.name for case in CASES[asked]}) == len(CASES[asked])
    record_property("evidence", f"malformed replies: {len(replies)}, 0 taken for success")
