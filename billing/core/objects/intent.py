"""What an intent shows of its item: in the answer to a request, inside an error, and on a read. When in doubt, Lost."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from billing.core.calls import Reads
from billing.core.declines import Decline, decline_of
from billing.core.exits import Exit
from billing.core.outcomes import (
    Cancelled,
    Declined,
    Expected,
    Halt,
    LookWhy,
    Lost,
    Made,
    Outcome,
    Refused,
    Seen,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsettled,
)
from billing.core.redaction import quoted
from billing.core.replies import Reply

# --- in the answer to a request --------------------------------------------------------------------------------------

Shown = Callable[[Mapping[str, Any], Reply, Expected], Outcome]


def _asked_for(shown: Shown) -> Callable[[Reply, Expected], Outcome]:
    """Return how a 2xx is read in which ``shown`` is believed of the very intent that was asked for, and of no other.

    One that contradicts the item stops the run.
    """

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        body = reply.body or {}
        if not _is_intent(body) or expected.object_id not in (None, body["id"]):
            return Lost(False, reply=reply)
        contradiction = _contradiction(body, expected)
        return Halt(Exit.STOPPED, contradiction, reply=reply) if contradiction else shown(body, reply, expected)

    return accepted


def _opened(intent: Mapping[str, Any], reply: Reply, _expected: Expected) -> Outcome:
    return Made(intent["id"], reply=reply)


def _confirmed(intent: Mapping[str, Any], reply: Reply, expected: Expected) -> Outcome:
    if intent["status"] == "requires_action" and not reply.replayed:
        return Declined(_authenticate(reply), reply=reply)
    return _cancelled(intent, reply, expected)


def _cancelled(intent: Mapping[str, Any], reply: Reply, _expected: Expected) -> Outcome:
    why = LookWhy.REPLAYED if reply.replayed else LookWhy.STATE
    return _believed(intent, reply) or Undecided(why, reply=reply)


def _read(intent: Mapping[str, Any], reply: Reply, expected: Expected) -> Outcome:
    return _believed(intent, reply) or _trace(intent, reply, expected)


# --- what it shows ---------------------------------------------------------------------------------------------------


def _is_intent(body: Mapping[str, Any]) -> bool:
    """Tell whether ``body`` has everything an intent is believed by. ``bool`` is no amount although Python says so."""
    return (
        body.get("object") == "payment_intent"
        and _is_id(body.get("id"))
        and type(body.get("amount")) is int
        and isinstance(body.get("currency"), str)
        and isinstance(body.get("livemode"), bool)
        and isinstance(body.get("metadata"), Mapping)
        and isinstance(body.get("status"), str)
        and type(body.get("amount_received")) is int
    )


_intent_id = re.compile(r"pi_[A-Za-z0-9_]{1,250}").fullmatch


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _intent_id(value) is not None


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


# --- inside an error -------------------------------------------------------------------------------------------------


def in_error(reply: Reply, expected: Expected) -> Outcome | None:
    """Return the outcome of the intent an error carries, when it is ours and its status speaks for itself."""
    intent = _our_intent(reply, expected)
    return None if intent is None else _believed(intent, reply)


def _our_intent(reply: Reply, expected: Expected) -> Mapping[str, Any] | None:
    """Return the recorded intent if the error carries it, whole and without contradiction."""
    intent = (reply.error or {}).get("payment_intent")
    if not isinstance(intent, Mapping) or not _is_intent(intent):
        return None
    if expected.object_id != intent["id"] or _contradiction(intent, expected):
        return None
    return intent


def _declined(reply: Reply, expected: Expected) -> Decline | None:
    """Return the decline that a 402 is, or None when it does not show of what: ours may be paid."""
    intent = _our_intent(reply, expected)
    if intent is None:
        return None
    return decline_of(reply.error or {}, _expanded(intent.get("latest_charge")), reply.request_id)


def _cancel_in_doubt(_refused: Refused, reply: Reply, expected: Expected) -> LookWhy:
    """Return why the refusal of a cancel is never believed: something has happened to the intent, or still does."""
    if _our_intent(reply, expected) is None:
        return LookWhy.NO_INTENT
    return LookWhy.REPLAYED if reply.replayed else LookWhy.STATE


def _confirm_in_doubt(refused: Refused, reply: Reply, expected: Expected) -> LookWhy | None:
    """Return why the refusal of a confirm is not believed, unless it shows our intent without a trace of a charge."""
    if refused.dead_clone:
        return LookWhy.SPENT_CLONE
    intent = _our_intent(reply, expected)
    if intent is None or reply.replayed or refused.code in STATE_CODES:
        return _cancel_in_doubt(refused, reply, expected)
    return None if isinstance(_trace(intent, reply, expected), Unconfirmed) else LookWhy.STATE


def blames_method(error: Mapping[str, Any]) -> bool:
    """Tell whether a refusal is about the clone. Stripe's code for a spent one is not documented, its text is."""
    return (
        error.get("code") == "payment_method_unexpected_state"
        or error.get("param") == "payment_method"
        or "previously used with a PaymentIntent" in str(error.get("message"))
    )


COMPARED = ("amount", "currency", "livemode", "metadata.billing_item", "amount_received", "application_fee_amount")
# What an intent must agree with before it is believed.

FINAL_STATUSES = frozenset({"succeeded", "canceled"})
# They never change at the provider.

OPEN_STATUSES = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
# The intent holds no money and nothing at the bank, and a confirm may still be taken.

STATE_CODES = frozenset({"payment_intent_unexpected_state", "intent_invalid_state"})
# The intent is not where the request needs it: whatever moved it, a read tells.

OPENED = Reads(_asked_for(_opened), in_error, blames_instrument=blames_method)
CONFIRMED = Reads(_asked_for(_confirmed), in_error, _declined, _confirm_in_doubt, blames_method)
CANCELLED = Reads(_asked_for(_cancelled), in_error, doubts=_cancel_in_doubt, blames_instrument=blames_method)
READ = Reads(_asked_for(_read), in_error, blames_instrument=blames_method)
# How the answers to an open, a confirm, a cancel and a read are read.
