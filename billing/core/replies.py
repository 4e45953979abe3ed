"""What came back for one request, before anybody decides what it means."""

import json
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from billing.core.wire import WireResponse


class WireFault(Enum):
    """Whether an answer came at all and, if none did, whether the request can have been executed."""

    NONE = "none"
    NEVER_SENT = "never_sent"
    ANSWER_LOST = "answer_lost"


class Reply(NamedTuple):
    """One answer of the provider, or its absence. A tuple, because one is made for every request (0.5 us, not 1.4).

    Attributes:
        status: the HTTP status, or None when no complete answer came.
        body: the decoded JSON object, or None when the answer was anything else; never printed, it may name a payer.
        request_id: the provider's id of the request, or empty.
        replayed: it is the stored answer of an earlier request with the same idempotency key.
        should_retry: the provider's own advice (``Stripe-Should-Retry``), or None when it gave none.
        limited_reason: which limiter said no (``Stripe-Rate-Limited-Reason``), or empty.
        retry_after: seconds the provider asks to wait, or None.
        date: the provider's clock (``Date`` header) in epoch seconds, or None.
        key: the idempotency key of the request that was answered, or empty when the answer does not say.
        fault: why no answer came.
        detail: the class name of that failure, never its text.
    """

    status: int | None
    body: Mapping[str, Any] | None = None
    request_id: str = ""
    replayed: bool = False
    should_retry: bool | None = None
    limited_reason: str = ""
    retry_after: float | None = None
    date: float | None = None
    key: str = ""
    fault: WireFault = WireFault.NONE
    detail: str = ""

    def __repr__(self) -> str:
        """All but the body."""
        shown = [f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True) if name != "body"]
        return f"Reply({', '.join(shown)})"

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The provider's error object, or None when the body holds none."""
        error = (self.body or {}).get("error")
        return error if isinstance(error, Mapping) else None

    @property
    def reached(self) -> bool | None:
        """The provider answered and was able to work: its own words, below status 500.

        None for a server error that is replayed under a key: it tells of the time when the key was first sent, neither
        of an outage now nor of its end.
        """
        if self.status is None or self.body is None:
            return False
        if self.status >= 500:
            return None if self.replayed else False
        return True


_ADVICE = {"true": True, "false": False}


def read_reply(response: WireResponse) -> Reply:
    """Return what ``response`` says. Nothing in it can make this fail: what cannot be read counts as absent."""
    headers = response.headers
    return Reply(
        status=response.status,
        body=_json_object(response.body),
        request_id=headers.get("request-id", ""),
        replayed=headers.get("idempotent-replayed", "").lower() == "true",
        should_retry=_ADVICE.get(headers.get("stripe-should-retry", "").lower()),
        limited_reason=headers.get("stripe-rate-limited-reason", ""),
        retry_after=_seconds(headers.get("retry-after", "")),
        date=_epoch(headers.get("date", "")),
        key=headers.get("idempotency-key", ""),
    )


def no_reply(fault: WireFault, detail: str) -> Reply:
    """Return the absence of an answer; ``detail`` is the class name of the failure."""
    return Reply(status=None, fault=fault, detail=detail)


def _json_object(raw: bytes) -> Mapping[str, Any] | None:
    """Return the decoded object, or None for HTML, lists, cut text and whatever else is no JSON object."""
    try:
        text = raw.decode("utf-8").strip(_BLANKS)
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if end == len(text) and isinstance(value, dict) else None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; one that names a field twice says two things, and which one holds nobody knows."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _no_number(name: str) -> None:
    """NaN and Infinity are Python's JSON, not the provider's."""
    raise ValueError(f"{name} is no JSON")


_BLANKS = " \t\n\r"  # all that JSON knows; ``decode`` would look for them by two regular expressions
_DECODER = json.JSONDecoder(object_pairs_hook=_each_once, parse_constant=_no_number)


def _seconds(text: str) -> float | None:
    """Return a ``Retry-After`` in whole seconds; its date form is not used by Stripe and counts as absent."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


EARLIEST, LATEST = 1e9, 1e10
# A date outside of 2001 to 2286 is nobody's clock: ages counted by it would be nonsense, and calendars end.


@lru_cache(maxsize=64)
def _epoch(text: str) -> float | None:
    """Return an HTTP date as epoch seconds, or None. All answers of one second carry the same."""
    try:
        moment = parsedate_to_datetime(text)
        epoch = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return epoch if EARLIEST < epoch < LATEST else None
