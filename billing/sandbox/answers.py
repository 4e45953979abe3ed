"""Answers as bytes: JSON bodies, the usual headers, and what each fault makes of a true answer."""

import json
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import assert_never

import orjson

from billing.core.wire import WireResponse
from billing.sandbox.faults import HTML, PORTAL, Fault, FaultKind
from billing.sandbox.refusals import Obj, Refusal, internal_error, key_in_use, limited, locked, refusal
from billing.sandbox.world import API_VERSION

JSON = "application/json"


CORS = {  # the payer's browser talks to the provider itself
    "access-control-allow-origin": "*", "access-control-allow-methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type, idempotency-key, stripe-account, stripe-version",
    "access-control-expose-headers": "Request-Id, Stripe-Manage-Version", "access-control-max-age": "300",
}  # fmt: skip


@lru_cache(maxsize=8)
def http_date(seconds: int) -> str:
    """The ``Date`` header of a moment."""
    return formatdate(seconds, usegmt=True)


def usual_headers(request_id: str, seconds: int) -> dict[str, str]:
    """What every answer of the provider carries."""
    return {
        "server": "nginx", "date": http_date(seconds), "content-type": JSON, "request-id": request_id,
        "stripe-version": API_VERSION, "access-control-allow-origin": "*",
    }  # fmt: skip


def encode(value: object) -> str:
    """JSON without a blank. (A text: the bytes of the encoder take several times their length.)"""
    return orjson.dumps(value).decode()


def answer(status: int, body: Obj, headers: Mapping[str, str]) -> WireResponse:
    """A JSON answer."""
    return WireResponse(status, headers, encode(body).encode())


def refused(said: Refusal, headers: dict[str, str]) -> WireResponse:
    """An error answer."""
    return answer(said.status, {"error": said.error}, headers | said.headers)


def faulty(fault: Fault, true: WireResponse | None, headers: dict[str, str]) -> WireResponse | None:  # noqa: C901  one line per fault
    """What the sender receives; ``true`` is the provider's own answer where the request was carried out."""
    plain = {name: headers[name] for name in ("server", "date")} | {"content-type": "text/html"}
    extra = headers | dict(fault.headers)
    match fault.kind:
        case FaultKind.REFUSED | FaultKind.LOST_BEFORE | FaultKind.LATE | FaultKind.LOST_AFTER:
            return None
        case (
            FaultKind.STORED_500_DONE
            | FaultKind.STORED_500_UNDONE
            | FaultKind.PASSING_500_DONE
            | FaultKind.PASSING_500_UNDONE
            | FaultKind.CUT_BODY
            | FaultKind.HANG
            | FaultKind.SLOW
        ):
            return true
        case FaultKind.BAD_GATEWAY_DONE | FaultKind.BAD_GATEWAY_UNDONE:
            return WireResponse(502, plain, HTML)
        case FaultKind.RATE_LIMITED:
            return refused(limited(fault.reason), extra)
        case FaultKind.LOCK_TIMEOUT:
            return refused(locked(), extra)
        case FaultKind.THROTTLED_400:
            return refused(refusal("You are making requests too quickly.", code="rate_limit"), extra)
        case FaultKind.KEY_IN_USE:
            return refused(key_in_use("of this request"), extra)
        case FaultKind.UNAVAILABLE_503:
            return refused(refusal("The service is unavailable.", status=503, kind="api_error"), extra)
        case FaultKind.DEPENDENCY_424:
            return refused(refusal("An external dependency failed.", status=424, kind="api_error"), extra)
        case FaultKind.WRONG_OBJECT:
            return answer(200, {"id": "cus_1WrongObject", "object": "customer", "livemode": False}, extra)
        case FaultKind.EMPTY_200:
            return WireResponse(200, extra, b"")
        case FaultKind.HTML_200:
            return WireResponse(200, plain, PORTAL)
        case FaultKind.REDIRECT:
            return WireResponse(302, plain | {"location": "http://127.0.0.1:9/elsewhere"}, b"")
        case FaultKind.PATCHED:
            return _patched(true, fault.patch)
        case FaultKind.CANNED:
            return WireResponse(fault.status, extra, fault.body)
        case _:
            assert_never(fault.kind)


def _patched(true: WireResponse | None, patch: Mapping[str, object]) -> WireResponse | None:
    """The true answer with other values in some fields; an error answer stays as it is."""
    if true is None or true.status >= 300:
        return true
    return WireResponse(true.status, true.headers, encode(json.loads(true.body) | dict(patch)).encode())


def server_error(headers: dict[str, str]) -> WireResponse:
    """The 500 that may hide anything."""
    return refused(internal_error(), headers)
