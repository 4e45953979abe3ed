"""From a reply to its outcome: what an error, or no answer, means for every request. When in doubt the answer is Lost.

Order of belief:
    1. no answer, or the answer to another request: it never left (Unsent) or nobody knows (Lost)
    2. 2xx: only an object that is exactly what was asked for; one that contradicts the item stops the run
    3. an error that shows the item's object at an end: the object is believed first
    4. the error's own code, then its type, then its status

What an object shows, in 2 and 3, is the call's to read (`core.objects`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from billing.core.calls import Call
from billing.core.exits import Exit
from billing.core.outcomes import (
    Busy,
    Declined,
    Expected,
    Halt,
    LookWhy,
    Lost,
    Outcome,
    Refused,
    Scope,
    Undecided,
    Unsent,
    UnsentWhy,
)
from billing.core.redaction import LONGEST_QUOTED, quoted
from billing.core.replies import Reply, WireFault

Rule = Callable[[Call, Reply, Expected], Outcome]


def classify(call: Call, reply: Reply, expected: Expected) -> Outcome:
    """Return what ``reply`` to ``call`` means for the item that ``expected`` describes."""
    if reply.fault is WireFault.NEVER_SENT:
        return Unsent(UnsentWhy.NETWORK, reply.detail, reply=reply)
    if reply.fault is WireFault.ANSWER_LOST or reply.status is None:
        return Lost(False, reply=reply)
    if reply.key not in ("", expected.key):
        return Lost(False, reply=reply)  # something on the way has mixed up two answers
    if 200 <= reply.status < 300:
        return call.reads.accepted(reply, expected)
    believed = call.reads.in_error(reply, expected) if reply.status >= 400 else None
    return believed or _rule_for(reply)(call, reply, expected)


def _limited(_call: Call, reply: Reply, _expected: Expected) -> Outcome:
    # A throttle without a name is a rate limit of its endpoint. (edge/pacing/README.md, "What limits a run")
    return Unsent(UnsentWhy.LIMITED, reply.limited_reason or "endpoint-rate", reply.retry_after, reply=reply)


def _locked(_call: Call, reply: Reply, _expected: Expected) -> Outcome:
    return Unsent(UnsentWhy.LOCKED, "lock_timeout", reply.retry_after, reply=reply)


def _throttled(call: Call, reply: Reply, expected: Expected) -> Outcome:
    # A 429 of a limiter names its reason; without one the object was locked. A 429 that is not Stripe's own words
    # comes from something in front of it, and that limits too.
    limiter = reply.limited_reason or reply.error is None
    return (_limited if limiter else _locked)(call, reply, expected)


def _busy(_call: Call, reply: Reply, _expected: Expected) -> Outcome:
    return Busy(reply=reply)


def _lost(call: Call, reply: Reply, _expected: Expected) -> Outcome:
    # The API stores its 5xx under the key for a day and would replay it; a proxy's 5xx is stored nowhere. Whether a new
    # one is stored cannot be seen, and of two ledgers one might think so and the other not: then an open under the next
    # key would be a second intent. So what must be made once waits for the proof.
    answered = (reply.status or 0) >= 424 and (reply.error is not None or reply.request_id != "")
    stored = reply.should_retry is False or (answered and reply.should_retry is None)
    return Lost(reply.replayed or (stored and not call.op.single), reply=reply)


def _declined(call: Call, reply: Reply, expected: Expected) -> Outcome:
    if not call.op.decisive:
        return _refused(call, reply, expected)  # no money was asked for, so this is no decline of any
    if reply.replayed:
        return Undecided(LookWhy.REPLAYED, reply=reply)
    decline = call.reads.declined(reply, expected)
    return Undecided(LookWhy.NO_INTENT, reply=reply) if decline is None else Declined(decline, reply=reply)


def _refused(call: Call, reply: Reply, expected: Expected) -> Outcome:
    if call.of_platform and refuses_account(reply.error or {}):
        return _barred(reply)
    refused = _refusal(call, reply)
    why = call.reads.doubts(refused, reply, expected) if call.op.looks else None
    return refused if why is None else Undecided(why, refused, reply=reply)


def _forbidden(call: Call, reply: Reply, _expected: Expected) -> Outcome:
    # How far it reaches is the call's: what bars a connected account leaves the others, the platform itself has none.
    if refuses_account(reply.error or {}) and not call.of_platform:
        return _refusal(call, reply)
    return _barred(reply)


def _barred(reply: Reply) -> Outcome:
    error = reply.error or {}
    words = lacking_permission(error)
    if refuses_account(error):
        words = f"the platform's own account is refused: {quoted(str(error.get('message') or ''))} ({_code(reply)})"
    return Halt(Exit.CREDENTIALS, words, reply=reply)


def _bad_key(_call: Call, reply: Reply, _expected: Expected) -> Outcome:
    return Halt(Exit.CREDENTIALS, f"the provider refuses the key: {_code(reply)}", reply=reply)


def _other_content(call: Call, reply: Reply, _expected: Expected) -> Outcome:
    if call.op.decisive or (call.op.single and call.op.looks):
        return Undecided(LookWhy.KEY_USED, reply=reply)
    if call.op.single or not call.op.changes:
        return Halt(Exit.STOPPED, KEY_USED, reply=reply)
    return Lost(True, reply=reply)  # it moves no money: the next key will do


def _refusal(call: Call, reply: Reply) -> Refused:
    """Return the error as a refusal, with how far it reaches."""
    error, code = reply.error or {}, _code(reply)
    of_account = refuses_account(error)
    return Refused(
        code=code,
        param=str(error.get("param") or ""),
        message=quoted(str(error.get("message") or "")),
        scope=Scope.ACCOUNT if of_account else Scope.ITEM,
        account_reason=code if of_account else "",
        dead_clone=call.reads.blames_instrument(error),
        reply=reply,
    )


def _code(reply: Reply) -> str:
    """Return the code of an error, or what stands for it."""
    error = reply.error or {}
    named = error.get("decline_code") or error.get("code")
    return str(named or (ACCOUNT_IN_WORDS if refuses_account(error) else error.get("type")) or f"http_{reply.status}")


def refuses_account(error: Mapping[str, Any]) -> bool:
    """Tell whether an error is the connected account's and would meet every item of it.

    By its code; only an error without any is read by its words, because Stripe says some of this in words alone.
    """
    code = error.get("code")
    if code:
        return isinstance(code, str) and code in ACCOUNT_CODES
    return not error.get("param") and _account_in_words(str(error.get("message") or "")[:LONGEST_QUOTED]) is not None


def lacking_permission(error: Mapping[str, Any]) -> str:
    """Return what a person reads of a 403 that is not about an account: the permission by name, or Stripe's words."""
    message = quoted(str(error.get("message") or ""))
    permission = _permission_in_words(message)
    if permission:
        return f"the key lacks the permission {permission[1] or permission[2]}"
    return f"the key may not do this: {message or 'no reason was given'} ({error.get('code') or 'http_403'})"


def _rule_for(reply: Reply) -> Rule:
    """Return the row for an error: by code, then by type, then by status. What is in no table is Lost."""
    status, error = reply.status or 0, reply.error
    if error is None:
        # Not Stripe's own words: a proxy, a captive portal, a cut answer.
        return _throttled if status == 429 else _lost
    if status >= 500 or status not in BY_STATUS:
        return _lost
    code, error_type = error.get("code"), error.get("type")
    if isinstance(code, str) and code in BY_CODE:
        return BY_CODE[code]
    if error_type == "idempotency_error" and status in (400, 404):
        return _other_content
    if status == 400 and "too quickly" in str(error.get("message")):
        return _limited  # Stripe has throttles without a code (stripe/stripe-node#2223)
    return BY_STATUS[status]


ACCOUNT_CODES = frozenset(
    {
        "account_invalid",
        "application_fees_not_allowed",
        "capability_not_active",
        "not_allowed_on_standard_account",
        "testmode_charges_only",
        "transfers_not_allowed",
    }
)
# Refusals that hold for every item of the connected account (docs.stripe.com/error-codes). Any other 403 is the key's.

ACCOUNT_IN_WORDS = "account_cannot_charge"
# Stands for the code where Stripe gives none.

_account_in_words = re.compile(
    r"does not have access to account|application access may have been revoked"
    r"|(?<!bank )\baccount\b[^.]{0,80}\b(?:cannot|can't|can not|may not|is unable to|is not able to)\b[^.]{0,40}"
    r"\b(?:charges?|payments?)\b"
    r"|(?<!bank )\baccount\b[^.]{0,60}\b(?:is|has been|was) (?:currently )?"
    r"(?:rejected|closed|disabled|deactivated|suspended|restricted|under review|not (?:yet )?(?:activated|enabled))\b"
    r"|\bactivate your (?:stripe )?account\b",
    re.IGNORECASE,
).search

_permission_in_words = re.compile(r"\b(rak_[a-z_]+)|'([a-z_]+_(?:read|write))'").search

KEY_USED = "its idempotency key was used before with other content; nothing was charged by it"
# Another ledger holds the same obligation with other content, or content on record was changed by hand.

BY_CODE: dict[str, Rule] = {
    "idempotency_key_in_use": _busy,
    "lock_timeout": _locked,
    "rate_limit": _limited,
    "api_key_expired": _bad_key,
    "platform_api_key_expired": _bad_key,
    "secret_key_required": _bad_key,
    "livemode_mismatch": _bad_key,
}

BY_STATUS: dict[int, Rule] = {
    400: _refused,
    401: _bad_key,
    402: _declined,
    403: _forbidden,
    404: _refused,
    409: _busy,
    424: _lost,
    429: _throttled,
}
