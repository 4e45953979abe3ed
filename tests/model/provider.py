"""Stripe's side: what an arriving request does to an intent, and the answer as the shipped code reads it.

A status is two characters: ``O`` opened, ``D`` declined, ``P`` processing, ``A`` waiting for the payer, ``S``
succeeded, ``R`` succeeded and taken back by the bank, ``X`` cancelled; then the clone it was confirmed with, ``-`` for
none and ``?`` for one that is not named.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from billing.core.classify import classify
from billing.core.outcomes import Cancelled, Declined, Expected, LookWhy, Refused, Succeeded, Unconfirmed, Undecided
from billing.core.outcomes import Unsettled as Processing
from billing.core.replies import Reply
from tests.asked import CANCEL, CONFIRM, READ
from tests.model.rules import Rules

OPENED, PAID, RETURNED, CANCELLED = "O-", "S-", "R-", "X-"
MAX_INTENTS = 2
NAMES = {"D": "requires_payment_method", "O": "requires_payment_method", "P": "processing", "A": "requires_action"}
NAMES |= {"S": "succeeded", "R": "succeeded", "X": "canceled"}
TAKEN = "SR"
ITEM, AMOUNT, CURRENCY = "item", 100, "usd"

Answer = tuple[str, str]
# How it is answered (``200``, ``402``, ``400``, ``spent``, ``wrong``) and the status of the intent inside.


class Stripe(NamedTuple):
    """What Stripe holds of one item.

    Attributes:
        intents: their statuses, in the order of creation.
        past: per intent, the earlier statuses a stale read may still show.
        spent: clones that no confirm accepts any more.
        keys: (key, first answer) of confirms and cancels, if there is a key store.
    """

    intents: tuple[str, ...] = ()
    past: tuple[tuple[str, ...], ...] = ()
    spent: tuple[int, ...] = ()
    keys: tuple[tuple[int, Answer], ...] = ()

    def paid(self) -> int:
        """Return how many intents have taken money, whatever became of it."""
        return sum(status[0] in TAKEN for status in self.intents)


Arrived = tuple[Stripe, Answer]
CANCEL_KEY = 0
# The key of a confirm is its clone's number. A clone is numbered like its attempt, from 1.


def moved(stripe: Stripe, intent: int, status: str, rules: Rules) -> Stripe:
    """Return Stripe after one intent changed its status."""
    at = intent - 1
    was = stripe.intents[at]
    intents = (*stripe.intents[:at], status, *stripe.intents[intent:])
    past = stripe.past
    if was != status and _worth_remembering(was, rules):
        seen = tuple(sorted({*past[at], was}))
        past = (*past[:at], seen, *past[intent:])
    return stripe._replace(intents=intents, past=past)


def _worth_remembering(status: str, rules: Rules) -> bool:
    return rules.stale == "any" or (rules.stale == "open" and status[0] != "P")


def opened(stripe: Stripe) -> Iterator[tuple[int, Stripe]]:
    """Yield what the arrival of an open may lead to: a new intent or, at the bound, one that exists."""
    count = len(stripe.intents)
    if count < MAX_INTENTS:
        yield count + 1, stripe._replace(intents=(*stripe.intents, OPENED), past=(*stripe.past, ()))
    else:
        for intent in range(1, count + 1):
            yield intent, stripe


def listed(stripe: Stripe) -> Iterator[int]:
    """Yield what ``flow.kinds.charge.find.Finder`` may come back with first: a list may lag, so that is any intent."""
    yield from range(1, len(stripe.intents) + 1)


def confirmed(stripe: Stripe, intent: int, clone: int, rules: Rules) -> list[Arrived]:
    """Return what the arrival of a confirm may do, with its answer."""
    return _replayed(stripe, clone) or _keeping(stripe, clone, rules, _executed(stripe, intent, clone, rules))


def _replayed(stripe: Stripe, key: int) -> list[Arrived]:
    """Return the one thing that an arrival under a known key leads to: the answer of the first one, and no more."""
    return [(stripe, ("replayed " + how, status)) for item, (how, status) in stripe.keys if item == key]


def _keeping(stripe: Stripe, key: int, rules: Rules, arrived: Iterable[Arrived]) -> list[Arrived]:
    """Return what an arrival led to, with its answer kept under its key if there is a key store."""
    if rules.keys == "none":
        return list(arrived)
    return [(after._replace(keys=tuple(sorted((*stripe.keys, (key, answer))))), answer) for after, answer in arrived]


def _executed(stripe: Stripe, intent: int, clone: int, rules: Rules) -> Iterator[Arrived]:
    status = stripe.intents[intent - 1]
    if status[0] in f"{TAKEN}XP":
        yield stripe, ("400", status)
        return
    if clone in stripe.spent:
        yield stripe, ("spent", status)
        return
    paid = spend(stripe, clone, rules.spent != "never")
    unpaid = spend(stripe, clone, rules.spent == "always")
    yield moved(paid, intent, PAID, rules), ("200", PAID)
    if rules.declines:
        yield moved(unpaid, intent, f"D{clone}", rules), ("402", f"D{clone}")
    if rules.declines and rules.nameless:
        yield moved(unpaid, intent, "D?", rules), ("402", "D?")
    if rules.debits:
        yield moved(paid, intent, f"P{clone}", rules), ("200", f"P{clone}")
    if rules.payer:
        yield moved(unpaid, intent, f"A{clone}", rules), ("200", f"A{clone}")
    if rules.refusals:
        yield stripe, ("wrong", status)


def spend(stripe: Stripe, clone: int, really: bool) -> Stripe:
    """Return Stripe after a confirm that spends its clone, or does not."""
    return stripe._replace(spent=tuple(sorted({*stripe.spent, clone}))) if really else stripe


def cancelled(stripe: Stripe, intent: int, rules: Rules) -> list[Arrived]:
    """Return what the arrival of a cancel may do. Until when a processing intent can be cancelled is not documented."""
    return _replayed(stripe, CANCEL_KEY) or _keeping(stripe, CANCEL_KEY, rules, _fenced(stripe, intent, rules))


def _fenced(stripe: Stripe, intent: int, rules: Rules) -> Iterator[Arrived]:
    status = stripe.intents[intent - 1]
    if status[0] in f"{TAKEN}XP":
        yield stripe, ("400", status)
    if status[0] not in f"{TAKEN}X":
        yield moved(stripe, intent, CANCELLED, rules), ("200", CANCELLED)


def answered_by_bank(stripe: Stripe, intent: int, rules: Rules) -> Iterator[tuple[str, Stripe]]:
    """Yield what the bank or the payer may do to an intent that waits for them."""
    status = stripe.intents[intent - 1]
    if status[0] in "PA":
        who = "the bank" if status[0] == "P" else "the payer"
        yield f"{who} pays intent {intent}", moved(stripe, intent, PAID, rules)
        if status[0] == "A" and rules.debits:
            yield f"the payer starts a debit of intent {intent}", moved(stripe, intent, f"P{status[1]}", rules)
        yield f"{who} refuses intent {intent}", moved(stripe, intent, f"D{status[1]}", rules)
        if rules.nameless:
            yield f"{who} refuses intent {intent}, no clone named", moved(stripe, intent, "D?", rules)


def taken_back(stripe: Stripe, intent: int, rules: Rules) -> Iterator[tuple[str, Stripe]]:
    """Yield what the bank may do to a debit that has succeeded; the intent shows nothing of it."""
    if rules.returns and stripe.intents[intent - 1] == PAID:
        yield f"the bank takes the money of intent {intent} back", moved(stripe, intent, RETURNED, rules)


def shown(stripe: Stripe, intent: int) -> Iterator[tuple[str, bool]]:
    """Yield the statuses a read may show, and whether it is an older one."""
    now = stripe.intents[intent - 1]
    yield now, False
    for status in stripe.past[intent - 1]:
        if status != now:
            yield status, True


# --- as the shipped code reads it --------------------------------------------------------------------------------


@cache
def meaning(asked: str, answer: Answer, intent: int, clone: int, attempt: int) -> str:
    """Return what ``core.classify`` makes of an answer: ``paid``, ``processing``, ``cancelled``, ``declined``,
    ``open`` (no trace of this attempt), ``refused``, ``dead_clone``, or ``nothing``."""
    expected = Expected(
        item_id=ITEM,
        amount=AMOUNT,
        currency=CURRENCY,
        livemode=False,
        object_id=f"pi_{intent}",
        instrument_id=f"pm_{clone}" if clone else None,
        attempt=attempt,
    )
    call = {"confirm": CONFIRM, "cancel": CANCEL}.get(asked, READ)
    outcome = classify(call, _reply(answer, intent), expected)
    match outcome:
        case Succeeded():
            return "paid"
        case Processing():
            return "processing"
        case Cancelled():
            return "cancelled"
        case Declined():
            return "declined"
        case Unconfirmed():
            return "open"
        case Undecided(why=LookWhy.SPENT_CLONE):
            return "dead_clone"
        case Refused() | Undecided(refused=Refused()):
            return "refused"
        case _:
            return "nothing"


def _reply(answer: Answer, intent: int) -> Reply:
    how, status = answer
    replayed = how.startswith("replayed ")
    body = _body(intent, status)
    errors = {
        "400": {"code": "payment_intent_unexpected_state", "type": "invalid_request_error"},
        "402": body.get("last_payment_error"),
        "spent": {"code": "payment_method_unexpected_state", "type": "invalid_request_error"},
        "wrong": {"code": "parameter_invalid_integer", "type": "invalid_request_error"},
    }
    how = how.removeprefix("replayed ")
    if how == "200":
        return Reply(200, body, replayed=replayed)
    error = {**(errors[how] or {}), "payment_intent": body}
    return Reply(402 if how == "402" else 400, {"error": error}, replayed=replayed)


def _body(intent: int, status: str) -> dict[str, Any]:
    """Return the intent as Stripe shows it."""
    letter, clone = status
    body: dict[str, Any] = {
        "object": "payment_intent",
        "id": f"pi_{intent}",
        "amount": AMOUNT,
        "amount_received": AMOUNT if letter in TAKEN else 0,
        "currency": CURRENCY,
        "livemode": False,
        "metadata": {"billing_item": ITEM},
        "status": NAMES[letter],
        "payment_method": f"pm_{clone}" if letter in "PA" and clone != "?" else None,
        "last_payment_error": None,
    }
    if letter == "D":
        named = {} if clone == "?" else {"payment_method": {"id": f"pm_{clone}"}}
        body["last_payment_error"] = {"type": "card_error", "code": "card_declined", **named}
    return body
