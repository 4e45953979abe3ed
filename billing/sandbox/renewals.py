"""Subscriptions by the clock: the next period, its invoice, the retries, the ends that were set beforehand.

Source: docs.stripe.com/billing/subscriptions/webhooks (an invoice stays a draft for about an hour),
docs.stripe.com/billing/revenue-recovery/smart-retries.
"""

from collections.abc import Callable
from fractions import Fraction

from billing.sandbox import events, periods
from billing.sandbox.collecting import finalise, method_for, tried
from billing.sandbox.intent_rules import check_can_charge
from billing.sandbox.invoice_body import draft, intent_of
from billing.sandbox.recurring import AfterRetries
from billing.sandbox.recurring_events import by_the_clock, telling
from billing.sandbox.refusals import Obj, Refusal
from billing.sandbox.subscription_ends import DEAD, at_bank, end, expire, expires_at, subscription_behind
from billing.sandbox.subscription_items import cycle_of, items_of, set_period
from billing.sandbox.world import Call

HARD = "do_not_try_again"  # the advice after which another attempt needs another payment method
DECLINED = 402
WAIT_SECONDS = 3_600.0
TRYING = ("active", "past_due", "unpaid", "trialing")


def watch(call: Call, subscription: Obj) -> None:
    """Have the clock carry a subscription on: its expiry, its next period, its end. May be called again at any time."""
    call = by_the_clock(call)
    if subscription["status"] == "incomplete":
        _at(call, subscription, expires_at(call, subscription), lambda: expire(call, subscription))
    end_of_period: int = items_of(subscription)[0]["current_period_end"]
    _at(call, subscription, end_of_period, lambda: _roll(call, subscription, end_of_period))
    if (at := subscription["cancel_at"]) is not None:
        _at(call, subscription, at, lambda: _end_at(call, subscription, at))


def _at(call: Call, subscription: Obj, due: float, act: Callable[[], object]) -> None:
    call.world.agenda.add(max(call.world.now, due), telling(call, subscription, act))


def _end_at(call: Call, subscription: Obj, at: int) -> None:
    """The end that was set for this moment, unless it was moved or taken back since."""
    if subscription["cancel_at"] == at and subscription["status"] not in DEAD:
        end(call, subscription, subscription["cancellation_details"]["reason"] or "cancellation_requested")


def _roll(call: Call, subscription: Obj, ended: int) -> None:
    """A period is over: the next one begins with a draft of its invoice."""
    rows = items_of(subscription)
    if subscription["status"] == "incomplete":  # a bank has yet to answer for its first invoice
        _at(call, subscription, call.world.now + WAIT_SECONDS, lambda: _roll(call, subscription, ended))
    if subscription["status"] not in TRYING or rows[0]["current_period_end"] != ended:
        return
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= ended:
        _end_at(call, subscription, subscription["cancel_at"])
        return
    if _trial_ends_without_method(call, subscription):
        return
    begin_period(call, subscription, ended)


def _trial_ends_without_method(call: Call, subscription: Obj) -> bool:
    """Whether a trial that ends with nothing to pay with ends the subscription too, as it was set to."""
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if subscription["status"] != "trialing" or behavior != "cancel":
        return False
    if method_for(call.account, subscription):
        return False
    end(call, subscription, "payment_failed")
    return True


def begin_period(call: Call, subscription: Obj, start: int, reason: str = "subscription_cycle") -> Obj:
    """The next period of a subscription, cut short by an end that is set; the draft of its invoice."""
    _, closing = cycle_of(subscription).around(start)
    part = Fraction(1)
    if subscription["cancel_at"] is not None and subscription["cancel_at"] < closing:
        part = cycle_of(subscription).share(start, subscription["cancel_at"])
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    invoice = draft(call, subscription, reason, (start, closing), part)
    set_period(items_of(subscription), start, closing)
    subscription["latest_invoice"] = invoice["id"]
    watch(call, subscription)
    if subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
        return invoice
    due = call.world.now + call.world.config.recurring.draft_seconds
    invoice["automatically_finalizes_at"] = int(due)
    _at(call, subscription, due, lambda: _finalise(call, invoice))
    return invoice


def _finalise(call: Call, invoice: Obj) -> None:
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        advance(call, invoice)


def advance(call: Call, invoice: Obj) -> None:
    """Finalise a draft and try to collect it."""
    try:
        finalise(call, invoice, failed)
    except Refusal as said:
        invoice |= {"auto_advance": False, "last_finalization_error": said.error}
        return
    if invoice["status"] == "open":
        collect(call, invoice)


def collect(call: Call, invoice: Obj) -> None:
    """One automatic attempt. Without a method that works it counts, and nothing is asked of any bank."""
    if at_bank(call.account, invoice):
        return
    method = _usable(call, invoice)
    if method is None:
        failed(call, invoice)
        events.record(call, "invoice.payment_failed", invoice)
        return
    said = tried(call, invoice, method)
    if said is not None and said.status != DECLINED:
        failed(call, invoice)
        events.record(call, "invoice.payment_failed", invoice)  # what the bank said has been told by the intent itself


def _usable(call: Call, invoice: Obj) -> Obj | None:
    """What an automatic attempt pays with; none where the last decline of this very method forbade another."""
    wanted = method_for(call.account, subscription_behind(call.account, invoice), invoice)
    method = call.account["pm"].peek(wanted) if wanted else None
    if method is None or method["customer"] != invoice["customer"]:
        return None
    try:
        check_can_charge(call)
    except Refusal:
        return None
    intent = intent_of(call.account, invoice)
    error = (intent or {}).get("last_payment_error") or {}
    barred = error.get("advice_code") == HARD and error.get("payment_method", {}).get("id") == method["id"]
    return None if barred else method


def failed(call: Call, invoice: Obj) -> None:
    """An attempt on an invoice came to nothing: what becomes of its subscription, and when the next one follows.

    A first invoice that was never paid is not retried: its subscription is incomplete, and expires.
    """
    subscription = subscription_behind(call.account, invoice)
    if subscription["status"] in DEAD or subscription["status"] == "incomplete" or invoice["status"] != "open":
        return
    if subscription["status"] in ("active", "trialing"):
        subscription["status"] = "past_due"
    if not invoice["auto_advance"] or (invoice["next_payment_attempt"] or 0) > call.world.now:
        return  # a retry is under way already: this attempt was made by hand
    invoice |= {"attempted": True, "attempt_count": 1 if _first(invoice) else invoice["attempt_count"] + 1}
    _plan_retry(call, subscription, invoice)


def _first(invoice: Obj) -> bool:
    return invoice["next_payment_attempt"] is None


def _plan_retry(call: Call, subscription: Obj, invoice: Obj) -> None:
    days = call.world.config.recurring.retry_days
    count: int = invoice["attempt_count"]
    if count > len(days):
        _give_up(call, subscription, invoice)
        return
    due = int(call.world.now + days[count - 1] * periods.DAY_SECONDS)
    invoice["next_payment_attempt"] = due
    _at(call, subscription, due, lambda: _retry(call, invoice))


def _retry(call: Call, invoice: Obj) -> None:
    if invoice["status"] == "open" and invoice["auto_advance"]:
        collect(call, invoice)


def _give_up(call: Call, subscription: Obj, invoice: Obj) -> None:
    invoice |= {"auto_advance": False, "next_payment_attempt": None}
    match call.world.config.recurring.after_retries:
        case AfterRetries.CANCELED:
            end(call, subscription, "payment_failed")
        case AfterRetries.UNPAID:
            subscription["status"] = "unpaid"
        case AfterRetries.PAST_DUE:
            pass
