"""From a reply to its outcome: one function and the tables it reads. When in doubt the answer is Lost, never a no.

Order of belief:
    1. no answer, or the answer to another request: it never left (Unsent) or nobody knows (Lost)
    2. 2xx: only an object that is exactly what was asked for; one that contradicts the item stops the run
    3. an error that shows our intent paid, cancelled or processing: the intent is believed first
    4. the error's own code, then its type, then its status
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from billing.core.declines import Decline, decline_of
from billing.core.exits import Exit
from billing.core.keys import Op
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
    Seen,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    UnsentWhy,
    Unsettled,
)
from billing.core.redaction import LONGEST_QUOTED, quoted
from billing.core.replies import Reply, WireFault

READ: Literal["read"] = "read"
Asked = Op | Literal["read"]

Rule = Callable[[Asked, Reply, Expected], Outcome]


def classify(asked: Asked, reply: Reply, expected: Expected) -> Outcome:
    """Return what ``reply`` to the request ``asked`` means for the item that ``expected`` describes."""
    if reply.fault is WireFault.NEVER_SENT:
        return Unsent(UnsentWhy.NETWORK, reply.detail, reply=reply)
    if reply.fault is WireFault.ANSWER_LOST or reply.status is None:
        return Lost(False, reply=reply)
    if reply.key not in ("", expected.key):
        return Lost(False, reply=reply)  # something on the way has mixed up two answers
    if 200 <= reply.status < 300:
        return _accepted(asked, reply, expected)
    believed = _intent_in_error(reply, expected)
    return believed or _rule_for(reply)(asked, reply, expected)


# --- 2xx ---------------------------------------------------------------------------------------------------------


def _accepted(asked: Asked, reply: Reply, expected: Expected) -> Outcome:
    """Return the outcome of a 2xx: success only for the very object that was asked for."""
    body = reply.body or {}
    if asked is Op.CLONE:
        return _cloned(body, reply, expected)
    if not _is_intent(body) or expected.object_id not in (None, body["id"]):
        return Lost(False, reply=reply)
    contradiction = _contradiction(body, expected)
    if contradiction:
        return Halt(Exit.STOPPED, contradiction, reply=reply)
    if asked is Op.OPEN:
        return Made(body["id"], reply=reply)
    final = _believed(body, reply)
    if final is not None:
        return final
    if asked is READ:
        return _trace(body, reply, expected)
    if asked is Op.CONFIRM and body["status"] == "requires_action" and not reply.replayed:
        return Declined(_authenticate(reply), reply=reply)
    return Undecided(LookWhy.REPLAYED if reply.replayed else LookWhy.STATE, reply=reply)


def _cloned(body: Mapping[str, Any], reply: Reply, expected: Expected) -> Outcome:
    """Return the outcome of a clone's 2xx."""
    item = expected.instrument_id
    if body.get("object") != "payment_method" or not _is_id(body.get("id"), _clone_id):
        return Lost(False, reply=reply)
    if item not in (None, body["id"]) or not isinstance(body.get("livemode"), bool):
        return Lost(False, reply=reply)
    metadata = body.get("metadata")
    bound = metadata.get("billing_item") if isinstance(metadata, Mapping) else None
    if bound not in (None, expected.item_id):
        return Lost(False, reply=reply)  # another item's clone: confirmed with it, another customer would pay
    if body["livemode"] != expected.livemode:
        return Halt(Exit.STOPPED, f"clone {body['id']}: livemode is {body['livemode']}", reply=reply)
    return Made(body["id"], reply=reply)


def _is_intent(body: Mapping[str, Any]) -> bool:
    """Tell whether ``body`` has everything an intent is believed by. ``bool`` is no amount although Python says so."""
    return (
        body.get("object") == "payment_intent"
        and _is_id(body.get("id"), _intent_id)
        and type(body.get("amount")) is int
        and isinstance(body.get("currency"), str)
        and isinstance(body.get("livemode"), bool)
        and isinstance(body.get("metadata"), Mapping)
        and isinstance(body.get("status"), str)
        and type(body.get("amount_received")) is int
    )


_intent_id = re.compile(r"pi_[A-Za-z0-9_]{1,250}").fullmatch
_clone_id = re.compile(r"pm_[A-Za-z0-9_]{1,250}").fullmatch


def _is_id(value: object, spelling: Callable[[str], re.Match[str] | None]) -> bool:
    """Tell whether ``value`` is an object id of this spelling."""
    return isinstance(value, str) and spelling(value) is not None


def _contradiction(intent: Mapping[str, Any], expected: Expected) -> str:
    """Return the sentence that says how the intent contradicts the item, or empty."""
    # What a final status says of the money must be so: all of it taken, or none ever. A fee that is not shown at all
    # contradicts nothing; none is shown as null, or as 0.
    taken = intent["amount_received"]
    if intent["status"] in FINAL_STATUSES:
        taken = expected.amount if intent["status"] == "succeeded" else 0
    shown = (
        intent["amount"],
        intent["currency"],
        intent["livemode"],
        intent["metadata"].get("billing_item"),
        intent["amount_received"],
        intent.get("application_fee_amount", expected.fee) or 0,
    )
    asked = (expected.amount, expected.currency, expected.livemode, expected.item_id, taken, expected.fee or 0)
    if shown == asked:
        return ""
    name, wrong, right = next(each for each in zip(COMPARED, shown, asked, strict=True) if each[1] != each[2])
    return f"intent {intent['id']}: {name} is {quoted(repr(wrong))}, asked for {right!r}"


def _believed(intent: Mapping[str, Any], reply: Reply) -> Outcome | None:
    """Return the outcome of a status that speaks for itself, or None. ``succeeded`` and ``canceled`` never change."""
    match intent["status"]:
        case "succeeded":
            return Succeeded(_seen(intent, reply), reply=reply)
        case "canceled":
            return Cancelled(_seen(intent, reply), reply=reply)
        case "processing" if not reply.replayed:
            return Unsettled(_seen(intent, reply), reply=reply)
        case _:
            return None


def _authenticate(reply: Reply) -> Decline:
    """Return the decline of an intent in ``requires_action``: off session nobody is there to authenticate."""
    return decline_of({"code": "authentication_required"}, None, reply.request_id)


def _expanded(value: object) -> Mapping[str, Any] | None:
    """Return an object that came whole, or None for a bare id and for nothing."""
    return value if isinstance(value, Mapping) else None


def _seen(intent: Mapping[str, Any], reply: Reply) -> Seen:
    """Return what the intent shows."""
    fee = intent.get("application_fee_amount")
    return Seen(
        intent=intent["id"],
        charge=_named(intent.get("latest_charge")),
        amount_received=intent["amount_received"],
        application_fee=fee if type(fee) is int else None,
        request_id=reply.request_id,
    )


def _named(value: object) -> str | None:
    """Return the id of an object that may come as its id, expanded, or not at all."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and value else None


def _trace(intent: Mapping[str, Any], reply: Reply, expected: Expected) -> Outcome:
    """Return what a read of an open intent shows of this attempt."""
    if intent["status"] not in OPEN_STATUSES:
        return Undecided(LookWhy.STATE, reply=reply)
    decline, payment_method = _last_decline(intent, reply)
    if decline is not None and _ours(payment_method, expected):
        return Declined(decline, reply=reply)
    return Unconfirmed(_seen(intent, reply), decline, reply=reply)


def _last_decline(intent: Mapping[str, Any], reply: Reply) -> tuple[Decline | None, object]:
    """Return the decline that an open intent shows, and the payment method it names; None when it shows none."""
    if intent["status"] == "requires_action":
        return _authenticate(reply), intent.get("payment_method")
    error = _expanded(intent.get("last_payment_error")) if intent["status"] == "requires_payment_method" else None
    if not error:
        return None, None
    charge = _expanded(intent.get("latest_charge"))
    return decline_of(error, charge, reply.request_id), error.get("payment_method")


def _ours(payment_method: object, expected: Expected) -> bool:
    """Tell whether a trace on the intent is this attempt's; a nameless one can only be the first attempt's."""
    name = _named(payment_method)
    return expected.attempt == 1 if name is None else name == expected.instrument_id


# --- errors ------------------------------------------------------------------------------------------------------


def _intent_in_error(reply: Reply, expected: Expected) -> Outcome | None:
    """Return the outcome of the intent an error carries, when it is ours and its status speaks for itself."""
    intent = _our_intent(reply, expected) if (reply.status or 0) >= 400 else None
    return None if intent is None else _believed(intent, reply)


def _our_intent(reply: Reply, expected: Expected) -> Mapping[str, Any] | None:
    """Return the recorded intent if the error carries it, whole and without contradiction."""
    intent = (reply.error or {}).get("payment_intent")
    if not isinstance(intent, Mapping) or not _is_intent(intent):
        return None
    if expected.object_id != intent["id"] or _contradiction(intent, expected):
        return None
    return intent


def _limited(_asked: Asked, reply: Reply, _expected: Expected) -> Outcome:
    # A throttle without a name is a rate limit of its endpoint. (edge/pacing/README.md, "What limits a run")
    return Unsent(UnsentWhy.LIMITED, reply.limited_reason or "endpoint-rate", reply.retry_after, reply=reply)


def _locked(_asked: Asked, reply: Reply, _expected: Expected) -> Outcome:
    return Unsent(UnsentWhy.LOCKED, "lock_timeout", reply.retry_after, reply=reply)


def _throttled(asked: Asked, reply: Reply, expected: Expected) -> Outcome:
    # A 429 of a limiter names its reason; without one the object was locked. A 429 that is not Stripe's own words
    # comes from something in front of it, and that limits too.
    limiter = reply.limited_reason or reply.error is None
    return (_limited if limiter else _locked)(asked, reply, expected)


def _busy(_asked: Asked, reply: Reply, _expected: Expected) -> Outcome:
    return Busy(reply=reply)


def _lost(asked: Asked, reply: Reply, _expected: Expected) -> Outcome:
    # The API stores its 5xx under the key for a day and would replay it; a proxy's 5xx is stored nowhere. Whether a new
    # one is stored cannot be seen, and of two ledgers one might think so and the other not: then an open under the next
    # key would be a second intent. So an open waits for the proof.
    answered = (reply.status or 0) >= 424 and (reply.error is not None or reply.request_id != "")
    stored = reply.replayed or (asked is not Op.OPEN and reply.should_retry is False)
    likely = answered and reply.should_retry is None and asked is not Op.OPEN
    return Lost(stored or likely, reply=reply)


def _declined(asked: Asked, reply: Reply, expected: Expected) -> Outcome:
    if asked is not Op.CONFIRM:
        return _refused(asked, reply, expected)  # no charge was asked for, so this is no decline of one
    if reply.replayed:
        return Undecided(LookWhy.REPLAYED, reply=reply)
    intent = _our_intent(reply, expected)
    if intent is None:
        return Undecided(LookWhy.NO_INTENT, reply=reply)  # a decline of what? Ours may be paid
    charge = _expanded(intent.get("latest_charge"))
    return Declined(decline_of(reply.error or {}, charge, reply.request_id), reply=reply)


def _refused(asked: Asked, reply: Reply, expected: Expected) -> Outcome:
    refused = _refusal(reply)
    if asked not in (Op.CONFIRM, Op.CANCEL):
        return refused
    if asked is Op.CONFIRM and refused.dead_clone:
        return Undecided(LookWhy.SPENT_CLONE, refused, reply=reply)
    intent = _our_intent(reply, expected)
    if intent is None:
        return Undecided(LookWhy.NO_INTENT, refused, reply=reply)
    if reply.replayed:
        return Undecided(LookWhy.REPLAYED, refused, reply=reply)
    untouched = isinstance(_trace(intent, reply, expected), Unconfirmed)
    if asked is Op.CANCEL or refused.code in STATE_CODES or not untouched:
        return Undecided(LookWhy.STATE, refused, reply=reply)
    return refused


def _forbidden(_asked: Asked, reply: Reply, _expected: Expected) -> Outcome:
    error = reply.error or {}
    if refuses_account(error):
        return _refusal(reply)
    return Halt(Exit.CREDENTIALS, lacking_permission(error), reply=reply)


def _bad_key(_asked: Asked, reply: Reply, _expected: Expected) -> Outcome:
    return Halt(Exit.CREDENTIALS, f"the provider refuses the key: {_refusal(reply).code}", reply=reply)


def _other_content(asked: Asked, reply: Reply, _expected: Expected) -> Outcome:
    if asked is Op.CONFIRM:
        return Undecided(LookWhy.KEY_USED, reply=reply)
    if asked in (Op.CLONE, Op.CANCEL):
        return Lost(True, reply=reply)  # neither moves money: the next key will do
    return Halt(Exit.STOPPED, KEY_USED, reply=reply)


def _refusal(reply: Reply) -> Refused:
    """Return the error as a refusal, with how far it reaches."""
    error = reply.error or {}
    of_account = refuses_account(error)
    named = error.get("decline_code") or error.get("code")
    code = str(named or (ACCOUNT_IN_WORDS if of_account else error.get("type")) or f"http_{reply.status}")
    return Refused(
        code=code,
        param=str(error.get("param") or ""),
        message=quoted(str(error.get("message") or "")),
        scope=Scope.ACCOUNT if of_account else Scope.ITEM,
        account_reason=code if of_account else "",
        dead_clone=_names_a_dead_clone(error),
        reply=reply,
    )


def refuses_account(error: Mapping[str, Any]) -> bool:
    """Tell whether an error is the connected account's and would meet every item of it.

    By its code; only an error without any is read by its words, because Stripe says some of this in words alone.
    """
    code = error.get("code")
    if code:
        return code in ACCOUNT_CODES
    return not error.get("param") and _account_in_words(str(error.get("message") or "")[:LONGEST_QUOTED]) is not None


def lacking_permission(error: Mapping[str, Any]) -> str:
    """Return what a person reads of a 403 that is not about an account: the permission by name, or Stripe's words."""
    message = quoted(str(error.get("message") or ""))
    permission = _permission_in_words(message)
    if permission:
        return f"the key lacks the permission {permission[1] or permission[2]}"
    return f"the key may not do this: {message or 'no reason was given'} ({error.get('code') or 'http_403'})"


def _names_a_dead_clone(error: Mapping[str, Any]) -> bool:
    """Tell whether a refusal is about the clone. Stripe's code for a spent one is not documented, its text is."""
    return (
        error.get("code") == "payment_method_unexpected_state"
        or error.get("param") == "payment_method"
        or "previously used with a PaymentIntent" in str(error.get("message"))
    )


def _rule_for(reply: Reply) -> Rule:
    """Return the row for an error: by code, then by type, then by status. What is in no table is Lost."""
    status, error = reply.status or 0, reply.error
    if error is None:
        # Not Stripe's own words: a proxy, a captive portal, a cut answer.
        return _throttled if status == 429 else _lost
    if status >= 500 or status not in BY_STATUS:
        return _lost
    code, kind = error.get("code"), error.get("type")
    if isinstance(code, str) and code in BY_CODE:
        return BY_CODE[code]
    if kind == "idempotency_error" and status in (400, 404):
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

COMPARED = ("amount", "currency", "livemode", "metadata.billing_item", "amount_received", "application_fee_amount")
# What an intent must agree with before it is believed.

FINAL_STATUSES = frozenset({"succeeded", "canceled"})
# They never change at the provider.

OPEN_STATUSES = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
# The intent holds no money and nothing at the bank, and a confirm may still be taken.

STATE_CODES = frozenset({"payment_intent_unexpected_state", "intent_invalid_state"})
# The intent is not where the request needs it: whatever moved it, a read tells.

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
